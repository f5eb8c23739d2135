"""What an attempt cost: time, processor, memory."""

from __future__ import annotations

import os
import resource
import sys
import time
from typing import NamedTuple

#: `ru_maxrss` is in kilobytes on Linux and in bytes on macOS.
_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Usage(NamedTuple):
    """What an attempt cost.

    Attributes
    ----------
    started, ended : str
        UTC, ISO 8601.
    wall_s, cpu_s, cpu_children_s : float
        Elapsed time and processor time, user and system, of the process and of the sub-processes that ended [s].
    peak_memory_bytes : int
        Largest resident size of the process or of one sub-process.
    host : str
        Name of the machine; in a cluster, of the pod.
    threads : int
        How many threads it was told to use.
    """

    started: str
    ended: str
    wall_s: float
    cpu_s: float
    cpu_children_s: float
    peak_memory_bytes: int
    host: str
    threads: int


class Meter:
    """Measures from its making on."""

    def __init__(self) -> None:
        self._time = time.time()
        self._clock = time.perf_counter()
        self._own = _cpu(resource.RUSAGE_SELF)
        self._children = _cpu(resource.RUSAGE_CHILDREN)

    def usage(self, threads: int) -> Usage:
        """Return what was used until now; it has ended after it started, whatever became of the machine's clock."""
        elapsed = time.perf_counter() - self._clock
        own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return Usage(
            started=utc(self._time),
            ended=utc(self._time + elapsed),
            wall_s=round(elapsed, 6),
            cpu_s=round(_cpu(resource.RUSAGE_SELF) - self._own, 6),
            cpu_children_s=round(_cpu(resource.RUSAGE_CHILDREN) - self._children, 6),
            peak_memory_bytes=max(own.ru_maxrss, children.ru_maxrss) * _RSS_UNIT,
            host=os.uname().nodename,
            threads=threads,
        )


def utc(seconds: float) -> str:
    """Return a time since 1970 [s] as UTC in ISO 8601, to the microsecond."""
    whole, micro = divmod(round(seconds * 1_000_000), 1_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{micro:06d}Z"


def now() -> str:
    """Return the time of now, as `utc` writes it."""
    return utc(time.time())


def _cpu(who: int) -> float:
    """Return the user and system time of the process or its children [s]."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime
