"""Running other programs: their output is logged line by line, and a failure says what they said last."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
import threading
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TAIL_LINES = 20
_PATIENCE_S = 5


class Completed(NamedTuple):
    """A sub-process that has ended, and all that it said."""

    command: tuple[str, ...]
    exit_status: int
    stdout: str
    stderr: str


class SubprocessError(Exception):
    """A sub-process ended with another exit status than 0."""


def run(
    command: Sequence[str | Path], *, cwd: Path, environment: Mapping[str, str] | None = None, check: bool = True
) -> Completed:
    """Run a program to its end.

    Parameters
    ----------
    command : sequence of str or Path
        The program and its arguments; no shell is involved.
    cwd : Path
        Where it runs.
    environment : mapping, optional
        Variables in addition to those of this process.
    check : bool
        Whether another exit status than 0 is an error.

    Raises
    ------
    SubprocessError
        With the end of what it said, when it failed and `check` is set.
    """
    words = tuple(str(word) for word in command)
    process = subprocess.Popen(
        words,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # so that it can be stopped together with what it has started
    )
    try:
        stdout, stderr = _follow(process, Path(words[0]).name)
    except BaseException:
        _stop(process)
        raise
    completed = Completed(words, process.returncode, stdout, stderr)
    if check and completed.exit_status != 0:
        raise SubprocessError(_explain(completed))
    return completed


def _follow(process: subprocess.Popen[str], name: str) -> tuple[str, str]:
    """Log what the process says until it ends, and return it."""
    said: tuple[list[str], list[str]] = ([], [])
    streams = ((process.stdout, said[0], logging.INFO), (process.stderr, said[1], logging.WARNING))
    claims = [threading.Lock() for _ in streams]  # a stream belongs to who takes its claim, and closes it
    readers = [
        threading.Thread(target=_read, args=(claim, *stream, name), daemon=True)
        for claim, stream in zip(claims, streams, strict=True)
    ]
    try:
        for reader in readers:
            reader.start()
        process.wait()
        for reader in readers:
            reader.join()
    finally:
        for claim, (stream, *_) in zip(claims, streams, strict=True):
            if stream is not None and claim.acquire(blocking=False):  # it was stopped before anybody read this
                stream.close()
    return "".join(said[0]), "".join(said[1])


def _read(claim: threading.Lock, stream: IO[str], lines: list[str], level: int, name: str) -> None:
    """Keep and log the lines of a stream until it is closed."""
    if not claim.acquire(blocking=False):
        return
    log = logging.getLogger(f"subprocess.{name}")
    with stream:
        for line in stream:
            lines.append(line)
            log.log(level, "%s", line.rstrip("\r\n"))


def _stop(process: subprocess.Popen[str]) -> None:
    """End the process and all that it has started, kindly first."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):  # all of them have ended
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):  # it does not listen
            process.wait(_PATIENCE_S)


def _explain(completed: Completed) -> str:
    """Tell what ended how, and what it said last."""
    status = completed.exit_status
    how = f"ended with exit status {status}" if status > 0 else f"was killed by signal {-status}"
    tail = (completed.stderr or completed.stdout).splitlines()[-_TAIL_LINES:]
    return "\n".join([f"{completed.command[0]} {how}", *tail])
