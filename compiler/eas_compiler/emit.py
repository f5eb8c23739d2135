"""Pass 6, emit: a Workflow as YAML or JSON text."""

from __future__ import annotations

import json
import re
from typing import Any

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*\Z")
_YAML_1_1 = frozenset("y n yes no on off true false null none".split())
"""What some reader of YAML 1.1 takes for a boolean or null, in any case."""
_SHORT = 100


def to_json(workflow: dict[str, Any]) -> str:
    """Return the Workflow as JSON."""
    return json.dumps(workflow, indent=2, ensure_ascii=False).translate(_LONE) + "\n"


_LONE = {code: f"\\u{code:04x}" for code in range(0xD800, 0xE000)}


def to_yaml(workflow: dict[str, Any]) -> str:
    """Return the Workflow as YAML that every reader takes for the same: strings are quoted unless they are plain words."""
    lines: list[str] = []
    _write(workflow, "", lines, "")
    return "\n".join(lines) + "\n"


def _write(value: Any, indent: str, lines: list[str], before: str) -> None:
    """Append a value; `before` is what its first line begins with: a key, or the dash of a list."""
    if isinstance(value, (dict, list)) and value:
        short = _flow(value)
        if len(short) <= _SHORT - len(indent) and _is_flat(value):
            lines.append(f"{before or indent}{' ' if before.endswith(':') else ''}{short}")
        elif isinstance(value, dict):
            _mapping(value, indent, lines, before)
        else:
            _sequence(value, indent, lines, before)
        return
    lines.append(f"{before}{' ' if before.endswith(':') else ''}{_flow(value)}")


def _mapping(value: dict[str, Any], indent: str, lines: list[str], before: str) -> None:
    if before.endswith(":"):
        lines.append(before)
        before = ""
    for key, member in value.items():
        start = before or indent
        before = ""
        deeper = indent if isinstance(member, list) else indent + "  "
        _write(member, deeper, lines, f"{start}{_scalar(key)}:")


def _sequence(value: list[Any], indent: str, lines: list[str], before: str) -> None:
    if before:
        lines.append(before)
    for item in value:
        _write(item, indent + "  ", lines, f"{indent}- ")


def _is_flat(value: Any, depth: int = 0) -> bool:
    if isinstance(value, (dict, list)):
        parts = value.values() if isinstance(value, dict) else value
        return depth < 3 and all(_is_flat(part, depth + 1) for part in parts)
    return True


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key)}: {_flow(member)}" for key, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return _scalar(value)
    return json.dumps(value)


def _scalar(text: str) -> str:
    if _PLAIN.match(text) and text.lower() not in _YAML_1_1:
        return text
    return '"' + _ESCAPES.sub(_escape, text) + '"'


_ESCAPES = re.compile(r'["\\\x00-\x1f\x7f-\xa0\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff\u200e\u200f\u202a-\u202e\u2066-\u2069]')
_NAMED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _NAMED.get(character) or f"\\u{ord(character):04x}"
