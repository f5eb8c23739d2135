"""Task types of a run: how many tasks of each are in which state, of how many."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import func, select
from sqlmodel import Session

from eas_provenance.queries.base import RUN, TASK, TASK_TYPE, fetch, mapping
from eas_provenance.queries.runs import ENDED

_FEW = 2
"""So many tasks must have ended before their pace says anything."""


class TypeRow(NamedTuple):
    """A task type of a run, and how many of its tasks are in which state; those that are still to come are waiting.

    `at_least` and `at_most` are how many there will be; `at_most` is None when only the run itself can tell.
    """

    type: str
    image: str
    cpu: float
    gpu: int
    memory_bytes: int
    at_least: int
    at_most: int | None
    states: dict[str, int]

    @property
    def done(self) -> int:
        """How many tasks have ended, in whatever way."""
        return sum(self.states.get(state, 0) for state in ENDED)


class TypeHistory(NamedTuple):
    """A task type in all runs: in how many, how many tasks, and how many of them are in which state."""

    type: str
    image: str
    runs: int
    last_started: str
    states: dict[str, int]


def type_rows(session: Session, run_id: int) -> tuple[TypeRow, ...]:
    """Return the task types of a run, those that are expected and those that came, by name."""
    query = select(TASK.c.type, TASK.c.state, func.count().label("tasks")).where(TASK.c.run_id == run_id)
    reached: dict[str, dict[str, int]] = {}
    for row in fetch(session, query.group_by(TASK.c.type, TASK.c.state)):
        reached.setdefault(row.type, {})[row.state] = row.tasks
    is_over = fetch(session, select(RUN.c.state).where(RUN.c.id == run_id, RUN.c.state != "running"))
    rows = []
    for row in fetch(session, select(TASK_TYPE).where(TASK_TYPE.c.run_id == run_id)):
        states = reached.pop(row.type, {})
        to_come = row.at_least - sum(states.values())
        if to_come > 0 and not is_over:
            states["waiting"] = states.get("waiting", 0) + to_come
        known = {name: value for name, value in mapping(row).items() if name in TypeRow._fields}
        rows.append(TypeRow(**known, states=states))
    rows += [TypeRow(kind, "", 0, 0, 0, 0, None, states) for kind, states in reached.items()]
    return tuple(sorted(rows))


def left_s(types: Iterable[TypeRow], elapsed_s: float) -> float | None:
    """Return an estimate of the seconds that a run will go on, by the pace so far; None while there is no telling."""
    done = to_do = 0
    for one in types:
        done += one.done
        to_do += sum(one.states.values()) - one.done
    return elapsed_s * to_do / done if done >= _FEW else None


def type_history(session: Session) -> tuple[TypeHistory, ...]:
    """Return the task types of all runs, by name."""
    states: dict[str, dict[str, int]] = {}
    query = select(TASK.c.type, TASK.c.state, func.count().label("tasks")).group_by(TASK.c.type, TASK.c.state)
    for row in fetch(session, query):
        states.setdefault(row.type, {})[row.state] = row.tasks
    used = (
        select(
            TASK_TYPE.c.type,
            func.max(TASK_TYPE.c.image).label("image"),
            func.count().label("runs"),
            func.max(RUN.c.started).label("last"),
        )
        .join(RUN, RUN.c.id == TASK_TYPE.c.run_id)
        .group_by(TASK_TYPE.c.type)
        .order_by(TASK_TYPE.c.type)
    )
    return tuple(
        TypeHistory(row.type, row.image, row.runs, row.last, states.get(row.type, {})) for row in fetch(session, used)
    )
