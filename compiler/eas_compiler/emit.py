"""Pass 6, emit: a Workflow as YAML or JSON text."""

from __future__ import annotations

import json
import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*\Z")
_YAML_1_1 = frozenset("y n yes no on off true false null".split())
"""What some reader of YAML 1.1 takes for a boolean or null, in any case."""
_ESCAPED = "[\"\\\\\x00-\x1f\x7f-\xa0\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]"
"""What a text in double quotes must not hold as it is: what YAML forbids, and what would not show or be shown elsewhere."""
_NAMED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_WIDTH = 120
_DEPTH = 4
"""How many braces stand in each other on one line."""


def to_json(workflow: dict[str, Any]) -> str:
    """Return the Workflow as JSON, in ASCII."""
    return json.dumps(workflow, indent=2) + "\n"


def to_yaml(workflow: dict[str, Any]) -> str:
    """Return the Workflow as YAML that every reader takes for the same: texts are quoted unless they are plain words."""
    writer = _Writer()
    writer.block(workflow, "", "")
    return "\n".join(writer.lines) + "\n"


class _Writer:
    """Writes lines: what is short on one, everything else as a block."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._scalars: dict[str, str] = {}

    def block(self, value: Any, indent: str, lead: str) -> None:
        """Write a mapping or list on lines of its own; `lead` stands before the first instead of the indentation."""
        if isinstance(value, dict):
            for key, member in value.items():
                self.entry(f"{lead}{self.scalar(key)}:", member, indent if isinstance(member, list) else f"{indent}  ")
                lead = indent
        else:
            for item in value:
                self.entry(f"{lead}-", item, f"{indent}  ")
                lead = indent

    def entry(self, head: str, value: Any, indent: str) -> None:
        """Write what belongs to a key, or to the dash of a list, on whose line it begins."""
        text = self.flow(value, _WIDTH - len(head), _DEPTH)
        if text is not None:
            self.lines.append(f"{head} {text}")
        elif head.endswith("-"):
            self.block(value, indent, f"{head} ")
        else:
            self.lines.append(head)
            self.block(value, indent, indent)

    def flow(self, value: Any, room: int, depth: int) -> str | None:
        """Return a value on one line; None for a mapping or list that is too deep, or longer than `room`.

        The last text in it may be as long as it likes: nothing is hidden behind it.
        """
        if isinstance(value, str):
            return self.scalar(value)
        if not isinstance(value, (dict, list)):
            return json.dumps(value)
        parts: list[str] = []
        is_mapping = isinstance(value, dict)
        for key, member in value.items() if is_mapping else enumerate(value):
            part = self.flow(member, room, depth - 1) if depth and room > 0 else None
            if part is None:
                return None
            parts.append(f"{self.scalar(key)}: {part}" if is_mapping else part)
            room -= len(parts[-1]) + 2
        return "{" + ", ".join(parts) + "}" if is_mapping else "[" + ", ".join(parts) + "]"

    def scalar(self, text: str) -> str:
        """Return a text, quoted where some reader could take it for something else."""
        known = self._scalars.get(text)
        if known is None:
            known = self._scalars[text] = _quoted(text)
        return known


def _quoted(text: str) -> str:
    if _PLAIN.match(text) and text.lower() not in _YAML_1_1:
        return text
    if not (text.isascii() and text.isprintable()):
        return '"' + re.sub(_ESCAPED, _escape, text) + '"'
    if '"' in text or "\\" in text:
        return "'" + text.replace("'", "''") + "'"  # in which nothing else has to be escaped: JSON can be read
    return f'"{text}"'


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _NAMED.get(character) or f"\\u{ord(character):04x}"
