"""The fork server, in this process: what it does when there is no process to be had, and with broken programs."""

import json
import os
import socket
from pathlib import Path

import pytest

from eas_argo.laptop.server import Server, end_group, preload


def test_no_process_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork that the system refuses is told; the server goes on."""

    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    mine, its = socket.socketpair()
    with mine, its:
        server = Server(its)
        mine.send(b'{"template": "t", "task": "{}"}\n{"id": "a", "template": "t"}\n')
        assert server._receive()
        assert json.loads(mine.recv(1000)) == {"id": "a", "refused": "Resource temporarily unavailable"}


def test_an_engine_that_has_gone() -> None:
    """Nobody asks for anything any more."""
    mine, its = socket.socketpair()
    with its:
        mine.close()
        assert not Server(its)._receive()


@pytest.mark.parametrize("text", ["1 / 0", "raise SystemExit(3)", "not Python", ""])
def test_programs_that_cannot_be_loaded(tmp_path: Path, text: str) -> None:
    """What is wrong with a program is nothing to the server; it shows when it runs."""
    program = tmp_path / "program.py"
    program.write_text(text, encoding="utf-8")
    preload(program)
    preload(tmp_path / "missing.py")
    preload(tmp_path / "no_python.txt")


def test_a_group_that_has_ended() -> None:
    """It cannot be told to end, and need not be."""
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    end_group(pid, 9)  # type: ignore[arg-type]
