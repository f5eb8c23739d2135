"""Circles: items of one list that wait for each other, so that none can begin."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from eas_compiler.diagnostics import Diagnostics, related
from eas_compiler.tree import Branch, Item, Task, bodies

if TYPE_CHECKING:
    from eas_compiler.link import Wait


def check(lists: Iterable[list[Item]], waits: dict[str, tuple[Wait, ...]], diagnostics: Diagnostics) -> None:
    """Report items of a list that wait for each other, with the way round; `waits` are by path."""
    walker = _Walker(waits, diagnostics)
    for items in lists:
        state: dict[str, int] = {}
        for item in items:
            walker.visit(item, state, [])


class _Walker:
    def __init__(self, waits: dict[str, tuple[Wait, ...]], diagnostics: Diagnostics) -> None:
        self.waits, self.diagnostics = waits, diagnostics

    def visit(self, item: Item, state: dict[str, int], stack: list[Item]) -> None:
        """Walk an item's waits depth first; an item that is met again on the way closes a circle."""
        todo = [(item, iter(self._all_waits(item)))]
        if state.get(item.common.path):
            return
        state[item.common.path] = 1
        stack.append(item)
        while todo:
            current, waits = todo[-1]
            step = next(waits, None)
            if step is None:
                todo.pop()
                stack.pop()
                state[current.common.path] = 2
                continue
            target = step.item
            if state.get(target.common.path) == 1:
                self._circle(stack[[one.common.path for one in stack].index(target.common.path) :])
            elif not state.get(target.common.path):
                state[target.common.path] = 1
                stack.append(target)
                todo.append((target, iter(self._all_waits(target))))

    def _all_waits(self, item: Item) -> list[Wait]:
        units = [item.common.path, *(body.path for body in bodies(item) if isinstance(item, Branch))]
        return [wait for unit in units for wait in self.waits.get(unit, ())]

    def _circle(self, circle: list[Item]) -> None:
        start = min(range(len(circle)), key=lambda at: circle[at].common.node.start)
        circle = circle[start:] + circle[:start]
        path = " → ".join(map(_label, [*circle, circle[0]]))
        at = circle[0].common.node.value.get("task", circle[0].common.node)
        places = [
            related(one.common.node.value["task"], f"{_label(one)} is here")
            for one in circle[1:]
            if "task" in one.common.node.value
        ]
        message = (
            f"these tasks wait for each other in a circle: {path}"
            if len(circle) > 1
            else f"{_label(circle[0])} waits for itself"
        )
        hint = "a loop, a do-while and a branch wait as a whole for all that their inside needs"
        self.diagnostics.error(
            "circle", at, message, hint if any(not isinstance(one, Task) for one in circle) else None, *places
        )


def _label(item: Item) -> str:
    """Name an item for people: its name, else what it is, and where."""
    name = item.common.name
    what = item.common.node.value["task"].value if "task" in item.common.node.value else "task"
    return f"{name[0]!r}" if name is not None and len(name) == 1 else f"{what} ({item.common.path})"
