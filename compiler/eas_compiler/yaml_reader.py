"""YAML documents with the place of every key and value."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from eas_compiler import plain_yaml
from eas_compiler.diagnostics import Diagnostic, Diagnostics, Related
from eas_compiler.plain_yaml import MAX_NODES
from eas_compiler.source import Node, Source

MAX_DEPTH = 100


def read(source: Source, diagnostics: Diagnostics, *, is_chain: bool = False) -> Node | None:
    """Return a document, or None when it cannot be read; mistakes are reported.

    In a chain, words are refused that YAML 1.1 takes for something else than JSON does.
    """
    return plain_yaml.read(source) or _read_with_pyyaml(source, diagnostics, is_chain=is_chain)


def _read_with_pyyaml(source: Source, diagnostics: Diagnostics, *, is_chain: bool = False) -> Node | None:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(source.text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        at = mark.index if mark else 0
        is_expression = is_chain and {"(", "'"} & set(source.line(source.location(at)[0]))
        hint = "expressions are texts to YAML, best in double quotes: \"'f_{i}'.format(**metadata)\""
        message = ", ".join(filter(None, (error.context, error.problem))) or str(error)
        begun = error.context_mark.index if error.context_mark else at
        places = (Related(source, begun, begun + 1, "it begins here"),) if begun != at else ()
        diagnostics.add(
            Diagnostic("yaml", "error", message, source, at, at + 1, hint if is_expression else None, places)
        )
        return None
    except (yaml.YAMLError, RecursionError) as error:
        diagnostics.add(Diagnostic("yaml", "error", str(error).splitlines()[0], source, 0, 1))
        return None
    if root is None:
        diagnostics.add(Diagnostic("yaml", "error", "the document is empty", source, 0, 1))
        return None
    return (_ChainConverter if is_chain else _Converter)(source, diagnostics).node(root)


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
                first = members[name]
                place = Related(self.source, first.key_start, first.key_end, "first here")
                self.diagnostics.error_at_key("duplicate-key", member, f"the key {name!r} is there twice", None, place)
            elif key.tag == "tag:yaml.org,2002:null":
                hint = 'write "null" in quotes' if name == "null" else None
                self.diagnostics.error_at_key("registry", member, "a key must be a text", hint)
            members.setdefault(name, member)
        return members


_JSON_WORDS = {"true": True, "false": False, "null": None}
_JSON_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")
_TEXT = "tag:yaml.org,2002:str"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_COLLECTIONS = ("tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")
_BOOL = "tag:yaml.org,2002:bool"
_MEANINGLESS = "the tag {} means nothing in a chain"


class _ChainConverter(_Converter):
    """Takes of YAML what JSON has as well: in any doubt, the author says what is meant, by quotes."""

    def _value(self, given: Any) -> Any:
        if self.left > 0 and given.id == "scalar":
            return self._scalar(given)
        if given.tag not in _COLLECTIONS:
            self._refuse(given, _MEANINGLESS.format(given.tag))
        return super()._value(given)

    def _scalar(self, given: Any) -> Any:
        text = given.value
        if given.tag == _TEXT and not given.style and self.source.text.startswith("!!str", given.start_mark.index):
            return text
        if given.style and given.tag == _TEXT:
            return text
        if not given.style and text in _JSON_WORDS:
            return _JSON_WORDS[text]
        number = None if given.style else _JSON_NUMBER.match(text)
        if number and given.tag in _NUMBERS:
            return float(text) if number[1] or number[2] else int(text)
        if not number and given.tag == _TEXT:
            return text
        number_or_tag = (
            "readers of YAML do not agree whether this is a number" if number else _MEANINGLESS.format(given.tag)
        )
        self._refuse(given, _DOUBTS.get(given.tag, number_or_tag))
        return None

    def _refuse(self, given: Any, message: str) -> None:
        at = given.start_mark.index
        hint = f'write "{given.value}" in quotes when a text is meant' if given.id == "scalar" and given.value else None
        end = max(given.end_mark.index, at + 1)
        self.diagnostics.add(Diagnostic("yaml", "error", message, self.source, at, end, hint))

    def _mapping(self, given: Any) -> dict[str, Node]:
        for key, _ in given.value:
            if key.id != "scalar" or key.tag not in {_TEXT, _BOOL}:  # words as `on` are no values here
                is_merge = key.value == "<<"
                self._refuse(key, "keys of others are not merged" if is_merge else "a key must be a text")
        return super()._mapping(given)


_DOUBTS = {
    _BOOL: "YAML 1.1 takes this for a bool; only true and false are",
    "tag:yaml.org,2002:null": "this is null to YAML, which is written null",
    "tag:yaml.org,2002:int": "YAML 1.1 takes this for a number of another base or with signs between digits",
    "tag:yaml.org,2002:float": "this is no number of JSON: 0.5, 1e-3 and 12 are",
    "tag:yaml.org,2002:timestamp": "YAML 1.1 takes this for a date",
    _TEXT: "readers of YAML do not agree whether this is a number",
}
