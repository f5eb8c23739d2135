"""The chain of a run as a graph: a box for each task of the chain with all its iterations, in boxes for loops.

An arrow leads to what reads a task's files or waits for it, a dashed one to what its metadata decide about.

The text is in the DOT language of Graphviz. Names of strangers are quoted, and neither escape sequences nor entities
of DOT have a meaning in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from eas_dashboard import links, look, words
from eas_provenance.queries import Condition, Place

MOST = 150
"""A graph of more boxes than this is no picture any more."""
_PART = re.compile(r"/t\d+|\[[^\]]*\]|\?\w+|#")
_HEAD = """digraph chain {
  graph [bgcolor="transparent", rankdir="LR", fontname="sans-serif", fontsize=11, nodesep=0.2, ranksep=0.45, \
compound=true]
  node [shape="box", style="rounded,filled", fontname="sans-serif", fontsize=11, fontcolor="white", penwidth=0, \
margin="0.16,0.09"]
  edge [arrowsize=0.6]
"""


class Box(NamedTuple):
    """A loop, a branch, or what else holds tasks: its title, and the boxes and tasks in it."""

    title: str
    inside: dict[str, Box]
    places: list[Place]


def dot(run: str, places: Iterable[Place], conditions: Iterable[Condition] = ()) -> str:
    """Return the graph of a run's chain, with the state of each task of it as its colour and address."""
    known = tuple(places)
    root = nested(known)
    names = {place.pattern: f"n{number}" for number, place in enumerate(known)}
    names |= {key: f"cluster_{number}" for number, (key, _) in enumerate(_all(root))}
    lines = [*_drawn(run, root, names, "  ")]
    edges = {(names[maker], names[place.pattern]) for place in known for maker in place.after if maker in names}
    lines += [f'  {maker} -> {reader} [color="{look.INK}"]' for maker, reader in sorted(edges)]
    lines += [edge for one in conditions for edge in _decided(one, root, names)]
    return _HEAD + "\n".join(lines) + "\n}\n"


def nested(places: Iterable[Place]) -> Box:
    """Return tasks in the loops, branches and inner chains around them."""
    root = Box("", {}, [])
    for place in places:
        box = root
        parts = _PART.findall(place.pattern)
        for number, part in enumerate(parts):
            if part.startswith("/"):
                continue
            key = "".join(parts[: number + 1])
            box = box.inside.setdefault(key, Box(_title(part), {}, []))
        box.places.append(place)
    return root


def _all(box: Box) -> Iterator[tuple[str, Box]]:
    """Yield all boxes in a box, with their patterns."""
    for key, inner in box.inside.items():
        yield key, inner
        yield from _all(inner)


def _first(box: Box) -> Place:
    return box.places[0] if box.places else _first(next(iter(box.inside.values())))


def _decided(condition: Condition, root: Box, names: dict[str, str]) -> Iterator[str]:
    """Yield the edges from what a condition asks to the boxes that it decides about."""
    for key, box in _all(root):
        end = key.removeprefix(condition.at)
        if end == key or end[0] not in "?[#" or "/" in end:
            continue
        for asked in condition.asked:
            if asked in names:
                # Whether a loop goes on is asked inside of it: the way back must not turn around the order of tasks.
                way = 'constraint="false"' if asked.startswith(key) else f'lhead="{names[key]}"'
                yield f'  {names[asked]} -> {names[_first(box).pattern]} [color="{look.INK}", style="dashed", {way}]'


def _title(part: str) -> str:
    if part.startswith("["):
        return f"for {part[1:-1]}"
    return "do while" if part == "#" else part[1:]


def _drawn(run: str, box: Box, names: dict[str, str], indent: str) -> Iterator[str]:
    for place in box.places:
        yield indent + _node(run, place, names[place.pattern])
    for key, inner in box.inside.items():
        yield f"{indent}subgraph {names[key]} {{"
        yield f"{indent}  label={quoted(inner.title)}; labeljust=l; fontcolor={quoted(look.INK)}"
        yield f'{indent}  color={quoted(look.INK)}; style="rounded,dashed"'
        yield from _drawn(run, inner, names, indent + "  ")
        yield f"{indent}}}"


def _node(run: str, place: Place, name: str) -> str:
    states = look.in_order(place.states)
    counts = ", ".join(f"{tasks:,} {state}" for state, tasks in states.items()) or "not reached"
    title = place.name or place.type
    label = "\n".join([words.line(title, 40), *([words.line(place.type, 40)] if place.name else []), counts])
    where = links.to_run(run, "Tasks", source=place.source)
    given = {
        "label": label,
        "tooltip": f"{place.pattern} ({place.source})",
        "URL": where.href,
        "target": "_self",
        "fillcolor": colour(states),
    }
    return f"{name} [{', '.join(f'{key}={quoted(text)}' for key, text in given.items())}]"


def colour(states: dict[str, int]) -> str:
    """Return the colour of tasks in some states: that of the one that matters most."""
    return look.STATES.get(next(iter(look.in_order(states)), "waiting"), look.GREY)


def quoted(text: str) -> str:
    """Return a text as a string of DOT that stands for itself."""
    shown = words.printable(text, lines=True).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"')
    return '"' + shown.replace("\n", "\\n") + '"'
