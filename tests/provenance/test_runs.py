"""A run is noted whole before it begins, and has one engine at a time."""

import os
from pathlib import Path

import pytest

from eas_provenance import runs
from eas_provenance.errors import BusyError, RepositoryError
from eas_provenance.runs import RunFolder, Sources

SOURCES = Sources({"kind": "Workflow"}, b"{ }", b"types: {}")


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """Return a run that has been noted."""
    made = RunFolder(tmp_path / "runs/run-1")
    made.make(SOURCES, {"uid": "1"})
    return made


def test_what_is_noted(folder: RunFolder) -> None:
    """What it is made from is there as it was, and a journal without anything."""
    assert folder.sources() == SOURCES
    assert folder.about() == {"uid": "1"}
    assert list(folder.journal.updates()) == []
    assert [path.name for path in folder.path.parent.iterdir()] == ["run-1"]


def test_a_name_is_used_once(folder: RunFolder) -> None:
    """A second run of the same name is refused; nothing of the first one is written over, and nothing else left."""
    with pytest.raises(RepositoryError, match=r"cannot note the run in .*: Directory not empty"):
        folder.make(SOURCES._replace(chain=b"second"), {})
    assert folder.sources().chain == b"{ }"
    assert [path.name for path in folder.path.parent.iterdir()] == ["run-1"]


def test_nothing_half_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full in the midst of it, there is no such run."""

    def full(_path: Path, _data: bytes) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RepositoryError, match="No space left on device"):
        RunFolder(tmp_path / "runs/run-1").make(SOURCES, {})
    assert list((tmp_path / "runs").iterdir()) == []


def test_one_engine(folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second engine is refused; after the first there can be another."""
    monkeypatch.setattr(runs, "_PATIENCE_S", 0.0)
    assert not folder.has_engine()
    with folder.engine():
        assert folder.has_engine()
        with pytest.raises(BusyError, match="an engine is at work on run-1 already"), folder.engine():
            pass
    with folder.engine():
        pass


def test_a_dead_engine(folder: RunFolder) -> None:
    """A process that was killed is no engine any more."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        with folder.engine():
            os.write(writing, b"!")
            os.kill(os.getpid(), 9)
    os.read(reading, 1)
    os.waitpid(pid, 0)
    assert not folder.has_engine()


def test_cancel(folder: RunFolder) -> None:
    """A request is there until the next engine begins."""
    with folder.engine():
        assert folder.cancelled() == 0
        folder.cancel(at_once=False)
        assert folder.cancelled() == 1
        folder.cancel(at_once=True)
        assert folder.cancelled() == 2
    with folder.engine():
        assert folder.cancelled() == 0


def test_a_run_that_is_not_there(tmp_path: Path) -> None:
    """It is said in one line."""
    with pytest.raises(RepositoryError, match=r"^cannot read .*/about.json: No such file or directory$"):
        RunFolder(tmp_path / "nobody").about()
