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
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from eas.terminal import OK, WRONG_INPUT, WRONG_USE, add_store, add_verb, fail, say
from eas_argo.cluster.errors import ClusterError
from eas_provenance.errors import DatabaseError, LeaseError, RepositoryError
from eas_worker.usage import now

if TYPE_CHECKING:
    from eas.families import Observe, Say, Written
    from eas_argo.cluster.profile import Profile
    from eas_argo.cluster.watch import Api, Event
    from eas_provenance.database import Database
    from eas_provenance.s3 import Bucket

PACE_S = 1.0
"""How often what has changed is written."""
NOTE_S = 10.0
"""How often it is noted that the cluster is still heard."""
_WAITING = 200
"""How many events may wait to be taken: then the cluster waits, too."""
_MOST_ODD = 1000
"""How many odd things are remembered, so that each is said once."""


class Reads(Protocol):
    """A repository to read from."""

    def read(self, key: str) -> bytes | None:
        """Return the content of a key, None when there is none."""


class Where(NamedTuple):
    """What is followed into what: a site's name, the way to its cluster, its repository, the database.

    `place` is the uid of the namespace: whoever follows that into the database is the only one, whatever the site is
    called.
    """

    site: str
    api: Api
    files: Reads
    database: Database
    place: str


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
        connection = connect(site)
        service = Service(Where(site.name, connection, files, database, connection.place()), say)
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
# The service


class Service:
    """Follows a site into its database, as the only process that does.

    `say` is told of notable things, one line each; `observe` of every task that is not what it was, also while another
    process writes.
    """

    def __init__(self, where: Where, say: Say, observe: Observe = lambda _name, _task: None) -> None:
        from eas.families import Families
        from eas_argo.cluster.watch import Watch
        from eas_provenance.lease import Lease, Who
        from eas_provenance.mirror import Place
        from eas_provenance.s3 import READERS

        self._where, self._say = where, say
        owner = f"{platform.node()}:{os.getpid()}:{uuid.uuid4().hex[:6]}"
        self._lease = Lease(where.database, Who(where.place, where.site, owner))
        place = Place(where.database, where.files.read, where.site, where.place, READERS, self._lease.hold)
        self._families = Families(place, say, observe)
        self._odd: set[str] = set()
        self._stop = threading.Event()
        self._watch = Watch(where.api, self._stop.wait)
        self._events: queue.Queue[Event | Exception] = queue.Queue(_WAITING)
        self._is_owner = False
        self._holder = self._trouble = self._lost = self._noted = ""
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
        self._complete()
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
        """Take what comes within some time [s], or has come already, and write it; what comes later has to wait."""
        end, already = time.monotonic() + patience_s, self._events.qsize()
        with contextlib.suppress(queue.Empty):
            while already > 0 or time.monotonic() < end:
                event = self._events.get(timeout=max(1e-3, end - time.monotonic()))
                already -= 1
                if isinstance(event, Exception):
                    raise event
                self._take(event)
        try:
            self._complete()
        except ClusterError as error:
            self._lost = str(error)
        self._write()

    def _complete(self) -> None:
        """Ask for the whole of runs of which only a part has come."""
        from eas_argo.cluster.again import OF
        from eas_argo.cluster.runs import CHILDREN

        for uid, names in self._families.incomplete().items():
            labels = (f"{CHILDREN}={uid}", f"{OF}={uid}")
            self._families.complete(uid, self._watch.family(uid, names, labels))

    def _take(self, event: Event) -> None:
        from eas_argo.cluster.watch import Gone, Heard, Listed, Lost, Odd, Present

        if isinstance(event, Present):
            self._families.take(event.update)
        elif isinstance(event, Gone):
            self._families.delete(event.uid)
        elif isinstance(event, Listed):
            self._families.keep_only(event.uids)
            self._listed, self._families.is_live = event.uids, True
        elif isinstance(event, Odd):
            self._say_once(event.reason)
        elif isinstance(event, Lost):
            self._lost = event.reason
        elif isinstance(event, Heard):
            self._heard, self._lost = now(), ""

    def _say_once(self, odd: str) -> None:
        if len(self._odd) >= _MOST_ODD:
            self._odd.clear()
        if odd not in self._odd:
            self._odd.add(odd)
            self._say(odd)

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
            self._families.mark_deleted(self._listed)
            self._listed = None
        written = self._families.write()
        for uid in written.over:
            self._watch.reader.forget(uid)
        return written

    def _note(self, written: Written, *, is_due: bool) -> None:
        """Note how fresh the rows are, now and then."""
        trouble = self._lost or written.wrong
        note = trouble or self._families.aside
        self._tell(trouble)
        if is_due or note != self._noted or time.monotonic() - self._noted_s > NOTE_S:
            self._lease.note(self._heard, written.lag_s, note)
            self._noted, self._noted_s = note, time.monotonic()

    def _tell(self, trouble: str) -> None:
        """Say what is wrong, once, and that it is over."""
        if trouble != self._trouble:
            self._say(trouble or "all is well again")
            self._trouble = trouble

    def _leave(self) -> None:
        with contextlib.suppress(DatabaseError):
            self._lease.give_up()
