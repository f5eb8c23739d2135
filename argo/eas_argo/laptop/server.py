"""The fork server: a process that has everything loaded, and starts each program in a fork of itself.

It is started as a program of its own, with one thread, so that a fork is safe. Requests come as lines of JSON over the socket on its standard
input; for each it answers with the child's process id, and when the child has ended with its status.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import json
import os
import selectors
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from eas_worker import runtime

BEFORE = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")}
"""What must be set before numerical libraries are loaded: threads do not survive a fork."""


def main() -> int:
    """Serve until the socket is closed."""
    link = socket.socket(fileno=os.dup(0))
    for path in sys.argv[1:]:
        preload(Path(path))
    gc.collect()
    gc.freeze()  # so that the children's collector does not touch, and thereby copy, what they share
    _Server(link).serve()
    return 0


def preload(program: Path) -> None:
    """Load a program's imports; what is wrong with it shows when it runs."""
    spec = importlib.util.spec_from_file_location("eas_preload", program)
    if spec is not None and spec.loader is not None:
        module = importlib.util.module_from_spec(spec)
        with contextlib.suppress(Exception):
            spec.loader.exec_module(module)


class _Server:
    def __init__(self, link: socket.socket) -> None:
        self.link = link
        self.running: dict[int, str] = {}
        self.buffer = b""

    def serve(self) -> None:
        """Take requests and children's ends until nobody is there any more."""
        reading, writing = socket.socketpair()
        reading.setblocking(False)
        writing.setblocking(False)
        signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the engine, which ends what runs
        selector = selectors.DefaultSelector()
        selector.register(self.link, selectors.EVENT_READ)
        selector.register(reading, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is reading:
                    with contextlib.suppress(BlockingIOError):
                        reading.recv(4096)
                elif not self._receive():
                    return
            self._reap()

    def _receive(self) -> bool:
        data = self.link.recv(1 << 20)
        self.buffer += data
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            self._start(json.loads(line))
        return bool(data)

    def _start(self, request: dict[str, Any]) -> None:
        pid = os.fork()
        if not pid:
            self._child(request)
        self.running[pid] = request["id"]
        self._tell({"id": request["id"], "pid": pid})

    def _child(self, request: dict[str, Any]) -> None:
        """Run one try; never returns."""
        status = 1
        try:
            os.setsid()  # a group of its own, so that all that it starts can be ended with it
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            self.link.close()
            output = os.open(request["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            null = os.open(os.devnull, os.O_RDONLY)
            os.dup2(null, 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            status = runtime.execute(request["verb"], request["environment"])
            sys.stdout.flush()
            sys.stderr.flush()
        except BaseException:  # noqa: BLE001 - whatever it is must not reach the server's own loop
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)

    def _reap(self) -> None:
        while self.running:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            code = os.waitstatus_to_exitcode(status)
            name = self.running.pop(pid, None)
            if name is not None:
                self._tell({"id": name, "status": code, "peak_memory_bytes": usage.ru_maxrss * 1024})

    def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # the engine has gone; so will this process, at the next read
            self.link.sendall(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
