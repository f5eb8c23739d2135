"""A run on a cluster is followed to its end: what becomes of it is shown as it happens, and kept in the database."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

from sqlalchemy import select
from sqlmodel import col

from eas.display import Live, Progress
from eas.families import age_s
from eas.local import Interruptions
from eas.remote import Submitted
from eas.summary import Ended
from eas.syncing import Service, Where, bucket
from eas_argo.cluster import runs
from eas_argo.cluster.again import is_cut, nodes_of
from eas_argo.cluster.connection import Connection, connect
from eas_argo.cluster.errors import ClusterError
from eas_argo.cluster.pending import stuck
from eas_argo.cluster.profile import Profile
from eas_provenance.errors import RepositoryError
from eas_provenance.lease import Freshness, freshness, freshness_of_site
from eas_provenance.queries import OutcomeTable, outcomes
from eas_provenance.states import States, Task
from eas_provenance.tables import Run

if TYPE_CHECKING:
    from eas_compiler.shape import Count
    from eas_provenance.database import Database

Json = dict[str, Any]
Answer = TypeVar("Answer")
_TURN_S = 0.25
_LOOK_S = 2.0
"""How often the cluster is asked whether the run has ended [s]."""
_STUCK_S = 10.0
"""How often it is asked why pods do not begin [s]."""
_FRESH_S = 60.0
"""How long ago who follows the cluster may have heard of it last [s]."""
_PATIENCE_S = 60.0
"""How long the database may take to know the end [s]."""
_SILENCE_S = 300.0
"""How long the cluster may not answer until it is given up [s]."""
_FINAL = (401, 403, 404)
"""The status of answers that will be the same the next time."""


class DetachedError(Exception):
    """Whoever followed a run has left it to the cluster."""


@dataclass(frozen=True)
class Followed(Ended):
    """A run of a cluster that has ended: the prefix of its keys, the site, and whether what is left can be done."""

    prefix: str
    site: Profile
    can_go_on: bool = True

    @property
    def files(self) -> str:
        """Where its files are."""
        return f"s3://{self.site.bucket.name if self.site.bucket else '?'}/{self.prefix}"

    @property
    def go_on(self) -> str:
        """How it goes on when it was cancelled; not at all when it was cut into child workflows."""
        return f"eas rerun {self.name} --failed --site {self.site.name}" if self.can_go_on else ""


class Watched(NamedTuple):
    """What is followed: a run, its site, the database, and how many tasks of each type are expected."""

    run: Submitted
    site: Profile
    database: Database
    expected: dict[str, Count]
    quiet: bool = False


def follow(watched: Watched, warn: Callable[[str], None]) -> Followed:
    """Follow a run to its end; `warn` is told of what is not as it should be.

    Raises
    ------
    DetachedError
        When Ctrl-C leaves it to the cluster.
    ClusterError, DatabaseError, RepositoryError
        When the cluster, the database or the bucket cannot be had, or the run's Workflow is deleted.
    """
    run, progress, start = watched.run, Progress(watched.expected), time.monotonic()
    where = _where(watched.site, run.connection, watched.database)

    def observe(name: str, task: Task) -> None:
        if name == run.name:
            progress.take(task)

    with (
        Interruptions() as interruptions,
        Following(Service(where, lambda _: None, observe)) as following,
        Live(progress, quiet=watched.quiet) as live,
    ):
        workflow = _wait(run, live, interruptions, following, Patience(run.name, watched.site.name))
        known = _wait_for_database(watched, workflow, following, live)
    if not known:
        warn("the database lacks the end of this run; the next report takes it up")
    states = States(workflow)
    for node in nodes_of(workflow).values():
        states.update(node)
    seconds = time.monotonic() - start
    return Followed(
        run.name, states, seconds, _outcomes(watched.database, run.uid), run.prefix, watched.site, not is_cut(workflow)
    )


# ---------------------------------------------------------------------------------------------------------------------
# For reports


def keep_up(site: Profile, database: Database, warn: Callable[[str], None]) -> list[str]:
    """Take what a cluster tells now, unless a process follows it; return what is wrong, if anything is.

    `warn` is told that it takes long.
    """
    try:
        with database.session() as session:
            known = freshness_of_site(session, site.name)
        if known is not None and _is_followed(known):
            return _problems(known)
        where = _where(site, connect(site), database)
        with database.session() as session:
            known = freshness(session, where.place)  # whoever follows it may call it otherwise
        if known is not None and _is_followed(known):
            return _problems(known)
        service = Service(where, lambda _: None)
        if not service.once(threading.Event(), warn):
            return [f"{service.holder} follows {site.name}, and has not taken yet what the cluster tells"]
    except (ClusterError, RepositoryError) as error:
        return [str(error)]
    return []


def _is_followed(known: Freshness) -> bool:
    return bool(known.owner) and known.seen is not None and age_s(known.seen) < _FRESH_S


def _problems(known: Freshness) -> list[str]:
    return [f"{known.owner}: {known.message}"] if known.message else []


def following(site: Profile, database: Database) -> Following:
    """Follow a cluster into the database until the end of a block."""
    return Following(Service(_where(site, connect(site), database), lambda _: None))


def why_it_waits(site: Profile, name: str) -> list[str]:
    """Return why pods of a run do not begin; that the cluster does not tell is a reason, too."""
    try:
        connection = connect(site)
        return list(map(str, stuck(connection, runs.find(connection, name))))
    except ClusterError as error:
        return [str(error)]


def _where(site: Profile, connection: Connection, database: Database) -> Where:
    return Where(site.name, connection, bucket(site), database, connection.place())


class Following:
    """Has the service follow the cluster in a thread, until the end of the block."""

    def __init__(self, service: Service) -> None:
        self._service, self._stop = service, threading.Event()
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._go, name="following", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _go(self) -> None:
        try:
            self._service.follow(self._stop)
        except Exception as error:  # noqa: BLE001 - it is told by whoever waits
            self._problem = error

    @property
    def problem(self) -> str:
        """What has broken it: the run goes on all the same, and so does whoever waits for its end."""
        return f"the database is not kept up: {self._problem!r}" if self._problem is not None else ""


class Patience:
    """Asks a cluster, and bears for some time that it does not answer: `problem` says why."""

    def __init__(self, name: str, site: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._name, self._site, self._clock = name, site, clock
        self._since_s: float | None = None
        self.problem = ""

    def ask(self, question: Callable[[], Answer]) -> Answer | None:
        """Return the answer to a question, None for now when there is none.

        Raises
        ------
        ClusterError
            When there has been none for minutes, or none is to be expected.
        """
        try:
            answer = question()
        except ClusterError as error:
            now_s = self._clock()
            self._since_s = now_s if self._since_s is None else self._since_s
            if error.status in _FINAL:
                raise
            if now_s - self._since_s > _SILENCE_S:
                hint = f"the run goes on: `eas show --wait {self._name} --site {self._site}` follows it"
                raise ClusterError(error.message, hint, error.status) from error
            self.problem = f"the cluster does not tell how far the run is: {error.message}; it is asked again"
            return None
        self._since_s, self.problem = None, ""
        return answer


def _wait(run: Submitted, live: Live, interruptions: Interruptions, following: Following, patience: Patience) -> Json:
    """Show how far a run is until it has ended; return its Workflow as it is then."""
    look_s, stuck_s = 0.0, time.monotonic() + _STUCK_S
    while True:
        now_s = time.monotonic()
        if interruptions.count:
            raise DetachedError(run.name)
        if now_s >= look_s:
            look_s = now_s + _LOOK_S
            if patience.ask(lambda: runs.is_completed(run.connection, run.workflow)):
                workflow = patience.ask(lambda: _workflow(run))
                if workflow is not None:
                    return workflow
            if patience.problem:
                live.note([patience.problem])
        if now_s >= stuck_s:
            stuck_s = now_s + _STUCK_S
            why = [patience.problem] if patience.problem else [*map(str, _stuck(run))]
            live.note([*filter(None, [following.problem]), *why])
        live.tick()
        time.sleep(_TURN_S)


def _stuck(run: Submitted) -> list[Any]:
    try:
        return stuck(run.connection, _workflow(run))
    except ClusterError as error:
        return [error]


def _workflow(run: Submitted) -> Json:
    found: Json = run.connection.get(f"{run.connection.workflows}/{run.workflow}")
    return found


def _wait_for_database(watched: Watched, workflow: Json, following: Following, live: Live) -> bool:
    """Return whether the database knows the end of a run, after some time."""
    ended, end = (workflow.get("status") or {}).get("finishedAt"), time.monotonic() + _PATIENCE_S
    while time.monotonic() < end and not following.problem:
        with watched.database.session() as session:
            if session.execute(select(col(Run.ended)).where(col(Run.uid) == watched.run.uid)).scalar() == ended:
                return True
        live.tick()
        time.sleep(_TURN_S)
    return False


def _outcomes(database: Database, uid: str) -> tuple[OutcomeTable, ...]:
    with database.session() as session:
        run_id = session.execute(select(col(Run.id)).where(col(Run.uid) == uid)).scalar()
        return outcomes(session, run_id) if run_id is not None else ()
