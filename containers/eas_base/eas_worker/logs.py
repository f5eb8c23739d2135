"""Keeping what is said while a program runs, line by line, so that it can be followed live."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import sys
import warnings
from typing import TYPE_CHECKING

from eas_worker.usage import now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

#: Where programs log to.
PROGRAM_LOGGER = "eas_worker.program"


class LogStream:
    """The log of an attempt: a file of JSON lines, and the same as text on standard error.

    A line is written by a single system call, so that lines of several threads do not mix and a killed program leaves
    whole ones. The file is made with the first line.

    Parameters
    ----------
    path : Path
        The file, usually ``records/log.jsonl``.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None

    def write(self, severity: str, source: str, message: str, **more: float | str | None) -> None:
        """Add a line.

        Parameters
        ----------
        severity : str
            ``debug``, ``info``, ``warning``, ``error``, ``critical``, or ``status`` for a line of ``ctx.status``.
        source : str
            The logger, or what else said it.
        message : str
            One or several lines of text.
        more
            Further fields; those that are None are left out.
        """
        said = {"time": now(), "severity": severity, "source": source, "message": message}
        line = said | {key: value for key, value in more.items() if value is not None}
        if self._file is None:
            self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.write(self._file, (json.dumps(line) + "\n").encode())
        sys.stderr.write(f"{severity}: {message}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class _Handler(logging.Handler):
    """Hands what is logged over to a stream."""

    def __init__(self, stream: LogStream) -> None:
        super().__init__()
        self._stream = stream

    def emit(self, record: logging.LogRecord) -> None:
        """Write one record, with its traceback when it has one."""
        self._stream.write(record.levelname.lower(), record.name, self.format(record))


@contextlib.contextmanager
def captured(stream: LogStream) -> Iterator[None]:
    """Send `logging` from INFO on, and warnings, to the stream while the block lasts."""
    root = logging.getLogger()
    handlers, level, show = root.handlers[:], root.level, warnings.showwarning
    root.handlers[:] = [_Handler(stream)]
    root.setLevel(logging.INFO)
    warnings.showwarning = _warnings_to(stream)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        warnings.showwarning = show
        stream.close()


def _warnings_to(stream: LogStream) -> Callable[..., None]:
    """Return what takes the place of `warnings.showwarning`."""

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
        stream.write("warning", "warnings", f"{category.__name__}: {message} ({filename}:{lineno})")

    return show
