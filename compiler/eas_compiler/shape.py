"""Pass 4, shape: how many tasks, pods and nodes a chain makes, as far as it can be told before it runs."""

from __future__ import annotations

from typing import NamedTuple

from eas_compiler import evaluate
from eas_compiler.tree import Branch, Chain, Group, Item, Loop, Repeat, Sequence, Task, Variable, Variant, walk
from eas_worker.expressions import ExpressionError


class Count(NamedTuple):
    """At least and at most how many; without an end where only the run can tell."""

    low: int
    high: int | None

    def __add__(self, other: Count) -> Count:  # type: ignore[override]
        """Return the sum."""
        high = None if self.high is None or other.high is None else self.high + other.high
        return Count(self.low + other.low, high)

    def times(self, other: Count) -> Count:
        """Return the product."""
        if self.high == 0 or other.high == 0:
            return ZERO
        high = None if self.high is None or other.high is None else self.high * other.high
        return Count(self.low * other.low, high)


ZERO, ONE = Count(0, 0), Count(1, 1)


class Shape(NamedTuple):
    """The size of a run: tasks by type, pods (programs, gates, steps that answer questions) and nodes of Argo."""

    tasks: dict[str, Count]
    pods: Count
    nodes: Count


def shape(chain: Chain) -> Shape:
    """Count what a chain will run."""
    counter = _Counter()
    counter.sequence(chain.body, ONE, ())
    return Shape(counter.tasks, counter.pods, counter.nodes + ONE)


class _Counter:
    def __init__(self) -> None:
        self.tasks: dict[str, Count] = {}
        self.pods, self.nodes = ZERO, ZERO

    def sequence(self, sequence: Sequence, times: Count, loops: tuple[Variable, ...]) -> None:
        for item in sequence.items:
            self.item(item, times, loops)

    def item(self, item: Item, times: Count, loops: tuple[Variable, ...]) -> None:
        if isinstance(item, Task):
            self.task(item, times)
        elif isinstance(item, Group):
            self.sequence(item.body, times, loops)
        elif isinstance(item, Loop):
            inner = self.iterations(item, times)
            self.nodes += times + inner
            self.sequence(item.body, inner, (*loops, item.variable))
        elif isinstance(item, Repeat):
            inner = times.times(Count(1, item.maximum))
            self.nodes += inner + inner
            self.sequence(item.body, inner, (*loops, item.variable))
        else:
            self.branch(item, times, loops)

    def task(self, task: Task, times: Count) -> None:
        for variant in task.variants:
            share = times if variant.where is None else _share(task, variant, times)
            self.tasks[variant.type.name] = self.tasks.get(variant.type.name, ZERO) + share
        pods = times if task.is_inline else times + times
        self.pods += pods
        self.nodes += pods + pods  # each pod has a node for its retries around it
        if task.is_inline:  # its other steps have no pods, unless something breaks
            self.nodes += times
            if any(variant.type.no_work for variant in task.variants):
                self.nodes += times

    def branch(self, item: Branch, times: Count, loops: tuple[Variable, ...]) -> None:
        table = item.criterion.table
        self.nodes += times + times
        for body, value in ((item.then, 1), (item.otherwise, 0)):
            if body is not None:
                taken = Count(0, times.high)
                if table is not None and table.constant is not None:
                    taken = times if table.constant == value else ZERO
                self.sequence(body, taken, loops)

    def iterations(self, item: Loop, times: Count) -> Count:
        table = item.number.table
        if table is None:
            return times.times(Count(0, None))
        if table.constant is not None:
            return times.times(Count(table.constant, table.constant))
        if not table.entries:  # around it is a loop without iterations
            return ZERO
        total = sum(table.entries.values())
        if times.low == times.high and times.low % len(table.entries) == 0:
            each = total * (times.low // len(table.entries))
            return Count(each, each)
        return times.times(Count(min(table.entries.values()), max(table.entries.values())))


def _share(task: Task, variant: Variant, times: Count) -> Count:
    """Return how many of the iterations are of one type."""
    assert variant.where is not None
    try:
        total = sum(1 for _ in evaluate.combinations(frozenset(variant.ids), task.common.scope))
    except ExpressionError:
        return Count(0, times.high)
    if times.low == times.high and total and times.low % total == 0:
        share = len(variant.where) * (times.low // total)
        return Count(share, share)
    return Count(0, times.high)


def repetitions(chain: Chain) -> dict[str, int | None]:
    """Return how often at most the list of each loop, and each do-while, runs, by path; None where a run will tell."""
    found: dict[str, int | None] = {}
    for item in walk(chain.body):
        if isinstance(item, Loop):
            table = item.number.table
            found[item.body.path] = max(table.entries.values(), default=0) if table is not None else None
        elif isinstance(item, Repeat):
            found[item.common.path] = item.maximum
    return found
