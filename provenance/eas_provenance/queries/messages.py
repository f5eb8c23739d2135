"""What tries said: the lines of their logs in the order of time."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, func, select, tuple_
from sqlmodel import Session

from eas_provenance.queries.base import (
    ATTEMPT,
    MESSAGE,
    TASK,
    Page,
    beginnings,
    beneath,
    chunks,
    count,
    fetch,
    first,
    has_text,
    mapping,
)

SEVERITIES = ("debug", "status", "info", "warning", "error", "critical")
"""From the least to the most serious."""

Position = tuple[str, str, str, int, int]
"""Where a line stands among all lines of a run: its time, then its key."""


class MessageFilter(NamedTuple):
    """Which lines are meant: of tasks at or beneath a path, of some severities, of a step, with some text in them."""

    path: str = ""
    severities: tuple[str, ...] = ()
    step: str | None = None
    search: str = ""

    def condition(self, session: Session, run_id: int) -> ColumnElement[bool]:
        """Return what is true of these lines of a run."""
        wanted = [MESSAGE.c.run_id == run_id]
        if self.path:  # the lines of one task are found by their key, which is quicker than by how their paths begin
            is_task = first(session, select(TASK.c.path).where(TASK.c.run_id == run_id, TASK.c.path == self.path))
            wanted.append(MESSAGE.c.path == self.path if is_task else beneath(MESSAGE.c.path, self.path))
        if self.severities:
            wanted.append(MESSAGE.c.severity.in_(self.severities))
        if self.step is not None:
            wanted.append(MESSAGE.c.step == self.step)
        if self.search:
            wanted.append(has_text(self.search, MESSAGE.c.text))
        return and_(*wanted)

    def has(self, row: MessageRow) -> bool:
        """Return whether a line is among them that is not from the database."""
        is_beneath = not self.path or row.path == self.path or row.path.startswith(beginnings(self.path))
        is_severe = not self.severities or row.severity in self.severities
        return is_beneath and is_severe and self.step in (None, row.step) and self.search.lower() in row.text.lower()


ALL_MESSAGES = MessageFilter()


class MessageRow(NamedTuple):
    """A line of the log of a try; `fraction` says how far the program is, for a `status` that tells it.

    `chain` is the place of its task in the chain, `source` the logger that said it.
    """

    time: str
    path: str
    step: str
    number: int
    position: int
    severity: str
    source: str
    text: str
    fraction: float | None
    chain: str = ""

    @property
    def cursor(self) -> Position:
        """Where it stands: what comes after it is asked for by this."""
        return self[:5]


def at_least(severity: str) -> tuple[str, ...]:
    """Return a severity and those that are more serious."""
    return SEVERITIES[SEVERITIES.index(severity) :]


def messages(
    session: Session,
    run_id: int,
    where: MessageFilter = ALL_MESSAGES,
    *,
    after: Position | None = None,
    limit: int = 1000,
) -> tuple[MessageRow, ...]:
    """Return lines in the order of time: the first ones there are, or the first ones `after` another."""
    wanted = select(*_COLUMNS).where(where.condition(session, run_id))
    if after is not None:
        wanted = wanted.where(tuple_(*_ORDER) > tuple_(*after))
    return _rows(session, run_id, wanted.order_by(*_ORDER).limit(limit))


def last_messages(
    session: Session, run_id: int, where: MessageFilter = ALL_MESSAGES, *, limit: int = 100, offset: int = 0
) -> Page[MessageRow]:
    """Return the last lines in the order of time; `offset` leaves out so many at the end."""
    condition = where.condition(session, run_id)
    newest_first = select(*_COLUMNS).where(condition).order_by(*(column.desc() for column in _ORDER))
    rows = _rows(session, run_id, newest_first.limit(limit).offset(offset))[::-1]
    return Page(rows, count(session, select(MESSAGE.c.severity).where(condition)), offset)


def oldest_running(session: Session, run_id: int) -> str | None:
    """Return when the oldest try began that has not ended; None when there is none.

    The lines of a try come when it has ended: those that are still to come are not older than this.
    """
    not_ended = and_(ATTEMPT.c.run_id == run_id, ATTEMPT.c.ended.is_(None))
    oldest: str | None = first(session, select(func.min(ATTEMPT.c.started)).where(not_ended))[0]
    return oldest


def severity_counts(session: Session, run_id: int, path: str = "") -> dict[str, int]:
    """Return how many lines there are of each severity, from the least serious on."""
    query = select(MESSAGE.c.severity, func.count()).where(MessageFilter(path).condition(session, run_id))
    found = {row[0]: row[1] for row in fetch(session, query.group_by(MESSAGE.c.severity))}
    return {severity: found[severity] for severity in (*SEVERITIES, *found) if severity in found}


_COLUMNS = [MESSAGE.c[name] for name in MessageRow._fields[:-1]]
_ORDER = _COLUMNS[:5]


def _rows(session: Session, run_id: int, wanted: Select[Any]) -> tuple[MessageRow, ...]:
    """Return lines with the places of their tasks in the chain."""
    rows = fetch(session, wanted)
    paths = {row.path for row in rows}
    of_run = select(TASK.c.path, TASK.c.source).where(TASK.c.run_id == run_id)
    places: dict[str, str] = {}
    for some in chunks(sorted(paths)):
        places.update((row.path, row.source) for row in fetch(session, of_run.where(TASK.c.path.in_(some))))
    return tuple(MessageRow(**mapping(row), chain=places.get(row.path, "")) for row in rows)
