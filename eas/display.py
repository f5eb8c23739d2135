"""The display of a run while it goes on: a line for each task type, elapsed time and time left."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any, Self

from eas_compiler.shape import Count
from eas_provenance.states import Task

STATES = ("waiting", "running", "passed", "failed", "blocked")
"""The columns that are always there; others come when there is something in them."""
_GROUPS = {"succeeded": "passed", "error": "failed", "skipped": "no work"}
_COLOURS = {"running": "cyan", "passed": "green", "failed": "red", "blocked": "yellow", "cancelled": "yellow"}
_LIVE_S = 0.2
_LINES_S = 2.0
_PATIENCE = 1.1
"""Lines come ever more rarely, so that a long run does not fill a log: each when so much more time has passed."""


class Progress:
    """Counts the tasks of a run by type and state; `expected` is how many there will be, as far as that is known."""

    def __init__(self, expected: dict[str, Count]) -> None:
        self._expected = expected
        self._groups: dict[str, str] = {}
        self._counts: dict[str, dict[str, int]] = {kind: {} for kind in expected}
        self._start = time.monotonic()

    def take(self, task: Task) -> None:
        """Count a task as what it is now."""
        counts = self._counts.setdefault(task.description["task"], {})
        group = _GROUPS.get(task.state, task.state)
        before = self._groups.get(task.path)
        if group != before:
            self._groups[task.path] = group
            counts[group] = counts.get(group, 0) + 1
            if before is not None:
                counts[before] -= 1

    def counts(self) -> dict[str, dict[str, int]]:
        """Return for each task type how many tasks are in each state; those that are still to come are waiting."""
        found = {}
        for kind, counts in self._counts.items():
            row = {state: counts.get(state, 0) for state in dict.fromkeys((*STATES, *sorted(counts)))}
            row["waiting"] += max(0, self._expected[kind].low - sum(row.values())) if kind in self._expected else 0
            found[kind] = row
        return found

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._start

    def left_s(self) -> float | None:
        """Return an estimate of the seconds left: by the pace so far; None while there is no telling."""
        totals = total(self.counts().values())
        done = totals["passed"] + totals["failed"]
        to_do = totals["waiting"] + totals["running"]
        return self.elapsed_s * to_do / done if done >= 2 else None


def total(rows: Iterable[dict[str, int]]) -> dict[str, int]:
    """Return the sum of the counts of all task types."""
    found = dict.fromkeys(STATES, 0)
    for row in rows:
        for state, count in row.items():
            found[state] = found.get(state, 0) + count
    return found


def clock(seconds: float) -> str:
    """Write a time as `1:02:03` or `2:03`."""
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


class Live:
    """Shows progress on a terminal as it changes; elsewhere writes a line every now and then."""

    def __init__(self, progress: Progress, *, quiet: bool = False) -> None:
        self.progress, self.quiet = progress, quiet
        self._live: Any = None
        self._next_s = 0.0
        self._notes: list[str] = []

    def __enter__(self) -> Self:
        """Begin to show."""
        if not self.quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live as RichLive

            self._live = RichLive(_table(self.progress, ()), console=Console(stderr=True), auto_refresh=False)
            self._live.__enter__()
        return self

    def __exit__(self, *problem: object) -> None:
        """Show the last state and leave it there."""
        if self._live is not None:
            self._live.update(_table(self.progress, (), is_over=True), refresh=True)
            self._live.__exit__(*problem)
            sys.stderr.write("\n")  # a line between this and what came out
        elif not self.quiet:
            sys.stderr.write(_line(self.progress) + "\n")

    def note(self, notes: list[str]) -> None:
        """Show what hinders the run now, if anything does: beneath the table, elsewhere as a line when it is new."""
        for note in notes if self._live is None and not self.quiet else ():
            if note not in self._notes:
                sys.stderr.write(f"{clock(self.progress.elapsed_s)}  {note}\n")
        self._notes = notes

    def tick(self) -> None:
        """Show where the run is, if it is time again."""
        elapsed = self.progress.elapsed_s
        if self.quiet or elapsed < self._next_s:
            return
        if self._live is not None:
            self._next_s = elapsed + _LIVE_S
            self._live.update(_table(self.progress, self._notes), refresh=True)
        else:
            self._next_s = max(elapsed + _LINES_S, elapsed * _PATIENCE)
            sys.stderr.write(_line(self.progress) + "\n")
            sys.stderr.flush()


def _line(progress: Progress) -> str:
    totals = total(progress.counts().values())
    shown = ", ".join(f"{count} {state}" for state, count in totals.items() if count)
    return f"{clock(progress.elapsed_s)}  {shown or 'starting'}"


def _table(progress: Progress, notes: Sequence[str], *, is_over: bool = False) -> Any:
    from rich.markup import escape
    from rich.table import Table

    counts = progress.counts()
    left = None if is_over else progress.left_s()
    caption = f"{clock(progress.elapsed_s)} elapsed" + (f", about {clock(left)} left" if left is not None else "")
    caption += "".join(f"\n[yellow]{escape(note)}[/]" for note in notes)
    table = Table(caption=caption, caption_justify="left", box=None, pad_edge=False, header_style="dim")
    table.add_column("task", no_wrap=True)
    columns = list(total(counts.values()))
    for column in columns:
        table.add_column(column, justify="right", no_wrap=True, min_width=len(column))
    for kind, row in counts.items():
        table.add_row(kind, *(_cell(row.get(state, 0), _COLOURS.get(state)) for state in columns))
    return table


def _cell(count: int, colour: str | None) -> str:
    if not count:
        return "[dim]·[/]"
    return f"[{colour}]{count}[/]" if colour else str(count)
