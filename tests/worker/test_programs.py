"""Scripts are compiled once for a process and all its forks, as they are when they run."""

import builtins
import os
from pathlib import Path
from typing import Any

import pytest

from eas_worker import programs
from eas_worker.api import ContractError

SCRIPT = "from eas_worker import task\n\n@task\ndef go(ctx):\n    return {}\n"


def said(path: Path) -> Any:
    """Return what a script's entry point returns."""
    with programs.loaded(path, "task") as program:
        return program(None)


def test_a_script_is_compiled_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs anew each time, and leaves nothing beside it."""
    path = tmp_path / "count.py"
    path.write_text(SCRIPT.format("id(ctx), __file__, __name__"))
    first = said(path)
    assert first[1:] == (str(path), "eas_program_task_count")
    with monkeypatch.context() as patched:
        patched.setattr(builtins, "compile", None)
        assert said(path)[1:] == first[1:]
    assert list(tmp_path.iterdir()) == [path]


def test_a_script_that_was_changed(tmp_path: Path) -> None:
    """It runs as it is now."""
    path = tmp_path / "change.py"
    path.write_text(SCRIPT.format("1"))
    assert said(path) == 1
    path.write_text(SCRIPT.format("2"))
    os.utime(path, (1, 1))
    assert said(path) == 2


def test_no_script(tmp_path: Path) -> None:
    """What cannot be compiled, or has no entry point, is an error of its own."""
    path = tmp_path / "broken.py"
    path.write_text("def")
    with pytest.raises(SyntaxError, match="invalid syntax"):
        said(path)
    path.write_text("")
    with pytest.raises(ContractError, match="must have one function marked @task, it has 0"):
        said(path)
