"""`eas test`: a task alone."""

import io
import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from eas.cli import main

PROGRAM = """\
from eas_worker import Failed, task

@task
def run(ctx):
    size = len(ctx.inputs.data.path.read_text())
    if ctx.settings.how == "raise":
        raise ValueError("it broke")
    if ctx.settings.how == "fail":
        raise Failed("it cannot be done")
    ctx.outputs.copy.path.write_text("x" * size)
    ctx.emit(size=size, depth=ctx.inputs.data.metadata.get("depth"))
"""
JUDGE = """\
from eas_worker import qc

@qc
def judge(ctx):
    ctx.check("size", ctx.metadata["size"], minimum=3, unit="B", quantity="size of the file")
"""
REGISTRY = """\
types:
  data: {doc: Any file.}
containers:
  box: {image: "test/box:1", cpu: 1, gpu: 0, memory_gb: 0.1, doc: A box.}
tasks:
  copy:
    container: box
    label: Copy
    doc: Copies a file.
    inputs: {data: {type: data, doc: The file.}}
    outputs: {copy: {type: data, doc: The copy.}}
    settings: {how: {type: text, default: well, doc: How it goes.}}
    metadata: {size: {type: int, unit: B, doc: Its size.}, depth: {type: float, doc: A depth.}}
"""
INI = "[task]\ntask = copy\nhow = {how}\n[inputs]\ndata = {data}\n[outputs]\ncopy = copied\n"


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with a registry and a container, and return the container's configurations."""
    monkeypatch.chdir(tmp_path)
    for kind, text in (("task", PROGRAM), ("task_qc", JUDGE)):
        path = tmp_path / "containers" / "box" / f"{kind}_implementations" / "copy.py"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    (tmp_path / "registry.yaml").write_text(REGISTRY)
    folder = tmp_path / "containers" / "box" / "test_task_configs"
    folder.mkdir()
    (folder / "long").write_text("12345")
    (folder / "long.metadata.cfg").write_text("depth = 0.5\n")
    (folder / "short").write_text("1")
    for name, how, data in (("good", "well", "long"), ("small", "well", "short"), ("broken", "raise", "long")):
        (folder / f"{name}.ini").write_text(INI.format(how=how, data=data))
    return folder


def test_a_task_that_passes(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its metadata, products and criteria are shown, and nothing stays behind."""
    assert main(["test", "box/good"]) == 0
    shown = capsys.readouterr().out
    assert "/t0: copy succeeded (pass)" in shown
    assert "containers/box/test_task_configs/good.ini:1:" in shown
    assert "size of the file" in shown
    assert re.search(r"size \[B\] +5\n", shown)
    assert re.search(r"depth +0.5\n", shown)
    assert "box/good       pass     1 of 1" in shown
    assert sorted(path.name for path in Path().iterdir()) == ["containers", "registry.yaml"]


def test_several(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The status is that of the worst; all is told of what failed."""
    assert main(["test", "box/good", "box/small"]) == 1
    shown = capsys.readouterr().out
    assert "fail: size: size of the file is 1 B, must be at least 3 B" in shown
    assert "box/good       pass     1 of 1" in shown
    assert "box/small      fail     0 of 1" in shown
    assert "copy succeeded" not in shown


def test_for_programs(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` there is nothing else on standard output, and `--keep` says where the folders are."""
    assert main(["test", "box/broken", "--json", "--keep"]) == 1
    (found,) = json.loads(capsys.readouterr().out)
    assert (found["configuration"], found["verdict"], found["is_failed"]) == ("box/broken", "error", True)
    assert found["tasks"][0]["message"].endswith("ValueError: it broke")
    kept = Path(found["kept"])
    assert [path.read_text() for path in kept.glob("work/*/*/in/data")] == ["12345"] * 2
    assert len(list(kept.glob("files/*/.records/**/run.json"))) == 1
    shutil.rmtree(kept)


def test_debugger(box: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where a program raises, its variables can be looked at."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("p 2 * size\nq\n"))
    assert main(["test", "box/broken", "--pdb"]) == 1
    said = capsys.readouterr()
    assert "eas: ValueError: it broke" in said.err
    assert "(Pdb) 10\n" in said.out


def test_debugger_leaves_clean_failures_alone(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What the author knows of needs no debugger."""
    (box / "good.ini").write_text(INI.format(how="fail", data="long"))
    assert main(["test", "box/good", "--pdb"]) == 1
    shown = capsys.readouterr().out
    assert "it cannot be done" in shown
    assert "(Pdb)" not in shown


def test_profile(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The functions of the program and of its quality control are shown, and kept for other tools."""
    assert main(["test", "box/good", "--profile"]) == 0
    said = capsys.readouterr()
    assert "profile of run of copy: " in said.err
    assert "profile of judge of copy: " in said.err
    assert "read_text" in said.err
    kept = said.out.partition("kept in ")[2].partition(":")[0]
    assert sorted(path.name for path in Path(kept).glob("*.pstats")) == ["0-run-copy.pstats", "1-judge-copy.pstats"]
    shutil.rmtree(kept)


DOCKER = f"""\
#!{sys.executable}
import os, runpy, sys
if sys.argv[1] == "version":
    sys.exit(0)
open("calls", "a").write(" ".join(sys.argv[1:]) + "\\n")
image, verb = sys.argv[-2:]
if image != "test/box:1":
    sys.exit(125)
inside = dict(pair.split("=", 1) for before, pair in zip(sys.argv, sys.argv[1:]) if before == "--env")
volumes = [pair.split(":") for before, pair in zip(sys.argv, sys.argv[1:]) if before == "--volume"]
folder = next(one[0] for one in volumes if one[1] == "/eas")
os.environ.update(inside, EAS_FOLDER=folder, EAS_TERMINATION_LOG=folder + "/termination-log")
os.environ["EAS_PROGRAMS"] = "containers/box"
sys.argv[1:] = [verb]
runpy.run_module("eas_worker", run_name="__main__")
"""


@pytest.fixture
def docker(box: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a docker into the path that writes down its calls and runs the worker here."""
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "docker"
    program.write_text(DOCKER)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    return box


def test_in_its_image(docker: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The program and its quality control run in the image, by the user, with inputs that may only be read."""
    assert main(["test", "box/good", "--image"]) == 0
    assert "box/good       pass     1 of 1" in capsys.readouterr().out
    calls = Path("calls").read_text().splitlines()
    assert [call.split()[-2:] for call in calls] == [["test/box:1", "run"], ["test/box:1", "qc"]]
    assert all(f"--user {os.getuid()}:{os.getgid()}" in call and ":ro " in call for call in calls)
    assert not any("EAS_PROGRAMS" in call for call in calls)


def test_no_image(docker: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An image that was not built is something outside, and is told."""
    Path("registry.yaml").write_text(REGISTRY.replace("test/box:1", "test/box:2"))
    assert main(["test", "box/good", "--image"]) == 3
    assert "eas: test/box:2 cannot be run: docker ended with 125" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("task = copy", "good.ini:1: a value before the section [task]"),
        (INI.format(how="well", data="lost"), "no task makes lost, and it is not in "),
        (INI.replace("data =", "dta =").format(how=1, data="long"), "good.ini:5:1: error: "),
    ],
)
def test_mistakes(box: Path, capsys: pytest.CaptureFixture[str], text: str, message: str) -> None:
    """A mistake is told at its place, and nothing runs."""
    (box / "good.ini").write_text(text)
    assert main(["test", "box/good"]) == 1
    assert message in capsys.readouterr().err


def test_unknown_name(box: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is not there is wrong use, and is told with what may have been meant."""
    assert main(["test", "box/god"]) == 2
    assert "eas: box has no test configuration 'god'; did you mean 'good'?" in capsys.readouterr().err
