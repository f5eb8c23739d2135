"""What a light curve is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.int64]
else:
    Floats = Flags = np.ndarray

SECONDS_PER_DAY = 86400.0


class LightCurveError(ValueError):
    """Something that is no light curve, or none that can be used; the message says why, in one line."""


class LightCurve(NamedTuple):
    """A light curve of n samples.

    ``a + b``, ``a - b`` and ``a * b`` are `add`, `subtract` and `multiply`; the other may also be a number.

    Attributes
    ----------
    time : array of float, shape (n,)
        Middle of each sample, increasing [d].
    flux : array of float, shape (n,)
        Mean flux, relative to the star's.
    flag : array of int, shape (n,)
        0 for a good sample; else bits that say what is wrong with it.
    uncertainty : array of float, shape (n,)
        Standard deviation of the flux; 0 when it is not known.
    """

    time: Floats
    flux: Floats
    flag: Flags
    uncertainty: Floats

    def __add__(self, other: LightCurve | float) -> LightCurve:  # type: ignore[override]
        from eas_worker.lightcurve import arithmetic

        return arithmetic.add(self, other)

    def __sub__(self, other: LightCurve | float) -> LightCurve:
        from eas_worker.lightcurve import arithmetic

        return arithmetic.subtract(self, other)

    def __mul__(self, other: LightCurve | float) -> LightCurve:  # type: ignore[override]
        from eas_worker.lightcurve import arithmetic

        return arithmetic.multiply(self, other)


class Quantities(NamedTuple):
    """A light curve as astropy likes it: time, flux and uncertainty are Quantities, each of shape (n,)."""

    time: Any
    flux: Any
    flag: Flags
    uncertainty: Any


def lightcurve(time: ArrayLike, flux: ArrayLike, flag: ArrayLike = 0, uncertainty: ArrayLike = 0.0) -> LightCurve:
    """Make a light curve, and check that it is one.

    Parameters
    ----------
    time : array_like or Quantity, shape (n,)
        Increasing times [d].
    flux : array_like or Quantity, shape (n,)
        Relative flux.
    flag, uncertainty : array_like, shape (n,) or scalar
        As in `LightCurve`.

    Raises
    ------
    LightCurveError
        When shapes or units do not fit, or times are not finite or do not increase.
    """
    times, values = np.asarray(days(time), dtype=np.float64), np.asarray(_plain(flux, ""), dtype=np.float64)
    if times.ndim != 1 or values.shape != times.shape:
        raise LightCurveError(f"time and flux must be lists of the same length, not {times.shape} and {values.shape}")
    if not np.isfinite(times).all() or not (np.diff(times) > 0).all():
        raise LightCurveError("times must be finite and increase")
    return LightCurve(
        time=times,
        flux=values,
        flag=np.array(np.broadcast_to(np.asarray(flag, dtype=np.int64), times.shape)),
        uncertainty=np.array(np.broadcast_to(np.asarray(_plain(uncertainty, ""), dtype=np.float64), times.shape)),
    )


def quantities(curve: LightCurve) -> Quantities:
    """Return a light curve with the units of astropy."""
    from astropy import units  # type: ignore[import-untyped]

    flux = units.Quantity(curve.flux, units.dimensionless_unscaled)
    uncertainty = units.Quantity(curve.uncertainty, units.dimensionless_unscaled)
    return Quantities(units.Quantity(curve.time, units.day), flux, curve.flag, uncertainty)


def days(time: Any) -> Any:
    """Return a time, or an array of times, in days; a plain number is in days already."""
    return _plain(time, "d")


def _plain(value: Any, unit: str) -> Any:
    """Return a Quantity as plain numbers of a unit; what is none, as it is."""
    if not hasattr(value, "to_value"):
        return value
    try:
        return value.to_value(unit)
    except ValueError as error:  # astropy's UnitConversionError is one
        raise LightCurveError(f"this is no {'time' if unit else 'relative flux'}: {error}") from error
