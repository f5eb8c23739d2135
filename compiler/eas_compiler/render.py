"""Diagnostics as text for people, and as plain data for programs."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any

from eas_compiler.diagnostics import Diagnostic
from eas_compiler.source import Node, Source

_COLOURS = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "place": "\x1b[1m", "caret": "\x1b[1;32m", "dim": "\x1b[2m"}
_WIDTH = 160


def as_text(one: Diagnostic, *, colour: bool = False) -> str:
    """Return a diagnostic as text: place, message, the source line with a caret, related places, hint."""
    paint = (lambda style, text: f"{_COLOURS[style]}{text}\x1b[0m") if colour else (lambda _style, text: text)
    line, column = one.source.location(one.start)
    place = paint("place", f"{one.source.name}:{line}:{column}:")
    head = f"{place} {paint(one.severity, one.severity)}: {visible(one.message)} [{one.code}]"
    parts = [head, *_excerpt(one.source, one.start, one.end, paint)]
    for second in one.related:
        parts.append(f"  {second.source.place(second.start)}: {visible(second.message)}")
        parts += _excerpt(second.source, second.start, second.end, paint)
    if one.hint:
        parts.append(f"  {paint('dim', 'hint:')} {visible(one.hint)}")
    return "\n".join(parts)


def visible(text: str) -> str:
    """Return a text without characters that would change what a terminal shows."""
    shown = text if len(text) <= 500 else text[:500] + "…"
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape", "surrogatepass").decode()
        for character in shown
    )


def _excerpt(source: Source, start: int, end: int, paint: Any) -> list[str]:
    """Return the line of a place and a caret below it; long lines are cut around the place."""
    line, column = source.location(start)
    text = source.line(line)
    if not text.strip():
        return []
    length = max(1, min(end - start, len(text) - column + 1))
    offset = max(0, column - 1 - _WIDTH // 2) if len(text) > _WIDTH else 0
    shown = text[offset : offset + _WIDTH]
    start = column - 1 - offset
    before = "".join("\t" if one == "\t" else " " * _cells(one) for one in shown[:start])
    caret = "^" + "~" * (sum(map(_cells, shown[start : start + length])) - 1)
    cleaned = "".join(character if character.isprintable() or character == "\t" else "\ufffd" for character in shown)
    return [f"    {cleaned}", f"    {before}{paint('caret', caret)}"]


def _cells(character: str) -> int:
    """Return how many columns of a terminal a character takes: wide ones two, marks on others none."""
    if character.isascii():
        return 1
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def as_data(one: Diagnostic, root: Node | None) -> dict[str, Any]:
    """Return a diagnostic as plain data; the pointer is found in the document."""
    line, column = one.source.location(one.start)
    end_line, end_column = one.source.location(max(one.start, one.end))
    pointer = root.pointer(one.start) if root is not None and one.source is root.source else None
    return {
        "file": one.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "pointer": pointer,
        "code": one.code,
        "severity": one.severity,
        "message": one.message,
        "hint": one.hint,
        "related": [_related(second.source, second.start, second.message) for second in one.related],
    }


def _related(source: Source, start: int, message: str) -> dict[str, Any]:
    line, column = source.location(start)
    return {"file": source.name, "line": line, "column": column, "message": message}


def summary(found: Iterable[Diagnostic]) -> str:
    """Return how many errors and warnings there are: `2 errors, 1 warning`."""
    severities = [one.severity for one in found]
    counts = [(severities.count(kind), kind) for kind in ("error", "warning")]
    return ", ".join(f"{count} {kind}{'s' if count != 1 else ''}" for count, kind in counts if count)
