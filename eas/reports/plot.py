"""Pictures of what was found: outcomes over one or two loop variables."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from eas.text import safe
from eas_provenance.queries import OutcomeTable

_PANELS = 12
_PANEL_INCHES = (4.6, 3.8)
_MARKS = {"PASS": ("o", "#0072B2"), "FAIL": ("X", "#D55E00"), "UNDEFINED": ("s", "#E69F00")}
"""Markers, and colours that the colour-blind tell apart (Okabe and Ito)."""
_OTHER = (".", "#7F7F7F")
_FEW = 3
_DECADE = 10
_LONG = 1000
"""An axis from one value to so many times that has enough powers of ten."""
_FRAME_POINTS, _LARGEST_POINTS = 180, 7
"""The smaller side of a frame, and the largest marker [pt]."""
_HEIGHTS = ("mes", "power", "period")
"""What is drawn over a single variable, the first that there is."""


class NothingToDrawError(ValueError):
    """There is no picture of such a table; the message says why."""


class _Axis(NamedTuple):
    """A column on an axis: values, or places of what is no number with the texts that belong there."""

    label: str
    values: list[float]
    texts: list[str]
    is_log: bool


class _Panel(NamedTuple):
    """What is drawn into one frame: rows of a table."""

    title: str
    table: OutcomeTable
    rows: list[tuple[Any, ...]]


def draw(tables: Sequence[OutcomeTable], name: str) -> Figure:
    """Return a picture of outcomes, a frame for each task type and each value of what is on no axis.

    Raises
    ------
    NothingToDrawError
        When there is no outcome, no loop variable, or more frames than can be read.
    """
    panels = [panel for table in tables if "outcome" in table.columns for panel in _panels(table)]
    if not panels:
        raise NothingToDrawError("there is no outcome over a loop variable yet")
    if len(panels) > _PANELS:
        raise NothingToDrawError(f"{len(panels)} frames are too many; --type, or --csv for another program")
    columns = min(len(panels), _FEW)
    lines = math.ceil(len(panels) / columns)
    size = (_PANEL_INCHES[0] * columns, _PANEL_INCHES[1] * lines + 0.5)
    figure = Figure(figsize=size, layout="constrained", dpi=150)
    figure.suptitle(safe(name), parse_math=False)
    for panel, axes in zip(panels, figure.subplots(lines, columns, squeeze=False).flat, strict=False):
        _draw(axes, panel)
    for axes in figure.axes[len(panels) :]:
        axes.set_axis_off()
    return figure


def _panels(table: OutcomeTable) -> list[_Panel]:
    """Return the frames of a table: its two variables of most values are the axes, each value of others has a frame."""
    drawn = _on_axes(table)
    others = [at for at in range(table.variables) if table.columns[at] not in drawn]
    if table.variables == 0:
        return []
    frames: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for row in table.rows:
        frames.setdefault(tuple(row.values[at] for at in others), []).append(row.values)
    is_split = len(frames) > 1
    return [
        _Panel(
            ", ".join(
                [
                    table.type,
                    *(f"{table.columns[at]} = {_text(one)}" for at, one in zip(others, key, strict=True) if is_split),
                ]
            ),
            table,
            rows,
        )
        for key, rows in frames.items()
    ]


def _on_axes(table: OutcomeTable) -> list[str]:
    """Return the loop variables that are drawn, in their own order."""
    names = list(table.columns[: table.variables])
    values = {name: len(set(map(str, table.column(name)))) for name in names}
    most = sorted((name for name in names if values[name] > 1), key=lambda name: -values[name])[:2]
    return [name for name in names if name in (most or names[:1])]


def _draw(axes: Axes, panel: _Panel) -> None:
    table, names = panel.table, _on_axes(panel.table)
    if len(names) == 1:
        heights = [name for name in table.columns[table.variables :] if _is_numeric(_column(panel, name))]
        names.append(next((name for name in (*_HEIGHTS, *heights) if name in heights), "outcome"))
    across, up = (_axis(panel, name) for name in names)
    outcomes = [str(one) if one is not None else "none" for one in _column(panel, "outcome")]
    for outcome in dict.fromkeys((*(one for one in _MARKS if one in outcomes), *sorted(set(outcomes)))):
        marker, colour = _MARKS.get(outcome, _OTHER)
        chosen = [at for at, one in enumerate(outcomes) if one == outcome]
        lefts, ups = ([axis.values[at] for at in chosen] for axis in (across, up))
        label = f"{safe(outcome)} ({len(chosen):,})".replace("$", r"\$")
        axes.scatter(lefts, ups, marker=marker, color=colour, s=_size(across, up), linewidths=0, label=label)
    _label(axes, across, up)
    axes.set_title(safe(panel.title), fontsize="medium", parse_math=False)
    below = (0.5, -0.18)
    legend = axes.legend(
        fontsize="small", frameon=False, loc="upper center", bbox_to_anchor=below, ncols=_FEW, columnspacing=0.8
    )
    for handle in legend.legend_handles:
        if isinstance(handle, PathCollection):
            handle.set_sizes([30])


def _size(across: _Axis, up: _Axis) -> float:
    """Return the area of a marker [pt²], so that those of a grid do not cover each other."""
    gaps = (_FRAME_POINTS / len(set(axis.values)) for axis in (across, up))
    return float(min(_LARGEST_POINTS, *gaps) ** 2)


def _label(axes: Axes, across: _Axis, up: _Axis) -> None:
    axes.set_xlabel(across.label, parse_math=False)
    axes.set_ylabel(up.label, parse_math=False)
    if across.is_log:
        axes.set_xscale("log")
        _number(axes.xaxis, across.values)
    if up.is_log:
        axes.set_yscale("log")
        _number(axes.yaxis, up.values)
    if across.texts:
        axes.set_xticks(range(len(across.texts)), across.texts, parse_math=False)
    if up.texts:
        axes.set_yticks(range(len(up.texts)), up.texts, parse_math=False)
    axes.margins(0.08)


def _number(axis: XAxis | YAxis, values: Sequence[float]) -> None:
    """Write plain numbers at a logarithmic axis: where it has few powers of ten, at twice and five times them, too."""
    known = [one for one in values if not math.isnan(one)]
    is_short = max(known) < _LONG * min(known)
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if is_short else (1.0,)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())


def _column(panel: _Panel, name: str) -> list[Any]:
    at = panel.table.columns.index(name)
    return [row[at] for row in panel.rows]


def _axis(panel: _Panel, name: str) -> _Axis:
    table, values = panel.table, _column(panel, name)
    of = table.units[table.columns.index(name)]
    label = safe(f"{name} [{of}]" if of else name)
    if not _is_numeric(values):
        places = {one: float(place) for place, one in enumerate(dict.fromkeys(map(_text, values)))}
        return _Axis(label, [places[_text(one)] for one in values], list(places), is_log=False)
    numbers = [math.nan if one is None else float(one) for one in values]
    is_log = table.forms.get(name) == "log_range" or _is_log_spaced(numbers)
    return _Axis(label, numbers, [], is_log=is_log and all(one > 0 for one in numbers if not math.isnan(one)))


def _is_numeric(values: Sequence[Any]) -> bool:
    known = [one for one in values if one is not None]
    return bool(known) and all(isinstance(one, (int, float)) and not isinstance(one, bool) for one in known)


def _is_log_spaced(values: Sequence[float]) -> bool:
    """Return whether a logarithmic axis tells values better apart: if the largest gap is a smaller part of it."""
    known = sorted({one for one in values if not math.isnan(one)})
    if len(known) < _FEW or known[0] <= 0 or known[-1] < _DECADE * known[0]:
        return False
    plain = max(high - low for low, high in itertools.pairwise(known)) / (known[-1] - known[0])
    logs = [math.log(one) for one in known]
    return max(high - low for low, high in itertools.pairwise(logs)) / (logs[-1] - logs[0]) < plain


def _text(value: Any) -> str:
    return safe(f"{value:.4g}" if isinstance(value, float) else str(value))[:30]
