"""How long a chain takes and what it needs at once, from what tasks have cost before, or else from their limits.

A list of tasks is laid out in time: each begins when what it waits for has ended, as if there were room for all. So the
way that takes longest is what no machine can be faster than, and what is needed at once is the most that helps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from eas_compiler.link import Links
from eas_compiler.tree import Branch, Chain, Item, Loop, Repeat, Sequence, Task, flat


class Cost(NamedTuple):
    """What a task of a type costs: its pods, one after the other, take `wall_s` in all [s].

    `cpu`, `gpu` and `memory_gb` are what it asks for; `program_s` [s] is how long it has them, of which `cpu_s` is
    processor time, None where nobody knows. `peak_gb` is the most memory it was seen to take, `files_gb` what it makes.
    `tries` are how many that is known from; 0 when it is from limits.
    """

    cpu: float
    gpu: int
    memory_gb: float
    wall_s: float
    program_s: float
    cpu_s: float | None = None
    peak_gb: float | None = None
    files_gb: float | None = None
    tries: int = 0

    @property
    def cpu_h(self) -> float:
        """Cores that a task has, times hours."""
        return self.cpu * self.program_s / 3600

    @property
    def gpu_h(self) -> float:
        """Devices that a task has, times hours."""
        return self.gpu * self.program_s / 3600


class Peak(NamedTuple):
    """What may be in use at once: cores, devices, memory [GB]."""

    cpu: float = 0.0
    gpu: float = 0.0
    memory_gb: float = 0.0

    def times(self, number: float) -> Peak:
        """Return what several of these need."""
        return Peak(*(one * number for one in self))

    def plus(self, other: Peak) -> Peak:
        """Return what both need side by side."""
        return Peak(*(one + two for one, two in zip(self, other, strict=True)))

    def most(self, other: Peak) -> Peak:
        """Return what either needs."""
        return Peak(*(max(pair) for pair in zip(self, other, strict=True)))


class Stage(NamedTuple):
    """A task on the longest way: the pattern of its path, its type, and how long it takes [s]."""

    path: str
    type: str
    wall_s: float


class Extent(NamedTuple):
    """How long something takes [s], the way through it that takes so long, and what it needs at once.

    `is_least` when how many iterations there are is for the run to tell: each such loop counts as one.
    """

    wall_s: float = 0.0
    way: tuple[Stage, ...] = ()
    peak: Peak = Peak()
    is_least: bool = False


def extent(chain: Chain, links: Links, costs: Mapping[str, Cost]) -> Extent:
    """Return the extent of a chain."""
    return _Layout(links, costs).sequence(chain.body)


class _Layout:
    def __init__(self, links: Links, costs: Mapping[str, Cost]) -> None:
        self._links, self._costs = links, costs

    def sequence(self, sequence: Sequence) -> Extent:
        """Lay out a list: each item begins when those that it waits for have ended."""
        items = list(flat(sequence))
        extents = {item.common.path: self._item(item) for item in items}
        waits = {item.common.path: self._waits(item, extents) for item in items}
        ends: dict[str, tuple[float, str | None]] = {}
        for path in _in_order(waits):
            before = max(waits[path], key=lambda one: ends[one][0], default=None)
            ends[path] = ((ends[before][0] if before is not None else 0.0) + extents[path].wall_s, before)
        last = max(ends, key=lambda one: ends[one][0], default=None)
        way: list[Stage] = []
        at = last
        while at is not None:
            way[:0] = extents[at].way
            at = ends[at][1]
        return Extent(
            ends[last][0] if last is not None else 0.0,
            tuple(way),
            _peak((ends[path][0] - one.wall_s, ends[path][0], one.peak) for path, one in extents.items()),
            any(one.is_least for one in extents.values()),
        )

    def _waits(self, item: Item, there: Mapping[str, Extent]) -> list[str]:
        paths = [item.common.path]
        if isinstance(item, Branch):
            paths += [body.path for body in (item.then, item.otherwise) if body is not None]
        found = (one.item.common.path for path in paths for one in self._links.waits.get(path, ()))
        return [path for path in dict.fromkeys(found) if path in there]

    def _item(self, item: Item) -> Extent:
        if isinstance(item, Task):
            return self._task(item)
        if isinstance(item, Loop):
            size = item.variable.domain.size
            body = self.sequence(item.body)
            if size == 0:
                return Extent()
            return body._replace(peak=body.peak.times(size or 1), is_least=body.is_least or size is None)
        if isinstance(item, Repeat):
            return self.sequence(item.body)._replace(is_least=True)
        if isinstance(item, Branch):
            bodies = [self.sequence(body) for body in (item.then, item.otherwise) if body is not None]
            longest = max(bodies, key=lambda one: one.wall_s, default=Extent())
            peak = Peak()
            for one in bodies:
                peak = peak.most(one.peak)
            return longest._replace(peak=peak, is_least=any(one.is_least for one in bodies))
        raise AssertionError("groups stand in the list around them")

    def _task(self, task: Task) -> Extent:
        known = [(one.type.name, self._costs[one.type.name]) for one in task.variants]
        name, cost = max(known, key=lambda one: one[1].wall_s)
        peak = Peak()
        for _, one in known:
            peak = peak.most(Peak(one.cpu, one.gpu, one.memory_gb))
        return Extent(cost.wall_s, (Stage(task.common.path, name, cost.wall_s),), peak)


def _in_order(waits: Mapping[str, list[str]]) -> list[str]:
    """Return what waits for others behind these; there are no circles."""
    from graphlib import TopologicalSorter

    return list(TopologicalSorter(waits).static_order())


def _peak(spans: Iterable[tuple[float, float, Peak]]) -> Peak:
    """Return the most that is needed at any time, of spans with a begin, an end and what is needed meanwhile."""
    events: list[tuple[float, int, Peak]] = []
    for begin, end, peak in spans:
        events += [(begin, 1, peak), (end, 0, peak.times(-1))]  # what ends makes room for what begins then
    most = now = Peak()
    for _, _, change in sorted(events, key=lambda one: one[:2]):
        now = now.plus(change)
        most = most.most(now)
    return most
