"""When a light curve is sampled, and which of its samples are wanted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eas_worker.lightcurve.curves import SECONDS_PER_DAY, LightCurve, LightCurveError, days

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eas_worker.lightcurve.curves import Floats

_STEP_TOLERANCE = 0.01
_NORMAL_QUARTILE = 0.6744897501960817


def fixed_times(duration: Any, cadence: float) -> Floats:
    """Return the times 0, cadence, … before a duration, shape (n,) [d].

    Parameters
    ----------
    duration : float or Quantity
        Length of the light curve [d].
    cadence : float
        Time between two samples [s].
    """
    seconds = days(duration) * SECONDS_PER_DAY
    # A duration of whole cadences must not get one sample more by rounding.
    number = math.ceil(seconds / cadence - 1e-9)
    return np.arange(number, dtype=np.float64) * (cadence / SECONDS_PER_DAY)


def sampling_interval(time: Floats) -> float:
    """Return the time between two samples, the median of all steps [d]; gaps do not matter.

    Raises
    ------
    LightCurveError
        When there are fewer than two samples.
    """
    if len(time) < 2:
        raise LightCurveError(f"a light curve of {len(time)} samples has no sampling interval")
    return float(np.median(np.diff(time)))


def is_evenly_sampled(time: Floats) -> bool:
    """Tell whether all steps are the same within 1 %, so that there is neither a gap nor a change of cadence."""
    steps = np.diff(time)
    interval = sampling_interval(time)
    return bool((np.abs(steps - interval) <= _STEP_TOLERANCE * interval).all())


def truncate(curve: LightCurve, end: Any) -> LightCurve:
    """Return what comes before a time [d]."""
    return select(curve, curve.time < days(end))


def select(curve: LightCurve, wanted: NDArray[np.bool_]) -> LightCurve:
    """Return the samples that are wanted.

    Parameters
    ----------
    wanted : array of bool, shape (n,)
    """
    return LightCurve(curve.time[wanted], curve.flux[wanted], curve.flag[wanted], curve.uncertainty[wanted])


def usable(curve: LightCurve) -> LightCurve:
    """Return the samples that are not flagged and have a finite flux."""
    return select(curve, (curve.flag == 0) & np.isfinite(curve.flux))


def noise_level(flux: Floats) -> float:
    """Return the standard deviation of the noise of one sample, for white noise.

    From the median of the differences of neighbours, which transits and slow variations hardly change: for normally
    distributed noise the median of the absolute difference is 0.6745 √2 times it.
    """
    return float(np.median(np.abs(np.diff(flux)))) / (_NORMAL_QUARTILE * math.sqrt(2))
