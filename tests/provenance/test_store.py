"""A run is noted before it begins, and its updates as they come."""

import io
import json
from pathlib import Path

import pytest

from eas_provenance.repository import RepositoryError
from eas_provenance.store import RunLog, Store


def test_what_is_noted(tmp_path: Path) -> None:
    """Manifest, chain and facts are there at once, and every update can be read as soon as it was written."""
    store = Store(tmp_path / "store")
    with store.begin("run-1", {"kind": "Workflow"}, b"{ }", {"uid": "1"}) as log:
        folder = tmp_path / "store/runs/run-1"
        log.write({"phase": "Running"})
        assert json.loads((folder / "nodes.jsonl").read_text()) == {"phase": "Running"}
    assert json.loads((folder / "workflow.json").read_text()) == {"kind": "Workflow"}
    assert (folder / "chain.json").read_bytes() == b"{ }"
    assert json.loads((folder / "run.json").read_text()) == {"uid": "1"}


def test_a_name_is_used_once(tmp_path: Path) -> None:
    """A second run of the same name is refused; nothing of the first one is written over."""
    store = Store(tmp_path)
    store.begin("run-1", {}, b"first", {}).__exit__()
    with pytest.raises(RepositoryError, match=r"cannot note the run in .*: File exists"):
        store.begin("run-1", {}, b"second", {})
    assert (tmp_path / "runs/run-1/chain.json").read_bytes() == b"first"


def test_where_attempts_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths do not depend on where the process stands later."""
    monkeypatch.chdir(tmp_path)
    assert Store(Path("here")).work("run-1") == tmp_path / "here/work/run-1"


class Full(io.StringIO):
    """A file on a full disk."""

    name = "nodes.jsonl"

    def write(self, text: str) -> int:
        """Fail."""
        raise OSError(28, "No space left on device")

    def close(self) -> None:
        """Fail as well, as there is something left to be written."""
        raise OSError(28, "No space left on device")


def test_a_full_disk() -> None:
    """It is told in one message, when something is written and at the end."""
    log = RunLog(Full())
    said = r"^cannot note what happens in nodes.jsonl: No space left on device$"
    with pytest.raises(RepositoryError, match=said):
        log.write({})
    with pytest.raises(RepositoryError, match=said), log:
        pass
