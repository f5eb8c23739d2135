"""Sums, differences and products of light curves, on the times of the first."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from eas_worker.lightcurve.curves import LightCurve, LightCurveError
from eas_worker.lightcurve.resampling import resample
from eas_worker.lightcurve.sampling import select

_LEAST_COVERAGE = 0.5


class _Pair(NamedTuple):
    """Two light curves on the same times."""

    one: LightCurve
    two: LightCurve


def add(first: LightCurve, second: LightCurve | float) -> LightCurve:
    """Add a light curve, resampled onto the times of the first, or a number.

    Samples of which the second covers less than half are left out. A sample has the flags of both; uncertainties add
    in quadrature.

    Raises
    ------
    LightCurveError
        When the two do not overlap.
    """
    if not isinstance(second, LightCurve):
        return first._replace(flux=first.flux + second)
    one, two = _together(first, second)
    return _joined(one, two, one.flux + two.flux, np.hypot(one.uncertainty, two.uncertainty))


def subtract(first: LightCurve, second: LightCurve | float) -> LightCurve:
    """Subtract a light curve or a number; as `add`."""
    if not isinstance(second, LightCurve):
        return first._replace(flux=first.flux - second)
    one, two = _together(first, second)
    return _joined(one, two, one.flux - two.flux, np.hypot(one.uncertainty, two.uncertainty))


def multiply(first: LightCurve, second: LightCurve | float) -> LightCurve:
    """Multiply by a light curve or a number; as `add`, but relative uncertainties add in quadrature."""
    if not isinstance(second, LightCurve):
        return first._replace(flux=first.flux * second, uncertainty=first.uncertainty * abs(second))
    one, two = _together(first, second)
    uncertainty = np.hypot(one.uncertainty * two.flux, two.uncertainty * one.flux)
    return _joined(one, two, one.flux * two.flux, uncertainty)


def _together(first: LightCurve, second: LightCurve) -> _Pair:
    """Return the two on the times of the first that the second covers."""
    other, coverage = resample(second, first.time)
    # Bins that are cut by an end of the second: 1e-9 is for rounding only.
    common = coverage >= _LEAST_COVERAGE - 1e-9
    if not common.any():
        raise LightCurveError("the two light curves do not overlap in time")
    return _Pair(select(first, common), select(other, common))


def _joined(one: LightCurve, two: LightCurve, flux: np.ndarray, uncertainty: np.ndarray) -> LightCurve:
    return LightCurve(time=one.time, flux=flux, flag=one.flag | two.flag, uncertainty=uncertainty)
