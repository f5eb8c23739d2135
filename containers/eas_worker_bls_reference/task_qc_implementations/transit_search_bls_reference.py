"""Judge a box least squares search. Not finding a planet is a result; only a broken search fails."""

import tarfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eas_worker import QualityContext, qc

EDGE = 1e-3  # a period that close to an end of the range, relatively, is at the edge
ROUNDING = 1e-9
OUTCOMES = ("PASS", "FAIL", "UNDEFINED")


@qc
def judge(ctx: QualityContext) -> None:
    """Check the signal, and the periodogram when there is one."""
    check_signal(ctx)
    if "debugging" in ctx.outputs:
        check_periodogram(ctx, read_periodogram(ctx.outputs.debugging.path))


def check_signal(ctx: QualityContext) -> None:
    """Check that what was found is possible."""
    found, wanted = ctx.metadata, ctx.settings.search_settings
    shortest = wanted.period_min
    longest = ctx.settings.lc_duration / 2 if wanted.period_max is None else wanted.period_max
    period = found["period"]
    ctx.check(
        "period",
        period,
        minimum=shortest * (1 - ROUNDING),
        maximum=longest * (1 + ROUNDING),
        unit="d",
        quantity="period found",
    )
    inside = shortest * (1 + EDGE) < period < longest * (1 - EDGE)
    ctx.check("not_at_edge", inside, severity="warn", quantity="the period found is not at an end of the range")
    ctx.check("power", found["power"], minimum=0, quantity="log likelihood of the signal")
    ctx.check("depth", found["depth"], minimum=0, maximum=1, quantity="depth of the signal")
    duty = found["duration"] / period
    ctx.check("duty", duty, minimum=0, maximum=0.25 * (1 + ROUNDING), quantity="duration over period")
    ctx.check("epoch", found["epoch"], minimum=0, maximum=ctx.settings.lc_duration, unit="d", quantity="epoch found")
    ctx.check("outcome", found["outcome"] in OUTCOMES, quantity=f"the outcome is one of {', '.join(OUTCOMES)}")


def read_periodogram(path: Path) -> NDArray[np.float64]:
    """Return the periodogram, shape (n, 5), with the columns of its header."""
    with tarfile.open(path, "r:gz") as archive:
        member = archive.extractfile("periodogram.txt")
        if member is None:
            raise ValueError(f"{path.name} has no periodogram.txt")
        return np.loadtxt(member, ndmin=2)


def check_periodogram(ctx: QualityContext, periodogram: NDArray[np.float64]) -> None:
    """Check that the periodogram is whole, and that the signal is its maximum."""
    ctx.check("periodogram_size", len(periodogram), minimum=2, quantity="number of trial periods")
    finite = bool(np.isfinite(periodogram).all())
    ctx.check("periodogram_finite", finite, quantity="all of the periodogram is finite")
    peak = periodogram[int(np.nanargmax(periodogram[:, 1])), 0]
    away = abs(ctx.metadata["period"] / peak - 1)
    ctx.check(
        "is_maximum", away, maximum=0.03, quantity="relative distance of the period from the periodogram's maximum"
    )
    ends = (periodogram[0, 0], periodogram[-1, 0])
    ctx.check(
        "maximum_inside", peak not in ends, severity="warn", quantity="the maximum is not at an end of the periods"
    )
