"""The Argo templates that the compiler fills: YAML with `${name}` where a value goes. An operator may replace the folder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from eas_compiler.diagnostics import Diagnostic, Diagnostics
from eas_compiler.source import Source

NAMES = ("workflow", "task", "qc", "ask", "list", "repeat", "open")
_HOLE = re.compile(r"\$\{(\w+)\}")


class Templates:
    """The templates of a folder, read when they are first used."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._read: dict[str, Any] = {}

    def fill(self, name: str, /, **values: Any) -> dict[str, Any]:
        """Return a template with its holes filled; members that are then None or empty are left out.

        A hole that is all of a text takes any value; a hole within a text takes a text.
        """
        if name not in self._read:
            import yaml

            loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
            self._read[name] = yaml.load((self.folder / f"{name}.yaml").read_text("utf-8"), Loader=loader)  # noqa: S506
        filled = _filled(self._read[name], values)
        assert isinstance(filled, dict)
        return filled


def _filled(part: Any, values: dict[str, Any]) -> Any:
    if isinstance(part, dict):
        members = {key: _filled(member, values) for key, member in part.items()}
        return {key: member for key, member in members.items() if member not in (None, [], {}) or member == part[key]}
    if isinstance(part, list):
        return [_filled(item, values) for item in part]
    if not isinstance(part, str):
        return part
    whole = _HOLE.fullmatch(part)
    if whole:
        return values[whole[1]]
    return _HOLE.sub(lambda hole: str(values[hole[1]]), part)


def check(folder: Path, diagnostics: Diagnostics) -> None:
    """Report the templates that a folder lacks."""
    for name in NAMES:
        if not (folder / f"{name}.yaml").is_file():
            message = f"the folder of templates has no {name}.yaml"
            diagnostics.add(Diagnostic("templates", "error", message, Source(str(folder), ""), 0, 1))
