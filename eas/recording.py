"""Have the database follow a run while an engine works on it, in a thread: the engine never waits for the database."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Self

from eas_provenance.follow import Follower
from eas_provenance.states import States

_PACE_S = 0.5
"""How often the journal is looked at."""
_TURN_S = 0.0005
"""How long this thread may keep the engine waiting: by default, Python lets it do so for ten times as long."""


class Recording:
    """Follows a run from the beginning of the block to its end; `warn` is told when the database could not be written.

    What the database does not get is not lost: it is in the journal, and taken from there by whoever looks next.
    """

    def __init__(self, follower: Follower, warn: Callable[[str], None]) -> None:
        self._follower, self._warn = follower, warn
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self._problem: Exception | None = None
        self._thread = threading.Thread(target=self._go, name="recording", daemon=True)

    @property
    def states(self) -> States:
        """The states of the run's tasks, as far as it was followed."""
        return self._follower.states

    def __enter__(self) -> Self:
        """Begin to follow."""
        self._turn_s = sys.getswitchinterval()
        sys.setswitchinterval(_TURN_S)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is left, and say so when that cannot be done."""
        self._is_over.set()
        self._thread.join()
        sys.setswitchinterval(self._turn_s)
        self._write(is_alive=False)
        if self._problem is not None:
            self._warn(f"the database lacks the end of this run: {self._problem}; the next report takes it up")

    def follow(self) -> None:
        """Take what the journal has now."""
        with self._lock:
            self._follower.follow()

    def _go(self) -> None:
        while not self._is_over.wait(_PACE_S):
            self._write(is_alive=True)

    def _write(self, *, is_alive: bool) -> None:
        with self._lock:
            try:
                self._follower.follow()
                self._follower.write(is_alive=is_alive)
                self._problem = None
            except Exception as error:  # noqa: BLE001 - such as a database that is locked; the next time may do
                self._problem = error
