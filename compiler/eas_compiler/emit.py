"""Pass 6, emit: a Workflow as YAML or JSON text."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*\Z")
_YAML_1_1 = frozenset("y n yes no on off true false null".split())
"""What some reader of YAML 1.1 takes for a boolean or null, in any case."""
_ESCAPED = '["\\\\\x00-\x1f\x7f-\xa0\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]'
"""What a text in double quotes must not hold as it is: what YAML forbids, and what cannot be seen where it stands."""
_UNSEEN = re.compile(_ESCAPED.replace('"\\\\', ""))
"""Those of them that JSON leaves as they are."""
_NAMED = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_WIDTH = 120
_DEPTH = 4
"""How many braces stand in each other on one line."""
_LONG = 400
"""From how many entries on a list is for programs alone: each of them is a line of JSON, made ten times as fast."""


def to_json(workflow: dict[str, Any]) -> str:
    """Return the Workflow as JSON, in ASCII."""
    return json.dumps(workflow, indent=2) + "\n"


def to_yaml(workflow: dict[str, Any]) -> str:
    """Return the Workflow as YAML that every reader takes for the same: all but plain words is quoted."""
    writer = _Writer()
    writer.block(workflow, "", "")
    return "\n".join(writer.lines) + "\n"


_ENCODER = json.JSONEncoder(ensure_ascii=False)


class _Writer:
    """Writes lines: what is short on one, everything else as a block."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._scalars: dict[str, str] = {}
        self._flows: dict[int, _Flow | None] = {}

    def block(self, value: Any, indent: str, lead: str) -> None:
        """Write a mapping or list on lines of its own; `lead` stands before the first instead of the indentation."""
        if isinstance(value, dict):
            for key, member in value.items():
                self.entry(f"{lead}{self.scalar(key)}:", member, indent if isinstance(member, list) else f"{indent}  ")
                lead = indent
        elif len(value) > _LONG:
            self.lines += [f"{lead}- {_as_json(value[0])}", *(f"{indent}- {_as_json(item)}" for item in value[1:])]
        else:
            for item in value:
                self.entry(f"{lead}-", item, f"{indent}  ")
                lead = indent

    def entry(self, head: str, value: Any, indent: str) -> None:
        """Write what belongs to a key, or to the dash of a list, on whose line it begins."""
        if not isinstance(value, (dict, list)):
            self.lines.append(f"{head} {self.scalar(value)}")
            return
        flow = self.flow(value)
        if flow is not None and (not value or len(head) + flow.least < _WIDTH):
            self.lines.append(f"{head} {flow.text}")
        elif head.endswith("-"):
            self.block(value, indent, f"{head} ")
        else:
            self.lines.append(head)
            self.block(value, indent, indent)

    def flow(self, value: dict[str, Any] | list[Any]) -> _Flow | None:
        """Return a mapping or list on one line; None when it is too deep for one, or too long for any."""
        if id(value) not in self._flows:
            self._flows[id(value)] = self._flow(value)
        return self._flows[id(value)]

    def _flow(self, value: dict[str, Any] | list[Any]) -> _Flow | None:
        parts: list[str] = []
        length, least, depth = 0, 0, 0
        for key, member in value.items() if isinstance(value, dict) else enumerate(value):
            if length > _WIDTH:
                return None
            head = f"{self.scalar(key)}: " if isinstance(value, dict) else ""
            least = length + len(head)
            if isinstance(member, (dict, list)):
                inner = self.flow(member)
                if inner is None or inner.depth == _DEPTH:
                    return None
                text, depth = inner.text, max(depth, inner.depth)
                least += inner.least
            else:
                text = self.scalar(member)
            parts.append(head + text)
            length += len(parts[-1]) + 2
        open_, close = "{}" if isinstance(value, dict) else "[]"
        return _Flow(f"{open_}{', '.join(parts)}{close}", least, depth + 1)

    def scalar(self, value: Any) -> str:
        """Return a text, quoted where some reader could take it for something else, or another scalar."""
        if not isinstance(value, str):
            text = json.dumps(value)
            is_whole = isinstance(value, float) and "." not in text
            return text.replace("e", ".0e") if is_whole else text  # without a point YAML 1.1 takes 1e+30 for a text
        known = self._scalars.get(value)
        if known is None:
            known = self._scalars[value] = _quoted(value)
        return known


class _Flow(NamedTuple):
    """A mapping or list on one line.

    `least` is how much of it has to fit into the width, namely what stands before the last scalar, behind which nothing
    is hidden when it is long; `depth` is how many braces stand in each other.
    """

    text: str
    least: int
    depth: int


def _as_json(value: Any) -> str:
    """Return JSON that is YAML: with a blank behind each colon, and without characters that YAML forbids."""
    text = _ENCODER.encode(value)
    return text if text.isascii() and text.isprintable() else _UNSEEN.sub(_escape, text)


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
