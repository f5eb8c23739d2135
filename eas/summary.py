"""What a run or a simulation came to, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eas import text
from eas.display import clock
from eas.local import Finished
from eas_provenance.lines import Line
from eas_provenance.queries import OutcomeTable
from eas_provenance.states import Task

_MOST = 20
"""How many tasks of one kind are listed, so that what matters is not lost among them."""


def simulated(lines: list[Line]) -> str:
    """Return a table of simulated tasks."""
    rows = [[line["path"], line["name"] or "", line["task"], line["state"], line["verdict"] or "·"] for line in lines]
    return text.table(["path", "name", "task type", "state", "verdict"], rows) if rows else "no task runs"


def run_as_text(finished: Finished, width: int) -> str:
    """Return what a run found, what failed, and where the files are."""
    parts = [_outcomes(table, width) for table in finished.outcomes]
    flow = (f"{one.path}: {one.message}" for one in finished.states.problems)
    blocked = (task.path for task in finished.tasks() if task.state == "blocked")
    parts += _listed("what went wrong", map(_problem, finished.problems()))
    parts += _listed("flow control that could not go on", flow)
    parts += _listed("blocked, because what they need is not there", blocked)
    parts.append(_last_lines(finished))
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


def _last_lines(finished: Finished) -> str:
    counts: dict[str, int] = {}
    for task in finished.tasks():
        counts[task.state] = counts.get(task.state, 0) + 1
    shown = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    end = "was cancelled" if finished.is_cancelled else "failed" if finished.is_failed else "succeeded"
    files = finished.store.files.path(finished.prefix)
    lines = [f"run {finished.name} {end} after {clock(finished.seconds)}: {shown or 'no task'}", f"files: {files}"]
    if finished.is_cancelled:
        lines.append(f"`eas run --resume {finished.name}` goes on with it")
    return "\n".join(lines)


def run_as_data(finished: Finished) -> dict[str, Any]:
    """Return a run for programs."""
    return {
        "run": finished.name,
        "phase": "Cancelled" if finished.is_cancelled else "Failed" if finished.is_failed else "Succeeded",
        "seconds": round(finished.seconds, 3),
        "files": str(finished.store.files.path(finished.prefix)),
        "tasks": [_task(task) for task in finished.tasks()],
        "problems": [one._asdict() for one in finished.states.problems],
        "outcomes": {
            table.type: [dict(zip(table.columns, row.values, strict=True)) for row in table.rows]
            for table in finished.outcomes
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
