"""What Linux lets this process have, where it has put it in control groups: in a container, or under a batch system.

Version 2 has one tree of groups, version 1 one for each controller. A group is bound by the limits of those around it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from pathlib import Path

_OWN = Path("/proc/self/cgroup")
_ROOT = Path("/sys/fs/cgroup")


def memory_bytes(own: Path = _OWN, root: Path = _ROOT) -> float:
    """Return how much memory the groups leave [bytes]; infinity without a limit.

    Parameters
    ----------
    own : Path
        Tells of which groups this process is a member.
    root : Path
        Where the trees are mounted.
    """
    files = ("memory.max", "memory.limit_in_bytes")
    return min((_number(folder / file) for folder in _folders("memory", own, root) for file in files), default=math.inf)


def cores(own: Path = _OWN, root: Path = _ROOT) -> float:
    """Return how many cores' time the groups leave; infinity without a limit."""
    return min(map(_cores, _folders("cpu", own, root)), default=math.inf)


def _folders(controller: str, own: Path, root: Path) -> Iterator[Path]:
    """Yield the folders of this process's groups and of those around them, as far as they can be seen from here."""
    with contextlib.suppress(OSError):
        for line in own.read_text("utf-8").splitlines():
            _, controllers, group = line.split(":", 2)
            if controllers and controller not in controllers.split(","):
                continue
            tree = root / controllers if controllers else root
            inner = tree / group.lstrip("/")
            yield from (folder for folder in (inner, *inner.parents) if folder.is_relative_to(tree))


def _cores(folder: Path) -> float:
    quota, period = _number(folder / "cpu.max"), _number(folder / "cpu.max", 1)
    if math.isinf(quota):
        quota, period = _number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us")
    return quota / period if 0 < quota < math.inf and 0 < period < math.inf else math.inf


def _number(file: Path, place: int = 0) -> float:
    """Return a number from a file; infinity for `max`, and where there is no such file or number."""
    try:
        return float(file.read_text("ascii").split()[place])
    except (OSError, ValueError, IndexError):
        return math.inf
