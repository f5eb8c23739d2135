"""What a run found: a table of the tasks that say `outcome`, from their records."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from eas_provenance.lines import record_key
from eas_provenance.repository import Directory
from eas_provenance.states import States, Task
from eas_worker.assignment import written

OUTCOME = "outcome"
_FIRST = (OUTCOME, "target_period", "period")


class Table(NamedTuple):
    """Columns with their units, and rows of values; a value that is not there is None."""

    columns: tuple[str, ...]
    units: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def verdict_record(files: Directory, run: str, task: Task) -> dict[str, Any] | None:
    """Return what the gate of a task kept; None when it has not judged."""
    data = files.read(f"{record_key(run, task)}/qc.json")
    return json.loads(data) if data is not None else None


def outcomes(files: Directory, run: str, states: States) -> dict[str, Table]:
    """Return a table for each task type that says `outcome`: loop variables first, then what it emits."""
    found: dict[str, list[dict[str, Any]]] = {}
    units: dict[str, dict[str, str]] = {}
    for task in sorted(states.tasks.values(), key=lambda one: list(one.indices.values())):
        declared = task.description.get("metadata", {})
        if OUTCOME not in declared:
            continue
        record = verdict_record(files, run, task)
        emitted = record["metadata"] if record else {}
        order = dict.fromkeys((*_FIRST, *declared))
        row = _variables(files, run, task) | {"verdict": task.verdict or task.state}
        row |= {key: emitted.get(key) for key in order}
        found.setdefault(task.description["task"], []).append(row)
        units[task.description["task"]] = {key: one.get("unit", "") for key, one in declared.items()}
    return {kind: _table(rows, units[kind]) for kind, rows in found.items()}


def _variables(files: Directory, run: str, task: Task) -> dict[str, Any]:
    """Return the values of the loop variables around a task, as its first try noted them; None where it noted none."""
    data = files.read(f"{record_key(run, task)}/attempt-0/run.json")
    values = json.loads(data)["loop_variables"] if data is not None else {}
    names = [written(loop["var"], task.indices) for loop in task.description["loops"]]
    return {name: values.get(name) for name in names}


def _table(rows: list[dict[str, Any]], units: dict[str, str]) -> Table:
    columns = tuple(dict.fromkeys(name for row in rows for name in row))
    kept = tuple(name for name in columns if any(row.get(name) is not None for row in rows))
    values = tuple(tuple(row.get(name) for name in kept) for row in rows)
    return Table(kept, tuple(units.get(name, "") for name in kept), values)
