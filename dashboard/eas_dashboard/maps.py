"""Maps of what a run found: each task at the place of two of its values, drawn as its outcome."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from eas_dashboard import figures, look, words
from eas_dashboard.figures import Figure
from eas_provenance.queries import OutcomeTable

MOST_MARKS = 3000
"""More marks than this cannot be told apart; then cells are coloured."""
_MOST_CELLS = 60_000
_LOG_FORM = "log_range"
_LOG_SPAN = 30.0
"""Values that are all positive and span more than this are shown on a logarithmic axis."""


class Axis(NamedTuple):
    """An axis: a column of the table, what stands at it, and whether it is logarithmic."""

    name: str
    title: str
    is_log: bool


def axes(table: OutcomeTable) -> tuple[Axis, ...]:
    """Return the columns that can be axes, loop variables first: those that hold numbers, and more than one."""
    found = []
    for name, unit in zip(table.columns, table.units, strict=True):
        values = [value for value in table.column(name) if value is not None]
        if all(_is_number(value) for value in values) and len(set(values)) > 1:
            title = figures.text(words.with_unit(name, unit))
            found.append(Axis(name, title, is_log(values, table.forms.get(name))))
    return tuple(found)


def is_log(values: Sequence[float], form: str | None) -> bool:
    """Return whether values belong on a logarithmic axis: those the chain spaces so, and those that span a lot."""
    if not values or min(values) <= 0:
        return False
    return form == _LOG_FORM if form is not None else max(values) / min(values) > _LOG_SPAN


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def outcomes(table: OutcomeTable) -> tuple[str, ...]:
    """Return the outcome of each task; the verdict, or the state, of those that have none."""
    said = table.column("outcome") if "outcome" in table.columns else (None,) * len(table.rows)
    verdicts = table.column("verdict")
    return tuple(words.value(one if one is not None else other) for one, other in zip(said, verdicts, strict=True))


def figure(table: OutcomeTable, across: Axis, up: Axis) -> Figure:
    """Return the map; the data of each mark end with the path of its task."""
    marks = _marks(table, across, up)
    found = {mark.kind for mark in marks}
    kinds = [*(kind for kind in look.OUTCOMES if kind in found), *sorted(found - set(look.OUTCOMES))]
    is_grid = len(marks) > MOST_MARKS and _cells(marks) <= _MOST_CELLS
    return figures.figure(
        _grid(kinds, marks) if is_grid else [_trace(kind, marks) for kind in kinds],
        figures.axis(across.title, log=[mark.x for mark in marks] if across.is_log else None),
        figures.axis(up.title, log=[mark.y for mark in marks] if up.is_log else None),
        480,
        showlegend=True,
    )


class _Mark(NamedTuple):
    """A task in the map."""

    kind: str
    x: float
    y: float
    path: str


def _marks(table: OutcomeTable, across: Axis, up: Axis) -> list[_Mark]:
    """Return the tasks that have a place in the map."""
    columns = (outcomes(table), table.column(across.name), table.column(up.name), table.rows)
    return [
        _Mark(kind, x, y, row.path)
        for kind, x, y, row in zip(*columns, strict=True)
        if x is not None and y is not None and (x > 0 or not across.is_log) and (y > 0 or not up.is_log)
    ]


def _cells(marks: Sequence[_Mark]) -> int:
    return len({mark.x for mark in marks}) * len({mark.y for mark in marks})


def _trace(kind: str, marks: Sequence[_Mark]) -> Figure:
    some = [mark for mark in marks if mark.kind == kind]
    drawn = look.mark(kind)
    size = max(4.0, min(11.0, 300 / math.sqrt(len(marks))))
    return {
        "type": "scatter" if len(marks) <= MOST_MARKS else "scattergl",
        "mode": "markers",
        "name": figures.text(f"{kind} ({len(some):,})"),
        "x": [mark.x for mark in some],
        "y": [mark.y for mark in some],
        "marker": {"color": drawn.colour, "symbol": drawn.symbol, "size": size, "line": {"width": 1}},
        "customdata": [[figures.text(mark.path), mark.path] for mark in some],
        "hovertemplate": "%{customdata[0]}<br>%{x:.5g}, %{y:.5g}<extra></extra>",
    }


def _grid(kinds: Sequence[str], marks: Sequence[_Mark]) -> list[Figure]:
    """Return the cells of a grid in the colours of their outcomes, quicker to draw than as many marks; with a key."""
    xs, ys = sorted({mark.x for mark in marks}), sorted({mark.y for mark in marks})
    columns = {x: number for number, x in enumerate(xs)}
    rows = {y: number for number, y in enumerate(ys)}
    numbers = {kind: number for number, kind in enumerate(kinds)}
    cells = np.full((len(ys), len(xs)), np.nan)
    for mark in marks:
        cells[rows[mark.y], columns[mark.x]] = numbers[mark.kind]
    colours = [look.mark(kind).colour for kind in kinds]
    steps = [[(number + side) / len(kinds), colour] for number, colour in enumerate(colours) for side in (0, 1)]
    drawn = {
        "type": "heatmap",
        "showscale": False,
        "x": xs,
        "y": ys,
        "z": cells,
        "zmin": -0.5,
        "zmax": len(kinds) - 0.5,
        "colorscale": steps,
        "hoverongaps": False,
        "hovertemplate": "%{x:.5g}, %{y:.5g}<extra></extra>",
    }
    return [drawn, *(_key(kind, marks) for kind in kinds)]


def _key(kind: str, marks: Sequence[_Mark]) -> Figure:
    """Return what stands in the legend for the cells of an outcome."""
    count = sum(mark.kind == kind for mark in marks)
    marker = {"color": look.mark(kind).colour, "symbol": "square", "size": 10}
    name = figures.text(f"{kind} ({count:,})")
    return {"type": "scatter", "mode": "markers", "name": name, "x": [None], "y": [None], "marker": marker}


def second(table: OutcomeTable, choices: Sequence[Axis]) -> int:
    """Return which axis is best taken up: the second loop variable, else what the first emitted number is."""
    loops = sum(axis.name in table.columns[: table.variables] for axis in choices)
    emitted = [number for number, axis in enumerate(choices) if axis.name == "period"]
    return 1 if loops > 1 or not emitted else emitted[0]
