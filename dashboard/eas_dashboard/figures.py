"""What all figures have in common: quiet axes that can be read on light and on dark ground, and text as text."""

from __future__ import annotations

import html
import math
from collections.abc import Iterable
from typing import Any

from eas_dashboard import look, words

Figure = dict[str, Any]
"""A figure of plotly as it is sent to a browser: lists of `data` and a `layout`."""

_FEW_DECADES, _MOST_DECADES = 3, 10
CONFIG = {"displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"]}


def text(given: str, most: int = 60) -> str:
    """Return a text in which plotly finds no markup."""
    return html.escape(words.line(given, most), quote=False)


def axis(title: str, *, log: Iterable[float] | None = None, **more: Any) -> dict[str, Any]:
    """Return the layout of an axis, which is logarithmic with `log`, its values; a title is what `text` made of it."""
    ticks = log_ticks(log) if log is not None else []
    of_log = {"type": "log", "tickvals": ticks, "ticktext": [f"{tick:g}" for tick in ticks]} if log is not None else {}
    quiet = {"gridcolor": look.LINES, "linecolor": look.INK, "tickcolor": look.INK, "zeroline": False}
    return {"title": {"text": title}, "ticks": "outside", **quiet, **of_log, **more}


def log_ticks(values: Iterable[float]) -> list[float]:
    """Return what stands at a logarithmic axis: some of 1, 2, 5, 10, 20, 50 …, on both sides of all values."""
    known = [float(value) for value in values]
    if not known:
        return []
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    step = -(-max(1, high - low) // _MOST_DECADES)
    digits = (1, 2, 5) if high - low <= _FEW_DECADES else (1,)
    return [digit * 10.0**power for power in range(low, high + 1, step) for digit in digits]


def figure(data: list[Figure], across: Figure, up: Figure, height: int, **more: Any) -> Figure:
    """Return a figure of its traces and axes, on the ground of the page."""
    clear = "rgba(0, 0, 0, 0)"
    layout = {
        "xaxis": across,
        "yaxis": up,
        "height": height,
        "margin": {"l": 10, "r": 10, "t": 40, "b": 10},
        "paper_bgcolor": clear,
        "plot_bgcolor": clear,
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0},
        "hoverlabel": {"align": "left"},
        "showlegend": False,
    }
    return {"data": data, "layout": layout | more}


def clicked(event: Any, paths: set[str]) -> str | None:
    """Return the path of the mark that was clicked; a browser may name one that was not drawn."""
    for point in event["selection"]["points"]:
        named = point.get("customdata")
        path = named[-1] if isinstance(named, list) and named else None
        if isinstance(path, str) and path in paths:
            return path
    return None
