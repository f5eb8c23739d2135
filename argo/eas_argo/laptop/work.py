"""What the engine and an executor tell each other: tries to start, how they ended, and what may be in use."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from eas_argo.laptop.manifest import Pod


class Work(NamedTuple):
    """One try of a pod. Artifacts are (path in the attempt's folder, key, whether it may be missing)."""

    id: str
    pod: Pod
    attempt: int
    environment: dict[str, str]
    inputs: tuple[tuple[str, str, bool], ...]
    outputs: tuple[tuple[str, str, bool], ...]


class Ended(NamedTuple):
    """How a try ended: phase Succeeded, Failed or Error, the exit status, a message, and its output parameters."""

    phase: str
    exit_code: int
    message: str
    parameters: dict[str, str]


class Executor(Protocol):
    """Starts tries and tells when they have ended."""

    def start(self, work: Work) -> None:
        """Start a try; it must not block."""

    def wait(self, timeout_s: float) -> list[tuple[str, Ended]]:
        """Return the tries that have ended, waiting for one when there is none yet."""

    def stop(self, *, at_once: bool) -> None:
        """Tell everything that runs to end, or end it; that it has ended is told by `wait` as ever."""


class Site(NamedTuple):
    """What may be in use at the same time: cores and bytes of memory."""

    cpu: float
    memory_bytes: int
