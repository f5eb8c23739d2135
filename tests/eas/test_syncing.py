"""`eas sync` follows a cluster, restartable at any moment, and alone."""

import itertools
import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from eas import following as keeping
from eas import syncing
from eas.cli import main
from eas.following import keep_up
from eas.syncing import Service, Where
from eas_argo.cluster import watch
from eas_argo.cluster.connection import Connection
from eas_argo.cluster.profile import Profile
from eas_provenance import lease
from eas_provenance.database import Database
from eas_provenance.errors import LeaseError
from eas_provenance.lease import Lease, Who, all_freshness, freshness, freshness_of_site
from eas_provenance.queries import find_run
from tests.argo.cluster.serving import NAMESPACE_UID, Server, served
from tests.provenance.kept import known
from tests.provenance.recorded import Recorded

PATIENCE_S = 60.0


class Files:
    """A repository with the records of a run."""

    def __init__(self, run: Recorded) -> None:
        self.read = run.records.get


@pytest.fixture
def run() -> Recorded:
    """Return a recorded run."""
    return Recorded("lost")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Connection]]:
    """Return a server, and the way to it."""
    monkeypatch.setattr(watch, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(syncing, "PACE_S", 0.05)
    monkeypatch.setattr(syncing, "NOTE_S", 0.2)
    with served(tmp_path, monkeypatch) as (server, connection):
        yield server, connection


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Return an empty database."""
    with Database.open(tmp_path / "eas.db") as opened:
        yield opened


class Following:
    """A service that follows in a thread."""

    def __init__(self, connection: Connection, run: Recorded, database: Database) -> None:
        self.said: list[str] = []
        self.observed: list[tuple[str, str]] = []
        self._stop = threading.Event()
        where = Where("cluster", connection, Files(run), database, connection.place())
        self.service = Service(where, self.said.append, lambda name, task: self.observed.append((name, task.path)))
        self._thread = threading.Thread(target=self.service.follow, args=(self._stop,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def state(database: Database, run: Recorded) -> str | None:
    """Return the state of a run, None while there is none."""
    if database.run_id(run.name) is None:
        return None
    with database.session() as session:
        return find_run(session, run.name).state


def rows(database: Database, run: Recorded) -> Any:
    """Return all that a database knows of a run."""
    run_id = database.run_id(run.name)
    assert run_id is not None
    return known(database, run_id)


def test_followed_to_its_end(
    site: tuple[Server, Connection], run: Recorded, database: Database, tmp_path: Path
) -> None:
    """Followed by one process after the other, it ends in what a single look gives; how fresh that is, is known."""
    server, connection = site
    half = len(run.objects) // 2
    for some in (run.objects[:half], run.objects[half:]):
        with Following(connection, run, database) as following:
            for one in some:
                server.put(one)
            want = "failed" if some[-1] is run.objects[-1] else "running"
            until(lambda want=want: state(database, run) == want)  # type: ignore[misc]
    assert f"{run.name}: failed" in following.said
    assert (run.name, "/t0") in following.observed
    with database.session() as session:
        fresh = freshness(session, NAMESPACE_UID)
    assert fresh is not None
    assert (fresh.owner, fresh.message) == ("", "")
    assert fresh.seen is not None
    with Database.open(tmp_path / "once.db") as other:
        assert Service(Where("cluster", connection, Files(run), other, NAMESPACE_UID), print).once(threading.Event())
        assert rows(other, run) == rows(database, run)


def test_how_fresh_a_run_is(
    site: tuple[Server, Connection],
    run: Recorded,
    database: Database,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`eas show` says who follows the site of a run that goes on, and that nobody does."""
    server, connection = site
    server.put(run.objects[5])
    show = ["show", run.name, "--db", str(tmp_path / "eas.db"), "--store", str(tmp_path / "store")]
    with Following(connection, run, database):
        until(lambda: state(database, run) == "running")
        assert main(show) == 0
        assert "\nfollowed by " in capsys.readouterr().out
    assert main(show) == 0
    assert "\nnobody follows cluster now, last heard 0:0" in capsys.readouterr().out
    assert main([*show, "--json"]) == 0
    followed = json.loads(capsys.readouterr().out)["followed"]
    assert (followed["site"], followed["owner"]) == ("cluster", "")
    assert followed["seen"]


def test_two_at_once(site: tuple[Server, Connection], run: Recorded, database: Database) -> None:
    """One follows, the other says that it waits, and takes over when the first one ends."""
    server, connection = site
    server.put(run.objects[0])
    with Following(connection, run, database) as first:
        until(lambda: state(database, run) == "running")
        with Following(connection, run, database) as second:
            until(lambda: any("this one waits" in line for line in second.said))
            assert not Service(
                Where("cluster", connection, Files(run), database, connection.place()), second.said.append
            ).once(threading.Event())
            server.put(run.objects[-1])
            until(lambda: state(database, run) == "failed")
            assert f"{run.name}: failed" in first.said
            first.__exit__()
            until(lambda: "following cluster" in second.said)


def test_one_that_was_killed(
    site: tuple[Server, Connection], run: Recorded, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who died with the right to write loses it to a single look, and to a report, which says that it waits."""
    server, connection = site
    server.put(run.objects[0])
    assert Lease(database, Who(NAMESPACE_UID, "cluster", "dead")).take()
    clock = itertools.count()
    monkeypatch.setattr(lease.Lease.__init__, "__kwdefaults__", {"expiry_s": 30.0, "now_s": lambda: next(clock) * 20.0})
    profile = Profile("cluster")
    monkeypatch.setattr(keeping, "connect", lambda _: connection)
    monkeypatch.setattr(keeping, "bucket", lambda _: Files(run))
    said: list[str] = []
    assert keep_up(profile, database, said.append) == []
    assert said == [
        "dead follows cluster; waiting up to 30 s for a sign that it lives",
        "dead gave none, and follows no more",
    ]
    assert state(database, run) == "running"


def test_a_report_that_is_behind(
    site: tuple[Server, Connection], run: Recorded, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A report says that what the cluster tells is not in the database, because another process writes."""
    server, connection = site
    server.put(run.objects[0])
    monkeypatch.setattr(keeping, "connect", lambda _: connection)
    monkeypatch.setattr(keeping, "bucket", lambda _: Files(run))
    monkeypatch.setattr(keeping, "_FRESH_S", -1.0)
    with Following(connection, run, database):
        until(lambda: state(database, run) == "running")
        said = keep_up(Profile("cluster"), database, lambda _: None)
    assert len(said) == 1
    assert said[0].endswith("follows cluster, and has not taken yet what the cluster tells")


def test_deleted(site: tuple[Server, Connection], run: Recorded, database: Database) -> None:
    """A Workflow that is deleted before its end is said to be, whether somebody followed it or not."""
    server, connection = site
    server.put(run.objects[10])
    with Following(connection, run, database):
        until(lambda: state(database, run) == "running")
        server.put(run.objects[10], "DELETED")
        until(lambda: state(database, run) == "interrupted")
    server.put(run.objects[11])
    with Following(connection, run, database):
        until(lambda: state(database, run) == "running")
    server.put(run.objects[11], "DELETED")
    with Following(connection, run, database) as following:
        until(lambda: state(database, run) == "interrupted")
    assert f"{run.name}: its Workflow was deleted while nobody followed it" in following.said


def test_trouble_is_said_once(site: tuple[Server, Connection], run: Recorded, database: Database) -> None:
    """A cluster that is away for a while is noted, said once, and caught up with."""
    server, connection = site
    server.put(run.objects[0])
    with Following(connection, run, database) as following:
        until(lambda: state(database, run) == "running")
        server.trouble = lambda: "500"
        server.compact()
        server.put(run.objects[-1])

        def noted() -> str:
            with database.session() as session:
                fresh = freshness(session, NAMESPACE_UID)
            return fresh.message if fresh else ""

        until(lambda: noted() != "")
        server.trouble = lambda: ""
        until(lambda: state(database, run) == "failed" and noted() == "")
    assert following.said.count("all is well again") == 1


def test_two_names_of_one_place(database: Database) -> None:
    """Whoever follows a namespace excludes all others that do, whatever they call it, and nobody else."""
    first, second = (Lease(database, Who("uid", site, site)) for site in ("here", "there"))
    assert first.take()
    assert not second.take()
    assert Lease(database, Who("other", "here", "third")).take()
    first.give_up()
    assert second.take()
    with database.session() as session:
        fresh = freshness(session, "uid")
        assert fresh is not None
        assert (fresh.site, fresh.owner) == ("there", "there")
        assert freshness_of_site(session, "there") == fresh
        assert [one.site for one in all_freshness(session)] == ["here", "there"]


def test_a_flood(site: tuple[Server, Connection], run: Recorded, database: Database) -> None:
    """However many events come, what was taken is written at the pace."""
    server, connection = site
    server.put(run.objects[0])
    where = Where("cluster", connection, Files(run), database, connection.place())
    said: list[str] = []
    service = Service(where, said.append)
    odd = itertools.count()

    class Endless(queue.Queue[Any]):
        def get(self, *_: Any, **__: Any) -> Any:
            return watch.Odd(str(next(odd)))

        def qsize(self) -> int:
            return 7

    service._events = Endless()
    for event in service._watch.once():
        service._take(event)
    for patience_s in (0.05, 0.0):
        service._turn(patience_s)
    assert state(database, run) == "running"
    assert next(odd) >= 14


def test_leases(database: Database) -> None:
    """Turns tell who is alive, and clocks need not agree; who was thought dead writes nothing more."""
    clock = [0.0]
    first = Lease(database, Who("p", "s", "first"), now_s=lambda: clock[0])
    second = Lease(database, Who("p", "t", "second"), now_s=lambda: clock[0] * 3 + 1e6)
    assert first.take()
    assert not second.take()
    for _ in range(5):
        clock[0] += 9.0
        first.note(None, None, "")
        assert not second.take()
    clock[0] += 11.0
    assert second.take()
    with pytest.raises(LeaseError, match="another process follows s now"), database.writing() as batch:
        first.hold(batch)
    assert not first.take()
    second.give_up()
    assert first.take()


@pytest.mark.parametrize(
    ("arguments", "ended"),
    [
        (["--site", "laptop"], (2, "laptop is no cluster")),
        (["--site", "cluster"], (2, "names no database")),
        (["--site", "cluster", "--db", "eas.db"], (3, "names no bucket")),
    ],
)
def test_what_is_missing(
    arguments: list[str],
    ended: tuple[int, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Without a cluster, a database or a bucket it ends at once, and says what to do."""
    status, said = ended
    monkeypatch.chdir(tmp_path)
    for name in ("EAS_DATABASE", "EAS_S3_BUCKET", "EAS_SITE", "EAS_SITES"):
        monkeypatch.delenv(name, raising=False)
    assert main(["sync", *arguments]) == status
    assert said in capsys.readouterr().err


def test_a_cluster_that_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said with a hint, and the status is that of something outside."""
    config = {"apiVersion": "v1", "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}]}
    config |= {"contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}], "current-context": "c"}
    file = tmp_path / "kubeconfig"
    file.write_text(json.dumps(config | {"users": [{"name": "u", "user": {}}]}), "utf-8")
    monkeypatch.setenv("KUBECONFIG", str(file))
    monkeypatch.setenv("EAS_S3_BUCKET", "b")
    assert main(["sync", "--site", "cluster", "--db", str(tmp_path / "eas.db"), "--once"]) == 3
    assert "cannot be reached" in capsys.readouterr().err
