"""The Python API does what the commands do, and gives values."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import eas
from eas.api import Chain
from eas.cli import main
from eas.local import NothingToDoError
from eas_provenance.database import Database
from eas_provenance.store import Store
from tests.eas.harness import ROOT
from tests.provenance import filled

REGISTRY = ROOT / "registry.yaml"
NULL = {"task": "null", "resources": {"memory_gb": 0.1}}
CHAIN: dict[str, Any] = {
    "job_name": "nulls",
    "parameters": {"pause": 0},
    "task_list": [
        {"task": "execution_for_loop", "parameter": "i", "values": [1, 2], "task_list": [NULL]},
        {"task": "error", "resources": {"memory_gb": 0.1}},
        NULL | {"seconds": "(parameters['pause'])"},
    ],
}
MISTAKES = {"task_list": [{"task": "nul"}, {"task": "verify", "input": 3}]}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> eas.Run:
    """Return a run of which a task failed."""
    return eas.run(CHAIN, store=tmp_path_factory.mktemp("run") / "store", registry=REGISTRY, cores=2)


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[eas.Archive]:
    """Return an archive with a run in which everything happened."""
    folder = tmp_path_factory.mktemp("archive")
    with Database.open(folder / "eas.db") as database:
        filled.fill(database)
    with eas.open(folder) as archive:
        yield archive


def test_the_import_is_light() -> None:
    """Neither to import nor to compile loads what runs chains; names that are not there are told."""
    heavy = ("astropy", "numpy", "psutil", "rich", "sqlalchemy")
    code = f"""if True:
        import eas, sys
        eas.compile({{"task_list": [{{"task": "null"}}]}})
        print([one for one in {heavy} if one in sys.modules], eas.open and dir(eas))
    """
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("[] ")
    assert all(repr(name) in said for name in eas.__all__)
    with pytest.raises(AttributeError, match="module 'eas' has no attribute 'compose'"):
        _ = eas.compose


# ---------------------------------------------------------------------------------------------------------------------
# Chains


def test_three_ways_to_give_a_chain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path, a JSON text and a dict are the same chain."""
    monkeypatch.chdir(tmp_path)
    text = json.dumps(CHAIN, indent=2)
    Path("chain").write_text(text, encoding="utf-8")
    ways: list[Chain] = [Path("chain"), "chain", text, CHAIN]
    first, *others = [eas.compile(one, registry=REGISTRY).workflow for one in ways]
    assert others == [first] * 3


def test_what_is_compiled_is_what_the_command_writes(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """The Workflow is the same to the last byte."""
    chain = str(ROOT / "chains/demo.json")
    assert main(["compile", chain, "--set", "period=5", "--seed", "3", "--registry", str(REGISTRY)]) == 0
    compiled = eas.compile(chain, parameters={"period": 5}, seed=3, registry=REGISTRY)
    assert compiled.yaml().encode() == capfdbinary.readouterr().out
    assert compiled.workflow["kind"] == json.loads(compiled.json())["kind"] == "Workflow"
    assert repr(compiled) == f"<the chain {chain}, compiled>"


def test_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One exception shows all mistakes as the command does, and carries them as data."""
    chain = tmp_path / "chain.json"
    chain.write_text(json.dumps(MISTAKES), encoding="utf-8")
    with pytest.raises(eas.ChainError) as raised:
        eas.compile(chain, registry=REGISTRY)
    assert main(["check", str(chain), "--registry", str(REGISTRY)]) == 1
    assert f"{raised.value}\n" == capsys.readouterr().err
    assert main(["check", str(chain), "--registry", str(REGISTRY), "--format", "json"]) == 1
    assert raised.value.diagnostics == json.loads(capsys.readouterr().out)


def test_what_is_not_a_mistake_of_the_chain(tmp_path: Path) -> None:
    """A parameter that the chain has not, a file that is not there, and what JSON does not know."""
    with pytest.raises(ValueError, match="no parameter 'paus'; did you mean 'pause'"):
        eas.compile(CHAIN, parameters={"paus": 1}, registry=REGISTRY)
    with pytest.raises(FileNotFoundError):
        eas.compile(tmp_path / "none.json")
    with pytest.raises(TypeError, match="a chain is made of JSON values, and set is none"):
        eas.compile({"task_list": {1, 2}})


def test_arrays(tmp_path: Path) -> None:
    """What numpy makes may stand in a chain and in parameters."""
    loop = {"task": "execution_for_loop", "parameter": "i", "values": np.linspace(0, 1, 3), "task_list": [NULL]}
    chain = {"job_name": "j", "parameters": {"n": 0}, "task_list": [loop]}
    same = chain | {"task_list": [loop | {"values": [0.0, 0.5, 1.0]}]}
    given = eas.compile(chain, parameters={"n": np.int64(3)}, registry=REGISTRY, seed=1)
    assert given.workflow == eas.compile(same, parameters={"n": 3}, registry=REGISTRY, seed=1).workflow


# ---------------------------------------------------------------------------------------------------------------------
# Running


def test_a_run(run: eas.Run) -> None:
    """A run that failed is one to look at, and no exception."""
    assert run.name.startswith("nulls-")
    assert (run.state, repr(run)) == ("failed", f"<run {run.name}>")
    assert [(task.path, task.state) for task in run.tasks()] == [
        ("/t0[i=0]/t0", "succeeded"),
        ("/t0[i=1]/t0", "succeeded"),
        ("/t1", "error"),
        ("/t2", "succeeded"),
    ]
    assert [task.path for task in run.tasks("/t0", type="null", state="succeeded")] == ["/t0[i=0]/t0", "/t0[i=1]/t0"]
    assert run.task("/t1").traceback
    assert run.errors().total == 1
    assert {one.type: one.attempts for one in run.timings()}["null"] == 3
    assert (run.outcomes(), run.files()) == ([], [])
    assert len(run.outcomes().table()) == 0


def test_runs_of_a_store(run: eas.Run) -> None:
    """Runs are found by name, by its beginning, or as the newest."""
    with eas.open(run.archive.folder) as archive:
        assert [one.name for one in archive] == [one.name for one in archive.runs(state="failed")] == [run.name]
        assert archive.run().name == archive["nulls"].name == run.name
        assert archive.runs(state=["running"]) == archive.runs(tag="none") == archive.runs(search="xyz") == []
        with pytest.raises(LookupError, match="unknown run 'xyz'"):
            _ = archive["xyz"]


def test_to_work_on_a_run_again(run: eas.Run) -> None:
    """What failed, or what stands at a path, is done again; what has passed is not."""
    run.rerun(failed=True, cores=2)
    assert len(run.task("/t1").attempts) >= 2
    assert len([one for one in run.task("/t2").attempts if one.step == "run"]) == 1
    run.rerun(start="/t2")
    assert len([one for one in run.task("/t2").attempts if one.step == "run"]) == 2
    assert run.resume().state == "failed"
    with pytest.raises(ValueError, match="either failed=True or start=PATH"):
        run.rerun()
    with pytest.raises(NothingToDoError):
        run.rerun(start="/t9")


def test_chains_that_cannot_be_run(tmp_path: Path) -> None:
    """A file that nobody makes is a mistake of the chain; nothing is made of it."""
    reading = {"task_list": [{"task": "verify", "inputs": {"lightcurve": "f.gz"}}]}
    with pytest.raises(eas.ChainError, match="no task of the chain makes"):
        eas.run(reading, store=tmp_path / "store", registry=REGISTRY)
    with pytest.raises(eas.ChainError, match="did you mean 'null'"):
        eas.run(MISTAKES, store=tmp_path / "store", registry=REGISTRY)
    assert list(tmp_path.iterdir()) == []


def test_another_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database may be named, or stand in the environment; a chain may have been compiled before."""
    compiled = eas.compile({"job_name": "one", "task_list": [NULL]}, registry=REGISTRY)
    done = eas.run(compiled, store=tmp_path / "store", db=f"sqlite:///{tmp_path}/other.db")
    assert not (tmp_path / "store/eas.db").exists()
    monkeypatch.setenv("EAS_DATABASE", str(tmp_path / "other.db"))
    assert eas.open(tmp_path / "store")[done.name].state == "succeeded"
    with pytest.raises(ValueError, match="seed and registry are for"):
        eas.run(compiled, store=tmp_path / "store", seed=3)


# ---------------------------------------------------------------------------------------------------------------------
# Looking


def test_no_store(tmp_path: Path) -> None:
    """To open what is not there makes nothing."""
    with pytest.raises(FileNotFoundError, match="there is no store"):
        eas.open(tmp_path / "none")
    assert list(tmp_path.iterdir()) == []


def test_outcomes(archive: eas.Archive) -> None:
    """Outcomes are rows; as a table they have units, and what is not there is masked."""
    found = archive["survey"].outcomes()
    assert found.columns[:5] == ["path", "type", "source", "size", "verdict"]
    assert [row["period"] for row in found if row["type"] == filled.SEARCH] == [1.105, None, 9.999]
    table = archive["survey"].outcomes(filled.SEARCH).table()
    assert (table.colnames, len(table)) == (list(archive["survey"].outcomes(filled.SEARCH).columns), 3)
    assert str(table["period"].unit) == "d"
    assert table["period"].mask.tolist() == [False, True, False]
    assert table["power"].quantity.max() > 17
    assert table["outcome"].tolist() == ["FAIL", "UNDEFINED", "PASS"]


def test_mixed_columns() -> None:
    """A column takes whatever was said: numbers become floats, and what fits nowhere stays what it is."""
    rows: list[dict[str, Any]] = [{"a": 1, "b": True, "c": "x", "d": None}, {"a": 0.5, "b": None, "c": 3, "d": None}]
    table = eas.Outcomes({"a": "flurbs", "b": "", "c": "", "d": ""}, rows).table()
    assert [table[name].dtype.kind for name in "abcd"] == ["f", "b", "O", "O"]
    assert table["b"].mask.tolist() == [False, True]
    assert str(table["a"].unit) == "flurbs"


def test_files(archive: eas.Archive, tmp_path: Path) -> None:
    """Files are found by directory and name, and read where they are kept."""
    run = archive["survey"]
    (first, *_) = run.files("survey")
    path = run.path(f"survey/{first.name}")
    assert path == run.path(first) == archive.store.files.path(first.key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(f"{first.name}{first.number}".encode())
    assert run.read(first.name) == path.read_bytes()
    copied = run.get(tmp_path, f"survey/{first.name}")
    assert [one.path for one in copied.files] == [tmp_path / "survey" / first.name]
    with pytest.raises(FileExistsError):
        run.get(tmp_path, f"survey/{first.name}")
    with pytest.raises(LookupError, match="did you mean"):
        run.read("survey/lightcurv_0.gz")


def test_an_unknown_task(archive: eas.Archive) -> None:
    """It is said which there are."""
    with pytest.raises(LookupError, match="no task '/t9' was reached; there is /t0"):
        archive["survey"].task("/t9")


def test_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run is waited for as long as somebody works on it, or until one's patience ends."""
    with Database.open(tmp_path / "eas.db") as database:
        filled.fill(database, is_over=False)
    run = eas.open(tmp_path)["survey"]
    with pytest.raises(TimeoutError, match=r"survey-1a2b3c goes on after 0.3 s"):
        run.wait(timeout_s=0.3)
    monkeypatch.setattr(Store, "may_go_on", lambda *_: False)
    assert run.wait() == "running"  # there is no folder of it from which to learn more


def test_an_archive_in_a_block(archive: eas.Archive) -> None:
    """It keeps one connection; outside of a block each question has its own."""
    with archive.database() as first, archive.database() as second:
        assert first is second
    alone = eas.open(archive.folder)
    with alone.database() as first, alone.database() as second:
        assert first is not second
    assert repr(alone) == f"<the runs of {archive.folder}>"
