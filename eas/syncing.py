"""The verb `sync`: follows the runs of a cluster into the database, as long as it is let.

It may be killed at any moment: all that it knows comes from the cluster and the bucket again.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import queue
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from eas.terminal import OK, WRONG_INPUT, WRONG_USE, add_store, add_verb, fail, say
from eas_provenance.errors import DatabaseError, LeaseError, RepositoryError
from eas_worker.usage import now

if TYPE_CHECKING:
    from eas_argo.cluster.profile import Profile
    from eas_argo.cluster.reading import Update
    from eas_argo.cluster.watch import Api, Event
    from eas_provenance.batch import Batch
    from eas_provenance.database import Database
    from eas_provenance.mirror import Mirror, Part
    from eas_provenance.s3 import Bucket
    from eas_provenance.states import Task

PACE_S = 1.0
"""How often what has changed is written."""
NOTE_S = 10.0
"""How often it is noted that the cluster is still heard."""
CHILD_OF = "eas/run"
"""The label of a child, with the uid of the Workflow of its run."""
_WAITING = 200
"""How many events may wait to be taken: then the cluster waits, too."""
Say = Callable[[str], None]
Observe = Callable[[str, "Task"], object]


class Reads(Protocol):
    """A repository to read from."""

    def read(self, key: str) -> bytes | None:
        """Return the content of a key, None when there is none."""


class Where(NamedTuple):
    """What is followed into what: a site's name, the way to its cluster, its repository, and the database."""

    site: str
    api: Api
    files: Reads
    database: Database


def register(verbs: Any) -> None:
    """Add the verb."""
    one = add_verb(verbs, "sync", _sync, "follow the runs of a cluster into the database")
    one.add_argument("--once", action="store_true", help="take what the cluster tells now, and end")
    add_store(one)


def _sync(arguments: argparse.Namespace) -> int:
    from eas_argo.cluster.connection import connect
    from eas_argo.cluster.profile import Profile
    from eas_provenance.database import Database

    site = arguments.site
    if not isinstance(site, Profile):
        return fail(f"{site.name} is no cluster: `eas sync --site SITE`", WRONG_USE)
    if arguments.db is None:
        return fail(f"{site.name} names no database: give it one in the file of sites, or --db URL", WRONG_USE)
    stop = threading.Event()
    files = bucket(site)
    with Database.open(arguments.db) as database, _stopping(stop):
        service = Service(Where(site.name, connect(site), files, database), say)
        if arguments.once:
            return OK if service.once(stop) else WRONG_INPUT
        service.follow(stop)
    return OK


def bucket(site: Profile) -> Bucket:
    """Return the file repository of a site.

    Raises
    ------
    RepositoryError
        When the site names no bucket.
    """
    from eas_provenance.s3 import Bucket

    if site.bucket is None:
        raise RepositoryError(f"{site.name} names no bucket: give it one in the file of sites, or EAS_S3_BUCKET")
    return Bucket(site.bucket.name, site.bucket.endpoint, site.bucket.region)


class _stopping:  # noqa: N801 - used as a function is
    """Have Ctrl-C and SIGTERM set an event until the end of the block; the second one breaks off."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop

    def __enter__(self) -> None:
        import signal

        self._before = {one: signal.signal(one, self._receive) for one in (signal.SIGINT, signal.SIGTERM)}

    def __exit__(self, *_: object) -> None:
        import signal

        for one, handler in self._before.items():
            signal.signal(one, handler)

    def _receive(self, *_: object) -> None:
        if self._stop.is_set():
            raise KeyboardInterrupt
        self._stop.set()


# ---------------------------------------------------------------------------------------------------------------------
# Runs


class RunOf(NamedTuple):
    """Which run a Workflow belongs to, by the uid and the name of its first, and as which part."""

    uid: str
    name: str
    part: Part


class Runs:
    """The runs of a site: the one place that knows which Workflows make which run.

    `observe` is told the name of a run and a task of it that is not what it was.
    """

    def __init__(self, where: Where, guard: Callable[[Batch], object], say: Say, observe: Observe) -> None:
        from eas_provenance.mirror import Place
        from eas_provenance.s3 import READERS

        self._place = Place(where.database, where.files.read, where.site, READERS, guard)
        self._say, self._observe = say, observe
        self._mirrors: dict[str, Mirror] = {}
        self.is_live = False
        """Whether what is told has just happened: a list tells of what happened long ago, too."""
        self._strange: set[str] = set()
        self._of: dict[str, RunOf] = {}
        self._early: dict[str, list[Update]] = {}
        self._newest: dict[str, str] = {}

    def take(self, update: Update) -> None:
        """Take what is new of a Workflow."""
        from eas_provenance.mirror import Mirror, NoRunError, Seen

        if update.uid in self._strange:
            return
        try:
            run = self._run_of(update)
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            self._strange.add(update.uid)
            self._say(f"{update.name} does not say which life of which run it is: {error!r}")
            return
        mirror = self._mirrors.get(run.uid)
        if mirror is None:
            if run.part.is_child:  # the run is told of before long: its children are its own
                self._early.setdefault(run.uid, []).append(update)
                return
            try:
                about = {**update.metadata, "name": run.name, "uid": run.uid}
                mirror = self._mirrors[run.uid] = Mirror(self._place, about, update.spec)
            except NoRunError as error:
                self._strange.add(update.uid)
                self._say(str(error))
                return
        elif self.is_live:
            times = [one.get("finishedAt") or one.get("startedAt") or "" for one in update.changed]
            self._newest[run.uid] = max([*times, self._newest.get(run.uid, "")])
        for odd in update.odd:
            self._say(f"{update.name}: {odd}")
        seen = Seen(update.version, update.status, update.changed, update.gone, update.nodes, update.problem)
        for task in mirror.take(run.part, seen):
            self._observe(mirror.name, task)
        for early in self._early.pop(run.uid, ()):
            self.take(early)

    def _run_of(self, update: Update) -> RunOf:
        """Return which part of which run a Workflow is: the first of it, a later life, or a child of one of these."""
        from eas_argo.cluster.again import life_of
        from eas_provenance.mirror import Part

        labels, entrypoint = update.metadata.get("labels") or {}, str(update.spec.get("entrypoint"))
        created = str(update.metadata.get("creationTimestamp") or "")
        above = labels.get(CHILD_OF)
        if isinstance(above, str):
            part = Part(update.name, entrypoint, created, is_child=True)
            found = RunOf(self._of.get(above, RunOf(above, "", part)).uid, "", part)
        else:
            life = life_of({"metadata": update.metadata})
            part = Part(update.name, entrypoint, created, life.number, life.first_try)
            found = RunOf(life.uid, life.run, part)
        self._of[update.uid] = found
        return found

    def delete(self, uid: str) -> None:
        """Note that a Workflow was deleted."""
        self._strange.discard(uid)
        run = self._of.pop(uid, None)
        if run is not None and (mirror := self._mirrors.get(run.uid)) is not None:
            mirror.delete(run.part.name)

    def keep_only(self, uids: Iterable[str]) -> None:
        """Note that there are no other Workflows than these."""
        for uid in self._of.keys() - set(uids):
            self.delete(uid)

    def mark_deleted(self, uids: Iterable[str]) -> None:
        """Note which runs of the database are not there any more."""
        from eas_provenance.mirror import mark_deleted

        runs = {self._of[uid].uid for uid in uids if uid in self._of}
        for name in mark_deleted(self._place, {*uids, *runs, *self._mirrors}):
            self._say(f"{name}: its Workflow was deleted while nobody followed it")

    def write(self) -> Written:
        """Write what has changed.

        Raises
        ------
        LeaseError
            When another process writes now.
        """
        lag_s, wrong, over = None, "", []
        for uid, mirror in list(self._mirrors.items()):
            if not mirror.is_behind:
                continue
            try:
                state = mirror.write()
            except (DatabaseError, RepositoryError) as error:
                wrong = str(error)
                continue
            if newest := self._newest.pop(uid, ""):
                lag_s = max(lag_s or 0.0, _age_s(newest))
            if state is not None:
                self._say(f"{mirror.name}: {state}")
            if mirror.is_over:
                del self._mirrors[uid]
                over += [one for one, run in self._of.items() if run.uid == uid]
        return Written(lag_s, wrong, over)


class Written(NamedTuple):
    """How late rows were [s], what is wrong, and the uids of the Workflows of runs that are over."""

    lag_s: float | None
    wrong: str
    over: list[str]


def _age_s(time_: str) -> float:
    return max(0.0, (datetime.now(UTC) - datetime.fromisoformat(time_)).total_seconds())


# ---------------------------------------------------------------------------------------------------------------------
# The service


class Service:
    """Follows a site into its database, as the only process that does.

    `say` is told of notable things, one line each; `observe` of every task that is not what it was, also while another
    process writes.
    """

    def __init__(self, where: Where, say: Say, observe: Observe = lambda _name, _task: None) -> None:
        from eas_argo.cluster.watch import Watch
        from eas_provenance.lease import Lease

        self._where, self._say = where, say
        self._lease = Lease(where.database, where.site, f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:6]}")
        self._runs = Runs(where, self._lease.hold, say, observe)
        self._stop = threading.Event()
        self._watch = Watch(where.api, self._stop.wait)
        self._events: queue.Queue[Event | Exception] = queue.Queue(_WAITING)
        self._is_owner = False
        self._holder = self._trouble = self._lost = ""
        self._listed: frozenset[str] | None = None
        self._heard: str | None = None
        self._noted_s = float("-inf")

    def once(self, stop: threading.Event, warn: Say | None = None) -> bool:
        """Take what the cluster tells now; return whether that is in the database.

        `warn` is told that it takes long, instead of `say`.

        Raises
        ------
        ClusterError, DatabaseError, RepositoryError
            When it cannot be had, or cannot be written.
        """
        for event in self._watch.once():
            self._take(event)
            if stop.is_set():
                return False
        try:
            if not self._is_free(stop, warn or self._say):
                return False
            self._is_owner = True
            written = self._put()
            if written.wrong:
                raise RepositoryError(written.wrong)
            self._note(written, is_due=True)
        finally:
            self._lease.give_up()
        return True

    def _is_free(self, stop: threading.Event, warn: Say) -> bool:
        """Take the lease, also from one who died with it; a live one takes a turn before long."""
        from eas_provenance.lease import EXPIRY_S

        if self._lease.take():
            return True
        holder = self.holder
        warn(f"{holder} follows {self._where.site}; waiting up to {EXPIRY_S:.0f} s for a sign that it lives")
        if self._lease.outwait(stop.wait):
            warn(f"{holder} gave none, and follows no more")
            return True
        warn(f"{self.holder} follows {self._where.site} already")
        return False

    @property
    def holder(self) -> str:
        """Who had the right to write when it was asked for last."""
        return self._lease.holder

    def follow(self, stop: threading.Event) -> None:
        """Follow until it is to stop.

        Raises
        ------
        ClusterError, DatabaseError
            When the cluster or the database cannot be had at the beginning; later they are waited for.
        """
        for event in self._watch.once():
            self._take(event)
        self._where.database.check()
        listener = threading.Thread(target=self._listen, name="watch", daemon=True)
        listener.start()
        try:
            while not stop.is_set():
                self._turn(PACE_S)
            self._turn(0.0)
        finally:
            self._stop.set()
            self._leave()

    def _listen(self) -> None:
        try:
            for event in self._watch.events():
                self._events.put(event)
        except Exception as error:  # noqa: BLE001 - raised where it is seen
            self._events.put(error)

    def _turn(self, patience_s: float) -> None:
        """Take what comes within some time [s], and write it."""
        end = time.monotonic() + patience_s
        with contextlib.suppress(queue.Empty):
            while True:
                event = self._events.get(timeout=max(0.0, end - time.monotonic()) or 1e-3)
                if isinstance(event, Exception):
                    raise event
                self._take(event)
        self._write()

    def _take(self, event: Event) -> None:
        from eas_argo.cluster.watch import Gone, Heard, Listed, Lost, Odd, Present

        if isinstance(event, Present):
            self._runs.take(event.update)
        elif isinstance(event, Gone):
            self._runs.delete(event.uid)
        elif isinstance(event, Listed):
            self._runs.keep_only(event.uids)
            self._listed, self._runs.is_live = event.uids, True
        elif isinstance(event, Odd):
            self._say(event.reason)
        elif isinstance(event, Lost):
            self._lost = event.reason
        elif isinstance(event, Heard):
            self._heard, self._lost = now(), ""

    def _write(self) -> None:
        """Write, as far as that is for this process to do, and can be done."""
        try:
            if not self._is_owner and not self._obtain():
                return
            written = self._put()
            self._note(written, is_due=written.lag_s is not None)
        except LeaseError as error:
            self._is_owner, self._holder = False, ""
            self._say(f"{error}; this one waits")
        except DatabaseError as error:
            self._tell(str(error))

    def _obtain(self) -> bool:
        self._is_owner = self._lease.take()
        if self._is_owner:
            self._say(f"following {self._where.site}")
        elif self._lease.holder != self._holder:
            self._holder = self._lease.holder
            self._say(f"{self._holder} follows {self._where.site} already; this one waits for its end")
        return self._is_owner

    def _put(self) -> Written:
        if self._listed is not None:
            self._runs.mark_deleted(self._listed)
            self._listed = None
        written = self._runs.write()
        for uid in written.over:
            self._watch.reader.forget(uid)
        return written

    def _note(self, written: Written, *, is_due: bool) -> None:
        """Note how fresh the rows are, now and then."""
        trouble = self._lost or written.wrong
        is_due = is_due or trouble != self._trouble
        self._tell(trouble)
        if is_due or time.monotonic() - self._noted_s > NOTE_S:
            self._lease.note(self._heard, written.lag_s, trouble)
            self._noted_s = time.monotonic()

    def _tell(self, trouble: str) -> None:
        """Say what is wrong, once, and that it is over."""
        if trouble != self._trouble:
            self._say(trouble or "all is well again")
            self._trouble = trouble

    def _leave(self) -> None:
        with contextlib.suppress(DatabaseError):
            self._lease.give_up()
