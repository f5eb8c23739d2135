"""The store is a folder, and paths in it do not depend on where the process stands later."""

from pathlib import Path

import pytest

from eas_provenance.store import Store


def test_where_things_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files, runs, attempts and the database have places of their own."""
    monkeypatch.chdir(tmp_path)
    store = Store(Path("here"))
    here = tmp_path / "here"
    assert store.files.folder == here / "files"
    assert store.run("run-1").path == here / "runs/run-1"
    assert store.work("run-1") == here / "work/run-1"
    assert store.database == here / "eas.db"


def test_runs(tmp_path: Path) -> None:
    """Runs are listed by name; one that is only being noted is none yet."""
    store = Store(tmp_path)
    assert list(store.runs()) == []
    for name in ("b", "a", ".c.17"):
        (tmp_path / "runs" / name).mkdir(parents=True)
    assert [folder.name for folder in store.runs()] == ["a", "b"]
