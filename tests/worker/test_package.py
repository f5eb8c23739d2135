"""The package: a lazy front and a command."""

import subprocess
import sys
from pathlib import Path

import pytest

import eas_worker
from tests.worker.harness import Site, described, read

FOLDER = Path(eas_worker.__file__).parent


def test_lazy() -> None:
    """Importing the evaluator does not bring the runtime, nor anything slow."""
    code = "import sys, eas_worker.expressions; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"eas_worker.api", "eas_worker.context", "logging", "subprocess", "numpy", "dataclasses"} & set(loaded)


def test_public_names() -> None:
    """Every public name is there, and an unknown one is an AttributeError."""
    for name in eas_worker.__all__:
        assert getattr(eas_worker, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = eas_worker.nothing


def test_command(site: Site) -> None:
    """`python -m eas_worker` takes its surroundings from the environment and ends with the exit status."""
    site.write("print('printed'); ctx.log.info('logged'); raise Failed('no star here')")
    folder = site.new()
    environment = site.environment(folder, described()) | {"PYTHONPATH": str(FOLDER.parent)}
    command = [sys.executable, "-m", "eas_worker", "run"]
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 10
    assert ended.stdout == "printed\n"
    assert ended.stderr == "info: logged\nerror: no star here\n"
    assert read(folder / "records" / "run.json")["status"] == "failed"


@pytest.mark.parametrize("arguments", [[], ["walk"], ["run", "qc"]])
def test_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Anything but one of the three verbs is exit status 2."""
    from eas_worker.__main__ import main

    assert main(arguments) == 2
    assert capsys.readouterr().err == "usage: eas-worker run|qc|inline|rescue|ask\n"
