"""The command line of the compiler."""

import errno
import io
import json
import os
import sys
from pathlib import Path

import pytest
import yaml

from eas_compiler.cli import main

GOOD = '{"parameters": {"s": 1}, "task_list": [{"task": "null", "seconds": "(parameters[\'s\'])"}]}'


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """Write a chain without mistakes."""
    path = tmp_path / "chain.json"
    path.write_text(GOOD, encoding="utf-8")
    return path


def test_manifest_goes_to_standard_output(chain: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Without options the Workflow is written as YAML, and nothing else."""
    assert main([str(chain)]) == 0
    out, err = capfd.readouterr()
    assert yaml.safe_load(out)["kind"] == "Workflow"
    assert err == ""


@pytest.mark.parametrize(
    ("form", "start"), [("yaml", "apiVersion"), ("json", "{"), ("dot", "digraph"), ("mermaid", "flowchart")]
)
def test_forms(chain: Path, capfd: pytest.CaptureFixture[str], form: str, start: str) -> None:
    """A chain comes out as manifest or as picture."""
    assert main([str(chain), "--format", form]) == 0
    assert capfd.readouterr().out.startswith(start)


def test_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """`-` reads the chain from standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(GOOD.encode())))
    assert main(["-"]) == 0
    assert capfd.readouterr().out


def test_mistakes_go_to_standard_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With errors nothing is written, and the status is 1."""
    path = tmp_path / "chain.json"
    path.write_text('{"task_list": [{"task": "nul"}]}')
    assert main([str(path)]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    assert "unknown task type 'nul'" in err
    assert err.endswith("1 error\n")


def test_output_is_written_whole(chain: Path, tmp_path: Path) -> None:
    """A file is there with all of its text, and nothing beside it."""
    assert main([str(chain), "--format", "json", "-o", str(tmp_path / "out.json")]) == 0
    assert json.loads((tmp_path / "out.json").read_text())["kind"] == "Workflow"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chain.json", "out.json"]


def test_parameters_and_seed_can_be_given(chain: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The value of `--set` is JSON, or else a text."""
    assert main([str(chain), "--set", "s=2.5", "--seed", "7"]) == 0
    out = capfd.readouterr().out
    assert '"parameters":{"s":2.5}' in out
    assert yaml.safe_load(out)["spec"]["arguments"]["parameters"] == [{"name": "seed", "value": "7"}]


@pytest.mark.parametrize("arguments", [["--set", "s"], ["--set", "t=1"], ["--format", "xml"], ["--nothing"]])
def test_wrong_use_is_status_2(chain: Path, arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    """What the command line does not know is told, with status 2."""
    with pytest.raises(SystemExit) as left:
        main([str(chain), *arguments])
    assert left.value.code == 2
    assert capfd.readouterr().err


def test_missing_chain_is_status_1(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A chain that is not there is a mistake of the input."""
    with pytest.raises(SystemExit) as left:
        main([str(tmp_path / "no.json")])
    assert left.value.code == 1
    assert "No such file" in capfd.readouterr().err


def test_output_that_cannot_be_written_is_status_3(
    chain: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """What fails outside is told apart from mistakes of the input."""
    with pytest.raises(SystemExit) as left:
        main([str(chain), "-o", str(tmp_path / "no" / "out.yaml")])
    assert left.value.code == 3
    assert "cannot write" in capfd.readouterr().err


def test_version_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    """`--version` names the project and its version."""
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capfd.readouterr().out.startswith("eas ")


@pytest.mark.parametrize("output", [".", "folder"])
def test_folder_is_no_output(
    chain: Path,
    tmp_path: Path,
    output: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A folder cannot be written to, and nothing is left beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    with pytest.raises(SystemExit) as left:
        main([str(chain), "-o", output])
    assert left.value.code == 3
    assert f"cannot write {output}: Is a directory" in capfd.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["chain.json", "folder"]


def test_what_fails_half_way_leaves_nothing(
    chain: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file that cannot be put in its place is removed."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(SystemExit):
        main([str(chain), "-o", str(tmp_path / "out.yaml")])
    assert "No space left on device" in capfd.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["chain.json"]


def test_devices_stay_devices(chain: Path, tmp_path: Path) -> None:
    """What is no plain file is written to, and not replaced by one."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    assert main([str(chain), "-o", str(pipe)]) == 0
    assert os.read(reader, 3) == b"api"
    os.close(reader)
    assert pipe.is_fifo()


@pytest.mark.parametrize("arguments", [["/dev/zero"], ["good.json", "--registry", "/dev/zero"], ["-"]])
def test_documents_without_end_are_refused(
    chain: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Reading ends at a limit, and says so."""
    chain.rename(chain.with_name("good.json"))
    monkeypatch.chdir(chain.parent)
    with Path("/dev/zero").open(encoding="utf-8") as endless:
        monkeypatch.setattr(sys, "stdin", endless)
        try:
            status = main(arguments)
        except SystemExit as left:
            status = int(str(left.code))
    assert status == 1
    assert "it is larger than 64 MiB" in capfd.readouterr().err
