"""`eas tree`: the tree of a run, with all that is not shown summed up."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from eas import text
from eas.reports.common import Reading, add_run, answer, counts, cut, known_path, more, paint, reading, states_in
from eas.terminal import add_verb, positive

if TYPE_CHECKING:
    from eas_provenance.queries import Branch, Tree

_DEPTH = 3
_LIMIT = 200
_KINDS = {"loop": "for", "do-while": "do while", "condition": "if", "chain": "chain"}


def register(verbs: Any) -> None:
    """Add the verb."""
    one = add_verb(verbs, "tree", _tree, "show the tree of a run's tasks, with counts of all that lies deeper")
    add_run(one, path="where the tree begins (default: all of the run)")
    one.add_argument("--depth", type=positive, default=_DEPTH, metavar="N", help="how deep (default: %(default)s)")
    one.add_argument("--running", action="store_true", help="tasks that are running alone")
    one.add_argument("--limit", type=positive, default=_LIMIT, metavar="N", help="lines (default: %(default)s)")


def _tree(arguments: argparse.Namespace) -> int:
    with reading(arguments) as found:
        return show(arguments, found, known_path(found, arguments.path or ""))


def show(arguments: argparse.Namespace, found: Reading, path: str) -> int:
    """Show the tree that begins at a path."""
    from eas_provenance.queries import TaskFilter, Tree, tree

    is_running = getattr(arguments, "running", False)
    states = ("running",) if is_running else ()
    limit = getattr(arguments, "limit", _LIMIT)
    depth = getattr(arguments, "depth", _DEPTH)
    if is_running and found.run.is_interrupted:
        branches = Tree((), 0, 0)
    else:
        branches = tree(found.session, found.run.id, TaskFilter(path, states=states), depth=depth, limit=limit)
    shown = tuple(one._replace(states=states_in(found.run, one.states)) for one in branches.branches)
    branches = branches._replace(branches=shown)
    nothing = "no task is running" if is_running else "no such task"
    return answer(arguments, lambda: as_text(found.run.name, branches, nothing), lambda: branches)


def as_text(name: str, tree: Tree, nothing: str) -> str:
    """Return a tree for people; `nothing` is said when there is none."""
    if not tree.branches:
        return text.safe(f"{name}: {nothing}")
    written = [f"{text.safe(name)}: {tree.tasks:,} tasks", *map(_line, tree.branches)]
    return "\n".join([*written, *more(tree.total - len(tree.branches), "lines", "--limit, or a PATH to begin at")])


def _line(one: Branch) -> str:
    indent = "  " * (one.depth + 1)
    part = one.part if one.depth else one.path
    if one.kind == "task":
        (state,) = one.states
        name = f" {one.name}" if one.name else ""
        message = f": {one.message}" if one.message and state in ("failed", "error") else ""
        return paint(cut(f"{indent}{part} {one.type}{name} {state} ({one.source}){message}"), state)
    kind = _KINDS.get(one.kind, "")
    word = next((state for state in ("failed", "error", "running", "interrupted") if one.states.get(state)), "")
    return paint(text.safe(f"{indent}{part} {kind}{' ' * bool(kind)}· {counts(one.states)}"), word)
