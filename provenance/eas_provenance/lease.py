"""Who may write what happens in a namespace of a cluster: one at a time, and another when that one is silent for long.

The namespace is known by its uid: whatever anybody calls it, two who follow it into one database exclude each other.

No clock has to be right, and no two have to agree: whoever waits sees that the number of turns does not go on and
counts the seconds by itself. One that was thought dead and goes on writes nothing more: every transaction is a turn,
and the turns of somebody else end it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, insert, select, true, update
from sqlalchemy.engine import CursorResult
from sqlmodel import Session, col

from eas_provenance.batch import Batch
from eas_provenance.database import Database
from eas_provenance.errors import LeaseError
from eas_provenance.tables import Following, Run

EXPIRY_S = 30.0
"""How long one who follows may be silent [s]."""
_LOOK_S = 0.5
"""How often one who waits looks for a sign of whoever has the lease [s]."""


class Freshness(NamedTuple):
    """Who follows a site, when it was last heard, how late its rows are [s], and what is wrong now."""

    site: str
    owner: str
    seen: str | None
    lag_s: float | None
    message: str


class Who(NamedTuple):
    """Somebody who follows a place, by the uid of its namespace: what the site is called there, and they themselves."""

    place: str
    site: str
    owner: str


class Lease:
    """The right to write what happens in a place.

    `now_s` is a clock that goes on evenly; all methods raise `DatabaseError` when the database cannot be used.
    """

    def __init__(
        self,
        database: Database,
        who: Who,
        *,
        expiry_s: float = EXPIRY_S,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database, (self._place, self._site, self.owner) = database, who
        self._expiry_s, self._now_s = expiry_s, now_s
        self._watched: tuple[str, int] | None = None
        self._since_s = 0.0
        self.holder = ""
        """Who had it when it was asked for last."""

    def take(self) -> bool:
        """Take it if it is free, or if who has it was silent for too long; return whether it is this one's now."""
        with self._database.writing() as batch:
            columns = select(col(Following.owner), col(Following.turn))
            found = batch.execute(columns.where(col(Following.place) == self._place)).first()
            if found is None:
                values = {"place": self._place, "site": self._site, "owner": "", "turn": 0, "message": ""}
                batch.execute(insert(Following).values(**values))
            self.holder, turn = tuple(found) if found is not None else ("", 0)
            if self.holder not in ("", self.owner) and not self._is_silent(self.holder, turn):
                return False
            self._turn(batch, self.holder, {"owner": self.owner, "site": self._site, "message": ""}, turn)
            self.holder = self.owner
            return True

    def outwait(self, wait: Callable[[float], bool]) -> bool:
        """Take it, even if that takes as long as who has it may be silent; return whether it is this one's now.

        One sign of who has it ends the wait. `wait` is given seconds to wait, and returns whether to give up.
        """
        if self.take():
            return True
        before = self._watched
        while self._watched == before and not wait(_LOOK_S):
            if self.take():
                return True
        return False

    def _is_silent(self, holder: str, turn: int) -> bool:
        if self._watched != (holder, turn):
            self._watched, self._since_s = (holder, turn), self._now_s()
        return self._now_s() - self._since_s > self._expiry_s

    def hold(self, batch: Batch) -> None:
        """Make a transaction one of this owner's turns.

        Raises
        ------
        LeaseError
            When somebody else has taken over.
        """
        self._turn(batch, self.owner, {})

    def note(self, seen: str | None, lag_s: float | None, message: str) -> None:
        """Note how fresh what is known is, as far as that can be told now; this is a turn, too.

        Raises
        ------
        LeaseError
            When somebody else has taken over.
        """
        told = {name: value for name, value in (("seen", seen), ("lag_s", lag_s)) if value is not None}
        with self._database.writing() as batch:
            self._turn(batch, self.owner, {"message": message, **told})

    def give_up(self) -> None:
        """Let another take it at once."""
        with self._database.writing() as batch, contextlib.suppress(LeaseError):
            self._turn(batch, self.owner, {"owner": ""})

    def _turn(self, batch: Batch, owner: str, changes: dict[str, Any], turn: int | None = None) -> None:
        """Take a turn, unless the lease is not the owner's, or is at another turn."""
        mine = update(Following).where(col(Following.place) == self._place, col(Following.owner) == owner)
        if turn is not None:
            mine = mine.where(col(Following.turn) == turn)
        done = batch.execute(mine.values(turn=col(Following.turn) + 1, **changes))
        if not isinstance(done, CursorResult) or done.rowcount != 1:
            raise LeaseError(f"another process follows {self._site} now")


def freshness(session: Session, place: str) -> Freshness | None:
    """Return how fresh what is known of a place is; None when nobody has ever followed it."""
    return next(iter(_freshness(session, col(Following.place) == place)), None)


def freshness_of_site(session: Session, site: str) -> Freshness | None:
    """Return how fresh what is known of a site is; None when nobody calls a place so, or several are called so."""
    found = _freshness(session, col(Following.site) == site)
    return found[0] if len(found) == 1 else None


def freshness_of_run(session: Session, run_id: int) -> Freshness | None:
    """Return how fresh what is known of the place of a run is; None when it is no place that can be followed."""
    run = select(col(Run.place)).where(col(Run.id) == run_id).scalar_subquery()
    return next(iter(_freshness(session, col(Following.place) == run)), None)


def all_freshness(session: Session) -> list[Freshness]:
    """Return how fresh what is known of each place is, by the name of its site."""
    return sorted(_freshness(session, true()))


def _freshness(session: Session, which: ColumnElement[bool]) -> list[Freshness]:
    columns = [col(getattr(Following, name)) for name in Freshness._fields]
    return [Freshness(*row) for row in session.execute(select(*columns).where(which))]
