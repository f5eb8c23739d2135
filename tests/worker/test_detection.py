"""Whether a transit search found what is there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_worker import detection

PERIODS = st.floats(0.1, 1e3)


@pytest.mark.parametrize(
    ("found", "target", "outcome"),
    [
        (50, 50, "PASS"),
        (50, 48.6, "PASS"),
        (50, 51.4, "PASS"),
        (50, 48.4, "FAIL"),
        (50, 51.6, "FAIL"),
        (100, 50, "FAIL"),
        (0, 50, "FAIL"),
        (50, None, "UNDEFINED"),
        (0, None, "UNDEFINED"),
    ],
)
def test_outcome(found: float, target: float | None, outcome: str) -> None:
    """PASS when 0.97 < target / found < 1.03, UNDEFINED without a true period; nothing found is FAIL."""
    assert detection.outcome(found, target) == outcome


@given(PERIODS, PERIODS)
def test_outcome_is_the_formula(found: float, target: float) -> None:
    """The outcome follows the formula for any periods."""
    assert (detection.outcome(found, target) == "PASS") is (0.97 < target / found < 1.03)


@given(PERIODS, st.sampled_from(detection.HARMONICS), st.floats(-0.029, 0.029))
def test_harmonic(target: float, whole: float, off: float) -> None:
    """A third, half, twice and three times the true period are told, within 3 %."""
    found = target * whole * (1 + off)
    assert detection.harmonic(found, target) == pytest.approx(whole * (1 + off))


@pytest.mark.parametrize("found", [0, 50, 75, 96.9, 103.1, 200])
def test_no_harmonic(found: float) -> None:
    """The true period is no harmonic, nor is anything but those four."""
    assert detection.harmonic(found, 50.0) is None
    assert detection.harmonic(found, None) is None


def test_common() -> None:
    """The strength of the signal is carried over from the light curve; what is not there is null."""
    carried = {"integrated_transit_power": 1.5, "pixels_in_transit": 7, "mes": 8.5}
    found = detection.common(100.0, carried | {"orbital_period": 50, "other": 1})
    assert found == carried | {"target_period": 50.0, "outcome": "FAIL", "harmonic": 2.0}
    nothing = detection.common(100.0, {})
    assert nothing == dict.fromkeys(carried) | {"target_period": None, "outcome": "UNDEFINED", "harmonic": None}
