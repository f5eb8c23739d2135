"""Tests of keeping what numba has compiled."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import time
from pathlib import Path

import pytest

from eas_worker import compiled


def compile_slowly(folder: Path, log: Path) -> None:
    """Fill a folder unless it is filled, and note when that begins and ends."""
    with compiled.filled(folder) as given:
        if not (given / "code").exists():
            with log.open("a") as file:
                file.write("begun\n")
            time.sleep(0.2)
            (given / "code").write_text("whole")
            with log.open("a") as file:
                file.write("done\n")


def in_processes(folder: Path, log: Path, count: int) -> list[multiprocessing.Process]:
    """Start processes that fill a folder."""
    found = [multiprocessing.Process(target=compile_slowly, args=(folder, log)) for _ in range(count)]
    for process in found:
        process.start()
    return found


def test_one_at_a_time(tmp_path: Path) -> None:
    """Of processes that come at once, one compiles, and the others take what it made."""
    for process in in_processes(tmp_path / "kept" / "tls", tmp_path / "log", 4):
        process.join(30)
        assert process.exitcode == 0
    assert (tmp_path / "log").read_text() == "begun\ndone\n"


def test_after_a_kill(tmp_path: Path) -> None:
    """What a killed process left behind is made anew."""
    folder, log = tmp_path / "tls", tmp_path / "log"
    (process,) = in_processes(folder, log, 1)
    while not log.exists():
        time.sleep(0.01)
    (folder / "part").write_text("of a function")
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    compile_slowly(folder, log)
    assert log.read_text() == "begun\nbegun\ndone\n"
    assert not (folder / "part").exists()


def test_after_an_error(tmp_path: Path) -> None:
    """A folder counts only when it was filled to the end."""
    folder = tmp_path / "tls"

    def break_off() -> None:
        with compiled.filled(folder) as given:
            (given / "part").touch()
            raise MemoryError

    with pytest.raises(MemoryError):
        break_off()
    with compiled.filled(folder) as given:
        assert not list(given.iterdir())


def test_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that may not write there works on a copy of what is whole."""
    folder, log = tmp_path / "tls", tmp_path / "log"
    compile_slowly(folder, log)
    folder.with_name("tls.lock").unlink()
    folder.with_name("tls.lock").mkdir()  # root may write everything else
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with compiled.filled(folder) as given:
        assert given != folder
        assert (given / "code").read_text() == "whole"


def test_numba_keeps_it_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is loaded is compiled into a folder of its own, and numba goes on as before."""
    numba = pytest.importorskip("numba")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))

    def load() -> str:
        return str(numba.config.CACHE_DIR)

    found = Path(compiled.kept("package-1.0", load))
    assert found.parent == tmp_path
    assert found.name.startswith(f"package-1.0-numba-{numba.__version__}-python-")
    assert (found / "whole").exists()
    assert load() == str(tmp_path)
