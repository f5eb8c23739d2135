"""YAML documents with the place of every key and value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eas_compiler import plain_yaml
from eas_compiler.diagnostics import Diagnostic, Diagnostics
from eas_compiler.plain_yaml import MAX_NODES
from eas_compiler.source import Node, Source

MAX_DEPTH = 100


def read(source: Source, diagnostics: Diagnostics) -> Node | None:
    """Return a document, or None when it cannot be read; mistakes are reported."""
    return plain_yaml.read(source) or _read_with_pyyaml(source, diagnostics)


def _read_with_pyyaml(source: Source, diagnostics: Diagnostics) -> Node | None:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(source.text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = mark.index if mark else 0
        diagnostics.add(Diagnostic("yaml", "error", error.problem or str(error), source, at, at + 1))
        return None
    except (yaml.YAMLError, RecursionError) as error:
        diagnostics.add(Diagnostic("yaml", "error", str(error).splitlines()[0], source, 0, 1))
        return None
    if root is None:
        diagnostics.add(Diagnostic("yaml", "error", "the document is empty", source, 0, 1))
        return None
    return _Converter(source, diagnostics).node(root)


_SCALARS: dict[str, Callable[[str], Any]] = {
    "tag:yaml.org,2002:int": lambda text: int(text.replace("_", ""), 0),
    "tag:yaml.org,2002:float": lambda text: float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan")),
    "tag:yaml.org,2002:bool": lambda text: text.lower() in ("true", "yes", "on"),
    "tag:yaml.org,2002:null": lambda _: None,
}


class _Converter:
    """Turns what PyYAML composes into nodes. Aliases are expanded, so the number of nodes is bounded."""

    def __init__(self, source: Source, diagnostics: Diagnostics) -> None:
        self.source, self.diagnostics, self.left = source, diagnostics, MAX_NODES
        self.depth = 0

    def node(self, given: Any, key: Any = None) -> Node:
        """Return a node; `key` is that of a member of a mapping."""
        self.left -= 1
        self.depth += 1
        if self.left == 0 or (self.depth > MAX_DEPTH and self.left > 0):
            at, self.left = given.start_mark.index, 0
            message = "the document is too large" if self.depth <= MAX_DEPTH else f"nested more than {MAX_DEPTH} deep"
            self.diagnostics.add(Diagnostic("yaml", "error", message, self.source, at, at + 1))
        keys = (key.start_mark.index, key.end_mark.index) if key is not None else (-1, -1)
        node = Node(self._value(given), self.source, given.start_mark.index, given.end_mark.index, *keys)
        self.depth -= 1
        return node

    def _value(self, given: Any) -> Any:
        if self.left <= 0:
            return None
        if given.id == "sequence":
            return [self.node(item) for item in given.value]
        if given.id == "mapping":
            return self._mapping(given)
        convert = _SCALARS.get(given.tag)
        try:
            return convert(given.value) if convert else given.value
        except ValueError:
            return given.value

    def _mapping(self, given: Any) -> dict[str, Node]:
        members: dict[str, Node] = {}
        for key, value in given.value:
            member = self.node(value, key)
            name = key.value if key.id == "scalar" else "?"
            if name in members:
                self.diagnostics.error_at_key("duplicate-key", member, f"the key {name!r} is there twice")
            elif key.tag == "tag:yaml.org,2002:null":
                hint = 'write "null" in quotes' if name == "null" else None
                self.diagnostics.error_at_key("registry", member, "a key must be a text", hint)
            members.setdefault(name, member)
        return members
