"""The tree of a run, with the states of all that stands beneath a branch summed up; and the chain behind it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import and_, func, select
from sqlmodel import Session

from eas_provenance.queries.base import PART, TASK, USED, VERSION, chunks, fetch, parts, pattern_of
from eas_provenance.queries.manifest import described
from eas_provenance.queries.tasks import ALL_TASKS, TaskFilter

DEPTH = 3
_KINDS = {"[": "loop", "?": "condition", "#": "do-while", "/": "chain", "": "task"}
"""What an entry of a list is, by how the parts of paths beneath it begin."""
_PART_KINDS = {"[": "iteration", "?": "branch", "#": "iteration"}

States = dict[str, int]


class Branch(NamedTuple):
    """A line of the tree: a task, or what stands beneath an entry of a list, an iteration or a branch.

    `kind` is task, loop, do-while, condition, chain, iteration or branch; `states` counts the tasks at and beneath it.
    `type`, `name`, `source` and `message` are those of a task. It `is_cut` when what is beneath it lies too deep.
    """

    path: str
    part: str
    depth: int
    kind: str
    states: States
    is_cut: bool
    type: str = ""
    name: str | None = None
    source: str = ""
    message: str = ""


class Tree(NamedTuple):
    """The first lines of a tree; `total` says how many there are, `tasks` how many tasks it stands for."""

    branches: tuple[Branch, ...]
    total: int
    tasks: int


class Place(NamedTuple):
    """A task of the chain with all its iterations.

    `pattern` is its path without indices; `after` has the patterns of those whose files it reads or that it waits for.
    """

    pattern: str
    type: str
    name: str | None
    source: str
    states: States
    after: tuple[str, ...]


def tree(
    session: Session, run_id: int, where: TaskFilter = ALL_TASKS, *, depth: int = DEPTH, limit: int = 1000
) -> Tree:
    """Return the tree of the tasks that were reached, so many parts of paths deep from the path that is asked for."""
    above = len(parts(where.path))
    wanted = select(TASK.c.path, TASK.c.state).where(where.condition(run_id))
    rows = fetch(session, wanted.order_by(TASK.c.position))
    lines = _lines(rows, where.path, above + depth)
    shown = list(itertools.islice(lines.states, limit))
    tasks = _about(session, run_id, [one for one in shown if one not in lines.nexts])
    branches = []
    for one in shown:
        of_path = parts(one)
        kind = _PART_KINDS.get(of_path[-1][0]) or _KINDS[lines.nexts.get(one, "")]
        is_cut = one in lines.nexts and len(of_path) == above + depth
        place = (len(of_path) - max(above, 1), kind, lines.states[one], is_cut)
        branches.append(Branch(one, of_path[-1], *place, *tasks.get(one, ())))
    return Tree(tuple(branches), len(lines.states), len(rows))


class _Lines:
    """Lines of a tree as they come to light: how many tasks of which state are at and beneath each.

    `nexts` says how the part begins that comes after each of those lines that are no tasks.
    """

    def __init__(self, root: str) -> None:
        self._shortest = max(len(root), 1)
        self._uppers: dict[str, str] = {}
        self.states: dict[str, States] = {}
        self.nexts: dict[str, str] = {}

    def reach(self, path: str, next_part: str) -> States:
        """Return the counts of what is no task; add it first, after what stands above it, if it is not there yet."""
        states = self.states.get(path)
        if states is None:
            last = parts(path)[-1]
            upper = path[: -len(last)]
            if len(upper) >= self._shortest:
                self.reach(upper, last)
            states = self.states[path] = {}
            self.nexts[path] = next_part[0]
            self._uppers[path] = upper
        return states

    def sum_up(self) -> None:
        """Add to each line what is beneath it: from the last one on, as what is beneath comes after."""
        for path in reversed(self._uppers):
            above = self.states.get(self._uppers[path])
            if above is not None:
                for state, tasks in self.states[path].items():
                    above[state] = above.get(state, 0) + tasks


def _lines(rows: Iterable[Any], root: str, deepest: int) -> _Lines:
    """Return the lines of the tree from a root on, in order, until paths have so many parts."""
    begin = re.compile(f"(?:({PART.pattern})){{1,{deepest}}}")  # the group is the last part
    shortest = max(len(root), 1)
    lines = _Lines(root)
    ones: dict[str, States] = {}
    for path, state in rows:
        found = begin.match(path)
        shown, part = found.group(0, 1) if found else (path, path)
        if len(shown) < len(path):
            states = lines.reach(shown, path[len(shown) :])
        else:  # a task
            upper = path[: -len(part)]
            states = lines.reach(upper, part) if len(upper) >= shortest else {}
            lines.states[path] = ones.setdefault(state, {state: 1})
        states[state] = states.get(state, 0) + 1
    lines.sum_up()
    return lines


def _about(session: Session, run_id: int, paths: list[str]) -> dict[str, tuple[Any, ...]]:
    """Return type, name, place and message of tasks by path."""
    columns = (TASK.c.path, TASK.c.type, TASK.c.name, TASK.c.source, TASK.c.message)
    query = select(*columns).where(TASK.c.run_id == run_id)
    return {
        row[0]: tuple(row[1:]) for some in chunks(paths) for row in fetch(session, query.where(TASK.c.path.in_(some)))
    }


def places(session: Session, run_id: int) -> tuple[Place, ...]:
    """Return the tasks of a run's chain, reached or not, in the order of the Workflow."""
    counts: dict[tuple[str, str], States] = {}
    firsts: dict[tuple[str, str], tuple[str, str]] = {}
    query = select(TASK.c.source, TASK.c.type, TASK.c.state, func.count(), func.min(TASK.c.path), func.min(TASK.c.name))
    of_run = query.where(TASK.c.run_id == run_id).group_by(TASK.c.source, TASK.c.type, TASK.c.state)
    for source, kind, state, tasks, path, name in fetch(session, of_run):
        counts.setdefault((source, kind), {})[state] = tasks
        firsts.setdefault((source, kind), (path, name))
    declared = {(one.source, one.type): one for one in described(session, run_id)}
    makers = _makers(session, run_id, [path for path, _ in firsts.values()])
    found = []
    for key in dict.fromkeys((*declared, *firsts)):
        path, name = firsts.get(key, ("", None))
        one = declared.get(key)
        pattern = one.pattern if one else pattern_of(path)
        after = dict.fromkeys((*makers.get(path, ()), *(one.after if one else ())))
        found.append(Place(pattern, key[1], one.name if one else name, key[0], counts.get(key, {}), tuple(after)))
    return tuple(found)


def _makers(session: Session, run_id: int, paths: list[str]) -> dict[str, dict[str, None]]:
    """Return for tasks by path the patterns of those that made the files that they read."""
    made = and_(
        VERSION.c.run_id == USED.c.run_id,
        VERSION.c.directory == USED.c.directory,
        VERSION.c.name == USED.c.name,
        VERSION.c.sha256 == USED.c.sha256,
    )
    query = select(USED.c.path, VERSION.c.path).join(VERSION, made).where(USED.c.run_id == run_id)
    found: dict[str, dict[str, None]] = {}
    for some in chunks(paths):
        for reader, maker in fetch(session, query.where(USED.c.path.in_(some))):
            found.setdefault(reader, {})[pattern_of(maker)] = None
    return found
