"""The Argo templates that the compiler fills: YAML with `${name}` where a value goes.

An operator may replace the folder.
"""

from __future__ import annotations

import os
import re
from typing import Any

from eas_compiler import yaml_reader
from eas_compiler.diagnostics import Diagnostic, Diagnostics
from eas_compiler.source import Source, read_bytes

NAMES = ("workflow", "task", "qc", "inline", "rescue", "ask", "list", "repeat", "open", "shards", "shard", "child")
_HOLE = re.compile(r"\$\{(\w+)\}")


def load(folder: str | os.PathLike[str], diagnostics: Diagnostics) -> Templates:
    """Return the templates of a folder; those that are missing or broken are reported."""
    found: dict[str, Any] = {}
    try:
        os.stat(os.path.join(folder, ""))
    except OSError as error:
        message = f"cannot read the folder of templates: {error.strerror}"
        diagnostics.add(Diagnostic("templates", "error", message, Source(os.fspath(folder), ""), 0, 1))
        return Templates(found)
    for name in NAMES:
        path = os.path.join(folder, f"{name}.yaml")
        try:
            source = Source(path, read_bytes(path).decode("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            message = f"cannot read the template {name}: {getattr(error, 'strerror', None) or 'not UTF-8'}"
            diagnostics.add(Diagnostic("templates", "error", message, Source(path, ""), 0, 1))
            continue
        root = yaml_reader.read(source, diagnostics)
        if root is not None and not isinstance(root.value, dict):
            diagnostics.error("templates", root, "a template must be a mapping")
        elif root is not None:
            found[name] = _prepared(root.plain())
    return Templates(found)


class Templates:
    """The templates of a folder, by name."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._found = found

    def fill(self, name: str, /, **values: Any) -> dict[str, Any]:
        """Return a template with its holes filled; members that are then None or empty are left out.

        A hole that is all of a text takes any value; a hole within a text takes a text. What has no holes is shared by
        all that is made of the template.
        """
        template = self._found[name]
        filled = _filled(template, values) if isinstance(template, _Open) else template
        assert isinstance(filled, dict)
        return filled


class _Open:
    """A part of a template with holes in it: a mapping or list of which some members are open, or a text."""

    def __init__(self, part: Any) -> None:
        self.part = part


def _prepared(part: Any) -> Any:
    """Return a part of a template with what has holes marked, so that the rest need not be looked at again."""
    prepared = part
    if isinstance(part, dict):
        prepared = {key: _prepared(member) for key, member in part.items()}
        is_open = any(isinstance(member, _Open) for member in prepared.values())
    elif isinstance(part, list):
        prepared = [_prepared(item) for item in part]
        is_open = any(isinstance(item, _Open) for item in prepared)
    else:
        is_open = isinstance(part, str) and _HOLE.search(part) is not None
    return _Open(prepared) if is_open else part


def _filled(given: _Open, values: dict[str, Any]) -> Any:
    part = given.part
    if isinstance(part, dict):
        members = {}
        for key, member in part.items():
            filled = _filled(member, values) if isinstance(member, _Open) else member
            if not isinstance(member, _Open) or filled not in (None, [], {}):
                members[key] = filled
        return members
    if isinstance(part, list):
        return [_filled(item, values) if isinstance(item, _Open) else item for item in part]
    whole = _HOLE.fullmatch(part)
    if whole:
        return values[whole[1]]
    return _HOLE.sub(lambda hole: str(values[hole[1]]), part)
