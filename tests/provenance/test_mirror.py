"""What happened on real controllers arrives in the database, however it was followed."""

import contextlib
import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from eas_argo.cluster.reading import Reader
from eas_provenance.database import Database
from eas_provenance.errors import RepositoryError, TooLargeError
from eas_provenance.mirror import DELETED, Mirror, NoRunError, Part, Place, mark_deleted
from eas_provenance.tables import Attempt, Document, Message, Problem, Run, Task, TaskType
from tests.provenance.kept import known
from tests.provenance.recorded import RUNS, Recorded, seen, updates

Json = dict[str, Any]
PART = Part("w", "chain", "2026")


@pytest.fixture(scope="module")
def runs() -> dict[str, Recorded]:
    """Return all recorded runs."""
    return {name: Recorded(name) for name in RUNS}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Return an empty database."""
    with Database.open(tmp_path / "eas.db") as opened:
        yield opened


def mirror_of(run: Recorded, database: Database, **place: Any) -> Mirror:
    """Return a mirror that knows nothing yet."""
    first = run.objects[0]
    where = Place(database, place.pop("read", run.records.get), "cluster", "place", **place)
    return Mirror(where, first["metadata"], first["spec"])


def follow(run: Recorded, database: Database, objects: list[Json], pauses: set[int] = frozenset()) -> Mirror:  # type: ignore[assignment]
    """Follow some events, and write now and then."""
    mirror, reader = mirror_of(run, database), Reader()
    for number, update in enumerate(updates(objects, reader)):
        mirror.take(PART, seen(update))
        if number in pauses:
            mirror.write()
    mirror.write()
    return mirror


def rows(database: Database, run: Recorded) -> Any:
    """Return all that the database knows of a run."""
    run_id = database.run_id(run.name)
    assert run_id is not None
    return known(database, run_id)


def states(database: Database) -> dict[str, tuple[str, str | None]]:
    """Return the states and verdicts of tasks."""
    with database.session() as session:
        return {one.path: (one.state, one.verdict) for one in session.exec(select(Task))}


# ---------------------------------------------------------------------------------------------------------------------
# What is there in the end


def once(run: Recorded, folder: Path, last: int | None = None) -> Any:
    """Return what one look at the last event gives."""
    with Database.open(folder / f"once-{run.name}.db") as database:
        follow(run, database, run.objects[:last][-1:])
        return rows(database, run)


@pytest.mark.parametrize("name", ["open", "lost", "stop"])
def test_in_order(database: Database, runs: dict[str, Recorded], name: str, tmp_path: Path) -> None:
    """Followed live, written after every event, it ends in what one look at the end gives."""
    run = runs[name]
    follow(run, database, run.objects, set(range(len(run.objects))))
    assert rows(database, run) == once(run, tmp_path)


@pytest.mark.parametrize("seed", range(6))
def test_whatever_happens_on_the_way(database: Database, runs: dict[str, Recorded], seed: int, tmp_path: Path) -> None:
    """Events that come twice, late or never, and processes that are killed, end in the same."""
    chance = random.Random(seed)
    run = runs[("open", "lost", "stop")[seed % 3]]
    for _ in range(chance.randrange(1, 4)):  # lives of the process
        some = chance.choices(run.objects, k=chance.randrange(1, 20))
        mirror, reader = mirror_of(run, database), Reader()
        for update in updates(some, reader):
            mirror.take(PART, seen(update))
            if chance.random() < 0.4:
                mirror.write()
    follow(run, database, [*chance.sample(run.objects, 3), run.objects[-1]], {0, 2})
    assert rows(database, run) == once(run, tmp_path)


@pytest.mark.parametrize("seed", range(3))
def test_killed_while_it_writes(
    database: Database, runs: dict[str, Recorded], seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that dies between two transactions, or in one, leaves nothing that the next does not make good."""
    monkeypatch.setattr("eas_provenance.sync.BATCH", 3)
    chance, run = random.Random(seed), runs["open"]
    left = 0

    def die(_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise KeyboardInterrupt

    for at in sorted(chance.sample(range(1, len(run.objects)), 6)):
        left = chance.randrange(6)
        mirror = mirror_of(run, database, guard=die)
        for update in updates(run.objects[:at], Reader()):
            mirror.take(PART, seen(update))
        with contextlib.suppress(KeyboardInterrupt):
            mirror.write()
    follow(run, database, run.objects[-1:])
    assert rows(database, run) == once(run, tmp_path)


def test_states_of_a_run_that_went_well(database: Database, runs: dict[str, Recorded]) -> None:
    """Warnings and reasons are known from records, as Argo keeps no words of what ended well."""
    run = runs["open"]
    follow(run, database, run.objects[-1:])
    found = states(database)
    assert {state for state, _ in found.values()} == {"succeeded", "skipped", "blocked"}
    assert found["/t1[i=1]/t0"] == ("succeeded", "warn")
    with database.session() as session:
        row = session.exec(select(Run)).one()
        assert (row.state, row.site, row.job_name, row.chain_sha256) == ("succeeded", "cluster", "open", None)
        assert all(one.message for one in session.exec(select(Task).where(Task.verdict == "pass")))
        assert {one.at_most for one in session.exec(select(TaskType))} == {None}


def test_states_of_lost_pods(database: Database, runs: dict[str, Recorded]) -> None:
    """The last try says why something failed, where Argo only says that there will be no other."""
    run = runs["lost"]
    follow(run, database, run.objects[-1:])
    with database.session() as session:
        told = {one.path: one.message for one in session.exec(select(Task))}
    assert told["/t2"].startswith("OOMKilled")
    assert "deadline" in told["/t4"]
    assert not any("retryStrategy" in message for message in told.values())


def test_a_run_that_was_ended(database: Database, runs: dict[str, Recorded]) -> None:
    """It was cancelled, and so were the tasks that had not ended."""
    run = runs["stop"]
    follow(run, database, run.objects[-1:])
    assert {state for state, _ in states(database).values()} == {"cancelled", "blocked"}
    with database.session() as session:
        assert session.exec(select(Run)).one().state == "cancelled"


# ---------------------------------------------------------------------------------------------------------------------
# Tries that Argo forgets


def retried(run: Recorded) -> int:
    """Return after how many events somebody asked for it again."""
    phases = [one["status"].get("phase") for one in run.objects]
    return phases.index("Failed") + 1


def tries(database: Database) -> dict[tuple[str, str], list[tuple[int, str, str]]]:
    """Return the tries of each step: number, phase and beginning."""
    found: dict[tuple[str, str], list[tuple[int, str, str]]] = {}
    with database.session() as session:
        for one in session.exec(select(Attempt).order_by(Attempt.path, Attempt.step, Attempt.number)):  # type: ignore[arg-type]
            found.setdefault((one.path, one.step), []).append((one.number, one.phase, one.queued or ""))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_tries_that_argo_forgets_stay(database: Database, runs: dict[str, Recorded], seed: int, tmp_path: Path) -> None:
    """A retry deletes tries from the status; their rows stay, before those of the new ones, through any restart."""
    run, chance = runs["closed"], random.Random(seed)
    middle = retried(run)
    follow(run, database, run.objects[:middle], set(range(middle)) if seed % 2 else set())
    before = tries(database)
    rest = run.objects[middle:]
    for _ in range(seed):  # more restarts, each at another event
        follow(run, database, rest[: chance.randrange(1, len(rest))], {0, 1})
    follow(run, database, rest if seed % 2 else rest[-1:], {0, 3, 5})
    after = tries(database)
    for step, there in before.items():
        assert after[step][: len(there)] == there
    with Database.open(tmp_path / "new.db") as other:
        follow(run, other, rest[-1:])
        new = tries(other)
    again = {step: there for step, there in after.items() if len(there) > len(before.get(step, []))}
    assert len(again) > 5
    for step, there in again.items():
        old = len(before.get(step, []))
        assert [number for number, _, _ in there] == list(range(len(there)))
        assert [one[1:] for one in there[old:]] == [one[1:] for one in new[step]]
    assert {path: state for path, (state, _) in states(database).items()} == {
        row[0]: row[9] for row in once(run, tmp_path)["task"]
    } or len(states(database)) == len(once(run, tmp_path)["task"])


def test_tries_that_were_not_seen_to_end(database: Database, runs: dict[str, Recorded]) -> None:
    """A try that a retry deleted while nobody followed does not run for ever."""
    run = runs["closed"]
    middle = retried(run)
    running = [one for one in run.objects[:middle] if any(
        node["phase"] == "Running" and node.get("nodeFlag", {}).get("retried") and "t3-then" in node["name"]
        for node in one["status"].get("nodes", {}).values()
    )]  # fmt: skip
    follow(run, database, running[:1])
    follow(run, database, run.objects[-1:])
    with database.session() as session:
        told = [one.message for one in session.exec(select(Attempt)) if one.phase not in ("Succeeded", "Failed")]
        assert not session.exec(select(Attempt).where(Attempt.phase == "Running")).all()
    assert "somebody asked for it again before its end was seen" in told


# ---------------------------------------------------------------------------------------------------------------------
# Deleted Workflows, names, sources


def test_deleted_before_its_end(database: Database, runs: dict[str, Recorded]) -> None:
    """Its rows stay as they were last, and the run says that it is not known how it went on."""
    run = runs["open"]
    mirror = follow(run, database, run.objects[:20])
    before = rows(database, run)["task"]
    mirror.delete(PART.name)
    assert mirror.is_behind
    assert mirror.write() == "interrupted"
    with database.session() as session:
        row = session.exec(select(Run)).one()
        assert (row.state, row.message) == ("interrupted", DELETED)
    assert rows(database, run)["task"] == before


def test_deleted_after_its_end(database: Database, runs: dict[str, Recorded]) -> None:
    """It is what it was."""
    run = runs["open"]
    mirror = follow(run, database, run.objects)
    mirror.delete(PART.name)
    mirror.write()
    with database.session() as session:
        assert session.exec(select(Run)).one().state == "succeeded"


def test_deleted_while_nobody_followed(database: Database, runs: dict[str, Recorded]) -> None:
    """Runs of the place that should be running, and are not there; those of others are not touched."""
    for name in ("open", "lost"):
        follow(runs[name], database, runs[name].objects[:20])
    there = runs["lost"].objects[0]["metadata"]["uid"]
    assert mark_deleted(Place(database, dict[str, bytes]().get, "cluster", "other"), ()) == []
    assert mark_deleted(Place(database, dict[str, bytes]().get, "other", "place"), (there,)) == [runs["open"].name]
    with database.session() as session:
        found = {one.name: one.state for one in session.exec(select(Run))}
    assert found == {runs["open"].name: "interrupted", runs["lost"].name: "running"}


def test_a_name_that_was_taken(database: Database, runs: dict[str, Recorded]) -> None:
    """Another Workflow of the same name is another run."""
    run = runs["lost"]
    follow(run, database, run.objects)
    other = Recorded("lost")
    for one in other.objects:
        one["metadata"] = one["metadata"] | {"uid": "another"}
    follow(other, database, other.objects[:5])
    with database.session() as session:
        found = {one.name: one.state for one in session.exec(select(Run))}
    assert found == {run.name: "failed", f"{run.name}.another": "running"}


def test_sources(database: Database, runs: dict[str, Recorded]) -> None:
    """The texts are found by what the submitter noted; a text that is another is none."""
    chain, registry = b'{"task_list": []}', b"types: {}"
    sums = {"chain": "a" * 64, "registry": "6d4f1a0f2bf0b6a2" * 4}
    sums["chain"] = hashlib.sha256(chain).hexdigest()
    submitted = {**sums, "file": "mine.json", "user": "me", "host": "vm", "version": "1", "types": {"make": [3, 7]}}
    run = Recorded("lost")
    for one in run.objects:
        one["metadata"]["annotations"] |= {"eas/submitted": json.dumps(submitted)}
    run.records |= {f".sources/{sums['chain']}": chain, f".sources/{sums['registry']}": registry}
    follow(run, database, run.objects)
    with database.session() as session:
        row = session.exec(select(Run)).one()
        assert (row.chain_sha256, row.registry_sha256) == (sums["chain"], None)
        assert (row.source, row.user, row.host, row.version) == ("mine.json", "me", "vm", "1")
        kinds = {one.type: (one.at_least, one.at_most) for one in session.exec(select(TaskType))}
        assert kinds["make"] == (3, 7)
        assert {one.kind for one in session.exec(select(Document))} == {"chain", "workflow"}


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"annotations": {"eas/about": "[", "eas/submitted": "[]", "eas/source": "{"}}},
        {"metadata": {"annotations": {"eas/about": '{"tags": 3, "subject": [], "job_name": 1}'}}},
        {"metadata": {"annotations": {"eas/submitted": '{"chain": "../../etc", "types": {"make": [-1, "x", 2]}}'}}},
    ],
)
def test_hostile_annotations(database: Database, change: Json) -> None:
    """What is not as it must be is left out."""
    run = Recorded("lost")
    for one in run.objects:
        one["metadata"]["annotations"] = change["metadata"]["annotations"]
    follow(run, database, run.objects)
    with database.session() as session:
        assert session.exec(select(Run)).one().state == "failed"


@pytest.mark.parametrize("spec", [{}, {"templates": []}, {"templates": [{}]}, {"templates": None}, {"templates": [3]}])
def test_what_is_no_run(database: Database, spec: Json) -> None:
    """A Workflow that EAS did not compile is said to be none."""
    with pytest.raises(NoRunError, match="w is no run that EAS compiled"):
        Mirror(Place(database, dict[str, bytes]().get, "cluster", "place"), {"name": "w", "uid": "u"}, spec)


def test_records_that_cannot_be_read_now(database: Database, runs: dict[str, Recorded], tmp_path: Path) -> None:
    """Nothing is written of what cannot be known whole; it is there as soon as it can be."""
    run, broken = runs["open"], True

    def read(key: str) -> bytes | None:
        if broken:
            raise RepositoryError("the bucket is away")
        return run.records.get(key)

    mirror = mirror_of(run, database, read=read)
    for update in updates(run.objects, Reader()):
        mirror.take(PART, seen(update))
    with pytest.raises(RepositoryError):
        mirror.write()
    broken = False
    mirror.write()
    assert rows(database, run) == once(run, tmp_path)


def test_records_that_come_late(database: Database, runs: dict[str, Recorded], tmp_path: Path) -> None:
    """What a lost pod left after its node had ended is found when the run has ended."""
    run = runs["open"]
    late = {key for key in run.records if "/t0/" in key}
    there = {key: text for key, text in run.records.items() if key not in late}
    mirror, reader = mirror_of(run, database, read=there.get), Reader()
    for number, update in enumerate(updates(run.objects, reader)):
        if number == len(run.objects) - 1:
            there |= run.records
        mirror.take(PART, seen(update))
        mirror.write()
    assert rows(database, run) == once(run, tmp_path)


def test_records_that_come_after_the_last_write(
    database: Database, runs: dict[str, Recorded], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked for them for some time when the run has ended, and no longer."""
    monkeypatch.setattr("eas_provenance.mirror.LOOKS_S", (0.0, 0.0, 3600.0))
    run, there = runs["open"], dict[str, bytes]()
    mirror = mirror_of(run, database, read=there.get)
    for update in updates(run.objects[-1:], Reader()):
        mirror.take(PART, seen(update))
    mirror.write()
    assert mirror.is_behind
    assert not mirror.is_over
    there |= run.records
    mirror.write()
    assert rows(database, run) == once(run, tmp_path)
    assert mirror.is_over == all(row["wall_s"] is not None for row in attempts(database))
    never = mirror_of(runs["lost"], database, read=dict[str, bytes]().get)
    for update in updates(runs["lost"].objects[-1:], Reader()):
        never.take(PART, seen(update))
    for _ in range(3):
        assert never.is_behind
        never.write()
    assert not never.is_behind
    monkeypatch.setattr("eas_provenance.mirror.time.monotonic", lambda: 1e9)
    never.write()
    assert never.is_over


def attempts(database: Database) -> list[Json]:
    """Return all tries."""
    with database.session() as session:
        return [one.model_dump() for one in session.exec(select(Attempt))]


def test_nothing_is_read_twice(database: Database, runs: dict[str, Recorded]) -> None:
    """A process that takes over reads no records of tasks that the database has whole."""
    run = runs["open"]
    asked: list[str] = []

    def read(key: str) -> bytes | None:
        asked.append(key)
        return run.records.get(key)

    counts, news = [], []
    for last in (-1, None, None):
        mirror = mirror_of(run, database, read=read)
        mirror.take(PART, seen(updates(run.objects[:last][-1:], Reader())[0]))
        news.append(mirror.write())
        counts.append(len(asked))
        asked.clear()
    assert counts[1] < counts[0] / 3
    assert counts[2] == 0
    assert news == ["running", "succeeded", None]


def test_records_that_are_too_large(database: Database, runs: dict[str, Recorded]) -> None:
    """They are a problem of their task alone; of a log what was read of it is there."""
    run = runs["open"]
    large = next(key for key in run.records if key.endswith("/t0/attempt-0/log.jsonl"))
    record = large.replace("log.jsonl", "run.json")

    def read(key: str) -> bytes | None:
        if key == large:
            raise TooLargeError(f"{key} is larger than 16 MiB", run.records[key] + b'{"message": "half')
        if key == record:
            raise TooLargeError(f"{key} is larger than 16 MiB", b"")
        return run.records.get(key)

    mirror = mirror_of(run, database, read=read)
    for update in updates(run.objects[-1:], Reader()):
        mirror.take(PART, seen(update))
    assert mirror.write() == "succeeded"
    with database.session() as session:
        (problem,) = session.exec(select(Problem)).all()
        said = session.exec(select(Message).where(Message.path == problem.path, Message.step == "run")).all()
    assert problem.message.startswith("not all of its records are read: ")
    assert len(said) == len(run.records[large].splitlines())
    assert set(states(database).values()) == set(states_of(run, database))


def states_of(run: Recorded, database: Database) -> Iterator[tuple[str, str | None]]:
    """Yield the states and verdicts of tasks when all records can be read."""
    follow(run, database, run.objects[-1:])
    yield from states(database).values()


def test_two_tries_in_one_second(database: Database, runs: dict[str, Recorded]) -> None:
    """Tries that were begun in the same second are two, through any restart."""
    run = Recorded("lost")
    count = 0
    for one in run.objects:
        nodes = (one["status"].get("nodes") or {}).values()
        tries = [node for node in nodes if (node.get("nodeFlag") or {}).get("retried")]
        count = len(tries)
        for node in tries:
            node["startedAt"] = "2026-11-20T00:00:00Z"
    numbers = {int(node["name"].rpartition("(")[2].rstrip(")")) for node in tries}
    assert max(numbers) > 0
    for last in (len(run.objects) - 5, len(run.objects), len(run.objects)):
        follow(run, database, run.objects[:last][-3:], {0, 1})
    with database.session() as session:
        assert len(session.exec(select(Attempt)).all()) == count
        assert {one.number for one in session.exec(select(Attempt))} == numbers
