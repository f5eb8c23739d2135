"""How much memory programs hold: each one with all that it has started.

A peak between two looks is not seen. The resident size, which costs little to read, counts what processes share once
for each of them, and files that are mapped as well, which a kernel drops when it needs the room. So it can only be too
large, and whoever is over a limit by it is looked at more closely: what counts is the memory that is no file's, of
which each process that shares some has its part, without what a fork has from the process that it was forked from.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Collection, Mapping
from pathlib import Path

LOOK_S = 0.25
_CLOSE_LOOKS = 0.05
"""Of all time, how much may go into close looks at one group: they take long where much memory is held."""
_AMOUNT = re.compile(r"^(\w+): +(\d+) kB", re.MULTILINE)


class Watch:
    """Looks which groups of processes hold too much; `server` is the process that they were forked from.

    `next_look` tells when it is time to look again.
    """

    def __init__(self, server: int) -> None:
        self._server = server
        self.next_look = time.monotonic() + LOOK_S
        self._next_close_looks: dict[int, float] = {}

    def over(self, limits: Mapping[int, int]) -> list[int]:
        """Look; return the groups that hold more than their limits [bytes]."""
        self.next_look = time.monotonic() + LOOK_S
        self._next_close_looks = {group: at for group, at in self._next_close_looks.items() if group in limits}
        found = members(limits)
        return [group for group, limit in limits.items() if self._is_over(group, found[group], limit)]

    def _is_over(self, group: int, processes: list[int], limit: int) -> bool:
        if sum(map(resident, processes)) <= limit:
            return False
        start = time.monotonic()
        if start < self._next_close_looks.get(group, 0.0):
            return False
        shared = own(self._server)
        held = sum(max(0, own(process) - shared) for process in processes)
        end = time.monotonic()
        self._next_close_looks[group] = end + (end - start) / _CLOSE_LOOKS
        return held > limit


def members(groups: Collection[int]) -> dict[int, list[int]]:
    """Return the processes of some groups."""
    import psutil

    found: dict[int, list[int]] = {group: [] for group in groups}
    for process in psutil.pids():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            group = os.getpgid(process)
            if group in found:
                found[group].append(process)
    return found


def resident(process: int) -> int:
    """Return the resident size of a process [bytes]; 0 when it has ended."""
    import psutil

    try:
        return int(psutil.Process(process).memory_info().rss)
    except psutil.Error:
        return 0


def own(process: int) -> int:
    """Return what a process holds itself, and its part of what it shares [bytes]; 0 when it has ended."""
    import psutil

    with contextlib.suppress(OSError, KeyError):  # no Linux, an old one, or no such process
        rollup = Path(f"/proc/{process}/smaps_rollup").read_text("ascii")
        kilobytes = {name: int(amount) for name, amount in _AMOUNT.findall(rollup)}
        return (kilobytes["Pss_Anon"] + kilobytes["Pss_Shmem"]) * 1024
    try:
        return int(psutil.Process(process).memory_full_info().uss)
    except psutil.Error:
        return 0
