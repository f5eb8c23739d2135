"""What searches by box least squares (Kovács, Zucker & Mazeh 2002, A&A 391, 369) share: where to search, and for what.

How fine a search is follows from physics. The transit of a planet on a circular orbit of period P around a star of
density d lasts, through the centre of the star,

    D = (P / π) (3 π / (G P² d))^(1/3)

or 0.0756 d (P / 1 d)^(1/3) for the Sun. Searched are durations of 0.55, 0.9 and 1.5 times the Sun's, which stand for
densities from about 0.2 to 2 times the Sun's and impact parameters up to 0.8: neighbours differ by 1.65, so that the
box is never wrong by more than 1.28 and at most 12 % of the signal are lost.

A trial frequency that is wrong by f shifts the transits at both ends of the span T by f P T / 2. Frequencies are so
far apart that this is a quarter of the shortest duration at most, D / (P T): finer finds nothing more. As D / P goes
with the frequency to the power of 2/3, trial frequencies are evenly spaced in their cube root (Ofir 2014, A&A 561,
A138). They are searched octave by octave, with the data binned to a part of the shortest duration of each. The
strongest signal is then refined in the unbinned data.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eas_worker import lightcurve

if TYPE_CHECKING:
    from eas_worker.lightcurve import Floats, LightCurve

SOLAR_DURATION = 0.0756  # of a transit of period 1 d, see above [d]
RELATIVE_DURATIONS = np.array([0.55, 0.9, 1.5])
LONGEST_DUTY = 0.25  # of the period that a transit may take; a planet in more would be inside its star

HEADER = "period [d], power (log likelihood), depth, duration [d], epoch [d]"


class Periodogram(NamedTuple):
    """The best box of every trial period, in order of falling period; all of shape (n,).

    `power` is the log likelihood of the box against a constant flux, `epoch` the middle of a transit [d]; `depth` is in
    units of the flux, `period` and `duration` in days.
    """

    period: Floats
    power: Floats
    depth: Floats
    duration: Floats
    epoch: Floats

    def best(self, begin: float) -> dict[str, float]:
        """Return the strongest box, its epoch being the first after a time [d]."""
        place = int(np.argmax(self.power))
        found = {name: float(column[place]) for name, column in self._asdict().items()}
        found["epoch"] = begin + (found["epoch"] - begin) % found["period"]
        return found


def solar_duration(period: float) -> float:
    """Return how long a central transit of a star like the Sun lasts [d].

    Parameters
    ----------
    period : float
        Period of a circular orbit [d].
    """
    return SOLAR_DURATION * math.cbrt(period)


def frequency_step(period: float, span: float) -> float:
    """Return how far apart trial frequencies may be [1/d].

    Parameters
    ----------
    period : float
        Period around which [d].
    span : float
        Time from the first to the last sample [d].
    """
    return float(RELATIVE_DURATIONS[0]) * solar_duration(period) / (period * span)


def trial_periods(shortest: float, longest: float, span: float) -> Floats:
    """Return the periods to search, falling, both ends included; shape (n,) [d].

    Parameters
    ----------
    shortest, longest : float
        Ends of the range [d].
    span : float
        Time from the first to the last sample [d].
    """
    # Frequency f is u³, so a step of f is one of u times 3 u²; for a period of 1 d, u is 1.
    step = frequency_step(1.0, span) / 3
    ends = math.cbrt(1 / longest), math.cbrt(1 / shortest)
    number = max(2, math.ceil((ends[1] - ends[0]) / step) + 1)
    # The ends themselves, not what rounding makes of them.
    return np.clip(np.linspace(*ends, number) ** -3.0, shortest, longest)


def octaves(periods: Floats) -> list[Floats]:
    """Cut falling periods into parts, of which none is longer than a factor of two."""
    return np.split(periods, np.flatnonzero(np.diff(np.floor(np.log2(periods)))) + 1)


def durations_of(periods: Floats, interval: float) -> Floats:
    """Return the durations to search an octave with, none shorter than a sample or longer than is possible [d].

    Parameters
    ----------
    periods : array of float, shape (n,)
        Falling periods [d].
    interval : float
        Sampling interval [d].
    """
    middle = math.sqrt(periods[0] * periods[-1])
    return np.unique(np.clip(RELATIVE_DURATIONS * solar_duration(middle), interval, LONGEST_DUTY * periods[-1]))


def periods_around(period: float, span: float, shortest: float, longest: float, number: int) -> Floats:
    """Return finer periods around one of `trial_periods`, to its neighbours but not out of the range [d].

    Parameters
    ----------
    span : float
        Time from the first to the last sample [d].
    shortest, longest : float
        Ends of the range [d].
    number : int
        How many.
    """
    width = frequency_step(period, span)
    frequencies = np.linspace(1 / period - width, 1 / period + width, number)
    inside: Floats = 1 / frequencies[(frequencies >= 1 / longest) & (frequencies <= 1 / shortest)]
    return inside if len(inside) else np.array([period])


def uncertainty(curve: LightCurve) -> Floats:
    """Return the standard deviation of every sample, shape (n,): as given, else as estimated from the flux itself."""
    if (curve.uncertainty > 0).all():
        return curve.uncertainty
    level = lightcurve.noise_level(curve.flux) or float(np.std(curve.flux)) or 1.0
    return np.full_like(curve.flux, level)


def bin_by_time(time: Floats, flux: Floats, sigma: Floats, width: float) -> tuple[Floats, Floats, Floats]:
    """Average samples in bins of a width [d], weighted by the inverse variance; empty bins are left out.

    Returns
    -------
    time, flux, sigma : array of float, shape (m,)
        Weighted means, and the standard deviation of the mean flux.
    """
    _, index = np.unique(np.floor((time - time[0]) / width), return_inverse=True)
    weight = sigma**-2.0
    total = np.bincount(index, weight)
    mean_time: Floats = np.bincount(index, weight * time) / total
    mean_flux: Floats = np.bincount(index, weight * flux) / total
    return mean_time, mean_flux, np.sqrt(1 / total)
