"""Tries that a site forgets: when Argo tries something again on request, it deletes what had been tried before.

The rows of a try that was seen stay. Tries are numbered as they came, so that one of a later request comes after those
of earlier ones, whatever number Argo gives it; which is which is told by when it was begun, and of several that were
begun in the same second by their order.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import delete, select, update
from sqlmodel import col

from eas_provenance.batch import Batch
from eas_provenance.rows import PARTS, Rows
from eas_provenance.tables import Attempt, Message, Used, Version

Step = tuple[str, str]
"""The path of a task, and whether it is the program or its gate."""
_UNSEEN = "somebody asked for it again before its end was seen"


Past = dict[str, dict[str, set[int]]]
"""The numbers of tries that are none any more, by the path of their task and by step."""


def renumber(batch: Batch, run_id: int, rows: Rows, paths: Collection[str]) -> Past:
    """Give the tries among the rows of tasks their numbers, and return which tries are of the past."""
    known = _known(batch, run_id, paths)
    numbers: dict[tuple[str, str, int], int] = {}
    past = {step: {number for some in there.values() for number in some} for step, there in known.items()}
    last = {step: max(there, default=-1) for step, there in past.items()}
    for row in sorted(rows.get(Attempt, ()), key=lambda row: int(row["number"])):
        step = row["path"], row["step"]
        there = known.get(step, {}).get(row["queued"] or "", [])
        number = there.pop(0) if there else max(last.get(step, -1) + 1, row["number"] if not past.get(step) else 0)
        last[step] = max(last.get(step, -1), number)
        past.setdefault(step, set()).discard(number)
        numbers[*step, row["number"]] = number
    for table in (Attempt, Message, Used, Version):
        for row in rows.get(table, ()):
            row["number"] = numbers.get((row["path"], row.get("step", "run"), row["number"]), row["number"])
    found: Past = {}
    for (path, verb), left in past.items():
        if left:
            found.setdefault(path, {})[verb] = left
    return found


def _known(batch: Batch, run_id: int, paths: Collection[str]) -> dict[Step, dict[str, list[int]]]:
    """Return the numbers of the tries that the database has, by step and beginning, in their order."""
    columns = [col(Attempt.path), col(Attempt.step), col(Attempt.queued), col(Attempt.number)]
    query = select(*columns).where(col(Attempt.run_id) == run_id, col(Attempt.path).in_(paths))
    found: dict[Step, dict[str, list[int]]] = {}
    for row in batch.execute(query.order_by(col(Attempt.number))):
        path, step, queued, number = tuple(row)
        found.setdefault((path, step), {}).setdefault(queued or "", []).append(number)
    return found


def clear(batch: Batch, run_id: int, paths: Iterable[str], past: Past) -> None:
    """Delete what tasks had, but for their tries of the past."""
    plain = []
    for path in paths:
        if steps := past.get(path):
            _clear_but(batch, {"run_id": run_id, "path": path}, steps)
        else:
            plain.append(path)
    for table in PARTS if plain else ():
        columns = table.__table__.c  # type: ignore[attr-defined]
        batch.execute(delete(table).where(columns.run_id == run_id, columns.path.in_(plain)))


def _clear_but(batch: Batch, task: dict[str, Any], steps: dict[str, set[int]]) -> None:
    for table in PARTS:
        columns = table.__table__.c  # type: ignore[attr-defined]
        one = delete(table).where(*(columns[name] == value for name, value in task.items()))
        if "step" in columns:
            for step in ("run", "qc"):
                batch.execute(one.where(columns.step == step, columns.number.not_in(steps.get(step, ()))))
        elif "number" in columns:
            batch.execute(one.where(columns.number.not_in(steps.get("run", ()))))
        else:
            batch.execute(one)
    for step, numbers in steps.items():
        lost = update(Attempt).where(*(col(getattr(Attempt, name)) == value for name, value in task.items()))
        lost = lost.where(col(Attempt.step) == step, col(Attempt.number).in_(numbers))
        lost = lost.where(col(Attempt.phase).in_(("Pending", "Running")))
        batch.execute(lost.values(phase="Error", message=_UNSEEN))
