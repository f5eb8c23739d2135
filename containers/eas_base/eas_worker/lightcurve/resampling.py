"""Putting a light curve on other times so that no flux is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eas_worker.lightcurve.curves import LightCurve, LightCurveError, days
from eas_worker.lightcurve.sampling import sampling_interval

if TYPE_CHECKING:
    from eas_worker.lightcurve.curves import Flags, Floats

#: The flag of a sample of a fixed step that no sample was measured for.
GAP = 1

_GAP = 1.5  # a step longer than that many sampling intervals is a gap
_ROUNDING = 1e-6  # of a sampling interval: bins that touch do not overlap


class Resampled(NamedTuple):
    """A light curve on new times, and which part of every new bin the old bins cover, from 0 to 1; shape (n,)."""

    lightcurve: LightCurve
    coverage: Floats


def bins(time: Floats) -> tuple[Floats, Floats]:
    """Return the beginning and the end of every bin [d], each of shape (n,).

    A bin reaches half-way to its neighbours; beside a gap, and at both ends, half a sampling interval.
    """
    half = sampling_interval(time) / 2
    steps = np.diff(time)
    reach = np.where(steps > 2 * half * _GAP, half, steps / 2)
    return time - np.concatenate([[half], reach]), time + np.concatenate([reach, [half]])


def resample(curve: LightCurve, time: Any) -> Resampled:
    """Put a light curve on other times: the integral over all covered time stays the same.

    A new sample is the mean over the part of its bin that old bins cover; without any, it is NaN. It has all flags of
    the samples that take part. Its uncertainty is that of a mean of independent samples, where several old ones go into
    a new one; where an old one is cut into several, each of them keeps its uncertainty.

    Parameters
    ----------
    curve : LightCurve
        n samples.
    time : array of float or Quantity, shape (m,)
        The new times [d].

    Returns
    -------
    Resampled
        m samples.
    """
    times = np.asarray(days(time), dtype=np.float64)
    return _average(curve, times, bins(times), sampling_interval(times))


def resample_to_bins(curve: LightCurve, step: Any) -> Resampled:
    """Put a light curve on bins of a fixed width, the first of which begins with its own first bin.

    Parameters
    ----------
    curve : LightCurve
        n samples.
    step : float or Quantity
        Width of a bin [d]; more than 0.

    Returns
    -------
    Resampled
        As many samples as it takes to reach the end; as by `resample`, NaN where nothing was measured.
    """
    width = float(days(step))
    if not 0 < width < np.inf:
        raise LightCurveError(f"a step of {width:g} d is none")
    begin, end = bins(curve.time)
    # A span of whole steps must not get one more by rounding.
    number = max(1, int(np.ceil((end[-1] - begin[0]) / width - _ROUNDING)))
    edges = begin[0] + width * np.arange(number + 1)
    return _average(curve, (edges[:-1] + edges[1:]) / 2, (edges[:-1], edges[1:]), width)


def to_fixed_step(curve: LightCurve, step: Any = None) -> LightCurve:
    """Put a light curve on a fixed step without a gap.

    Parameters
    ----------
    curve : LightCurve
        n samples.
    step : float or Quantity, optional
        The step [d]; default the sampling interval.

    Returns
    -------
    LightCurve
        Samples for which nothing was measured have the flag `GAP`, no flux (NaN) and no uncertainty (0).
    """
    resampled, coverage = resample_to_bins(curve, sampling_interval(curve.time) if step is None else step)
    missing = coverage <= _ROUNDING
    return resampled._replace(
        flux=np.where(missing, np.nan, resampled.flux),
        flag=np.where(missing, GAP, resampled.flag),
        uncertainty=np.where(missing, 0.0, resampled.uncertainty),
    )


def _average(curve: LightCurve, time: Floats, new: tuple[Floats, Floats], interval: float) -> Resampled:
    """Average a light curve over new bins that are about an interval [d] long."""
    old, cadence = bins(curve.time), sampling_interval(curve.time)
    covered = _integral(np.ones_like(curve.time), old, new)
    share = np.divide(1.0, covered, out=np.full_like(covered, np.nan), where=covered > 0)
    variance = _integral(curve.uncertainty**2, old, new) * share * min(1.0, cadence / interval)
    resampled = LightCurve(
        time=time,
        flux=_integral(curve.flux, old, new) * share,
        flag=_flags(curve.flag, old, new, _ROUNDING * min(cadence, interval)),
        uncertainty=np.sqrt(np.maximum(variance, 0)),  # rounding may leave a tiny negative number
    )
    return Resampled(resampled, covered / (new[1] - new[0]))


def _integral(values: Floats, old: tuple[Floats, Floats], new: tuple[Floats, Floats]) -> Floats:
    """Integrate a function that is constant in every old bin, and 0 between them, over every new one."""
    edges = np.column_stack(old).ravel()
    rises = np.column_stack([np.zeros_like(values), values * (old[1] - old[0])]).ravel()
    total = np.cumsum(rises)
    integral: Floats = np.interp(new[1], edges, total) - np.interp(new[0], edges, total)
    return integral


def _flags(flag: Flags, old: tuple[Floats, Floats], new: tuple[Floats, Floats], least: float) -> Flags:
    """Return all flags of the old bins that overlap each new one by more than the least [d]."""
    first = np.searchsorted(old[1], new[0] + least, side="right")
    last = np.searchsorted(old[0], new[1] - least, side="left")
    ranges = np.column_stack([first, np.maximum(first, last)]).ravel()
    together = np.bitwise_or.reduceat(np.append(flag, 0), ranges)[::2]
    flags: Flags = np.where(last > first, together, 0)
    return flags
