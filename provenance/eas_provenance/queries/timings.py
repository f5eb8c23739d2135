"""What tries cost: time, processor and memory, by task type."""

from __future__ import annotations

import statistics
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlmodel import Session

from eas_provenance.queries.base import ATTEMPT, PROGRAM, TASK, fetch, mapping
from eas_provenance.queries.clock import seconds_between


class TimingRow(NamedTuple):
    """What the tries of a task type cost; times in seconds, None where nothing was noted.

    `attempts` counts tries, `measured` those of which the usage is known. `efficiency` is the processor time, of
    sub-processes too, over what all cores had to give; memory in bytes, the largest of all tries.
    """

    type: str
    attempts: int
    measured: int
    wall_min_s: float | None
    wall_median_s: float | None
    wall_max_s: float | None
    wall_total_s: float | None
    cpu_total_s: float | None
    cpu_children_total_s: float | None
    efficiency: float | None
    peak_memory_bytes: int | None
    memory_request_bytes: int
    queue_mean_s: float | None
    queue_max_s: float | None


def timings(session: Session, run_id: int, *, step: str = PROGRAM) -> tuple[TimingRow, ...]:
    """Return what the tries of programs, or of gates, cost, by task type."""
    of_step = and_(ATTEMPT.c.run_id == run_id, ATTEMPT.c.step == step)
    queue = seconds_between(ATTEMPT.c.queued, ATTEMPT.c.started)
    given = func.sum(ATTEMPT.c.wall_s * ATTEMPT.c.cpu_request)
    used = func.sum(ATTEMPT.c.cpu_s) + func.coalesce(func.sum(ATTEMPT.c.cpu_children_s), 0.0)
    query = (
        select(
            TASK.c.type,
            func.count().label("attempts"),
            func.count(ATTEMPT.c.wall_s).label("measured"),
            func.min(ATTEMPT.c.wall_s).label("wall_min_s"),
            func.max(ATTEMPT.c.wall_s).label("wall_max_s"),
            func.sum(ATTEMPT.c.wall_s).label("wall_total_s"),
            func.sum(ATTEMPT.c.cpu_s).label("cpu_total_s"),
            func.sum(ATTEMPT.c.cpu_children_s).label("cpu_children_total_s"),
            case((given > 0, used / given)).label("efficiency"),
            func.max(ATTEMPT.c.peak_memory_bytes).label("peak_memory_bytes"),
            func.max(ATTEMPT.c.memory_request_bytes).label("memory_request_bytes"),
            func.avg(queue).label("queue_mean_s"),
            func.max(queue).label("queue_max_s"),
        )
        .select_from(_joined())
        .where(of_step)
        .group_by(TASK.c.type)
        .order_by(TASK.c.type)
    )
    medians = _medians(session, of_step)
    return tuple(TimingRow(wall_median_s=medians.get(row.type), **mapping(row)) for row in fetch(session, query))


def _joined() -> Any:
    return ATTEMPT.join(TASK, and_(TASK.c.run_id == ATTEMPT.c.run_id, TASK.c.path == ATTEMPT.c.path))


def _medians(session: Session, of_step: ColumnElement[bool]) -> dict[str, float]:
    """Return the median of elapsed times of each type [s].

    A function of windows would find it, but databases take longer for that than to hand over a column.
    """
    known = select(TASK.c.type, ATTEMPT.c.wall_s).select_from(_joined()).where(of_step, ATTEMPT.c.wall_s.is_not(None))
    times: dict[str, list[float]] = {}
    for kind, wall_s in fetch(session, known):
        times.setdefault(kind, []).append(wall_s)
    return {kind: statistics.median(walls) for kind, walls in times.items()}
