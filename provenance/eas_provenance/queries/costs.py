"""What a task of each type has cost in earlier runs: what a new one will cost, as far as anybody can tell."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from sqlalchemy import Select, and_, func, select
from sqlmodel import Session

from eas_provenance.queries.base import ATTEMPT, GATE, PROGRAM, RUN, TASK, VERSION, fetch

_RUNS = 50
"""Of how many runs, the newest ones, tries are looked at: programs change, and databases grow."""


class CostRow(NamedTuple):
    """What a task of a type has cost, on average of some tries that ended well; times in seconds.

    `cpu_s` is processor time, of sub-processes too; `gate_s` is how long quality control took. Memory is the most of
    all tries, in bytes; `files_bytes` the size of the files of a task.
    """

    type: str
    tries: int
    wall_s: float
    gate_s: float
    cpu_s: float
    peak_memory_bytes: int
    files_bytes: float


def costs(session: Session, types: Collection[str]) -> dict[str, CostRow]:
    """Return what tasks of some types have cost, as far as any were done."""
    newest = select(RUN.c.id).order_by(RUN.c.started.desc(), RUN.c.id.desc()).limit(_RUNS).subquery()
    of_runs = ATTEMPT.c.run_id.in_(select(newest.c.id))
    measured = and_(of_runs, ATTEMPT.c.type.in_(types), ATTEMPT.c.wall_s.is_not(None), ATTEMPT.c.phase == "Succeeded")
    columns = (
        ATTEMPT.c.type,
        ATTEMPT.c.step,
        func.count().label("tries"),
        func.avg(ATTEMPT.c.wall_s).label("wall_s"),
        func.avg(ATTEMPT.c.cpu_s + func.coalesce(ATTEMPT.c.cpu_children_s, 0.0)).label("cpu_s"),
        func.max(ATTEMPT.c.peak_memory_bytes).label("memory"),
    )
    rows = fetch(session, select(*columns).where(measured).group_by(ATTEMPT.c.type, ATTEMPT.c.step))
    gates = {row.type: row.wall_s for row in rows if row.step == GATE}
    sizes = _sizes(session, select(newest.c.id), types)
    return {
        row.type: CostRow(
            row.type,
            row.tries,
            float(row.wall_s),
            float(gates.get(row.type) or 0.0),
            float(row.cpu_s or 0.0),
            int(row.memory or 0),
            sizes.get(row.type, 0.0),
        )
        for row in rows
        if row.step == PROGRAM
    }


def _sizes(session: Session, runs: Select[Any], types: Collection[str]) -> dict[str, float]:
    """Return the size of the files of a task, by its type, on average of those that passed."""
    of_task = and_(TASK.c.run_id == VERSION.c.run_id, TASK.c.path == VERSION.c.path)
    each = (
        select(TASK.c.type.label("type"), func.sum(VERSION.c.size_bytes).label("size"))
        .join(TASK, of_task)
        .where(VERSION.c.run_id.in_(runs), TASK.c.type.in_(types), VERSION.c.verdict.in_(("pass", "warn")))
        .group_by(TASK.c.run_id, TASK.c.path, TASK.c.type)
        .subquery()
    )
    rows = fetch(session, select(each.c.type, func.avg(each.c.size).label("size")).group_by(each.c.type))
    return {row.type: float(row.size) for row in rows}
