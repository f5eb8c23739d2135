"""What tries cost: time, processor and memory, by task type."""

from __future__ import annotations

import statistics
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, case, func, select
from sqlmodel import Session

from eas_provenance.queries.base import ATTEMPT, PROGRAM, fetch, mapping
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
            ATTEMPT.c.type,
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
        .where(of_step)
        .group_by(ATTEMPT.c.type)
        .order_by(ATTEMPT.c.type)
    )
    rows = fetch(session, query)
    return tuple(TimingRow(wall_median_s=_median(session, of_step, row), **mapping(row)) for row in rows)


def _median(session: Session, of_step: ColumnElement[bool], row: Any) -> float | None:
    """Return the median of the elapsed times of a type [s]: the middle one of an index, or the mean of the two."""
    if not row.measured:
        return None
    of_type = and_(of_step, ATTEMPT.c.type == row.type, ATTEMPT.c.wall_s.is_not(None))
    before, is_even = divmod(row.measured - 1, 2)
    middle = select(ATTEMPT.c.wall_s).where(of_type).order_by(ATTEMPT.c.wall_s).offset(before).limit(1 + is_even)
    walls: list[float] = [one.wall_s for one in fetch(session, middle)]
    return statistics.median(walls)
