"""Reports show what the database knows, as text that no terminal obeys, or as JSON."""

import argparse
import contextlib
import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import String, and_, update

from eas.reports import logs, outcomes, register
from eas_provenance.database import Database
from eas_provenance.queries import MessageRow, OutcomeRow, OutcomeTable
from eas_provenance.queries.base import ATTEMPT, CRITERION, EMITTED, MESSAGE, RUN, TASK
from eas_provenance.tables import Table
from tests.provenance import filled

Run = Callable[..., str]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with a run that is over."""
    folder = tmp_path_factory.mktemp("store")
    with Database.open(folder / "eas.db") as database:
        filled.fill(database)
    return folder


def reported(*words: str) -> int:
    """Run a verb and return its exit status."""
    parser = argparse.ArgumentParser()
    register(parser.add_subparsers(required=True))
    arguments = parser.parse_args(words)
    status: int = arguments.verb(arguments)
    return status


@pytest.fixture
def run(store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return a function that runs a verb on the store and returns what it writes."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> str:
        assert reported(*words, "--store", str(store)) == 0
        return capsys.readouterr().out

    return run


VERBS = [
    ("show",),
    ("show", "survey"),
    ("show", "survey", "/t3"),
    ("show", "survey", "/t0[size=1]/t2"),
    ("show", "survey", "/t0[size=1]"),
    ("tree", "survey", "--depth", "9"),
    ("logs",),
    ("errors",),
    ("outcomes",),
    ("timings",),
    ("timings", "--tasks"),
]


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_hostile_text(run: Run, words: tuple[str, ...]) -> None:
    """Whatever programs said, a terminal gets nothing that it would obey."""
    shown = run(*words)
    assert shown.strip()
    assert [one for one in shown if not one.isprintable() and one != "\n"] == []


@pytest.mark.parametrize("words", VERBS, ids=" ".join)
def test_json(run: Run, words: tuple[str, ...]) -> None:
    """Every report is there for programs; logs have a line for each line."""
    shown = run(*words, "--json")
    for text in shown.splitlines() if words[0] == "logs" else [shown]:
        assert json.loads(text)


@pytest.mark.parametrize(
    ("words", "lines"),
    [
        (("show",), ["survey-1a2b3c  failed  2026-03-01 12:00:00  3:20    18  14+       2  survey.json"]),
        (
            ("show", "survey"),
            [
                "survey.json, started 2026-03-01 12:00:00 UTC by ada on observatory (this machine), EAS 0.1",
                "null                                1+          3       ·      ·        ·        ·          ·",
                "  /t5: the range of a loop failed: requested_metadata has no 'sizes' (survey.json:80:5)",
            ],
        ),
        (
            ("show", "survey", "/t1"),
            ["survey.json:50:5", "  in_transit  0      ≥ 1        ·  fail    number of samples in transit"],
        ),
        (
            ("show", "survey", "/t0[size=1]/t2"),
            [
                "  lightcurve    0  survey/lightcurve_1.gz  /t0[size=1]/t0  survey.json:10:9  91479043e15e",
                "  target_period [d]  10",
            ],
        ),
        (("tree",), ["  /t0 for · 2 skipped, 10 succeeded", "  /t2 verify blocked (survey.json:60:5)"]),
        (("tree", "--limit", "1"), ["… and 24 more lines: --limit, or a PATH to begin at"]),
        (
            ("logs", "--severity", "critical"),
            ["12:00:13 critical /t4#1/t0 (survey.json:75:9) run.0: über-критично 日本語"],
        ),
        (
            ("logs", "survey", "/t0[size=0]", "--step", "qc"),
            ["12:00:08 info     /t0[size=0]/t0 (survey.json:10:9) qc.0: judged 10 criteria"],
        ),
        (
            ("errors",),
            ["survey-1a2b3c: 2 failed or in error, 1 blocked by that", "1 of binning error (survey.json:65:5)"],
        ),
        (("outcomes",), [" 0.2  pass     UNDEFINED                 10           ·    173  1e-05"]),
        (("timings", "--tasks", "--limit", "2"), ["… and 15 more tries: --limit"]),
    ],
)
def test_text(run: Run, words: tuple[str, ...], lines: list[str]) -> None:
    """People read tables with units, and the place in the chain of every task that is named."""
    shown = run(*words).splitlines()
    assert [line for line in lines if line not in shown] == []


def test_csv(run: Run) -> None:
    """What goes into other programs has a head with units, and a row for each task or type."""
    rows = list(csv.reader(io.StringIO(run("outcomes", "--csv"))))
    assert rows[0] == [
        *("path", "type", "source", "size", "verdict", "outcome", "target_period [d]", "period [d]", "power", "depth"),
    ]
    assert rows[4][:6] == ["/t0[size=2]/t2", filled.SEARCH, "survey.json:25:9", "2.0", "pass", "PASS"]
    rows = list(csv.reader(io.StringIO(run("timings", "--csv"))))
    assert rows[5][:5] == [filled.SEARCH, "4", "4", "4.0", "5.0"]


def test_variables_named_like_a_column() -> None:
    """A loop variable, or what is emitted, never hides the path, the type or the place of a task."""
    row = OutcomeRow("/t0[path=0]/t0", "chain.json:1:2", (1.5, "pass", "archive"))
    table = OutcomeTable("tls", ("path", "verdict", "source"), ("", "", ""), 1, {}, (row,), 1)
    assert outcomes.as_csv((table,)).splitlines() == [
        "path,type,source,path (variable),verdict,source (emitted)",
        "/t0[path=0]/t0,tls,chain.json:1:2,1.5,pass,archive",
    ]
    (known,) = outcomes.as_data(table)["rows"]
    assert (known["path"], known["path (variable)"]) == ("/t0[path=0]/t0", 1.5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("show", "nope"), "eas: unknown run 'nope'; `eas show` lists them\n"),
        (
            ("tree", "survey", "/t9"),
            "eas: survey-1a2b3c: no task '/t9' was reached; there is /t0, /t1, /t2, /t3, /t4, …\n",
        ),
        (("outcomes", "--type", "verify"), "eas: no task of type verify of survey-1a2b3c says an outcome\n"),
        (
            ("outcomes", "--type", "tls", "--plot", "x.png"),
            "eas: survey-1a2b3c: there is no outcome over a loop variable yet\n",
        ),
    ],
)
def test_mistakes(store: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], message: str) -> None:
    """A mistake is said in one line, with what may have been meant."""
    try:
        status: Any = reported(*words, "--store", str(store))
    except SystemExit as left:
        status = left.code
    assert (status, capsys.readouterr().err) == (1, message)


def test_no_store(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """To look for runs where there are none makes nothing."""
    with pytest.raises(SystemExit) as left:
        reported("show", "--store", str(tmp_path / "none"))
    assert left.value.code == 3
    assert list(tmp_path.iterdir()) == []


def test_plot(store: Path, tmp_path: Path) -> None:
    """Outcomes are drawn over loop variables; text that looks like mathematics is text."""
    pytest.importorskip("matplotlib")
    file = tmp_path / "map.svg"
    assert reported("outcomes", "--plot", str(file), "--store", str(store)) == 0
    drawn = file.read_text("utf-8")
    texts = set(re.findall(r"<!-- (.*?) -->", drawn))
    assert {"size", "PASS (1)", "0.02", "0.05", "0.1", "2"} <= texts


def test_wait(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """To wait for a run tells by the exit status whether it failed."""
    assert reported("show", "survey", "--wait", "--store", str(store)) == 1
    assert "run survey-1a2b3c failed" in capsys.readouterr().out


def test_wait_for_a_dead_engine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a run that nobody works on."""
    with Database.open(tmp_path / "eas.db") as database:
        filled.fill(database, is_over=False)
    (tmp_path / "runs" / "survey-1a2b3c").mkdir(parents=True)
    monkeypatch.setattr("eas_provenance.follow.catch_up", lambda *_: [])  # it would miss what the run was made from
    assert reported("show", "--wait", "--store", str(tmp_path)) == 1
    captured = capsys.readouterr()
    assert "run survey-1a2b3c interrupted" in captured.out
    assert "nobody works on survey-1a2b3c any more" in captured.err


INTERRUPTED = "nobody works on survey-1a2b3c any more; `eas run --resume survey-1a2b3c` goes on with it"


@pytest.mark.parametrize("state", ["interrupted", "running"])
def test_interrupted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """A run on which nobody works has no task that is running and goes on by no clock; it is said what to do."""
    with Database.open(tmp_path / "eas.db") as database:
        filled.fill(database, is_over=False)
        with database.writing() as batch:
            batch.execute(update(RUN).values(state=state))
    (tmp_path / "runs" / "survey-1a2b3c").mkdir(parents=True)
    monkeypatch.setattr("eas_provenance.follow.catch_up", lambda *_: [])

    def shown(*words: str, status: int = 0) -> str:
        assert reported(*words, "--store", str(tmp_path)) == status
        return capsys.readouterr().out

    for run in (shown("show", "survey"), shown("show", "survey", "--wait", status=1)):
        assert "run survey-1a2b3c interrupted after 2:01: " in run
        assert "1 interrupted" in run.splitlines()[0]
        assert INTERRUPTED in run.splitlines()
        assert "running" not in run.replace(str(tmp_path), "")
    assert json.loads(shown("show", "survey", "--json"))["is_alive"] is False
    assert shown("tree", "survey", "--running") == "survey-1a2b3c: no task is running\n"
    for words in (("tree", "survey", "--depth", "9"), ("show", "survey", "/t4#2/t0")):
        assert "null interrupted" in (task := shown(*words))
        assert "running" not in task


EVIL = "\x1b[31m…\x1b]0;x\a"
EVIL_PATH = "/t3[\x1b[31m…\a=0]/t0"
EVERY = [
    *VERBS,
    ("tree", "survey", "/t3"),
    ("logs", "survey", "/t3"),
    ("show", "survey", "/t4#1"),
    ("tree", "--running"),
]


@pytest.fixture(scope="module")
def evil(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with a run of which every text that may be anything has what terminals obey."""
    folder = tmp_path_factory.mktemp("evil")
    with Database.open(folder / "eas.db") as database:
        run_id = filled.fill(database)
        with database.writing() as batch:
            for table in Table.metadata.tables.values():
                columns = [one for one in table.c if isinstance(one.type, String) and one.name not in _MEANT]
                if values := {one.name: one + EVIL for one in columns if not one.primary_key}:
                    batch.execute(update(table).values(values))
            for table in (TASK, ATTEMPT, MESSAGE):
                is_meant = and_(table.c.run_id == run_id, table.c.path == "/t3")
                batch.execute(update(table).where(is_meant).values(path=EVIL_PATH))
            batch.execute(update(TASK).values(variables={EVIL: EVIL, "size": EVIL}, settings={EVIL: {EVIL: [EVIL]}}))
            batch.execute(update(EMITTED).where(EMITTED.c.name == "flags").values(name=EVIL, value=EVIL))
            batch.execute(update(CRITERION).values(value=EVIL, bound={"equals": EVIL}))
    return folder


_MEANT = ("type", "position", "state", "sha256", "chain_sha256", "workflow_sha256", "registry_sha256")


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_no_report_writes_escapes(evil: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...]) -> None:
    """Whatever is in the database, also names of files and of runs: a terminal gets nothing that it would obey."""
    words = tuple(EVIL_PATH if one == "/t3" else one for one in words)
    with contextlib.suppress(SystemExit):
        reported(*words, "--store", str(evil))
    captured = capsys.readouterr()
    assert captured.out or captured.err
    assert [one for one in captured.out + captured.err if not one.isprintable() and one != "\n"] == []


def test_odd_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Rows that nobody here wrote are shown as far as they can be."""
    with Database.open(tmp_path / "eas.db") as database:
        filled.fill(database)
        with database.writing() as batch:
            batch.execute(update(RUN).values(started="garbage"))
            batch.execute(update(TASK).values(variables=[1], settings=[1]))
            batch.execute(update(ATTEMPT).values(started="2026-03-01T12:00:00"))
    for words in VERBS:
        assert reported(*words, "--store", str(tmp_path)) == 0
    assert "garbage" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("show", "--state", "foo"), 2, "invalid choice: 'foo'"),
        (("show", "survey", ""), 2, "a path begins with /, as /t0[size=3]/t1, not ''"),
        (("tree", "survey", "t0"), 2, "a path begins with /, as /t0[size=3]/t1, not 't0'"),
        (("logs", "survey", ""), 2, "a path begins with /"),
        (("show", ""), 1, "eas: unknown run ''; `eas show` lists them"),
        (("show", "", "--wait"), 1, "eas: unknown run ''; `eas show` lists them"),
    ],
)
def test_wrong_use(
    store: Path, capsys: pytest.CaptureFixture[str], words: tuple[str, ...], status: int, said: str
) -> None:
    """What means nothing is refused, and does not mean everything."""
    with pytest.raises(SystemExit) as left:
        reported(*words, "--store", str(store))
    assert left.value.code == status
    assert said in capsys.readouterr().err


def message(time: str, position: int = 0) -> MessageRow:
    """Return a line of a log."""
    return MessageRow(time, "/t0", "run", 0, position, "info", "x", "text", None)


def test_follow() -> None:
    """What is seen live and again in the database is shown once; after the last look nothing is waited for."""
    looks = iter([([message("1"), message("2", 1)], False), ([message("2", 1), message("0", 2)], True)])
    pauses: list[int] = []
    lines = list(logs.followed(lambda: next(looks), [message("1")], lambda: pauses.append(1)))
    assert [line.position for line in lines] == [1, 2]
    assert pauses == [1]


def test_follow_a_run(run: Run) -> None:
    """To follow a run that is over ends."""
    assert run("logs", "-f") == run("logs")
