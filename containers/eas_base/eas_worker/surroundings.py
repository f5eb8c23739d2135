"""What surrounds a program in its process: threads and the signal to stop."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


class Stopped(BaseException):
    """The process was told to stop (SIGTERM), for instance at its time limit."""


@contextlib.contextmanager
def limited_threads(threads: int) -> Iterator[None]:
    """Tell numerical libraries, and sub-processes, how many threads they may use while the block lasts."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class StopSignal:
    """Turns SIGTERM into `Stopped` where that does no harm, and ignores it elsewhere.

    As a context manager it takes the signal over; inside, `raising` is the part that may be interrupted. Only the main
    thread can receive signals; in any other thread it changes nothing.
    """

    def __init__(self) -> None:
        self._raises = False
        self._came = False

    def __enter__(self) -> None:
        """Take the signal over."""
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            self._before = signal.signal(signal.SIGTERM, self._receive)

    def __exit__(self, *_: object) -> None:
        """Give the signal back."""
        if self._main:
            signal.signal(signal.SIGTERM, self._before)

    @contextlib.contextmanager
    def raising(self) -> Iterator[None]:
        """Raise `Stopped` in the block when the signal comes, or when it has come already."""
        self._raises = True
        try:
            if self._came:
                raise Stopped
            yield
        finally:
            self._raises = False

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self._came = True
        if self._raises:
            self._raises = False  # a second signal must not interrupt the cleaning up after the first
            raise Stopped
