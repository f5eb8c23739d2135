"""What a run or a simulation came to, for people and for programs."""

from __future__ import annotations

from typing import Any

from eas import text
from eas.display import clock
from eas.run import Finished
from eas.simulate import Line
from eas_provenance.results import Table
from eas_provenance.states import Task

_WIDTH = 100


def simulated(lines: list[Line]) -> str:
    """Return a table of simulated tasks."""
    rows = [[line["path"], line["name"] or "", line["task"], line["state"], line["verdict"] or "–"] for line in lines]
    return text.table(["path", "name", "task type", "state", "verdict"], rows) if rows else "no task runs"


def run_as_text(finished: Finished) -> str:
    """Return what a run found, what failed, and where the files are."""
    parts = [_outcomes(kind, table) for kind, table in finished.outcomes().items()]
    problems = finished.problems()
    if problems:
        parts.append("\n".join(["what went wrong:", *map(_problem, problems)]))
    flow = [f"  {one.path}: {one.message}" for one in finished.states.problems]
    if flow:
        parts.append("\n".join(["flow control that could not go on:", *flow]))
    blocked = [task.path for task in finished.states.tasks.values() if task.state == "blocked"]
    if blocked:
        parts.append("\n".join(["blocked, because what they need is not there:", *(f"  {path}" for path in blocked)]))
    parts.append(_last_lines(finished))
    return "\n\n".join(parts)


def _outcomes(kind: str, table: Table) -> str:
    """Return a table of what was searched and found, as many columns as fit."""
    head = [name + (f" [{unit}]" if unit else "") for name, unit in zip(table.columns, table.units, strict=True)]
    rows = [[text.value(cell) for cell in row] for row in table.rows]
    columns = len(head)
    while columns > 1 and text.needed(head[:columns], [row[:columns] for row in rows]) > _WIDTH:
        columns -= 1
    more = f"\n({', '.join(head[columns:])}: with --json)" if columns < len(head) else ""
    return f"{kind}\n{text.table(head[:columns], [row[:columns] for row in rows])}{more}"


def _problem(task: Task) -> str:
    name = task.description["task"]
    message = task.message.splitlines()[0] if task.message else ""
    return f"  {task.path} ({name}, {task.description['source']}) {task.state}: {text.safe(message)}"


def _last_lines(finished: Finished) -> str:
    counts: dict[str, int] = {}
    for task in finished.states.tasks.values():
        counts[task.state] = counts.get(task.state, 0) + 1
    shown = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    end = "was cancelled" if finished.cancelled else "failed" if finished.is_failed else "succeeded"
    files = finished.store.files.path(finished.prefix)
    return f"run {finished.name} {end} after {clock(finished.seconds)}: {shown or 'no task'}\nfiles: {files}"


def run_as_data(finished: Finished) -> dict[str, Any]:
    """Return a run for programs."""
    tasks = finished.states.tasks.values()
    return {
        "run": finished.name,
        "phase": "Cancelled" if finished.cancelled else "Failed" if finished.is_failed else "Succeeded",
        "seconds": round(finished.seconds, 3),
        "files": str(finished.store.files.path(finished.prefix)),
        "tasks": [
            {"path": one.path, "task": one.description["task"], "state": one.state, "verdict": one.verdict, "message": one.message}
            for one in tasks
        ],
        "problems": [one._asdict() for one in finished.states.problems],
        "outcomes": {kind: [dict(zip(table.columns, row, strict=True)) for row in table.rows] for kind, table in finished.outcomes().items()},
    }
