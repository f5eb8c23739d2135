"""Tasks: lists of them, and all that is known of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, select
from sqlmodel import Session

from eas_provenance.queries.base import (
    ATTEMPT,
    CRITERION,
    EMITTED,
    GATE,
    PROGRAM,
    TASK,
    Page,
    as_object,
    beneath,
    count,
    fetch,
    first,
    has_text,
    mapping,
    parts,
)
from eas_provenance.queries.clock import seconds
from eas_provenance.queries.files import InputRow, VersionRow, inputs, outputs

_OF_TASK = and_(ATTEMPT.c.run_id == TASK.c.run_id, ATTEMPT.c.path == TASK.c.path)
_MOST = 200
_FEW = 5


class TaskFilter(NamedTuple):
    """Which tasks are meant.

    Those at or beneath a path, of a type, in one of some states, of a place in the chain, and with some text in path,
    name or message.
    """

    path: str = ""
    type: str | None = None
    states: tuple[str, ...] = ()
    source: str | None = None
    search: str = ""

    def condition(self, run_id: int) -> ColumnElement[bool]:
        """Return what is true of these tasks of a run."""
        wanted = [TASK.c.run_id == run_id]
        if self.path:
            wanted.append(beneath(TASK.c.path, self.path))
        if self.type is not None:
            wanted.append(TASK.c.type == self.type)
        if self.states:
            wanted.append(TASK.c.state.in_(self.states))
        if self.source is not None:
            wanted.append(TASK.c.source == self.source)
        if self.search:
            wanted.append(has_text(self.search, TASK.c.path, TASK.c.name, TASK.c.message))
        return and_(*wanted)


ALL_TASKS = TaskFilter()


class TaskRow(NamedTuple):
    """A task of a run; `source` is file:line:column of the chain, `variables` are the loop variables around it."""

    path: str
    type: str
    name: str | None
    job_name: str
    directory: str
    source: str
    variables: dict[str, Any]
    state: str
    verdict: str | None
    message: str
    started: str | None
    ended: str | None

    @classmethod
    def of(cls, values: Iterable[Any]) -> TaskRow:
        """Return a task with the values of its columns."""
        row = cls(*values)
        return row._replace(variables=as_object(row.variables))


class AttemptRow(NamedTuple):
    """A try of a program (`step` run) or of a gate (`step` qc): how it ended, what it asked for and what it used.

    `reused` is the `run`, `path` and `attempt` that it was taken over from, when nothing was done.
    """

    path: str
    step: str
    number: int
    phase: str
    exit_code: int | None
    message: str
    traceback: str
    queued: str | None
    started: str | None
    ended: str | None
    wall_s: float | None
    cpu_s: float | None
    cpu_children_s: float | None
    peak_memory_bytes: int | None
    cpu_request: float
    memory_request_bytes: int
    host: str
    threads: int | None
    reused: dict[str, Any] | None = None

    @property
    def queue_s(self) -> float | None:
        """How long it waited until it began [s]."""
        return seconds(self.queued, self.started)

    @property
    def efficiency(self) -> float | None:
        """Processor time, of sub-processes too, over what all its cores had to give."""
        if self.wall_s is None or self.cpu_s is None or not self.wall_s * self.cpu_request:
            return None
        return (self.cpu_s + (self.cpu_children_s or 0.0)) / (self.wall_s * self.cpu_request)


class EmittedRow(NamedTuple):
    """A piece of metadata that a task left, with its unit."""

    name: str
    value: Any
    unit: str


class CriterionRow(NamedTuple):
    """One thing that quality control judged; `bound` has `minimum` and `maximum`, those there are, or `equals`."""

    name: str
    quantity: str
    value: Any
    bound: dict[str, Any]
    unit: str
    severity: str
    result: str

    @classmethod
    def of(cls, values: Iterable[Any]) -> CriterionRow:
        """Return a criterion with the values of its columns."""
        row = cls(*values)
        return row._replace(bound=as_object(row.bound))


class TaskDetails(NamedTuple):
    """All that is known of a task, but for its log."""

    task: TaskRow
    settings: dict[str, Any]
    attempts: tuple[AttemptRow, ...]
    inputs: tuple[InputRow, ...]
    outputs: tuple[VersionRow, ...]
    emitted: tuple[EmittedRow, ...]
    criteria: tuple[CriterionRow, ...]

    @property
    def traceback(self) -> str:
        """The traceback of the last try that has one."""
        return next((one.traceback for one in reversed(self.attempts) if one.traceback), "")


def tasks(
    session: Session, run_id: int, where: TaskFilter = ALL_TASKS, *, limit: int = 100, offset: int = 0
) -> Page[TaskRow]:
    """Return tasks of a run in the order of their paths."""
    wanted = select(*_columns(TaskRow, TASK)).where(where.condition(run_id))
    rows = fetch(session, wanted.order_by(TASK.c.position).limit(limit).offset(offset))
    return Page(tuple(map(TaskRow.of, rows)), _total(session, wanted), offset)


def task(session: Session, run_id: int, path: str) -> TaskDetails | None:
    """Return all that is known of a task; None when no task of the run has the path."""
    row = first(session, select(TASK).where(TASK.c.run_id == run_id, TASK.c.path == path))
    if row is None:
        return None
    known = mapping(row)

    def of_task(kind: Any, table: Any, *order: str) -> Select[Any]:
        query = select(*_columns(kind, table)).where(table.c.run_id == run_id, table.c.path == path)
        return query.order_by(*(table.c[name] for name in order))

    tries = fetch(session, of_task(AttemptRow, ATTEMPT, "number", "step"))
    by_step = sorted(tries, key=lambda one: one.step == GATE)
    return TaskDetails(
        TaskRow.of(known[name] for name in TaskRow._fields),
        as_object(known["settings"]),
        tuple(AttemptRow(*one) for one in by_step),
        inputs(session, run_id, path),
        outputs(session, run_id, path),
        tuple(EmittedRow(*one) for one in fetch(session, of_task(EmittedRow, EMITTED, "name"))),
        tuple(map(CriterionRow.of, fetch(session, of_task(CriterionRow, CRITERION, "position")))),
    )


def attempts(
    session: Session, run_id: int, where: TaskFilter = ALL_TASKS, *, limit: int = 100, offset: int = 0
) -> Page[tuple[TaskRow, AttemptRow]]:
    """Return the tries of programs of some tasks, in the order of their paths."""
    # An outer join is made from its left side on, which has the order: the first rows are there at once.
    of_tasks = _select_tries(TASK.outerjoin(ATTEMPT, and_(_OF_TASK, ATTEMPT.c.step == PROGRAM)))
    there = of_tasks.where(func.coalesce(ATTEMPT.c.number, -1) >= 0, where.condition(run_id))
    wanted = there.order_by(TASK.c.position, ATTEMPT.c.number).limit(limit).offset(offset)
    return Page(_with_tasks(session, wanted), _count_of_tries(session, run_id, where), offset)


def longest_attempts(
    session: Session, run_id: int, where: TaskFilter = ALL_TASKS, *, limit: int = 100
) -> Page[tuple[TaskRow, AttemptRow]]:
    """Return the longest tries of programs of some tasks, after those that are not measured: they run, or died."""
    order = (ATTEMPT.c.wall_s.desc().nulls_first(), TASK.c.position, ATTEMPT.c.number)
    wanted = _tries(run_id, where).order_by(*order).limit(limit)
    return Page(_with_tasks(session, wanted), _count_of_tries(session, run_id, where))


def _tries(run_id: int, where: TaskFilter) -> Select[Any]:
    return _select_tries(TASK.join(ATTEMPT, _OF_TASK)).where(_is_try(run_id, where), where.condition(run_id))


def _select_tries(source: Any) -> Select[Any]:
    return select(*_columns(TaskRow, TASK), *_columns(AttemptRow, ATTEMPT)).select_from(source)


def _is_try(run_id: int, where: TaskFilter) -> ColumnElement[bool]:
    of_type = [ATTEMPT.c.type == where.type] if where.type is not None else []
    return and_(ATTEMPT.c.run_id == run_id, ATTEMPT.c.step == PROGRAM, *of_type)


def _with_tasks(session: Session, wanted: Select[Any]) -> tuple[tuple[TaskRow, AttemptRow], ...]:
    cut = len(TaskRow._fields)
    return tuple((TaskRow.of(row[:cut]), AttemptRow(*row[cut:])) for row in fetch(session, wanted))


def _count_of_tries(session: Session, run_id: int, where: TaskFilter) -> int:
    if where == TaskFilter(type=where.type):  # then tries are counted without looking for their tasks
        return count(session, select(ATTEMPT.c.type).where(_is_try(run_id, where)))
    return _total(session, _tries(run_id, where))


def explain_unknown(session: Session, run_id: int, path: str) -> str:
    """Return why there is no such task, and what may have been meant: what stands in the last list that is there."""
    begin = parts(path)
    while begin:
        begin.pop()
        above = "".join(begin)
        inside = select(TASK.c.path).where(TASK.c.run_id == run_id, *[beneath(TASK.c.path, above)] * bool(above))
        rows = fetch(session, inside.order_by(TASK.c.position).limit(_MOST))
        choices = list(dict.fromkeys(above + part for row in rows for part in parts(row.path)[len(begin) :][:1]))
        if choices:
            more = ", …" if len(choices) > _FEW else ""
            return f"no task {path!r} was reached; there is {', '.join(choices[:_FEW])}{more}"
    return f"{path!r} is no path of a task; paths are as /t0[size=3]/t1"


def _columns(kind: Any, table: Any) -> list[Any]:
    return [table.c[name] for name in kind._fields]


def _total(session: Session, wanted: Select[Any]) -> int:
    """Count rows by one of their columns alone, which an index may have."""
    return count(session, wanted.with_only_columns(wanted.selected_columns[0], maintain_column_froms=True))
