"""The sync writes what updates and records say, from real controllers and hostile containers alike."""

import json
import random
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from eas_provenance.database import Database
from eas_provenance.errors import DatabaseError
from eas_provenance.rows import MOST_MESSAGES, position_of
from eas_provenance.states import path_order
from eas_provenance.sync import Origin, Sync, run_state
from eas_provenance.tables import Attempt, Criterion, Emitted, Message, Run, Task, Version
from tests.provenance.kept import begin, known
from tests.provenance.nodes import LOOP, Json, described, node, root, workflow

STREAM = Path(__file__).parents[1] / "fixtures/argo/watch-20-tasks.jsonl"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """Return an empty database."""
    with Database.open(tmp_path / "eas.db") as opened:
        yield opened


def nothing(_key: str) -> None:
    """Be a repository without anything in it."""


# ---------------------------------------------------------------------------------------------------------------------
# What a real controller tells: each event has all nodes as they are then


def events() -> list[list[Json]]:
    """Return what nodes were at each event; the loop index of a task is read off its name."""
    found = []
    for line in STREAM.read_text(encoding="utf-8").splitlines():
        nodes = json.loads(line)["object"].get("status", {}).get("nodes", {}).values()
        found.append([one | {"inputs": indexed(one)} for one in nodes])
    return found


def indexed(one: Json) -> Json:
    """Return the parameters of a node as EAS would have given them."""
    number = one["displayName"].removeprefix("t")
    return {"parameters": [{"name": "i", "value": str(int(number))}]} if number.isdigit() else {}


def twenty(database: Database) -> tuple[int, Sync]:
    """Note the run of twenty tasks, each a program without a gate."""
    one = workflow(described("/t0[i]", loops=[LOOP | {"range": list(range(44))}]), verbs=("run",))
    for template in one["spec"]["templates"]:
        template["name"] = {"t0": "t"}.get(template["name"], template["name"])
    return begin(database, one, nothing)


def test_a_real_stream(database: Database) -> None:
    """Events that come twice, late, in another order or not at all end in what a single look at the last one gives."""
    all_events = events()
    first_id, first = twenty(database)
    first.settle(all_events[-1])
    first.flush("1")
    want = known(database, first_id)
    assert len(want["task"]) == 20
    for seed in range(20):
        chance = random.Random(seed)
        run_id, sync = twenty(database)
        for event in chance.choices(all_events, k=chance.randrange(2 * len(all_events))):
            for one in chance.sample(event, chance.randint(0, len(event))):
                sync.take(one)
            if chance.random() < 0.3:
                sync.flush("2")
        sync.settle(all_events[-1])
        sync.flush("3")
        assert known(database, run_id) == want


def test_a_real_stream_in_order(database: Database) -> None:
    """Followed live, it ends in the same."""
    all_events = events()
    first_id, first = twenty(database)
    first.settle(all_events[-1])
    first.flush("1")
    run_id, sync = twenty(database)
    for event in all_events:
        for one in event:
            sync.take(one)
        sync.flush("2")
    assert known(database, run_id) == known(database, first_id)


# ---------------------------------------------------------------------------------------------------------------------
# Rows

RECORDS: dict[str, Any] = {
    "run/.records/t0/attempt-0/run.json": {
        "attempt": 0,
        "settings": {"n": 2},
        "usage": {"started": "2026-01-01T00:00:01Z", "ended": "2026-01-01T00:00:02Z", "wall_s": 1.5, "cpu_s": 1},
        "inputs": {"lc": {"directory": "d", "name": "in", "sha256": "aa"}},
        "outputs": {
            "out": {"directory": "d", "name": "a b", "type": "data", "size": 3, "sha256": "bb", "metadata": {}}
        },
    },
    "run/.records/t0/qc.json": {
        "verdict": "pass",
        "metadata": {"depth": 0.25, "text": "deep", "none": None},
        "criteria": [{"name": "depth", "quantity": "how deep", "value": 0.25, "bound": {"minimum": 0}, "unit": "1",
                      "severity": "fail", "result": "pass"}],
        "usage": {"wall_s": 0.1},
    },
}  # fmt: skip
LOG = [
    {"time": "2026-01-01T00:00:01Z", "severity": "info", "source": "me", "message": "hello"},
    {"time": "2026-01-01T00:00:02Z", "severity": "status", "source": "me", "message": "half", "fraction": 0.5},
]


def tried(template: str, number: int, phase: str, **more: Any) -> Json:
    """Write an update of one try."""
    name = f"run.{template}({number})"
    one = node(template, phase) | {"id": name, "name": name, "type": "Pod", "nodeFlag": {"retried": True}}
    return one | {"startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:03Z"} | more


PASSED = [
    root("Running"), node("t0", "Running"), tried("t0", 0, "Succeeded"), node("t0", "Succeeded"),
    tried("t0-qc", 0, "Succeeded"), node("t0-qc", "Succeeded", "pass: 1 criterion"),
]  # fmt: skip


def kept(database: Database, records: dict[str, Any], updates: list[Json] = PASSED) -> int:
    """Note a run of one task that left some records."""
    texts = {key: one if isinstance(one, bytes) else json.dumps(one).encode() for key, one in records.items()}
    metadata = {"depth": {"type": "float", "unit": "mag"}}
    run_id, sync = begin(database, workflow(described("/t0", metadata=metadata)), texts.get)
    for update in updates:
        sync.take(update)
    sync.flush("1")
    return run_id


def test_rows_of_a_task(database: Database) -> None:
    """State, attempts with usage, products, metadata with units, criteria and messages."""
    log = "".join(json.dumps(line) + "\n" for line in LOG).encode()
    kept(database, RECORDS | {"run/.records/t0/attempt-0/log.jsonl": log})
    with database.session() as session:
        task = session.exec(select(Task)).one()
        assert (task.path, task.state, task.verdict, task.settings) == ("/t0", "succeeded", "pass", {"n": 2})
        program, gate = sorted(session.exec(select(Attempt)).all(), key=lambda one: one.step, reverse=True)
        assert (program.step, program.wall_s, program.started) == ("run", 1.5, "2026-01-01T00:00:01Z")
        assert (program.queued, program.cpu_request) == ("2026-01-01T00:00:00Z", 0.0)
        assert (gate.step, gate.wall_s) == ("qc", 0.1)
        version = session.exec(select(Version)).one()
        assert (version.key, version.size_bytes, version.verdict) == ("run/d/a%20b", 3, "pass")
        emitted = {one.name: (one.value, one.number, one.unit) for one in session.exec(select(Emitted))}
        assert emitted == {"depth": (0.25, 0.25, "mag"), "text": ("deep", None, ""), "none": (None, None, "")}
        assert session.exec(select(Criterion)).one().bound == {"minimum": 0}
        assert [(one.severity, one.fraction) for one in session.exec(select(Message))] == [
            ("info", None),
            ("status", 0.5),
        ]


def test_a_warning_is_in_the_record_alone(database: Database) -> None:
    """Argo gives no message for a pod that ended well: whether its gate warned, and why, its record says."""
    judged = RECORDS["run/.records/t0/qc.json"] | {"verdict": "warn", "reason": "warn: depth: 0.25 < 0.3"}
    silent = [*PASSED[:-1], node("t0-qc", "Succeeded")]
    kept(database, RECORDS | {"run/.records/t0/qc.json": judged}, silent)
    with database.session() as session:
        task = session.exec(select(Task)).one()
        assert (task.state, task.verdict, task.message) == ("succeeded", "warn", "warn: depth: 0.25 < 0.3")
        assert session.exec(select(Version)).one().verdict == "warn"


@pytest.mark.parametrize(
    "record",
    [
        b"\xff", b"[]", b"{", b"[" * 100_000,
        b'{"metadata": 3, "criteria": {}, "usage": [], "outputs": 1, "inputs": "x"}',
        b'{"metadata": {"a": NaN, "b": 1e999}, "criteria": [1, null, {"value": Infinity}]}',
        b'{"outputs": {"o": [null, {"size": "big", "name": 3}]}, "settings": [], "usage": {"wall_s": "long"}}',
        b'{"metadata": {"a\\u0000b": "\\ud800\\u0000"}}',
        b'{"metadata": {"n": 1' + b"0" * 400 + b"}}",
        b'{"settings": {"a": ' + b"[" * 400 + b"]" * 400 + b"}}",
        b'{"usage": {"started": "garbage", "ended": "2026-01-01T00:00:00"}, "time": "2026-99-01T00:00:00Z"}',
        b'{"usage": {"peak_memory_bytes": 1e300, "threads": 9999999999999999999}}',
    ],
)  # fmt: skip
def test_hostile_records(database: Database, record: bytes) -> None:
    """What is not of its type is left out; the state does not depend on it."""
    kept(database, dict.fromkeys([*RECORDS, "run/.records/t0/attempt-0/log.jsonl"], record))
    with database.session() as session:
        assert session.exec(select(Task)).one().state == "succeeded"
        attempts = session.exec(select(Attempt)).all()
        assert len(attempts) == 2
        assert all(datetime.fromisoformat(one.started or "").tzinfo for one in attempts)
        assert all(datetime.fromisoformat(one.time).tzinfo for one in session.exec(select(Message)))


def test_long_keys_do_not_block_a_run(database_url: str) -> None:
    """What no index takes is cut, and a task whose path none takes is a problem; all else is there, in any database."""
    chance = random.Random(7)
    long, deep = (bytes(chance.choices(range(97, 123), k=5000)).decode() for _ in range(2))  # PostgreSQL compresses
    record = {
        "inputs": {long: {"directory": long, "name": long, "sha256": long}},
        "outputs": {long: {"directory": long, "name": long, "sha256": long, "size": 1}},
    }
    records = {
        "run/.records/t0/attempt-0/run.json": record,
        "run/.records/t0/qc.json": {"verdict": "pass", "metadata": {long: 1}},
        "run/.records/t0/attempt-0/log.jsonl": {"severity": long, "message": long},
    }
    texts = {key: json.dumps(one).encode() for key, one in records.items()}
    two = workflow(described("/t0"), described(f"/t1[{deep}]", loops=[LOOP | {"var": deep}]))
    again = node("t1", "Running", i=0)
    updates = [*PASSED, again, tried("t1", 0, "Running", inputs=again["inputs"])]
    with Database.open(database_url) as database:
        run_id, sync = begin(database, two, texts.get)
        for update in updates:
            sync.take(update)
        sync.flush("1")
        sync.flush("2")
        found = known(database, run_id)
        with database.session() as session:
            assert session.exec(select(Task)).one().path == "/t0"
            emitted = session.exec(select(Emitted)).one()
            assert (emitted.name[:1197], emitted.name[1197:], emitted.value) == (long[:1197], "…", 1)
            assert session.exec(select(Message)).one().text == long
    assert [len(found[table]) for table in ("attempt", "used", "version")] == [2, 1, 1]
    ((path, said),) = found["problem"]
    assert path.startswith("/t1[")
    assert said == "its path takes 5,007 bytes; the database keeps tasks with 1,200"


def test_endless_logs_are_cut(database: Database) -> None:
    """The repository has the rest."""
    line = json.dumps(LOG[0]).encode() + b"\n"
    kept(database, RECORDS | {"run/.records/t0/attempt-0/log.jsonl": line * (MOST_MESSAGES + 5)})
    with database.session() as session:
        assert len(session.exec(select(Message)).all()) == MOST_MESSAGES


def test_done_again(database: Database) -> None:
    """What a task had before is replaced, and its earlier tries stay."""
    records = dict(RECORDS)
    run_id, sync = begin(database, workflow(described("/t0")), lambda key: json.dumps(records.get(key, {})).encode())
    for update in PASSED:
        sync.take(update)
    sync.flush("1")
    records["run/.records/t0/qc.json"] = {"metadata": {"other": 1}}
    again = [
        node("t0", "Running"),
        tried("t0", 1, "Succeeded"),
        node("t0", "Succeeded"),
        node("t0-qc", "Failed", "fail: no"),
    ]
    for update in [{"life": 2}, root("Running"), *again]:
        sync.take(update)
    sync.flush("2")
    with database.session() as session:
        assert session.exec(select(Task)).one().state == "failed"
        assert [one.name for one in session.exec(select(Emitted))] == ["other"]
        assert sorted((one.step, one.number) for one in session.exec(select(Attempt))) == [
            ("qc", 0),
            ("run", 0),
            ("run", 1),
        ]
        assert [one.verdict for one in session.exec(select(Version))] == ["replaced"]
    assert run_id


def test_forgotten_tasks_go(database: Database) -> None:
    """With all that belongs to them."""
    run_id = kept(database, RECORDS, [*PASSED, {"forget": "run"}])
    rows = known(database, run_id)
    assert not any(rows[table] for table in ("task", "attempt", "version", "emitted", "criterion", "used"))


# ---------------------------------------------------------------------------------------------------------------------
# States of runs, and failures to write


@pytest.mark.parametrize(
    ("updates", "alive", "state"),
    [
        ([root("Running")], True, "running"),
        ([root("Running")], False, "interrupted"),
        ([*PASSED, root("Succeeded")], False, "succeeded"),
        ([*PASSED[:-1], node("t0-qc", "Failed", "fail: no"), root("Failed")], False, "failed"),
        ([root("Failed") | {"message": "workflow shutdown with strategy: Terminate"}], False, "cancelled"),
        ([root("Running"), node("t0-ask", "Failed", "no bool"), root("Error")], False, "failed"),
    ],
)
def test_states_of_runs(database: Database, updates: list[Json], *, alive: bool, state: str) -> None:
    """A run that has not ended is running as long as somebody works on it."""
    _, sync = begin(database, workflow(described("/t0")), nothing)
    for update in updates:
        sync.take(update)
    sync.flush("1", is_alive=alive)
    with database.session() as session:
        assert session.exec(select(Run)).one().state == state
    assert run_state(sync.states) == ("running" if state == "interrupted" else state)


def test_what_cannot_be_written_is_written_later(database: Database, tmp_path: Path) -> None:
    """A database that somebody else locks is no reason to lose anything."""
    with Database(tmp_path / "eas.db", timeout_s=0.05) as impatient:
        _, sync = begin(impatient, workflow(described("/t0")), nothing)
        for update in PASSED:
            sync.take(update)
        with database.writing() as _, pytest.raises(DatabaseError, match="locked"):
            sync.flush("1")
        sync.flush("2")
    with database.session() as session:
        assert session.exec(select(Task)).one().state == "succeeded"


def test_positions_sort_as_paths() -> None:
    """By numbers, not by digits."""
    paths = ["/t10", "/t2", "/t0[i=10]/t1", "/t0[i=9]/t1", "/t0#2", "/t0?else/t1", "/t0?then/t1"]
    assert sorted(paths, key=position_of) == sorted(paths, key=path_order)


# ---------------------------------------------------------------------------------------------------------------------
# What running tries say


def test_live_lines(database: Database) -> None:
    """Whole lines are there as soon as they are written; those of a try that left no record go with it."""
    logs = {"run.t0(0)": b""}
    origin = Origin(begin(database, workflow(described("/t0")), nothing)[0], "run", "7", nothing, logs.get)
    sync = Sync(database, origin, workflow(described("/t0")))

    def said() -> list[str]:
        sync.flush("1")
        with database.session() as session:
            return [one.text for one in session.exec(select(Message))]

    for update in [root("Running"), node("t0", "Running"), tried("t0", 0, "Running")]:
        sync.take(update)
    assert said() == []
    line = json.dumps(LOG[0]).encode() + b"\n"
    logs["run.t0(0)"] += line + line[:10]
    assert said() == ["hello"]
    logs["run.t0(0)"] += line[10:]
    assert said() == ["hello", "hello"]
    sync.take(tried("t0", 0, "Failed"))
    assert said() == []
