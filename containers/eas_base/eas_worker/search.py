"""What the programs of all transit searches do, and how all of them are judged."""

from __future__ import annotations

import gzip
import io
import tarfile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eas_worker import lightcurve
from eas_worker.api import Failed

if TYPE_CHECKING:
    from pathlib import Path

    from eas_worker.context import Context
    from eas_worker.lightcurve import Flags, Floats, LightCurve
    from eas_worker.quality import QualityContext

FEWEST_SAMPLES = 10
OUTCOMES = ("PASS", "FAIL", "UNDEFINED")

_MEMBER = "periodogram.txt"
_COMPRESSION = 4
_EDGE = 1e-3  # a period that close to an end of the range, relatively, is at the edge
_ROUNDING = 1e-8
_SAME = 0.03  # relative distance of a refined period from the maximum that it comes from


class Range(NamedTuple):
    """Ends of a range of periods [d]."""

    shortest: float
    longest: float


# ---------------------------------------------------------------------------------------------------------------------
# For programs


def curve_to_search(ctx: Context) -> LightCurve:
    """Return what can be used of the input before `lc_duration`.

    Raises
    ------
    Failed
        When that is too little, or no light curve at all.
    """
    try:
        whole = lightcurve.read(ctx.inputs.lightcurve.path)
    except lightcurve.LightCurveError as error:
        raise Failed(str(error)) from error
    curve = lightcurve.usable(lightcurve.truncate(whole, ctx.settings.lc_duration))
    if len(curve.time) < FEWEST_SAMPLES:
        raise Failed(f"{len(curve.time)} usable samples before {ctx.settings.lc_duration} d are too few to search in")
    return curve


def check_range(shortest: float, longest: float) -> Range:
    """Return a range of periods; raise `Failed` when there is nothing in it."""
    if not 0 < shortest < longest:
        raise Failed(f"there are no periods between {shortest:g} d and {longest:g} d")
    return Range(shortest, longest)


def write_archive(path: Path, header: str, *columns: Floats | Flags) -> None:
    """Write a gzip tar file with a periodogram as text; the same periodogram always gives the same bytes.

    Parameters
    ----------
    header : str
        Names and units of the columns, of which the first is the period [d] and the second what is searched for its
        maximum.
    columns : arrays of float, shape (n,)
    """
    text = io.StringIO()
    np.savetxt(text, np.column_stack(columns), fmt="%.10g", header=header)
    content = text.getvalue().encode()
    member = tarfile.TarInfo(_MEMBER)
    member.size = len(content)
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive,
    ):
        archive.addfile(member, io.BytesIO(content))


# ---------------------------------------------------------------------------------------------------------------------
# For quality control


def read_archive(path: Path) -> Floats:
    """Return the periodogram of an archive, shape (n, columns)."""
    with tarfile.open(path, "r:gz") as archive:
        member = archive.extractfile(_MEMBER)
        if member is None:
            raise ValueError(f"{path.name} has no {_MEMBER}")
        return np.loadtxt(member, ndmin=2)


def check_period(ctx: QualityContext, periods: Range) -> None:
    """Check the period, and where it was found; 0 says that nothing was, which is a result."""
    found, (shortest, longest) = ctx.metadata, periods
    ctx.check("outcome", found["outcome"] in OUTCOMES, quantity=f"the outcome is one of {', '.join(OUTCOMES)}")
    period = found["period"]
    if period == 0:
        return
    low, high = shortest * (1 - _ROUNDING), longest * (1 + _ROUNDING)
    ctx.check("period", period, minimum=low, maximum=high, unit="d", quantity="period found")
    inside = shortest * (1 + _EDGE) < period < longest * (1 - _EDGE)
    ctx.check("not_at_edge", inside, severity="warn", quantity="the period found is not at an end of the range")


def check_transit(ctx: QualityContext, longest_duty: float = 0.25) -> None:
    """Check that depth, duration and epoch are those of a transit."""
    found = ctx.metadata
    ctx.check("depth", found["depth"], minimum=0, maximum=1, quantity="depth of the signal")
    duty = found["duration"] / found["period"]
    ctx.check("duty", duty, minimum=0, maximum=longest_duty * (1 + _ROUNDING), quantity="duration over period")
    # A search may take a transit for the first whose middle was just missed.
    last = max(ctx.settings.lc_duration, found["period"])
    ctx.check("epoch", found["epoch"], minimum=0, maximum=last, unit="d", quantity="epoch found")


def check_seconds(ctx: QualityContext, budget: float) -> None:
    """Check the processor time of the search [s]; more than its budget is a warning."""
    seconds = ctx.usage.get("cpu_s", 0.0) + ctx.usage.get("cpu_children_s", 0.0)
    ctx.check("seconds", seconds, maximum=budget, severity="warn", unit="s", quantity="processor time of the search")


def check_periodogram(ctx: QualityContext) -> None:
    """Check that the periodogram, when there is one, is whole, and that the signal is its maximum."""
    if "debugging" not in ctx.outputs:
        return
    periodogram = read_archive(ctx.outputs.debugging.path)
    ctx.check("periodogram_size", len(periodogram), minimum=2, quantity="number of trial periods")
    finite = bool(np.isfinite(periodogram).all())
    if not ctx.check("periodogram_finite", finite, quantity="all of the periodogram is finite"):
        return
    if ctx.metadata["period"] == 0:
        return
    periods, power = periodogram[:, 0], periodogram[:, 1]
    # Where nothing is found, many periods are as good as each other.
    highest = periods[power >= power.max() - _ROUNDING * abs(power.max())]
    away = np.abs(ctx.metadata["period"] / highest - 1).min()
    words = "relative distance of the period from the periodogram's maximum"
    ctx.check("is_maximum", away, maximum=_SAME, quantity=words)
    inside = periods.min() < highest[0] < periods.max()
    ctx.check("maximum_inside", inside, severity="warn", quantity="the maximum is not at an end of the periods")
