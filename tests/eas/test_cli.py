"""The command: exit statuses, and a message instead of a traceback whatever is wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eas import cli
from eas.cli import main
from eas_compiler import cli as compiler
from tests.eas.harness import ROOT, eas

TASK = {"task": "null", "seconds": "(parameters['p'] * 0)", "resources": {"memory_gb": 0.1}}
CHAIN = {"job_name": "j", "parameters": {"p": 1}, "task_list": [TASK]}
REGISTRY = ["--registry", str(ROOT / "registry.yaml")]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a good chain, one with mistakes, and one that needs a file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "registry.yaml").symlink_to(ROOT / "registry.yaml")
    reading = {"task_list": [{"task": "verify", "inputs": {"lightcurve": "f.gz"}}]}
    for name, content in (("good", CHAIN), ("wrong", {"task_list": 3}), ("reading", reading)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    (tmp_path / "script.json").write_text('{"null": {"verdict": "fail"}}')
    (tmp_path / "odd.json").write_text('{"null": {"verdict": "good", "metadat": {}}, "a": {"metadata": 3}, "b": 3}')
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "broken.json").write_text("{")
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ("check good.json", 0, ""),
        ("check good.json --set p=3 --seed 7", 0, ""),
        ("check wrong.json", 1, "wrong.json:1:15: error"),
        ("check wrong.json --format json", 1, ""),
        ("check missing.json", 1, "cannot read missing.json: No such file or directory"),
        ("check .", 1, "cannot read .: Is a directory"),
        ("check good.json --registry missing.yaml", 1, "cannot read the registry: No such file"),
        ("check good.json --registry .", 1, "cannot read the registry: Is a directory"),
        ("check good.json --set p", 2, "--set takes NAME=VALUE, not 'p'"),
        ("check good.json --set q=1", 2, "the chain has no parameter 'q'"),
        ("plan wrong.json", 1, "error"),
        ("plan good.json --set q=1", 2, "the chain has no parameter 'q'"),
        ("compile wrong.json", 1, "error"),
        ("compile good.json -o missing/x.yaml", 3, "cannot write missing/x.yaml: No such file or directory"),
        ("simulate wrong.json", 1, "error"),
        ("simulate good.json --metadata script.json", 0, ""),
        ("simulate good.json --metadata missing.json", 1, "cannot read missing.json: No such file"),
        ("simulate good.json --metadata .", 1, "cannot read .: Is a directory"),
        ("simulate good.json --metadata odd.json", 1, "4 errors"),
        ("simulate good.json --metadata list.json", 1, "a script must be an object"),
        ("simulate good.json --metadata broken.json", 1, "broken.json:1:2: error"),
        ("run wrong.json", 1, "error"),
        ("run reading.json", 1, "no task of the chain makes"),
        ("run good.json --store good.json", 3, "cannot make"),
        ("run good.json -j 0", 2, "must be a whole number of at least 1, not '0'"),
        ("types nul", 2, "unknown task type 'nul'; did you mean 'null'?"),
        ("types --registry missing.yaml", 1, "cannot read the registry"),
        ("types null", 0, ""),
        ("", 2, "the following arguments are required: VERB"),
        ("bake good.json", 2, "invalid choice: 'bake'"),
        ("check", 2, "the following arguments are required: chain"),
        ("check good.json --bogus", 2, "unrecognized arguments: --bogus"),
    ],
)
@pytest.mark.usefixtures("here")
def test_exit_statuses(capsys: pytest.CaptureFixture[str], arguments: str, status: int, said: str) -> None:
    """0 when all is well, 1 for wrong input, 2 for wrong use, 3 when something outside failed; the reason is told."""
    try:
        got = main(arguments.split())
    except SystemExit as error:
        got = error.code if isinstance(error.code, int) else -1
    err = capsys.readouterr().err
    assert got == status, err
    assert said in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["wrong.json"], 1),
        (["missing.json"], 1),
        (["."], 1),
        (["good.json", "--bogus"], 2),
        ([], 2),
        (["good.json", "--set", "p"], 2),
        (["good.json", "-o", "missing/x"], 3),
    ],
)
@pytest.mark.usefixtures("here")
def test_the_compiler_alone(capsys: pytest.CaptureFixture[str], arguments: list[str], status: int) -> None:
    """`eas-compile` ends in the same way."""
    try:
        got = compiler.main(arguments)
    except SystemExit as error:
        got = error.code if isinstance(error.code, int) else -1
    assert (got, "Traceback" in capsys.readouterr().err) == (status, False)


def test_run_writes_json_alone(here: Path) -> None:
    """With --json, standard output is one object, and nothing is on standard error."""
    ran = eas("run", "good.json", "--json", *REGISTRY, cwd=here)
    assert (ran.returncode, ran.stderr) == (0, "")
    data = json.loads(ran.stdout)
    assert data["phase"] == "Succeeded"
    assert [task["state"] for task in data["tasks"]] == ["succeeded"]
    assert Path(data["files"]).parent == here / "eas-store/files"


def test_run_for_people(here: Path) -> None:
    """Progress goes to standard error, what came out to standard output."""
    ran = eas("run", "good.json", *REGISTRY, cwd=here)
    assert ran.returncode == 0
    assert "1 passed" in ran.stderr
    assert "succeeded after 0:0" in ran.stdout
    assert "\x1b" not in ran.stdout + ran.stderr


def test_a_run_that_fails(here: Path) -> None:
    """It ends with 1 and tells which task, where it stands in the chain, and why."""
    (here / "error.json").write_text(json.dumps({"task_list": [{"task": "error", "resources": {"memory_gb": 0.1}}]}))
    ran = eas("run", "error.json", "--quiet", *REGISTRY, cwd=here)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "/t0 (error, error.json:1:" in ran.stdout


def test_what_the_machine_lacks(here: Path) -> None:
    """Another machine might run it: nothing is wrong with the chain."""
    (here / "big.json").write_text(json.dumps({"task_list": [{"task": "null", "resources": {"memory_gb": 1e6}}]}))
    ran = eas("run", "big.json", *REGISTRY, cwd=here)
    assert (ran.returncode, ran.stdout) == (3, "")
    assert ran.stderr.startswith("eas: null asks for 1e+06 GB of memory; this machine has ")
    assert not (here / "eas-store").exists()


def test_fewer_cores_are_told(here: Path) -> None:
    """Once, on standard error, also with --json."""
    (here / "wide.json").write_text(
        json.dumps({"task_list": [{"task": "null", "resources": {"cpu": 64, "memory_gb": 0.1}}] * 2})
    )
    ran = eas("run", "wide.json", "--json", "-j", "2", *REGISTRY, cwd=here)
    assert (ran.returncode, ran.stderr) == (0, "eas: null asks for 64 cores and gets 2\n")
    assert json.loads(ran.stdout)["phase"] == "Succeeded"


@pytest.mark.parametrize("verb", ["check", "plan", "simulate", "compile", "run"])
def test_standard_input(here: Path, verb: str) -> None:
    """A chain may come from standard input."""
    ran = eas(verb, "-", *REGISTRY, cwd=here, input=json.dumps(CHAIN))
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("verb", ["simulate", "plan", "types", "compile"])
def test_a_reader_that_has_gone(here: Path, verb: str) -> None:
    """Nobody complains when standard output is closed, as by `head`."""
    reading, writing = os.pipe()
    os.close(reading)
    chain = [] if verb == "types" else ["good.json"]
    command = [sys.executable, "-m", "eas", verb, *chain, *REGISTRY]
    ran = subprocess.run(command, cwd=here, stdout=writing, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writing)
    assert (ran.returncode, ran.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_standard_output_that_is_full(here: Path) -> None:
    """It is something outside that failed."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        command = [sys.executable, "-m", "eas", "types", *REGISTRY]
        ran = subprocess.run(command, cwd=here, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (ran.returncode, ran.stderr) == (3, "eas: cannot write standard output: No space left on device\n")


def test_a_terminal_that_knows_few_characters(here: Path) -> None:
    """What cannot be shown is written in another way."""
    ran = eas("types", *REGISTRY, cwd=here, env=os.environ | {"PYTHONIOENCODING": "ascii"})
    assert ran.returncode == 0
    assert "\\u2500" in ran.stdout


def test_types_as_data(here: Path) -> None:
    """Programs get all that the registry says of a type."""
    (null,) = json.loads(eas("types", "null", "--json", *REGISTRY, cwd=here).stdout)
    assert null["name"] == "null"
    assert "seconds" in null["settings"]


def test_packages_that_are_not_installed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A package that a verb needs is named with what brings it."""

    def missing(_: object) -> int:
        raise ModuleNotFoundError("No module named 'rich'", name="rich")

    monkeypatch.setattr(cli, "_types", missing)
    assert cli.main(["types"]) == 3
    assert "rich is not installed; pip install 'eas[run]'" in capsys.readouterr().err


def test_an_interruption(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C ends any verb with 130."""

    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_types", interrupted)
    assert (cli.main(["types"]), capsys.readouterr().err) == (130, "\n")
