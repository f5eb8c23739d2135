"""The fork server: a process that has everything loaded, and starts each program in a fork of itself.

It is a program of its own, with one thread, so that a fork is safe. Messages are lines of JSON over the socket on its
standard input. A request is either `{template, task}`, the description of a template's task, which is sent once, or
`{id, template, verb, environment, folder}`: start a program. The answers to that are `{id, pid}` and, when the program
has ended, `{id, status, alone}` with its exit status, below zero for a signal, and whether nothing runs any more that
some program left behind; or `{id, refused}` when there is no process to be had.
"""

from __future__ import annotations

import contextlib
import faulthandler
import functools
import gc
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any, NoReturn

from eas_argo.laptop.rehearsal import rehearse
from eas_worker import programs, runtime

BEFORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
"""What must be set before numerical libraries are loaded: threads do not survive a fork."""
OUTPUT = "output"
"""The file in an attempt's folder that takes what a program prints."""
CHUNK_BYTES = 1 << 16
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def main() -> int:
    """Serve until the socket is closed; arguments are a folder to work in and the programs to load."""
    link = socket.socket(fileno=os.dup(0))
    faulthandler.enable()  # a crash in a library's machine code leaves at least a traceback
    folder, *paths = sys.argv[1:]
    for path in paths:
        preload(Path(path))
    rehearse(Path(folder) / "rehearsal")
    gc.collect()
    gc.freeze()  # so that the children's collector does not touch, and thereby copy, what they share
    Server(link).serve()
    return 0


def preload(program: Path) -> None:
    """Load a program's imports and compile it; what is wrong with it shows when it runs."""
    with contextlib.suppress(Exception, SystemExit), programs.loaded(program, "task"):
        pass


class Server:
    """Starts programs as it is asked to over a socket, and tells how they ended."""

    def __init__(self, link: socket.socket) -> None:
        self._link = link
        self._pid = os.getpid()
        self._children = f"/proc/self/task/{self._pid}/children"
        self._ids: dict[int, str] = {}
        self._tasks: dict[str, tuple[str, int]] = {}
        self._buffer = b""

    def serve(self) -> None:
        """Take requests and children's ends until nobody is there any more; then end what still runs."""
        reading, self._waking = socket.socketpair()
        reading.setblocking(False)
        self._waking.setblocking(False)
        signal.set_wakeup_fd(self._waking.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the engine, which ends what runs
        poll = select.poll()
        poll.register(self._link, select.POLLIN)
        poll.register(reading, select.POLLIN)
        control_process(_PR_SET_CHILD_SUBREAPER, 1)  # whoever loses its parent gets this one, and ends with it
        is_asked = True
        while is_asked:
            for ready, _ in poll.poll():
                if ready == reading.fileno():
                    reading.recv(4096)
                else:
                    is_asked = self._receive()
            self._reap()
        for pid in self._ids:
            end_group(pid, signal.SIGKILL)
        self._end_children()

    def _receive(self) -> bool:
        """Take requests; return whether there may be more."""
        try:
            data = self._link.recv(CHUNK_BYTES)
        except ConnectionError:
            return False
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        for line in lines:
            request = json.loads(line)
            if "task" in request:
                threads = json.loads(request["task"]).get("limits", {}).get("threads", 1)
                self._tasks[request["template"]] = (request["task"], threads)
            else:
                self._start(request)
        return bool(data)

    def _start(self, request: dict[str, Any]) -> None:
        # The child begins when its number has been told: were it started and this process killed before, nobody could
        # end it. The pipe closes with this process, so that it does not wait for ever either.
        told, telling = os.pipe()
        try:
            pid = os.fork()
        except OSError as error:
            os.close(told)
            os.close(telling)
            self._tell({"id": request["id"], "refused": error.strerror})
            return
        if not pid:
            os.close(telling)
            self._child(request, told)
        os.close(told)
        with contextlib.suppress(OSError):  # the child does the same; whoever comes first
            os.setpgid(pid, pid)
        self._ids[pid] = request["id"]
        self._tell({"id": request["id"], "pid": pid})
        os.write(telling, b"!")
        os.close(telling)

    def _child(self, request: dict[str, Any], told: int) -> NoReturn:
        """Run one try."""
        status = 1
        try:
            control_process(_PR_SET_PDEATHSIG, signal.SIGKILL)
            with contextlib.suppress(OSError):
                os.setpgid(0, 0)  # a group of its own, so that all that it starts can be ended with it
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            self._waking.close()
            self._link.close()
            is_known = os.read(told, 1)
            os.close(told)
            if is_known and os.getppid() == self._pid:
                _take_output(request["folder"])
                task, threads = self._tasks[request["template"]]
                _allow_threads(threads)
                status = runtime.execute(request["verb"], request["environment"] | {"EAS_TASK": task})
                sys.stdout.flush()
                sys.stderr.flush()
        except BaseException:  # noqa: BLE001 - whatever it is must not reach the server's own loop
            import traceback

            traceback.print_exc()
            sys.stderr.flush()
        finally:
            os._exit(status)

    def _reap(self) -> None:
        while self._ids:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if not pid:
                return
            identifier = self._ids.pop(pid, None)
            if identifier is not None:
                end_group(pid, signal.SIGKILL)  # what a program leaves behind ends with it, as it would in a pod
                status = os.waitstatus_to_exitcode(status)
                self._tell({"id": identifier, "status": status, "alone": not self._has_strays()})

    def _has_strays(self) -> bool:
        """Tell whether there may be processes that have lost their program: they have become this one's children."""
        try:
            return not self._ids.keys() >= self._list_children()
        except OSError:  # this is no Linux
            return True

    def _list_children(self) -> set[int]:
        file = os.open(self._children, os.O_RDONLY)
        try:
            return set(map(int, os.read(file, CHUNK_BYTES).split()))
        finally:
            os.close(file)

    def _end_children(self) -> None:
        """End all children, and theirs, which become this process's own when theirs have ended."""
        with contextlib.suppress(OSError):  # there are none any more, or this is no Linux
            while True:
                for pid in self._list_children():
                    os.kill(pid, signal.SIGKILL)
                os.waitpid(-1, 0)

    def _tell(self, message: dict[str, Any]) -> None:
        # This may wait for the engine to read, which never waits for this process: see `forks`.
        with contextlib.suppress(ConnectionError):  # the engine has gone; so will this process, at the next read
            self._link.sendall(json.dumps(message).encode() + b"\n")


def _take_output(folder: str) -> None:
    """Stand in the folder of an attempt, and let what is printed go into a file there."""
    os.chdir(folder)
    output = os.open(OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(null)
    os.close(output)


def _allow_threads(threads: int) -> None:
    """Let numerical libraries use more than the one thread with which they were loaded."""
    if threads > 1:
        from threadpoolctl import threadpool_limits

        threadpool_limits(limits=threads)


def end_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a program and to all that it started, unless they have ended."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # the latter is what macOS says of a zombie
        os.killpg(pid, number)


def control_process(option: int, value: int) -> None:
    """Set an attribute of this process, where the system has such: Linux alone."""
    with contextlib.suppress(AttributeError):
        _library().prctl(option, value, 0, 0, 0)


@functools.cache
def _library() -> Any:
    import ctypes

    return ctypes.CDLL(None)


if __name__ == "__main__":
    sys.exit(main())
