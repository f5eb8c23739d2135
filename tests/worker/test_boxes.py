"""Where box searches search: no finer than it has to be."""

import math

import numpy as np
import pytest

from eas_worker import boxes


def test_solar_duration() -> None:
    """The duration is that of the formula, with the density of the Sun."""
    gravity, density, day = 6.674e-11, 1408.0, 86400.0
    for period in (1.0, 50.0, 365.0):
        exact = period / math.pi * (3 * math.pi / (gravity * (period * day) ** 2 * density)) ** (1 / 3)
        assert boxes.solar_duration(period) == pytest.approx(exact, rel=0.01)


def test_trial_periods() -> None:
    """Neighbours shift no transit by more than half the shortest duration over the whole span, and hardly less."""
    span = 240.0
    periods = boxes.trial_periods(0.5, 120.0, span)
    assert (periods[0], periods[-1]) == (120, 0.5)
    shift = np.diff(1 / periods) * periods[1:] * span
    shortest = boxes.RELATIVE_DURATIONS[0] * boxes.SOLAR_DURATION * np.cbrt(periods[1:])
    assert (shift / shortest).max() < 1.02
    assert (shift / shortest).min() > 0.95
    assert 15_000 < len(periods) < 20_000


def test_octaves() -> None:
    """Octaves are all periods, in order, and no longer than a factor of two."""
    periods = boxes.trial_periods(0.7, 33.0, 60.0)
    octaves = boxes.octaves(periods)
    assert np.array_equal(np.concatenate(octaves), periods)
    assert all(part[0] <= 2 * part[-1] for part in octaves)
    assert len(octaves) == 7


def test_binning_by_time() -> None:
    """A bin has the weighted mean, and the uncertainty of such a mean."""
    time, flux, sigma = np.array([0.0, 0.4, 5.0]), np.array([1.0, 4.0, 7.0]), np.array([1.0, 0.5, 2.0])
    binned = boxes.bin_by_time(time, flux, sigma, 1.0)
    assert np.allclose(binned, [[1.6 / 5, 5.0], [17 / 5, 7.0], [1 / math.sqrt(5), 2.0]])
