"""A rehearsal leaves nothing, and stops nobody."""

import logging
import signal
import sys
from pathlib import Path

import pytest

from eas_argo.laptop.rehearsal import rehearse
from eas_worker import runtime


def test_a_rehearsal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """It goes well, in silence, and afterwards all is as it was before."""
    told: list[int] = []
    execute = runtime.execute
    monkeypatch.setattr(runtime, "execute", lambda *given: told.append(execute(*given)))
    before = set(sys.modules), signal.getsignal(signal.SIGTERM), logging.getLogger().handlers[:]
    rehearse(tmp_path / "rehearsal")
    assert set(told) == {0}
    assert (set(sys.modules), signal.getsignal(signal.SIGTERM), logging.getLogger().handlers[:]) == before
    assert list(tmp_path.iterdir()) == []
    assert capfd.readouterr() == ("", "")


def test_no_place_to_rehearse(tmp_path: Path) -> None:
    """A disk that takes no files is told of when it matters."""
    (tmp_path / "file").touch()
    rehearse(tmp_path / "file/rehearsal")
