"""What groups of processes hold is counted as a kernel would charge it to their limit."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eas_argo.laptop import memory
from eas_argo.laptop.memory import Watch, members, own, resident

MB = 10**6
Start = Callable[[str], int]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start processes, each in a group of its own, that say `ready` when they have done something, and then wait."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(body: str) -> int:
        code = f"import os, signal\n{body}\nos.write(1, b'ready\\n')\nsignal.pause()"
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        return process.pid

    yield begin
    for one in started:
        os.killpg(one.pid, signal.SIGKILL)
        one.communicate()


FORK = "if not os.fork():\n    {}\n    signal.pause()"


def test_members(start: Start) -> None:
    """A group is its leader and whatever that started, as long as it runs."""
    alone, leader = start(""), start(FORK.format("pass"))
    found = members([alone, leader])
    assert found[alone] == [alone]
    assert len(found[leader]) == 2
    assert leader in found[leader]


def test_what_is_held(start: Start) -> None:
    """Memory that is no file's counts."""
    process = start("held = b'x' * 80_000_000")
    assert 80 * MB < own(process) <= resident(process) < 130 * MB


def test_a_process_that_has_ended_holds_nothing(start: Start) -> None:
    """It may end while it is looked at."""
    process = subprocess.Popen(["true"])
    process.wait()
    assert own(process.pid) == resident(process.pid) == 0
    assert Watch(process.pid).over({process.pid: 1}) == []


def test_over(start: Start) -> None:
    """A group is over its limit with all that it started; one that is not is left alone."""
    small, large = start(""), start(FORK.format("held = b'x' * 80_000_000"))
    server = start("")
    limit = 60 * MB
    while not Watch(server).over({small: limit, large: limit}):  # until the one that was started holds what it will
        pass
    assert Watch(server).over({small: limit, large: limit}) == [large]
    assert Watch(server).over({small: limit, large: 200 * MB}) == []


def test_what_is_shared_counts_once(start: Start) -> None:
    """Processes that have a page in common do not hold it several times."""
    group = start(f"held = b'x' * 80_000_000\n{FORK.format('pass')}\n{FORK.format('pass')}")
    assert sum(map(resident, members([group])[group])) > 200 * MB
    assert Watch(start("")).over({group: 130 * MB}) == []
    assert Watch(start("")).over({group: 70 * MB}) == [group]


def test_what_a_fork_was_given_does_not_count(start: Start, tmp_path: Path) -> None:
    """A program is not to blame for what was loaded before it began."""
    note = tmp_path / "pid"
    server = start(
        "held = b'x' * 80_000_000\n"
        "child = os.fork()\n"
        "if not child:\n    os.setpgid(0, 0)\n    signal.pause()\n"
        f"os.setpgid(child, child)\nopen({str(note)!r}, 'w').write(str(child))"
    )
    child = int(note.read_text())
    try:
        assert resident(child) > 80 * MB
        assert Watch(server).over({child: 20 * MB}) == []
    finally:
        os.killpg(child, signal.SIGKILL)


def test_mapped_files_do_not_count(start: Start, tmp_path: Path) -> None:
    """The kernel drops pages of files when it needs the room."""
    (tmp_path / "large").write_bytes(b"x" * 80_000_000)
    process = start(
        "import mmap\n"
        f"held = mmap.mmap(os.open({str(tmp_path / 'large')!r}, os.O_RDONLY), 0, prot=mmap.PROT_READ)\n"
        "held.find(b'y')"
    )
    assert resident(process) > 80 * MB
    assert own(process) < 40 * MB


def test_close_looks_are_rare(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group that only seems to be over its limit costs little."""
    looked: list[int] = []

    def look(process: int) -> int:
        looked.append(process)
        return 0

    monkeypatch.setattr(memory, "own", look)
    process, server = start(""), start("")
    watch = Watch(server)
    monkeypatch.setattr(memory, "_CLOSE_LOOKS", 1e-9)
    for _ in range(5):
        assert watch.over({process: 1}) == []
    assert looked == [server, process]
    watch.over({})  # it has ended
    watch.over({process: 1})
    assert looked == [server, process] * 2


def test_without_rollups(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Systems that do not tell shares tell at least what is a process's alone."""
    monkeypatch.setattr(memory, "_AMOUNT", re.compile("(no)(match)"))
    assert 80 * MB < own(start("held = b'x' * 80_000_000")) < 130 * MB
