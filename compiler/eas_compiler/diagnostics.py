"""Diagnostics are values: passes collect them, and whoever talks to the user renders them."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from eas_compiler.source import Node, Source
from eas_worker.functions import ExpressionError, did_you_mean

__all__ = ["Diagnostic", "Diagnostics", "Related", "did_you_mean"]


class Related(NamedTuple):
    """A second place that a diagnostic speaks of."""

    source: Source
    start: int
    end: int
    message: str


class Diagnostic(NamedTuple):
    """One thing that is wrong (`error`) or suspicious (`warning`), and its place in the author's text."""

    code: str
    severity: str
    message: str
    source: Source
    start: int
    end: int
    hint: str | None = None
    related: tuple[Related, ...] = ()


MAX_SEARCHES = 1_000
"""After how many errors the nearest name is no longer looked for, which takes a tenth of a millisecond."""


class Diagnostics:
    """Collects what the passes find; the same mistake at the same place is kept once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, str, int, str], Diagnostic] = {}
        self._refused: set[tuple[str, int]] = set()
        self._errors = 0

    def __iter__(self) -> Iterator[Diagnostic]:
        """Iterate in the order of the documents' text."""
        return iter(sorted(self._found.values(), key=lambda one: (one.source.name, one.start, one.end)))

    def __len__(self) -> int:
        return len(self._found)

    def did_you_mean(self, word: str, known: Iterable[str]) -> str | None:
        """Return a hint that names the nearest of the words that are known, if any is near."""
        return did_you_mean(word, known) if self._errors < MAX_SEARCHES else None

    @property
    def errors(self) -> int:
        """The number of errors so far."""
        return self._errors

    def add(self, one: Diagnostic) -> None:
        """Keep a diagnostic."""
        key = (one.code, one.source.name, one.start, one.message)
        at = one.source.name, one.start
        if one.code == "yaml":
            self._refused.add(at)
        elif at in self._refused:
            return  # it only follows
        if key not in self._found:
            self._found[key] = one
            self._errors += one.severity == "error"

    def error(self, code: str, node: Node, message: str, hint: str | None = None, *related: Related) -> None:
        """Report an error in a value."""
        self.add(Diagnostic(code, "error", message, node.source, node.start, node.end, hint, related))

    def error_at_key(self, code: str, node: Node, message: str, hint: str | None = None, *related: Related) -> None:
        """Report an error in the key of a member."""
        start, end = (node.key_start, node.key_end) if node.key_start >= 0 else (node.start, node.end)
        self.add(Diagnostic(code, "error", message, node.source, start, end, hint, related))

    def warning(self, code: str, node: Node, message: str, hint: str | None = None, *related: Related) -> None:
        """Report something legal but suspicious."""
        self.add(Diagnostic(code, "warning", message, node.source, node.start, node.end, hint, related))

    def warning_at_key(self, code: str, node: Node, message: str, hint: str | None = None, *related: Related) -> None:
        """Report something suspicious about the key of a member."""
        self.add(Diagnostic(code, "warning", message, node.source, node.key_start, node.key_end, hint, related))

    def expression(
        self, node: Node, error: ExpressionError, code: str = "expression", related: tuple[Related, ...] = ()
    ) -> None:
        """Report an expression that is wrong, at each part of its text that is."""
        for one in (error, *error.more):
            start, end = node.start, node.end
            if one.length and isinstance(node.value, str):
                start = node.offset_in_text(one.start)
                end = max(start + 1, node.offset_in_text(one.start + one.length))
            self.add(Diagnostic(code, "error", one.message, node.source, start, end, one.hint, related))


def related(node: Node, message: str) -> Related:
    """Return a second place: a value."""
    return Related(node.source, node.start, node.end, message)
