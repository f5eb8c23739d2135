"""The verbs that have runs worked on say what they did, and what is to be done when they cannot."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eas import working
from eas.cli import main
from eas_provenance.store import Store
from tests.eas.harness import ROOT, eas, eventually

REGISTRY = ["--registry", str(ROOT / "registry.yaml")]
SMALL: dict[str, Any] = {"memory_gb": 0.1, "cpu": 0.5}
NULL: dict[str, Any] = {"task": "null", "resources": SMALL}


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """Return a folder with chains: one that waits, one that fails."""
    chains = {
        "waits": [NULL, {"task": "null", "seconds": 60, "resources": SMALL}],
        "fails": [NULL, {"task": "error", "resources": SMALL}],
        "good": [NULL],
    }
    for name, tasks in chains.items():
        (tmp_path / f"{name}.json").write_text(json.dumps({"task_list": tasks}), encoding="utf-8")
    return tmp_path


Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(here: Path) -> Iterator[Start]:
    """Start the command in the background; none is left."""
    started = []

    def run(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "eas", *arguments]
        process = subprocess.Popen(
            command, cwd=here, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def waiting(here: Path) -> str:
    """Return the name of the run whose second task runs, as soon as it does."""

    def found() -> str | None:
        for folder in Store(here / "eas-store").runs():
            nodes = folder.journal.nodes().values()
            if any(node["type"] == "Pod" and ".t1" in node["name"] and node["phase"] == "Running" for node in nodes):
                return folder.name
        return None

    return str(eventually(found))


def name_in(text: str) -> str:
    """Return the name of the run that a report is about."""
    found = re.search(r"^run (\S+) ", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


@pytest.mark.parametrize("how", [[], ["--now"]])
def test_cancel(here: Path, start: Start, how: list[str]) -> None:
    """The run ends as after Ctrl-C, and the command says how it goes on."""
    running = start("run", "waits.json", *REGISTRY)
    name = waiting(here)
    ended = eas("cancel", name, *how, cwd=here)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == f"eas: {name} has ended; `eas run --resume {name}` goes on with it\n"
    out, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "1 cancelled, 1 succeeded" in out
    shown = json.loads(eas("show", name, "--json", cwd=here).stdout)
    assert "cancelled" in json.dumps(shown)


def test_killed_shown_and_resumed(here: Path, start: Start) -> None:
    """An engine that was killed: the next report says so, and the run can be finished with its one task left."""
    running = start("run", "waits.json", *REGISTRY)
    name = waiting(here)
    os.kill(running.pid, signal.SIGKILL)
    running.communicate()
    listed = eas("show", cwd=here)
    assert "interrupted" in listed.stdout, listed.stderr
    resumed = start("run", "--resume", name, "--store", "eas-store")
    eventually(lambda: Store(here / "eas-store").run(name).has_engine())
    busy = eas("run", "--resume", name, cwd=here)
    assert (busy.returncode, busy.stderr) == (1, f"eas: an engine is at work on {name} already\n")
    resumed.send_signal(signal.SIGINT)
    out, _ = resumed.communicate(timeout=60)
    assert name_in(out) == name


def test_rerun(here: Path) -> None:
    """What failed is done again, as a try more."""
    failed = eas("run", "fails.json", *REGISTRY, cwd=here)
    assert failed.returncode == 1
    name = name_in(failed.stdout)
    again = eas("rerun", name, "--failed", cwd=here)
    assert (again.returncode, name_in(again.stdout)) == (1, name)
    from_start = eas("rerun", name, "--from", "/t0", "--json", cwd=here)
    assert json.loads(from_start.stdout)["run"] == name
    task = json.loads(eas("show", name, "/t1", "--json", cwd=here).stdout)
    assert len([one for one in task["attempts"] if one["step"] == "run"]) == 2


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["rerun", "NAME", "--failed"], 1, "nothing to do again in NAME: no task of it failed"),
        (["rerun", "NAME", "--from", "/t7"], 1, "nothing to do again in NAME: it has no task at /t7"),
        (["cancel", "NAME"], 1, "nobody works on NAME"),
        (["cancel", "NAMEx"], 1, "unknown run 'NAMEx'; did you mean 'NAME'?"),
        (["run", "--resume", "nobody"], 1, "unknown run 'nobody'; `eas show` lists them"),
        (["cancel", ""], 1, "unknown run ''; `eas show` lists them"),
        (["run"], 2, "which chain? `eas run CHAIN`, or `eas run --resume RUN`"),
        (
            ["run", "good.json", "--resume", "NAME"], 2,
            "a run is resumed with the chain that it was begun with; leave it out",
        ),
    ],
)  # fmt: skip
def test_nothing_to_do(here: Path, arguments: list[str], status: int, said: str) -> None:
    """A line that says what is wrong, and nothing else."""
    name = name_in(eas("run", "good.json", *REGISTRY, cwd=here).stdout)
    ran = eas(*(argument.replace("NAME", name) for argument in arguments), cwd=here)
    assert (ran.returncode, ran.stdout) == (status, "")
    assert ran.stderr == f"eas: {said.replace('NAME', name)}\n"


@pytest.mark.parametrize("path", ["", "t0", "[size=0]"])
def test_no_path(path: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What does not begin as a path means no task, and least of all every task."""
    with pytest.raises(SystemExit) as left:
        main(["rerun", "some", "--from", path, "--store", str(tmp_path / "none")])
    assert left.value.code == 2
    assert f"a path begins with /, as /t0[size=3]/t1, not {path!r}" in capsys.readouterr().err
    with pytest.raises(ValueError, match="a path begins with /"):
        working.beneath(path)


def test_what_has_ended_stays(here: Path) -> None:
    """To resume a run that has ended does nothing, and tells how it ended."""
    name = name_in(eas("run", "good.json", *REGISTRY, cwd=here).stdout)
    resumed = eas("run", "--resume", name, cwd=here)
    assert resumed.returncode == 0
    assert f"run {name} succeeded" in resumed.stdout
    task = json.loads(eas("show", name, "/t0", "--json", cwd=here).stdout)
    assert len([one for one in task["attempts"] if one["step"] == "run"]) == 1


def test_a_log_that_is_followed(here: Path, start: Start) -> None:
    """Lines are shown while the program that says them runs."""
    start("run", "waits.json", *REGISTRY)
    name = waiting(here)
    following = start("logs", name, "-f")
    eas("cancel", name, cwd=here)
    out, err = following.communicate(timeout=60)
    assert (following.returncode, "Traceback" in err) == (0, False), err
    assert "/t1" in out
