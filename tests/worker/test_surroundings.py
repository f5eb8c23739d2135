"""What surrounds a program: the signal to stop, and the place for last words."""

import os
import signal
from pathlib import Path

import pytest

from eas_worker import endings
from eas_worker.surroundings import Stopped, StopSignal


def test_signal_before_it_may_interrupt() -> None:
    """A signal that comes too early is raised as soon as it may be."""
    stop = StopSignal()
    with stop:
        os.kill(os.getpid(), signal.SIGTERM)
        with pytest.raises(Stopped), stop.raising():
            pytest.fail("must not be reached")


def test_signal_where_it_may_not_interrupt() -> None:
    """While records are written, a signal does not interrupt; a second one never does."""
    stop = StopSignal()
    with stop:
        with pytest.raises(Stopped), stop.raising():
            os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)


def test_last_words_need_a_listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name the place must be there already: it is not made."""
    monkeypatch.setattr(endings, "_TERMINATION_LOG", str(tmp_path / "log"))
    endings.tell({}, "nobody")
    assert not (tmp_path / "log").exists()
    (tmp_path / "log").write_text("something longer than the last words")
    endings.tell({}, "somebody")
    assert (tmp_path / "log").read_text() == "somebody"


@pytest.mark.parametrize(
    ("text", "limit", "kept"), [("abc", 2, b"ab"), ("aé", 2, b"a"), ("é", 2, "é".encode()), ("a\ud800", 9, b"a?")]
)
def test_cut(text: str, limit: int, kept: bytes) -> None:
    """A text is cut between two characters."""
    assert endings.cut(text, limit) == kept
