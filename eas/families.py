"""Which Workflows of a site make which run, and the rows of each run.

A Workflow may say of itself whatever it likes. One that cannot be understood, or that claims to be a part of a run
without doing what is that run's, is set aside: that is said once, and all others go on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from eas_argo.cluster.again import Life, is_continued, life_of
from eas_argo.cluster.errors import ClusterError
from eas_argo.cluster.runs import CHILDREN, is_name
from eas_provenance import mirror as mirrors
from eas_provenance.errors import DatabaseError, LeaseError, RepositoryError
from eas_provenance.mirror import Mirror, Part, Place, Seen
from eas_worker.manifests import RUN_NAME

if TYPE_CHECKING:
    from eas_argo.cluster.reading import Update
    from eas_provenance.states import Task

Json = dict[str, Any]
Say = Callable[[str], None]
Observe = Callable[[str, "Task"], object]
_MOST_SHOWN = 3


class Member(NamedTuple):
    """What a Workflow is: some part of a run, which is told by uid and name of the Workflow that it began with."""

    uid: str
    name: str
    part: Part
    life: Life | None
    """Which life it is; None of a child."""


class Founder(NamedTuple):
    """The Workflow by which a run is known, as which life, and what it is to do: others of the run must fit."""

    spec: Json
    life: Life


class StrangerError(Exception):
    """A Workflow is not what it says; the message says why."""


class Families:
    """The runs of a site: the one place that knows which Workflows make which run.

    `say` is told of notable things, one line each; `observe` the name of a run, and a task that is not what it was.
    """

    def __init__(self, place: Place, say: Say, observe: Observe) -> None:
        self._place, self._say, self._observe = place, say, observe
        self._mirrors: dict[str, Mirror] = {}
        self._founders: dict[str, Founder] = {}
        self._of: dict[str, Member] = {}
        self._aside: dict[str, str] = {}
        self._over: set[str] = set()
        self._waiting: dict[str, dict[str, Update]] = {}
        self._newest: dict[str, str] = {}
        self.is_live = False
        """Whether what is told has just happened: a list tells of what happened long ago, too."""

    # -----------------------------------------------------------------------------------------------------------------
    # What there is

    def take(self, update: Update) -> None:
        """Take what is new of a Workflow."""
        if update.uid in self._aside:
            return
        try:
            member = self._of[update.uid] = _member(update, self._of)
            # Without its first Workflow nobody knows what a run is to do; of one that is over nothing is known here.
            if member.uid in self._mirrors or (member.uid == update.uid and member.uid not in self._over):
                self._take(member, update)
            else:
                self._waiting.setdefault(member.uid, {})[update.uid] = update
        except Exception as error:  # noqa: BLE001 - whatever a Workflow does, it does to itself alone
            self._set_aside(update.uid, update.name, error)

    def _take(self, member: Member, update: Update) -> None:
        mirror = self._mirrors.get(member.uid) or self._found(member, update)
        if mirror.part(member.part.name) is None:
            self._check(member, update.spec, mirror)
        if self.is_live:
            times = [one.get("finishedAt") or one.get("startedAt") or "" for one in update.changed]
            self._newest[member.uid] = max([*times, self._newest.get(member.uid, "")])
        for odd in update.odd:
            self._say(f"{update.name}: {odd}")
        seen = Seen(update.version, update.status, update.changed, update.gone, update.nodes, update.problem)
        changed = mirror.take(member.part, seen)
        for task in changed:
            self._observe(mirror.name, task)
        for waiting in self._waiting.pop(member.uid, {}).values():
            self.take(waiting)

    def _found(self, member: Member, update: Update, fits: Callable[[Json], bool] | None = None) -> Mirror:
        """Begin to follow a run by one of its Workflows; `fits` is that of `Mirror`."""
        about = {**update.metadata, "name": member.name, "uid": member.uid}
        mirror = self._mirrors[member.uid] = Mirror(self._place, about, update.spec, fits)
        self._founders[member.uid] = Founder(update.spec, member.life or Life(member.name, member.uid))
        return mirror

    def _check(self, member: Member, spec: Json, mirror: Mirror) -> None:
        """Raise `StrangerError` for a Workflow that claims to be a part of a run, and would do something else."""
        founder = self._founders[member.uid]
        if member.life is None:
            if not mirror.is_child(spec):
                raise StrangerError(f"it says that it is a child of {mirror.name}, whose manifest has no such child")
        elif spec is not founder.spec and not is_continued(founder.spec, founder.life, spec, member.life):
            raise StrangerError(f"it says that it is a life of {mirror.name}, and is to do something else")

    # -----------------------------------------------------------------------------------------------------------------
    # Runs of which only a part has come

    def incomplete(self) -> dict[str, set[str]]:
        """Return the names that runs may have of which only parts have come, by uid: `complete` takes them whole."""
        return {uid: {self._of[one].name for one in there} for uid, there in self._waiting.items()}

    def complete(self, uid: str, updates: Iterable[Update]) -> None:
        """Take all Workflows of a run, of which only some had come, as they are now."""
        self._over.discard(uid)
        waiting = self._waiting.pop(uid, {}) | {one.uid: one for one in updates}
        first = waiting.pop(uid, None)
        if first is not None:
            self.take(first)
        elif lives := [one for one in waiting.values() if (there := self._of.get(one.uid)) and there.life]:
            self._found_without(uid, min(lives, key=lambda one: self._of[one.uid].life or one))
        for one in waiting.values():
            if uid in self._mirrors:
                self.take(one)
            else:
                self._set_aside(one.uid, one.name, StrangerError("the run that it says it is a part of is not there"))

    def _found_without(self, uid: str, update: Update) -> None:
        """Begin to follow a run whose first Workflow is gone; whether a later life is its, the database may know."""
        member = self._of[update.uid]

        def fits(manifest: Json) -> bool:
            assert member.life is not None
            return is_continued(manifest["spec"], Life(member.name, uid), update.spec, member.life)

        try:
            self._found(member, update, fits)
        except Exception as error:  # noqa: BLE001 - as in `take`
            self._set_aside(update.uid, update.name, error)

    # -----------------------------------------------------------------------------------------------------------------
    # What is set aside, and what is not there any more

    def _set_aside(self, uid: str, name: str, error: Exception) -> None:
        """Leave a Workflow alone from now on; a run that it made is not followed, one that has others goes on."""
        known = (ClusterError, mirrors.NoRunError, StrangerError)
        why = str(error) if isinstance(error, known) else f"it cannot be understood: {error!r:.300}"
        self._aside[uid] = name
        self._say(f"{name} is set aside: {why}")
        member = self._of.get(uid)
        mirror = self._mirrors.get(member.uid) if member else None
        if member is not None and mirror is not None and not mirror.leave_out(member.part.name):
            self._drop(member.uid)

    def _drop(self, uid: str) -> None:
        del self._mirrors[uid], self._founders[uid]
        self._newest.pop(uid, None)

    @property
    def aside(self) -> str:
        """Which Workflows were set aside, in words; nothing when none was."""
        names = sorted(self._aside.values())
        shown = ", ".join(names[:_MOST_SHOWN]) + (", …" if len(names) > _MOST_SHOWN else "")
        return f"{mirrors.ASIDE}{len(names)} that cannot be followed: {shown}" if names else ""

    def delete(self, uid: str) -> None:
        """Note that a Workflow was deleted."""
        self._aside.pop(uid, None)
        member = self._of.pop(uid, None)
        if member is not None:
            self._waiting.get(member.uid, {}).pop(uid, None)
            if not self._waiting.get(member.uid, True):
                del self._waiting[member.uid]
            if (mirror := self._mirrors.get(member.uid)) is not None:
                mirror.delete(member.part.name)
        self._over.discard(uid)

    def keep_only(self, uids: Iterable[str]) -> None:
        """Note that there are no other Workflows than these."""
        for uid in self._of.keys() - set(uids):
            self.delete(uid)

    def mark_deleted(self, uids: Iterable[str]) -> None:
        """Note which runs of the database are not there any more."""
        there = set(uids)
        runs = {self._of[uid].uid for uid in there if uid in self._of}
        for name in mirrors.mark_deleted(self._place, {*there, *runs, *self._mirrors}):
            self._say(f"{name}: its Workflow was deleted while nobody followed it")

    # -----------------------------------------------------------------------------------------------------------------
    # Rows

    def write(self) -> Written:
        """Write what has changed.

        Raises
        ------
        LeaseError
            When another process writes now.
        """
        lag_s, wrong, over = None, "", list[str]()
        for uid, mirror in list(self._mirrors.items()):
            if not mirror.is_behind:
                continue
            try:
                state = mirror.write()
            except (DatabaseError, RepositoryError) as error:
                wrong = str(error)
                continue
            except LeaseError:
                raise
            except Exception as error:  # noqa: BLE001 - as in `take`
                self._set_all_aside(uid, error)
                continue
            if newest := self._newest.pop(uid, ""):
                lag_s = max(lag_s or 0.0, age_s(newest))
            if state is not None:
                self._say(f"{mirror.name}: {state}")
            if mirror.is_over:
                self._drop(uid)
                self._over.add(uid)
                over += self._parts(uid)
        return Written(lag_s, wrong, over)

    def _set_all_aside(self, uid: str, error: Exception) -> None:
        """Leave a run alone whose rows cannot be written."""
        for one in self._parts(uid):
            self._aside[one] = self._of[one].part.name
        self._set_aside(uid, self._mirrors[uid].name, error)
        self._mirrors.pop(uid, None)
        self._founders.pop(uid, None)

    def _parts(self, uid: str) -> list[str]:
        return [one for one, member in self._of.items() if member.uid == uid]


class Written(NamedTuple):
    """How late rows were [s], what is wrong, and the uids of the Workflows of runs that are over."""

    lag_s: float | None
    wrong: str
    over: list[str]


def age_s(time_: str) -> float:
    """Return how long ago a time was [s]."""
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(time_)).total_seconds())


def _member(update: Update, others: Mapping[str, Member]) -> Member:
    """Return what a Workflow says that it is: the first of a run, a later life, or a child of one of these."""
    labels, entrypoint = update.metadata.get("labels") or {}, str(update.spec.get("entrypoint"))
    started = update.status.get("startedAt")
    started = started if isinstance(started, str) else ""
    above = labels.get(CHILDREN)
    if isinstance(above, str):
        part = Part(update.name, entrypoint, started, is_child=True)
        return Member(others[above].uid if above in others else above, _name_of_run(update.spec), part, None)
    life = life_of({"metadata": update.metadata})
    part = Part(update.name, entrypoint, started, life.number, life.first_try)
    return Member(life.uid, life.run, part, life)


def _name_of_run(spec: Json) -> str:
    """Return the name of the run that a child workflow was given."""
    given = spec["arguments"]["parameters"]
    name = next((one["value"] for one in given if one["name"] == RUN_NAME), None)
    if not isinstance(name, str) or not is_name(name):
        raise StrangerError("it does not say of which run it is a child")
    return name
