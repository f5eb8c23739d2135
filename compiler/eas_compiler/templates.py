"""The Argo templates that the compiler fills: YAML with `${name}` where a value goes. An operator may replace the folder."""

from __future__ import annotations

import os
import re
from typing import Any

from eas_compiler import yaml_reader
from eas_compiler.diagnostics import Diagnostic, Diagnostics
from eas_compiler.source import Source

NAMES = ("workflow", "task", "qc", "ask", "list", "repeat", "open")
_HOLE = re.compile(r"\$\{(\w+)\}")


def load(folder: str | os.PathLike[str], diagnostics: Diagnostics) -> Templates:
    """Return the templates of a folder; those that are missing or broken are reported."""
    found: dict[str, Any] = {}
    for name in NAMES:
        path = os.path.join(folder, f"{name}.yaml")
        try:
            with open(path, encoding="utf-8") as file:
                source = Source(path, file.read())
        except (OSError, UnicodeDecodeError) as error:
            message = f"cannot read the template {name}: {getattr(error, 'strerror', None) or 'not UTF-8'}"
            diagnostics.add(Diagnostic("templates", "error", message, Source(path, ""), 0, 1))
            continue
        root = yaml_reader.read(source, diagnostics)
        if root is not None:
            found[name] = root.plain()
    return Templates(found)


class Templates:
    """The templates of a folder, by name."""

    def __init__(self, found: dict[str, Any]) -> None:
        self._found = found

    def fill(self, name: str, /, **values: Any) -> dict[str, Any]:
        """Return a template with its holes filled; members that are then None or empty are left out.

        A hole that is all of a text takes any value; a hole within a text takes a text.
        """
        filled = _filled(self._found[name], values)
        assert isinstance(filled, dict)
        return filled


def _filled(part: Any, values: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        members = {key: _filled(member, values) for key, member in part.items()}
        return {key: member for key, member in members.items() if member not in (None, [], {}) or member == part[key]}
    if isinstance(part, list):
        return [_filled(item, values) for item in part]
    if not isinstance(part, str) or "${" not in part:
        return part
    whole = _HOLE.fullmatch(part)
    if whole:
        return values[whole[1]]
    return _HOLE.sub(lambda hole: str(values[hole[1]]), part)
