"""Runs: which there are, which one is meant, and how far each is."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Select, func, select
from sqlmodel import Session

from eas_provenance.errors import UnknownRunError
from eas_provenance.queries.base import (
    ATTEMPT,
    CURSOR,
    DOCUMENT,
    FAILING,
    RUN,
    TAG,
    TASK,
    TASK_TYPE,
    Page,
    count,
    fetch,
    first,
    has_text,
)
from eas_provenance.queries.clock import seconds
from eas_worker.functions import did_you_mean

ENDED = ("succeeded", "failed", "error", "blocked", "skipped", "cancelled")
"""States in which a task stays."""
_MOST_NAMES = 200
"""Names that a wrong one is compared with."""


class RunFilter(NamedTuple):
    """Which runs are meant: those in one of some states, with a tag, with some text in their names."""

    states: tuple[str, ...] = ()
    tag: str | None = None
    search: str = ""


ALL_RUNS = RunFilter()


class RunRow(NamedTuple):
    """A run and how many of its tasks are in which state.

    `last` is when something happened in one that was interrupted for the last time, as far as is known.
    `at_least` and `at_most` are how many tasks there will be; `at_most` is None when only the run itself can tell.
    """

    id: int
    name: str
    uid: str
    job_name: str
    site: str
    state: str
    message: str
    source: str
    user: str
    host: str
    version: str
    started: str
    ended: str | None
    tags: tuple[str, ...]
    at_least: int
    at_most: int | None
    states: dict[str, int]
    last: str | None = None

    @property
    def is_over(self) -> bool:
        """Whether nothing of it will change any more, unless somebody goes on with it."""
        return self.state != "running"

    @property
    def is_interrupted(self) -> bool:
        """Whether it has not ended, but nobody works on it any more."""
        return self.state == "interrupted"

    @property
    def done(self) -> int:
        """How many tasks have ended, in whatever way."""
        return sum(self.states.get(state, 0) for state in ENDED)

    @property
    def failed(self) -> int:
        """How many tasks failed or broke."""
        return sum(self.states.get(state, 0) for state in FAILING)

    def duration_s(self, now: str) -> float:
        """Return how long it took, or takes until `now` [s]; until something happened last if it was interrupted."""
        end = self.ended or (self.last if self.is_interrupted else None)
        return seconds(self.started, end or now) or 0.0


class RunTexts(NamedTuple):
    """What a run was made with, and from: the texts of its chain, Workflow and registry."""

    parameters: dict[str, str]
    subject: dict[str, Any]
    chain: bytes
    workflow: bytes
    registry: bytes | None


def runs(session: Session, where: RunFilter = ALL_RUNS, *, limit: int = 50, offset: int = 0) -> Page[RunRow]:
    """Return runs, the newest first."""
    wanted = select(RUN)
    if where.states:
        wanted = wanted.where(RUN.c.state.in_(where.states))
    if where.tag is not None:
        wanted = wanted.where(RUN.c.id.in_(select(TAG.c.run_id).where(TAG.c.tag == where.tag)))
    if where.search:
        wanted = wanted.where(has_text(where.search, RUN.c.name, RUN.c.job_name, RUN.c.source))
    newest = wanted.order_by(RUN.c.started.desc(), RUN.c.id.desc()).limit(limit).offset(offset)
    return Page(_rows(session, newest), count(session, wanted), offset)


def find_run(session: Session, given: str | None = None) -> RunRow:
    """Return the run of a name or of the unique beginning of one; the newest run when nothing is given.

    Raises
    ------
    UnknownRunError
        When there is none, or when several names begin so.
    """
    if given is None:
        newest = _rows(session, select(RUN).order_by(RUN.c.started.desc(), RUN.c.id.desc()).limit(1))
        if not newest:
            raise UnknownRunError("there is no run yet")
        return newest[0]
    exact = _rows(session, select(RUN).where(RUN.c.name == given))
    if exact:
        return exact[0]
    likely = select(RUN).where(RUN.c.name.startswith(given, autoescape=True)).order_by(RUN.c.started.desc()).limit(9)
    found = [row for row in _rows(session, likely) if given and row.name.startswith(given)]
    if len(found) == 1:
        return found[0]
    if found:
        raise UnknownRunError(several(given, [row.name for row in found]))
    newest_first = fetch(session, select(RUN.c.name).order_by(RUN.c.started.desc()).limit(_MOST_NAMES))
    raise UnknownRunError(unknown(given, [row.name for row in newest_first]))


def several(given: str, names: Iterable[str]) -> str:
    """Say that several runs may be meant by what was given."""
    return f"several runs begin with {given!r}: {', '.join(names)}"


def unknown(given: str, names: Iterable[str]) -> str:
    """Say that no run is meant by what was given, of those there are."""
    hint = did_you_mean(given, list(names)) if given else ""
    return f"unknown run {given!r}; {hint or '`eas show` lists them'}"


def run_by_id(session: Session, run_id: int) -> RunRow | None:
    """Return a run as it is now."""
    found = _rows(session, select(RUN).where(RUN.c.id == run_id))
    return found[0] if found else None


def interrupted(session: Session, run: RunRow) -> RunRow:
    """Return a run as one that was interrupted: for one that should be running, but on which nobody works."""
    return run._replace(state="interrupted", last=_last(session, [run.id]).get(run.id))


def texts(session: Session, run_id: int) -> RunTexts:
    """Return what a run was made with and from.

    Raises
    ------
    UnknownRunError
        When there is no such run.
    """
    row = first(session, select(RUN).where(RUN.c.id == run_id))
    if row is None:
        raise UnknownRunError(f"there is no run with the number {run_id}")
    keys = (row.chain_sha256, row.workflow_sha256, row.registry_sha256)
    query = select(DOCUMENT.c.sha256, DOCUMENT.c.content).where(DOCUMENT.c.sha256.in_([key for key in keys if key]))
    found = {one.sha256: zlib.decompress(one.content) for one in fetch(session, query)}
    chain, workflow, registry = (found.get(key) for key in keys)
    return RunTexts(row.parameters, row.subject, chain or b"", workflow or b"", registry)


def _rows(session: Session, wanted: Select[Any]) -> tuple[RunRow, ...]:
    """Return runs with what is known of their tasks."""
    found = fetch(session, wanted)
    ids = [row.id for row in found]
    states = _states(session, ids)
    expected = _expected(session, ids)
    last = _last(session, [row.id for row in found if row.state == "interrupted"])
    tags: dict[int, list[str]] = {}
    for row in fetch(session, select(TAG).where(TAG.c.run_id.in_(ids)).order_by(TAG.c.tag)):
        tags.setdefault(row.run_id, []).append(row.tag)
    plain = [name for name in RunRow._fields if name in RUN.c]
    return tuple(
        RunRow(
            **{name: getattr(row, name) for name in plain},
            tags=tuple(tags.get(row.id, ())),
            at_least=expected.get(row.id, (0, 0))[0],
            at_most=expected.get(row.id, (0, 0))[1],
            states=states.get(row.id, {}),
            last=last.get(row.id),
        )
        for row in found
    )


def _states(session: Session, ids: list[int]) -> dict[int, dict[str, int]]:
    query = select(TASK.c.run_id, TASK.c.state, func.count().label("tasks"))
    found: dict[int, dict[str, int]] = {}
    for row in fetch(session, query.where(TASK.c.run_id.in_(ids)).group_by(TASK.c.run_id, TASK.c.state)):
        found.setdefault(row.run_id, {})[row.state] = row.tasks
    return found


def _last(session: Session, ids: list[int]) -> dict[int, str]:
    """Return when something happened last in some runs: in their tasks, else when somebody looked for it."""
    seen = fetch(session, select(CURSOR.c.run_id, CURSOR.c.seen).where(CURSOR.c.run_id.in_(ids)))
    happened: dict[int, list[str]] = {}
    for of in (TASK, ATTEMPT):
        query = select(of.c.run_id, func.max(of.c.started), func.max(of.c.ended)).where(of.c.run_id.in_(ids))
        for run_id, *times in fetch(session, query.group_by(of.c.run_id)):
            happened.setdefault(run_id, []).extend(time for time in times if time is not None)
    return dict(map(tuple, seen)) | {run_id: max(times) for run_id, times in happened.items() if times}


def _expected(session: Session, ids: list[int]) -> dict[int, tuple[int, int | None]]:
    query = select(
        TASK_TYPE.c.run_id,
        func.sum(TASK_TYPE.c.at_least).label("low"),
        func.sum(TASK_TYPE.c.at_most).label("high"),
        (func.count() - func.count(TASK_TYPE.c.at_most)).label("open"),
    )
    rows = fetch(session, query.where(TASK_TYPE.c.run_id.in_(ids)).group_by(TASK_TYPE.c.run_id))
    return {row.run_id: (int(row.low), None if row.open else int(row.high)) for row in rows}
