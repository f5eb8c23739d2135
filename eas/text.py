"""Tables of text."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table with aligned columns; those that hold numbers only are aligned to the right."""
    lines = [[safe(cell) for cell in row] for row in (head, *rows)]
    widths = [max(width(line[column]) for line in lines) for column in range(len(head))]
    numeric = [all(_is_number(line[column]) for line in lines[1:]) for column in range(len(head))]
    written = []
    for line in lines:
        cells = []
        for cell, wide, right in zip(line, widths, numeric, strict=True):
            space = " " * (wide - width(cell))
            cells.append(space + cell if right else cell + space)
        written.append("  ".join(cells).rstrip())
    written.insert(1, "  ".join("─" * wide for wide in widths))
    return "\n".join(written)


def needed(head: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Return how many columns of a terminal a table takes."""
    widths = [max(width(line[column]) for line in (head, *rows)) for column in range(len(head))]
    return sum(widths) + 2 * (len(widths) - 1)


def safe(text: str) -> str:
    """Return a text without characters that would change what a terminal shows."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def width(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return sum(
        2 if unicodedata.east_asian_width(one) in "WF" else 0 if unicodedata.combining(one) else 1 for one in text
    )


def _is_number(cell: str) -> bool:
    return not cell.strip("0123456789+-.,e ") or cell == "·"


def value(given: object) -> str:
    """Write a value of metadata: floats with four significant digits, nothing as a dot."""
    if given is None:
        return "·"
    if isinstance(given, float):
        return f"{given:.4g}"
    return str(given)
