"""What a run or a simulation came to, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from eas import text
from eas.display import clock
from eas_argo.laptop.reuse import TAKEN
from eas_provenance.lines import Line
from eas_provenance.queries import OutcomeTable
from eas_provenance.states import FAILING, States, Task, path_order

_MOST = 20
"""How many tasks of one kind are listed, so that what matters is not lost among them."""


@dataclass(frozen=True)
class Ended:
    """A run that has ended: what was found, and for how long it was worked on this time [s]."""

    name: str
    states: States
    seconds: float
    outcomes: tuple[OutcomeTable, ...]

    @property
    def files(self) -> str:
        """Where its files are."""
        raise NotImplementedError

    @property
    def go_on(self) -> str:
        """How it goes on when it was cancelled; nothing when it cannot."""
        raise NotImplementedError

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody ended the run."""
        return self.states.root.is_shutdown

    @property
    def is_failed(self) -> bool:
        """Whether the run failed or was cancelled."""
        return self.states.is_failed or self.states.phase != "Succeeded"

    def tasks(self) -> list[Task]:
        """Return the tasks that were reached, in the order of their paths."""
        return sorted(self.states.tasks.values(), key=lambda task: path_order(task.path))

    def problems(self) -> list[Task]:
        """Return the tasks that failed or broke, in the order of their paths."""
        return [task for task in self.tasks() if task.state in FAILING]


def simulated(lines: list[Line]) -> str:
    """Return a table of simulated tasks."""
    rows = [[line["path"], line["name"] or "", line["task"], line["state"], line["verdict"] or "·"] for line in lines]
    return text.table(["path", "name", "task type", "state", "verdict"], rows) if rows else "no task runs"


def run_as_text(ended: Ended, width: int) -> str:
    """Return what a run found, what failed, and where the files are."""
    parts = [_outcomes(table, width) for table in ended.outcomes]
    flow = (f"{one.path}: {one.message}" for one in ended.states.problems)
    blocked = (task.path for task in ended.tasks() if task.state == "blocked")
    parts += _listed("what went wrong", map(_problem, ended.problems()))
    parts += _listed("flow control that could not go on", flow)
    parts += _listed("blocked, because what they need is not there", blocked)
    parts.append(_last_lines(ended))
    return "\n\n".join(parts)


def _outcomes(table: OutcomeTable, width: int) -> str:
    """Return a table of what was searched and found, as many columns as fit."""
    head = [name + (f" [{unit}]" if unit else "") for name, unit in zip(table.columns, table.units, strict=True)]
    rows = [[text.value(cell) for cell in row.values] for row in table.rows]
    columns = len(head)
    while columns > 1 and text.needed(head[:columns], [row[:columns] for row in rows]) > width:
        columns -= 1
    left = len(head) - columns
    more = f"\n({left} more {'column' if left == 1 else 'columns'}: with --json)" if left else ""
    return f"{table.type}\n{text.table(head[:columns], [row[:columns] for row in rows])}{more}"


def _listed(title: str, lines: Iterable[str]) -> list[str]:
    """Return the title and its lines as one part, or none without lines."""
    all_lines = [text.safe(line) for line in lines]
    more = [f"and {len(all_lines) - _MOST} more: with --json"] if len(all_lines) > _MOST else []
    shown = "\n".join(f"  {line}" for line in [*all_lines[:_MOST], *more])
    return [f"{title}:\n{shown}"] if all_lines else []


def _problem(task: Task) -> str:
    message = task.message.splitlines()[0] if task.message else "no reason is known"
    return f"{task.path} ({task.description['task']}, {task.description['source']}) {task.state}: {message}"


def _last_lines(ended: Ended) -> str:
    counts: dict[str, int] = {}
    for task in ended.tasks():
        counts[task.state] = counts.get(task.state, 0) + 1
    shown = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    taken = sum(task.program.message.startswith(TAKEN) for task in ended.tasks())
    shown += f", {taken:,} of them taken over from earlier runs" if taken else ""
    end = "was cancelled" if ended.is_cancelled else "failed" if ended.is_failed else "succeeded"
    lines = [f"run {ended.name} {end} after {clock(ended.seconds)}: {shown or 'no task'}", f"files: {ended.files}"]
    if ended.is_cancelled and ended.go_on:
        lines.append(f"`{ended.go_on}` goes on with it")
    return "\n".join(lines)


def run_as_data(ended: Ended) -> dict[str, Any]:
    """Return a run for programs."""
    return {
        "run": ended.name,
        "phase": "Cancelled" if ended.is_cancelled else "Failed" if ended.is_failed else "Succeeded",
        "seconds": round(ended.seconds, 3),
        "files": ended.files,
        "tasks": [_task(task) for task in ended.tasks()],
        "problems": [one._asdict() for one in ended.states.problems],
        "outcomes": {
            table.type: [dict(zip(table.columns, row.values, strict=True)) for row in table.rows]
            for table in ended.outcomes
        },
    }


def _task(task: Task) -> dict[str, Any]:
    return {
        "path": task.path,
        "task": task.description["task"],
        "state": task.state,
        "verdict": task.verdict,
        "exit_code": task.exit_code,
        "message": task.message,
    }
