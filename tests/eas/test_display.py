"""Progress is counted by task type, and shown as fits the place: live on a terminal, line by line elsewhere."""

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eas import display
from eas.display import Live, Progress, clock
from eas_compiler.shape import Count
from eas_provenance.states import Task, Told
from tests.eas.harness import ROOT

EXPECTED = {"search": Count(4, 4), "null": Count(0, None)}


def task(path: str, kind: str = "search", program: str = "Running", gate: str = "", verdict: str | None = None) -> Task:
    """Write a task in some state."""
    made = Task(path, "t0", {"task": kind}, {})
    for verb, phase, message in (("run", program, ""), ("qc", gate, verdict or "")):
        if phase:
            made.nodes[verb] = Told(verb, 1, phase, message, "", "", None, {})
    return made


def progress(*tasks: Task) -> Progress:
    """Count some tasks."""
    counted = Progress(EXPECTED)
    for one in tasks:
        counted.take(one)
    return counted


PASSED = {"program": "Succeeded", "gate": "Succeeded", "verdict": "pass"}


def test_counts() -> None:
    """Each task counts once, as what it was last; those still expected are waiting."""
    counted = progress(
        task("/t0"), task("/t0"), task("/t0", **PASSED), task("/t1", program="Omitted"),
        task("/t2", gate="Failed", verdict="fail"), task("/t3", "null", gate="Failed", verdict="error"),
        task("/t4", "null", gate="Skipped"), task("/t5", "extra"),
    ).counts()  # fmt: skip
    none = dict.fromkeys(display.STATES, 0)
    assert counted == {
        "search": none | {"waiting": 1, "passed": 1, "blocked": 1, "failed": 1, "running": 0},
        "null": none | {"failed": 1, "no work": 1},
        "extra": none | {"running": 1},
    }


def test_time_left() -> None:
    """There is an estimate when two tasks have ended: by the pace so far."""
    assert progress(task("/t0", **PASSED)).left_s() is None
    counted = progress(task("/t0", **PASSED), task("/t1", **PASSED), task("/t2"))
    counted._start -= 10
    assert counted.left_s() == pytest.approx(10, rel=0.1)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.6, "1:00"), (61, "1:01"), (3600, "1:00:00"), (90061, "25:01:01")]
)
def test_clock(seconds: float, text: str) -> None:
    """Hours only when there are some."""
    assert clock(seconds) == text


def test_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal there is a line now and then, ever more rarely, and one at the end; no colours."""
    counted = progress(task("/t0", **PASSED))
    with Live(counted) as live:
        for _ in range(3):
            live.tick()
        counted._start -= 1000
        live.tick()
        counted._start -= 50
        live.tick()
        counted._start -= 51
        live.tick()
    shown = "1 passed"
    assert capsys.readouterr().err.splitlines() == [
        f"{time}  3 waiting, {shown}" for time in ("0:00", "16:40", "18:21", "18:21")
    ]


def test_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing at all, if that is what was asked for."""
    with Live(progress(), quiet=True) as live:
        live.tick()
    assert capsys.readouterr().err == ""


def on_a_terminal(folder: Path, **environment: str) -> str:
    """Run a chain with standard error on a terminal; return what it showed."""
    tasks: list[dict[str, Any]] = [
        {"task": kind, "resources": {"memory_gb": 0.1}} for kind in ("null", "error", "null")
    ]
    (folder / "chain.json").write_text(json.dumps({"task_list": tasks}), encoding="utf-8")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "eas", "run", "chain.json", "--registry", str(ROOT / "registry.yaml")]
    variables = {key: value for key, value in os.environ.items() if key not in {"NO_COLOR", "FORCE_COLOR"}}
    variables |= {"TERM": "xterm-256color", "COLUMNS": "100", **environment}
    with subprocess.Popen(command, cwd=folder, env=variables, stdout=subprocess.DEVNULL, stderr=theirs):
        os.close(theirs)
        shown = b""
        try:
            while chunk := os.read(ours, 4096):
                shown += chunk
        except OSError:  # Linux says so when the other end is closed
            pass
    os.close(ours)
    return shown.decode()


def test_a_terminal(tmp_path: Path) -> None:
    """A line for each task type, with colours; and the time, at the end without what is left."""
    shown = on_a_terminal(tmp_path)
    assert "\x1b[32m2" in shown  # passed
    assert "\x1b[31m1" in shown  # failed
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    last = [line.rstrip() for line in plain.splitlines() if line.strip()][-4:]
    assert last[0].split() == ["task", *display.STATES]
    assert last[1].split() == ["null", "·", "·", "2", "·", "·"]
    assert last[2].split() == ["error", "·", "·", "·", "1", "·"]
    assert re.fullmatch(r"0:\d\d elapsed", last[3])


def test_a_terminal_without_colours(tmp_path: Path) -> None:
    """NO_COLOR is respected."""
    shown = on_a_terminal(tmp_path, NO_COLOR="1")
    assert "passed" in shown
    assert not re.search(r"\x1b\[3\dm", shown)
