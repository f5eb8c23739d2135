"""The engine's end of the fork server: requests go out, starts and ends of programs come in.

Nothing here waits for the server to read: what does not fit into the socket is kept until it does. The server may wait
for this end to read, and so the two can never wait for each other.
"""

from __future__ import annotations

import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from eas_argo.laptop.server import BEFORE, CHUNK_BYTES


class Started(NamedTuple):
    """A program runs, as the leader of a group of processes."""

    id: str
    pid: int


class Exited(NamedTuple):
    """A program has ended, with a status below zero for a signal; without one it was never started, for a reason.

    `is_alone` tells that it left no process behind, nor did any other program.
    """

    id: str
    status: int | None
    reason: str = ""
    is_alone: bool = False


class DiedError(Exception):
    """The server is no more; the message says why, as far as it is known."""


class Forks:
    """A running fork server that has `scripts` loaded; `tasks` are the descriptions in templates, by their names.

    It says what it has to say in `log`, and works in the folder of that file.
    """

    def __init__(self, scripts: Sequence[str], tasks: Mapping[str, str], log: Path) -> None:
        self._tasks, self._log = tasks, log
        self._known: set[str] = set()
        self._incoming, self._outgoing = b"", bytearray()
        self._link, its = socket.socketpair()
        # -P keeps the modules of the current folder out of the way of Python's own.
        command = [sys.executable, "-P", "-m", "eas_argo.laptop.server", str(log.parent), *scripts]
        with its, log.open("wb") as said:
            self._process = subprocess.Popen(
                command, stdin=its.fileno(), stdout=said, stderr=said, env=os.environ | BEFORE, start_new_session=True
            )
        self._link.setblocking(False)

    @property
    def pid(self) -> int:
        """The number of the server's process."""
        return self._process.pid

    def start(self, identifier: str, template: str, verb: str, environment: Mapping[str, str], folder: Path) -> None:
        """Ask for a program to be started in its folder."""
        if template not in self._known:
            self._known.add(template)
            self._send({"template": template, "task": self._tasks[template]})
        request = {"id": identifier, "template": template, "verb": verb, "environment": environment}
        self._send(request | {"folder": str(folder)})

    def _send(self, message: dict[str, Any]) -> None:
        self._outgoing += json.dumps(message).encode() + b"\n"
        self._flush()

    def _flush(self) -> None:
        try:
            while self._outgoing:
                del self._outgoing[: self._link.send(self._outgoing[:CHUNK_BYTES])]
        except BlockingIOError:
            pass  # the rest goes when there is room
        except ConnectionError:
            self._outgoing.clear()  # that the server died shows at the next read

    def receive(self, timeout_s: float) -> list[Started | Exited]:
        """Return what has happened, waiting for it for some time; raise `DiedError` when nothing can any more."""
        poll = select.poll()
        poll.register(self._link, select.POLLIN | (select.POLLOUT if self._outgoing else 0))
        ready = dict(poll.poll(max(0.0, timeout_s) * 1000)).get(self._link.fileno(), 0)
        if ready & select.POLLOUT:
            self._flush()
        if not ready & ~select.POLLOUT:
            return []
        try:
            data = self._link.recv(CHUNK_BYTES)
        except BlockingIOError:
            return []
        except ConnectionError:
            data = b""
        if not data:
            raise DiedError(self._last_words())
        *lines, self._incoming = (self._incoming + data).split(b"\n")
        return [_event(json.loads(line)) for line in lines]

    def _last_words(self) -> str:
        status = self._process.wait()
        words = self._log.read_text("utf-8", "replace").strip().splitlines()
        reason = f"the process that starts programs ended with status {status}"
        return f"{reason}: {words[-1]}" if words else reason

    def close(self, timeout_s: float) -> None:
        """End the server, which ends what it has started."""
        self._link.close()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _event(message: dict[str, Any]) -> Started | Exited:
    if "pid" in message:
        return Started(message["id"], message["pid"])
    return Exited(message["id"], message.get("status"), message.get("refused", ""), message.get("alone", False))
