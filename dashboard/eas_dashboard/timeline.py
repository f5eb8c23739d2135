"""When tries of programs ran: bars in lanes, a group of lanes for each host or task type."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from eas_dashboard import figures, look, words
from eas_dashboard.figures import Figure
from eas_provenance.queries import AttemptRow, TaskRow

MOST = 2000
"""So many bars can be looked at, and drawn without delay."""
_MOST_LANES = 200
_PHASES = {"Succeeded": "succeeded", "Failed": "failed", "Error": "error", "Running": "running"}


class Bar(NamedTuple):
    """A try in its lane; `state` is that of the try, times are in seconds since 1970."""

    lane: str
    begin: float
    end: float
    state: str
    path: str
    about: str


def bars(rows: Iterable[tuple[TaskRow, AttemptRow]], now: str, *, by_type: bool = False) -> tuple[Bar, ...]:
    """Return tries as bars, in lanes such that none hides another; those that still run go on until now."""
    groups: dict[str, list[tuple[float, float, TaskRow, AttemptRow]]] = {}
    for task, attempt in rows:
        if attempt.started is None:
            continue
        begin = _seconds(attempt.started)
        end = _seconds(attempt.ended) if attempt.ended else begin + attempt.wall_s if attempt.wall_s else _seconds(now)
        group = task.type if by_type else attempt.host or "not known yet"
        groups.setdefault(group, []).append((begin, max(begin, end), task, attempt))
    return tuple(bar for group in sorted(groups) for bar in _in_lanes(group, groups[group]))


def _in_lanes(group: str, tries: list[tuple[float, float, TaskRow, AttemptRow]]) -> Iterable[Bar]:
    tries.sort(key=lambda one: one[:2])
    for lane, (begin, end, task, attempt) in zip(lanes([one[:2] for one in tries]), tries, strict=True):
        state = _PHASES.get(attempt.phase, attempt.phase.lower())
        took = words.duration(end - begin)
        about = f"{task.type}, try {attempt.number + 1}: {state}, {took} on {attempt.host or '?'}"
        yield Bar(f"{words.line(group, 40)} · {lane + 1}", begin, end, state, task.path, about)


def lanes(spans: Sequence[tuple[float, float]]) -> list[int]:
    """Return for spans, in the order of their beginnings, the first lane that is free by then."""
    free: list[float] = []
    found = []
    for begin, end in spans:
        lane = next((number for number, until in enumerate(free[:_MOST_LANES]) if until <= begin), len(free))
        if lane >= _MOST_LANES:
            lane = _MOST_LANES - 1
        free[lane : lane + 1] = [end]
        found.append(lane)
    return found


def figure(given: Sequence[Bar]) -> Figure:
    """Return the picture of bars in the colours of their states; the data of a bar end with the path of its task."""
    states = look.in_order(dict.fromkeys((bar.state for bar in given), 1))
    order = list(dict.fromkeys(figures.text(bar.lane) for bar in given))
    return figures.figure(
        [_trace(state, [bar for bar in given if bar.state == state]) for state in states],
        figures.axis("time [UTC]", type="date"),
        figures.axis("", type="category", categoryorder="array", categoryarray=order[::-1], showgrid=False),
        120 + 22 * len(order),
        barmode="overlay",
        bargap=0.25,
        showlegend=True,
    )


def _trace(state: str, some: Sequence[Bar]) -> Figure:
    return {
        "type": "bar",
        "name": figures.text(state),
        "orientation": "h",
        "y": [figures.text(bar.lane) for bar in some],
        "base": [1000 * bar.begin for bar in some],  # plotly counts times in milliseconds
        "x": [1000 * (bar.end - bar.begin) for bar in some],
        "marker": {"color": look.STATES.get(state, look.GREY), "line": {"width": 0}},
        "customdata": [[figures.text(bar.path), figures.text(bar.about, 200), bar.path] for bar in some],
        "hovertemplate": "%{customdata[0]}<br>%{customdata[1]}<extra></extra>",
    }


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
