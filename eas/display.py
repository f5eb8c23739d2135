"""The live display of a run: a line for each task type, elapsed time and time left."""

from __future__ import annotations

import sys
import time
from typing import Any

from eas_compiler.shape import Count
from eas_provenance.states import States

STATES = ("waiting", "running", "passed", "failed", "blocked")
_GROUPS = {
    "waiting": "waiting",
    "running": "running",
    "succeeded": "passed",
    "failed": "failed",
    "error": "failed",
    "blocked": "blocked",
    "cancelled": "blocked",
    "skipped": "no work",
}
_COLOURS = {"running": "cyan", "passed": "green", "failed": "red", "blocked": "yellow"}
_EVERY_S = 2.0


class Progress:
    """Counts the tasks of a run by type and state; `expected` is how many there will be, as far as that is known."""

    def __init__(self, states: States, expected: dict[str, Count]) -> None:
        self.states, self.expected = states, expected
        self.start = time.monotonic()

    def counts(self) -> dict[str, dict[str, int]]:
        """Return for each task type how many tasks are in each state."""
        found = {kind: dict.fromkeys(STATES, 0) for kind in self.expected}
        for task in list(self.states.tasks.values()):
            row = found.setdefault(task.description["task"], dict.fromkeys(STATES, 0))
            group = _GROUPS[task.state]
            row[group] = row.get(group, 0) + 1
        for kind, row in found.items():
            low = self.expected[kind].low if kind in self.expected else 0
            row["waiting"] += max(0, low - sum(row.values()))
        return found

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.start

    def left_s(self) -> float | None:
        """Return an estimate of the seconds left: by the pace so far; None while there is no telling."""
        totals = dict.fromkeys(STATES, 0)
        for row in self.counts().values():
            for state in STATES:
                totals[state] += row[state]
        done = totals["passed"] + totals["failed"]
        to_do = totals["waiting"] + totals["running"]
        return self.elapsed_s * to_do / done if done >= 2 else None


def clock(seconds: float) -> str:
    """Write a time as `1:02:03` or `2:03`."""
    hours, rest = divmod(round(seconds), 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


class Live:
    """Shows progress on a terminal as it changes; elsewhere writes a line every now and then."""

    def __init__(self, progress: Progress, *, quiet: bool = False) -> None:
        self.progress, self.quiet = progress, quiet
        self.live: Any = None
        self._last = time.monotonic()

    def __enter__(self) -> Live:
        """Begin to show."""
        if not self.quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.live import Live as RichLive

            self.live = RichLive(get_renderable=self._table, console=Console(stderr=True), refresh_per_second=8)
            self.live.__enter__()
        return self

    def __exit__(self, *problem: object) -> None:
        """Show the last state and leave it there."""
        if self.live is not None:
            self.live.refresh()
            self.live.__exit__(*problem)
        elif not self.quiet:
            sys.stderr.write(self._line() + "\n")

    def tick(self) -> None:
        """Say where the run is, when there is no terminal and some time has passed."""
        if self.live is None and not self.quiet and time.monotonic() - self._last > _EVERY_S:
            self._last = time.monotonic()
            sys.stderr.write(self._line() + "\n")
            sys.stderr.flush()

    def _line(self) -> str:
        totals: dict[str, int] = {}
        for row in self.progress.counts().values():
            for state, count in row.items():
                totals[state] = totals.get(state, 0) + count
        shown = ", ".join(f"{count} {state}" for state, count in totals.items() if count)
        return f"{clock(self.progress.elapsed_s)}  {shown or 'starting'}"

    def _table(self) -> Any:
        from rich.table import Table

        counts = self.progress.counts()
        columns = list(STATES) + sorted({state for row in counts.values() for state in row} - set(STATES))
        left = self.progress.left_s()
        caption = f"elapsed {clock(self.progress.elapsed_s)}" + (f", about {clock(left)} left" if left else "")
        table = Table(caption=caption, caption_justify="left", box=None, pad_edge=False)
        table.add_column("task")
        for column in columns:
            table.add_column(column, justify="right")
        for kind, row in counts.items():
            cells = []
            for state in columns:
                count, colour = row.get(state, 0), _COLOURS.get(state)
                cells.append(f"[{colour}]{count}[/]" if count and colour else str(count) if count else "[dim]·[/]")
            table.add_row(kind, *cells)
        return table
