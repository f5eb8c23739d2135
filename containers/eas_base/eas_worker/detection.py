"""What all transit searches say beside their own numbers: whether they found the transit that is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eas_worker.records import Value

#: Relative distance between two periods that count as the same.
TOLERANCE = 0.03

HARMONICS = (1 / 3, 1 / 2, 2.0, 3.0)

_CARRIED = ("integrated_transit_power", "pixels_in_transit", "mes")


def outcome(found: float, target: float | None) -> str:
    """Return ``PASS`` when 0.97 < target / found < 1.03, ``FAIL`` when not, ``UNDEFINED`` without a target.

    Parameters
    ----------
    found : float
        The period that was found [d]; 0 for none.
    target : float or None
        The true period [d].
    """
    if target is None:
        return "UNDEFINED"
    return "PASS" if found > 0 and 1 - TOLERANCE < target / found < 1 + TOLERANCE else "FAIL"


def harmonic(found: float, target: float | None) -> float | None:
    """Return found / target when it is 1/3, 1/2, 2 or 3 within 3 %, else None."""
    if target is None:
        return None
    ratio = found / target
    return ratio if any(abs(ratio / whole - 1) < TOLERANCE for whole in HARMONICS) else None


def common(found: float, metadata: Mapping[str, Value]) -> dict[str, Value]:
    """Return the metadata that every transit search emits.

    Parameters
    ----------
    found : float
        The period that was found [d]; 0 for none.
    metadata : mapping
        Metadata of the light curve. Its `orbital_period` is the true period.
    """
    period = metadata.get("orbital_period")
    target = float(period) if isinstance(period, (int, float)) and period > 0 else None
    return {
        **{key: metadata.get(key) for key in _CARRIED},
        "target_period": target,
        "outcome": outcome(found, target),
        "harmonic": harmonic(found, target),
    }
