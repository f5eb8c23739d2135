"""What went wrong: failed and broken tasks grouped by their reasons, and flow control that could not go on."""

from __future__ import annotations

import re
from typing import NamedTuple

from sqlalchemy import and_, func, select
from sqlmodel import Session

from eas_provenance.queries.base import ATTEMPT, CRITERION, FAILING, PROBLEM, TASK, count, fetch, first
from eas_provenance.queries.tasks import CriterionRow, TaskRow

_NUMBER = re.compile(r"(?<![\w.])-?\d+(\.\d+)?(e[-+]?\d+)?(?![\w.])", re.IGNORECASE)


class Example(NamedTuple):
    """A task that failed: the criteria that it did not meet, and the traceback of its last try that has one."""

    task: TaskRow
    criteria: tuple[CriterionRow, ...]
    traceback: str


class Failure(NamedTuple):
    """Tasks of one type and place in the chain that failed for one reason, but for the numbers in it."""

    type: str
    state: str
    source: str
    reason: str
    tasks: int
    examples: tuple[Example, ...]


class ProblemRow(NamedTuple):
    """A flow-control task that could not go on, and why."""

    path: str
    message: str


class Failures(NamedTuple):
    """What went wrong in a run; `total` counts the failed and broken tasks, `kinds` their groups."""

    total: int
    blocked: int
    kinds: int
    groups: tuple[Failure, ...]
    problems: tuple[ProblemRow, ...]


def failures(session: Session, run_id: int, *, limit: int = 20, examples: int = 3) -> Failures:
    """Return the most frequent reasons for which tasks of a run failed or broke, with some tasks as examples each."""
    what = (TASK.c.state, TASK.c.type, TASK.c.source, TASK.c.message)
    query = select(*what, func.count().label("tasks"), func.min(TASK.c.position).label("first"))
    of_run = query.where(TASK.c.run_id == run_id, TASK.c.state.in_(FAILING)).group_by(*what)
    groups: dict[_Kind, list[_Message]] = {}
    for row in fetch(session, of_run):
        kind = _Kind(row.type, row.state, row.source, reason_of(row.message))
        groups.setdefault(kind, []).append(_Message(row.first, row.tasks, row.message))
    sums = [(kind, sum(one.tasks for one in members), sorted(members)) for kind, members in groups.items()]
    sums.sort(key=lambda one: (-one[1], one[2][0]))
    found = tuple(
        Failure(*kind, tasks, _examples(session, run_id, members, examples)) for kind, tasks, members in sums[:limit]
    )
    blocked = count(session, select(TASK.c.state).where(TASK.c.run_id == run_id, TASK.c.state == "blocked"))
    return Failures(sum(one[1] for one in sums), blocked, len(sums), found, problems(session, run_id))


class _Kind(NamedTuple):
    """By what failures are put together."""

    type: str
    state: str
    source: str
    reason: str


class _Message(NamedTuple):
    """A message, the first task that ended with it (where it stands in the run), and how many did."""

    first: str
    tasks: int
    message: str


def _examples(session: Session, run_id: int, members: list[_Message], most: int) -> tuple[Example, ...]:
    """Return the first task of each of the first messages."""
    firsts = [one.first for one in members[:most]]
    columns = [TASK.c[name] for name in TaskRow._fields]
    query = select(*columns).where(TASK.c.run_id == run_id, TASK.c.position.in_(firsts)).order_by(TASK.c.position)
    return tuple(_example(session, run_id, TaskRow.of(row)) for row in fetch(session, query))


def _example(session: Session, run_id: int, task: TaskRow) -> Example:
    columns = [CRITERION.c[name] for name in CriterionRow._fields]
    missed = and_(CRITERION.c.run_id == run_id, CRITERION.c.path == task.path, CRITERION.c.result == "fail")
    criteria = fetch(session, select(*columns).where(missed).order_by(CRITERION.c.position))
    tracebacks = select(ATTEMPT.c.traceback).where(
        ATTEMPT.c.run_id == run_id, ATTEMPT.c.path == task.path, ATTEMPT.c.traceback != ""
    )
    last = first(session, tracebacks.order_by(ATTEMPT.c.step.desc(), ATTEMPT.c.number.desc()))
    return Example(task, tuple(map(CriterionRow.of, criteria)), last.traceback if last else "")


def problems(session: Session, run_id: int) -> tuple[ProblemRow, ...]:
    """Return the flow-control tasks of a run that could not go on."""
    query = select(PROBLEM.c.path, PROBLEM.c.message).where(PROBLEM.c.run_id == run_id).order_by(PROBLEM.c.path)
    return tuple(ProblemRow(*row) for row in fetch(session, query))


def reason_of(message: str) -> str:
    """Return the first line of a message without its numbers, by which failures are put together."""
    return _NUMBER.sub("…", message.partition("\n")[0])
