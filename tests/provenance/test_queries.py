"""Queries find what was put into the database."""

from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import update
from sqlmodel import Session

from eas_provenance import queries
from eas_provenance.database import Database
from eas_provenance.queries import TaskFilter, base
from eas_provenance.queries.base import ATTEMPT, CRITERION, RUN, TASK
from eas_provenance.queries.failures import reason_of
from eas_provenance.tables import Cursor
from tests.provenance import filled
from tests.provenance.kept import begin
from tests.provenance.nodes import described, workflow


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """Return a session on a database of either kind, with a run that is over and a newer one that goes on."""
    is_sqlite = request.param == "sqlite"
    url = tmp_path_factory.mktemp("store") / "eas.db" if is_sqlite else request.getfixturevalue("new_postgres")()
    with Database.open(url) as database:
        filled.fill(database)
        with database.writing() as batch:
            filled.put_run(batch, "survey-9f9f9f", started="2026-03-02T00:00:00Z")
            filled.put_run(batch, "100%_sure", started="2026-02-02T00:00:00Z", state="succeeded")
        with database.session() as session:
            yield session


@pytest.fixture
def run(session: Session) -> queries.RunRow:
    """Return the run that is over."""
    return queries.find_run(session, filled.NAME)


def test_runs(session: Session) -> None:
    """Runs come newest first, a page at a time, with what is known of their tasks."""
    page = queries.runs(session, limit=2)
    assert [row.name for row in page.rows] == ["survey-9f9f9f", filled.NAME]
    assert (page.total, page.left) == (3, 1)
    row = page.rows[1]
    assert row.states == {"succeeded": 12, "skipped": 2, "failed": 1, "blocked": 1, "error": 1, "cancelled": 1}
    assert (row.done, row.failed, row.at_least, row.at_most) == (18, 2, 14, None)
    assert row.tags == ("grid <1>", "paper")
    assert row.duration_s("") == 200


@pytest.mark.parametrize(
    ("where", "names"),
    [
        (queries.RunFilter(states=("failed",)), [filled.NAME]),
        (queries.RunFilter(tag="paper"), [filled.NAME]),
        (queries.RunFilter(search="%_S"), ["100%_sure"]),
        (queries.RunFilter(search="nothing"), []),
    ],
)
def test_runs_that_are_meant(session: Session, where: queries.RunFilter, names: list[str]) -> None:
    """Runs are chosen by state, tag and text; no character has a meaning of its own."""
    assert [row.name for row in queries.runs(session, where).rows] == names


def test_find_run(session: Session) -> None:
    """A run is named by its name, by how it alone begins, or not at all: the newest."""
    assert queries.find_run(session, "survey-1").name == filled.NAME
    assert queries.find_run(session).name == "survey-9f9f9f"
    assert queries.find_run(session, "100%").name == "100%_sure"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("survey-", "several runs begin with 'survey-': survey-9f9f9f, survey-1a2b3c"),
        ("survey-1a2b3d", "unknown run 'survey-1a2b3d'; did you mean 'survey-1a2b3c'?"),
        ("zzz", "unknown run 'zzz'; `eas show` lists them"),
        ("", "unknown run ''; `eas show` lists them"),
    ],
)
def test_unknown_runs(session: Session, given: str, message: str) -> None:
    """A name that no run or several runs have says which there are."""
    with pytest.raises(queries.UnknownRunError) as caught:
        queries.find_run(session, given)
    assert str(caught.value) == message


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_interrupted(kind: str, new_url: Callable[[str], str]) -> None:
    """A run that was interrupted took as long as is known that something happened in it, whatever the clock says."""
    with Database.open(new_url(kind)) as database:
        run_id = filled.fill(database, is_over=False)
        with database.writing() as batch:
            batch.execute(update(RUN).values(state="interrupted"))
            early = filled.put_run(batch, "early", state="interrupted")
            batch.put(Cursor, [{"run_id": early, "position": "0", "seen": filled.moment(3)}])
        with database.session() as session:
            row = queries.run_by_id(session, run_id)
            assert row is not None
            assert (row.is_over, row.is_interrupted, row.last) == (True, True, filled.moment(121))
            assert row.duration_s(filled.moment(1000)) == 121
            assert queries.find_run(session, "early").duration_s(filled.moment(1000)) == 3


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_odd_rows(kind: str, new_url: Callable[[str], str]) -> None:
    """What is no time is not there, and what should have names but has none is empty."""
    with Database.open(new_url(kind)) as database:
        run_id = filled.fill(database)
        with database.writing() as batch:
            batch.execute(update(RUN).values(started="garbage"))
            batch.execute(update(TASK).values(variables=[1], settings="x"))
            batch.execute(update(ATTEMPT).where(ATTEMPT.c.number == 0).values(started="garbage"))
            batch.execute(update(ATTEMPT).where(ATTEMPT.c.number == 1).values(started="2026-03-01T12:00:00"))
            batch.execute(update(CRITERION).values(bound=[1]))
        with database.session() as session:
            assert queries.find_run(session).duration_s(filled.moment(1)) == 0
            found = queries.task(session, run_id, "/t0[size=1]/t2")
            assert found is not None
            assert (found.task.variables, found.settings) == ({}, {})
            assert [one.queue_s for one in found.attempts] == [None, None]
            assert queries.tasks(session, run_id).rows[0].variables == {}
            assert queries.attempts(session, run_id).rows[0][0].variables == {}
            examples = [one for group in queries.failures(session, run_id).groups for one in group.examples]
            assert {one.task.variables == {} for one in examples} == {True}
            assert queries.outcomes(session, run_id)[0].variables == 0
            assert {one.type: one.queue_max_s for one in queries.timings(session, run_id)}["verify"] is None


def test_type_rows(session: Session, run: queries.RunRow) -> None:
    """Task types have the tasks that came and the numbers that were expected."""
    rows = {row.type: row for row in queries.type_rows(session, run.id)}
    assert list(rows) == sorted(rows)
    assert rows["verify"].states == {"succeeded": 3, "blocked": 1}
    assert (rows["verify"].done, rows["null"].at_least, rows["null"].at_most) == (4, 1, None)


def test_tasks(session: Session, run: queries.RunRow) -> None:
    """Tasks come in the order of their paths, those that are meant only."""
    beneath = queries.tasks(session, run.id, TaskFilter("/t0[size=1]"))
    assert [row.path for row in beneath.rows] == [f"/t0[size=1]/{one}" for one in ("t0", "t1", "t2", "t3?else/t0")]
    page = queries.tasks(session, run.id, TaskFilter(type="verify", states=("succeeded",)), limit=1, offset=1)
    assert ([row.path for row in page.rows], page.total, page.left) == (["/t0[size=1]/t1"], 3, 1)
    assert queries.tasks(session, run.id, TaskFilter(search="SCRIPT")).rows[0].path == "/t3"
    assert queries.tasks(session, run.id, TaskFilter(source="survey.json:25:9")).total == 3


def test_task(session: Session, run: queries.RunRow) -> None:
    """All is known of a task: its tries, the files it read and made, what it emitted, and how it was judged."""
    found = queries.task(session, run.id, "/t0[size=1]/t2")
    assert found is not None
    assert [(one.number, one.phase, one.queue_s) for one in found.attempts] == [
        (0, "Failed", 0.5),
        (1, "Succeeded", 0.5),
    ]
    assert found.attempts[1].efficiency == pytest.approx(0.875)
    assert [(one.name, one.made_by, one.made_at) for one in found.inputs] == [
        ("lightcurve_1.gz", "/t0[size=1]/t0", "survey.json:10:9")
    ]
    assert [(one.port, one.name, one.number, one.source) for one in found.outputs] == [
        ("debugging", "periodogram_1.tar.gz", 1, "survey.json:25:9")
    ]
    assert [(one.name, one.unit) for one in found.emitted] == [
        ("depth", ""),
        ("flags", ""),
        ("outcome", ""),
        ("power", ""),
        ("target_period", "d"),
    ]
    gate = queries.task(session, run.id, "/t1")
    assert gate is not None
    assert [(one.name, one.value, one.bound, one.result) for one in gate.criteria] == [
        ("in_transit", 0, {"minimum": 1}, "fail"),
        ("finite", True, {"equals": True}, "pass"),
    ]
    assert queries.task(session, run.id, "/t9") is None


def test_files(session: Session, run: queries.RunRow) -> None:
    """Files are listed by directory with their newest versions, and each version leads to its maker and readers."""
    assert queries.directories(session, run.id) == (("survey", 7, 7, 3 * (3 * filled.GIB + 7) + 4 * 97_488),)
    page = queries.files(session, run.id, queries.FileFilter("survey", "lightcurve", "_1"))
    (file,) = page.rows
    assert (page.total, file.name, file.version, file.versions) == (1, "lightcurve_1.gz", 1, 1)
    assert queries.versions(session, run.id, "survey", "lightcurve_1.gz") == (file,)
    readers = queries.readers(session, run.id, file)
    assert [(one.path, one.source) for one in readers.rows] == [
        ("/t0[size=1]/t1", "survey.json:20:9"),
        ("/t0[size=1]/t2", "survey.json:25:9"),
    ]


def test_messages(session: Session, run: queries.RunRow) -> None:
    """Lines come in the order of time, can be followed from any of them on, and say where their task stands."""
    lines = queries.messages(session, run.id)
    assert [line.time for line in lines] == sorted(line.time for line in lines)
    assert queries.messages(session, run.id, after=lines[3].cursor) == lines[4:]
    last = queries.last_messages(session, run.id, limit=2, offset=1)
    assert (last.rows, last.total) == (lines[-3:-1], len(lines))
    assert queries.severity_counts(session, run.id, "/t3") == {"debug": 1, "info": 2, "error": 1}
    serious = queries.MessageFilter(severities=queries.at_least("warning"))
    assert [line.chain for line in queries.messages(session, run.id, serious)] == [
        "survey.json:10:9",
        "survey.json:65:5",
        "survey.json:75:9",
    ]
    gate = queries.MessageFilter("/t0[size=0]", step="qc", search="JUDGED")
    assert [line.text for line in queries.messages(session, run.id, gate)] == ["judged 10 criteria"]


def test_failures(session: Session, run: queries.RunRow) -> None:
    """What failed is put together by its reason, with the criterion that was not met or the traceback."""
    found = queries.failures(session, run.id)
    assert (found.total, found.blocked, found.kinds) == (2, 1, 2)
    gate, crash = found.groups
    assert (gate.type, gate.state, gate.source, gate.tasks) == ("synthesis_batman", "failed", "survey.json:50:5", 1)
    assert [one.name for one in gate.examples[0].criteria] == ["in_transit"]
    assert crash.examples[0].traceback == filled.TRACEBACK
    assert [one.path for one in found.problems] == ["/t5"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("fail: depth is 0.5, must be at most -1e-5 ppm\nmore", "fail: depth is …, must be at most … ppm"),
        ("exit status 137 of batman2 in t0[1]", "exit status … of batman2 in t0[…]"),
    ],
)
def test_reasons(message: str, reason: str) -> None:
    """A reason is the first line of a message without its numbers; names keep theirs."""
    assert reason_of(message) == reason


def test_tree(session: Session, run: queries.RunRow) -> None:
    """The tree goes as deep as is asked for, and sums up what is beneath."""
    found = queries.tree(session, run.id, depth=2)
    lines = [(one.path, one.depth, one.kind, sum(one.states.values()), one.is_cut) for one in found.branches]
    assert lines == [
        ("/t0", 0, "loop", 12, False),
        ("/t0[size=0]", 1, "iteration", 4, True),
        ("/t0[size=1]", 1, "iteration", 4, True),
        ("/t0[size=2]", 1, "iteration", 4, True),
        ("/t1", 0, "task", 1, False),
        ("/t2", 0, "task", 1, False),
        ("/t3", 0, "task", 1, False),
        ("/t4", 0, "do-while", 2, False),
        ("/t4#1", 1, "iteration", 1, True),
        ("/t4#2", 1, "iteration", 1, True),
        ("/t6", 0, "task", 1, False),
    ]
    assert (found.total, found.tasks) == (11, 18)
    assert found.branches[4].source == "survey.json:50:5"


def test_branch_of_a_tree(session: Session, run: queries.RunRow) -> None:
    """A tree may begin at any path, have tasks of some states only, and be cut to its first lines."""
    found = queries.tree(session, run.id, TaskFilter("/t0[size=0]"), depth=2)
    assert [(one.part, one.depth, one.kind) for one in found.branches] == [
        ("[size=0]", 0, "iteration"),
        ("/t0", 1, "task"),
        ("/t1", 1, "task"),
        ("/t2", 1, "task"),
        ("/t3", 1, "condition"),
        ("?else", 2, "branch"),
    ]
    failed = queries.tree(session, run.id, TaskFilter(states=("skipped",)), depth=9, limit=3)
    assert ([one.path for one in failed.branches], failed.total, failed.tasks) == (
        ["/t0", "/t0[size=0]", "/t0[size=0]/t3"],
        9,
        2,
    )


def test_places(session: Session, run: queries.RunRow) -> None:
    """The chain is shown with its loops closed, whether tasks were reached or not, and who waits for whom."""
    places = {one.pattern: one for one in queries.places(session, run.id)}
    assert list(places) == [str(one["path"]) for one in filled.DESCRIPTIONS]
    assert places["/t0[size]/t2"].after == ("/t0[size]/t0",)
    assert places["/t4#/t0"].after == ("/t0[size]/t2",)
    assert places["/t0[size]/t0"].states == {"succeeded": 3}


def test_conditions(new_url: Callable[[str], str]) -> None:
    """What a condition asks is told by the gate of the last task that it needs, and by a step of its own."""
    by_gate = {"t2": {"at": "/t2", "request": {"a": 0, "b": "self"}}}
    by_step = {"t2": {"at": "/t2", "request": {"a": 0, "b": 1}}, "t3": {"at": "/t3", "request": {}}}
    first, second = ({"kind": "task", "path": path, "k": number} for number, path in enumerate(("/t0[i]/t0", "/t1")))
    group = {"kind": "group", "body": [["first", first]]}
    told = workflow(
        described("/t0[i]/t0"),
        described("/t1", questions=by_gate, records=[group]),
        described("/t2", questions=by_step, records=[group, second]),
    )
    with Database.open(new_url("sqlite")) as database:
        run_id, _ = begin(database, told, lambda _: None)
        with database.session() as session:
            assert queries.conditions(session, run_id) == (queries.Condition("/t2", ("/t0[i]/t0", "/t1")),)


def test_outcomes(session: Session, run: queries.RunRow) -> None:
    """Tasks of types that declare an outcome make a table: loop variables, verdict, outcome, then the rest."""
    empty, table = queries.outcomes(session, run.id)
    assert (empty.type, empty.columns, empty.rows[0].values) == ("tls", ("verdict",), ("cancelled",))
    assert table.columns == ("size", "verdict", "outcome", "target_period", "period", "power", "depth")
    assert table.units == ("", "", "", "d", "d", "", "")
    assert (table.variables, table.forms, table.total) == (1, {"size": "log_range"}, 3)
    assert table.column("period") == (1.105, None, 9.999)
    assert table.rows[2].values == (2.0, "pass", "PASS", 10.0, 9.999, 1730.0, 1e-5)
    assert table.rows[2][:2] == ("/t0[size=2]/t2", "survey.json:25:9")
    assert [one.type for one in queries.outcomes(session, run.id, type="tls")] == ["tls"]
    (part,) = queries.outcomes(session, run.id, type=filled.SEARCH, limit=1, offset=1)
    assert ([row.path for row in part.rows], part.total) == (["/t0[size=1]/t2"], 3)


def test_the_longest_tries(session: Session, run: queries.RunRow) -> None:
    """The longest ones come first, after those of which nobody knows how long they took; of a type as of all."""
    session.execute(update(ATTEMPT).where(ATTEMPT.c.path == "/t3").values(wall_s=None))
    found = queries.longest_attempts(session, run.id, limit=4)
    assert [(one.path, one.wall_s) for _, one in found.rows] == [
        *(("/t3", None), ("/t4#1/t0", 20.0), ("/t4#2/t0", 20.0), ("/t0[size=1]/t2", 6.0)),
    ]
    assert found.total == queries.attempts(session, run.id).total
    of_type = queries.longest_attempts(session, run.id, TaskFilter(type=filled.SEARCH), limit=2)
    assert ([one.wall_s for _, one in of_type.rows], of_type.total) == ([6.0, 5.0], 4)
    some = TaskFilter("/t0[size=1]", type=filled.SEARCH)
    assert queries.longest_attempts(session, run.id, some).total == 2


def test_timings(session: Session, run: queries.RunRow) -> None:
    """Tries of programs are summed up by task type."""
    rows = {row.type: row for row in queries.timings(session, run.id)}
    search = rows[filled.SEARCH]
    assert (search.attempts, search.measured) == (4, 4)
    assert (search.wall_min_s, search.wall_median_s, search.wall_max_s, search.wall_total_s) == (4, 5, 6, 20)
    assert search.efficiency == pytest.approx(0.875)
    assert (search.peak_memory_bytes, search.memory_request_bytes) == (11 * filled.GIB, 16 * filled.GIB)
    assert search.queue_mean_s == pytest.approx(0.5, abs=1e-3)
    assert rows["null"].wall_median_s == 20
    assert [row.type for row in queries.timings(session, run.id, step="qc")] == ["synthesis_batman"]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/t0[size=7]/t1", "no task '/t0[size=7]/t1' was reached; there is /t0[size=0], /t0[size=1], /t0[size=2]"),
        (
            "/t0[size=2]/t9",
            "no task '/t0[size=2]/t9' was reached; there is " + ", ".join(f"/t0[size=2]/t{n}" for n in range(4)),
        ),
        ("nonsense", "'nonsense' is no path of a task; paths are as /t0[size=3]/t1"),
    ],
)
def test_unknown_tasks(session: Session, run: queries.RunRow, path: str, hint: str) -> None:
    """A path that is not there says what is there instead."""
    assert queries.explain_unknown(session, run.id, path) == hint


def test_pattern_of() -> None:
    """A pattern is a path without its indices."""
    assert base.pattern_of("/t0[tda=1]/t1#12/t3?else/t2") == "/t0[tda]/t1#/t3?else/t2"
