"""Messages between the engine and the fork server arrive whole, and neither ever waits for the other for ever."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eas_argo.laptop.forks import DiedError, Exited, Forks, Started

TASK = json.dumps({
    "path": "/t0", "task": "null", "job_name": "j", "working_directory": "d", "loops": [], "settings": {},
    "setting_types": {"seconds": {"type": "float", "default": 0}},
})  # fmt: skip
PROGRAM = "import time\nfrom eas_worker import task\n\n@task\ndef run(ctx):\n    time.sleep(ctx.settings.seconds)\n"


@pytest.fixture
def forks(tmp_path: Path) -> Iterator[Forks]:
    """Start a server; it knows one program that sleeps."""
    program = tmp_path / "programs/task_implementations/null.py"
    program.parent.mkdir(parents=True)
    program.write_text(PROGRAM, encoding="utf-8")
    started = Forks([str(program)], {"t": TASK}, tmp_path / "server.log")
    yield started
    started.close(5)


def start(forks: Forks, folder: Path, name: str, padding: int = 0) -> None:
    """Ask for a program, in a request of about a size."""
    attempt = folder / name
    attempt.mkdir()
    environment = {"EAS_FOLDER": str(attempt), "EAS_PROGRAMS": str(folder / "programs"), "PADDING": "x" * padding}
    forks.start(name, "t", "run", environment, attempt)


def events(forks: Forks, count: int) -> list[Started | Exited]:
    """Wait for so many events."""
    found: list[Started | Exited] = []
    end = time.monotonic() + 30
    while len(found) < count and time.monotonic() < end:
        found += forks.receive(1)
    return found


def test_a_program_starts_and_ends(forks: Forks, tmp_path: Path) -> None:
    """Its process is told, then its status; it has left its record."""
    start(forks, tmp_path, "a")
    first, second = events(forks, 2)
    assert isinstance(first, Started)
    assert first.pid > 0
    assert second == Exited("a", 0, is_alone=Path("/proc").exists())
    assert json.loads((tmp_path / "a/records/run.json").read_text())["status"] == "done"


def test_requests_larger_than_the_socket(forks: Forks, tmp_path: Path) -> None:
    """Many megabytes of requests go out while answers are not yet read."""
    for number in range(20):
        start(forks, tmp_path, str(number), padding=500_000)
    assert {one.id for one in events(forks, 40) if isinstance(one, Exited) and one.status == 0} == set(
        map(str, range(20))
    )


def test_answers_that_nobody_reads(forks: Forks, tmp_path: Path) -> None:
    """The server may have to wait until its answers are read; nothing is lost."""
    forks._link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    for number in range(100):
        start(forks, tmp_path, str(number))
        if number == 50:
            time.sleep(0.5)
    assert len(events(forks, 200)) == 200


def test_messages_in_pieces(forks: Forks) -> None:
    """A message may come in pieces, cut anywhere, and several at once."""
    mine, its = socket.socketpair()
    before, forks._link = forks._link, mine
    mine.setblocking(False)
    try:
        data = b'{"id": "a", "pid": 7}\n{"id": "a", "status": -9}\n{"id": "b", "refused": "no more"}\n'
        found = []
        for byte in data:
            its.send(bytes([byte]))
            found += forks.receive(1)
        its.send(data)
        assert found == forks.receive(1) == [Started("a", 7), Exited("a", -9), Exited("b", None, "no more")]
    finally:
        forks._link = before
        mine.close()
        its.close()


def test_nothing_happens(forks: Forks) -> None:
    """Waiting ends after the time that was given."""
    start = time.monotonic()
    assert forks.receive(0.05) == []
    assert time.monotonic() - start < 5


def test_a_server_that_died(forks: Forks, tmp_path: Path) -> None:
    """What was told before is still heard; then it is told that the server died, and to whom asks again."""
    os.kill(forks.pid, signal.SIGKILL)
    with pytest.raises(DiedError, match="ended with status -9"):
        events(forks, 1)
    start(forks, tmp_path, "late")  # is no error: the next read tells
    with pytest.raises(DiedError):
        forks.receive(1)


def test_a_server_that_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last words are told."""
    (tmp_path / "json").mkdir()
    (tmp_path / "json/__init__.py").write_text("raise RuntimeError('not today')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    forks = Forks([], {}, tmp_path / "server.log")
    with pytest.raises(DiedError, match="RuntimeError: not today"):
        forks.receive(30)
    forks.close(5)


def test_a_server_that_does_not_end(forks: Forks) -> None:
    """It is killed after a time."""
    os.kill(forks.pid, signal.SIGSTOP)
    forks.close(0.1)
    assert not Path(f"/proc/{forks.pid}").exists()
