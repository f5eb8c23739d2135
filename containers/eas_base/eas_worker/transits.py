"""Transits of a planet, with batman (Kreidberg 2015, PASP 127, 1161), and how strong they are.

What the functions take as `specs` are the settings of a synthesis: ``t0`` and ``orbital_period`` [d], ``star_radius``
and ``planet_radius`` [Rjup], ``semi_major_axis`` [AU], ``orbital_angle`` [deg] or ``impact_parameter``, and
``eccentricity`` where there is one.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eas_worker.api import Failed

# batman brings its own tests along, in which Python finds an escape sequence that is none.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import batman  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from eas_worker.lightcurve import Floats
    from eas_worker.views import View

# The constants of the chain language [m].
JUPITER_RADIUS = 71492e3
ASTRONOMICAL_UNIT = 149597870700.0

LIMB_DARKENING = [0.1, 0.3]  # quadratic
ARGUMENT_OF_PERIASTRON = 90.0  # [deg]: periastron and mid-transit coincide


class Signal(NamedTuple):
    """How strong the transits are: the sum of 1 - flux, the samples in and out of transit, and the statistic of all."""

    integrated_transit_power: float
    pixels_in_transit: int
    pixels_out_of_transit: int
    mes: float | None


def check(specs: View) -> None:
    """Refuse what makes no light curve."""
    for name in ("duration", "sampling_cadence", "star_radius", "orbital_period", "semi_major_axis"):
        if specs[name] <= 0:
            raise Failed(f"specs.{name} is {specs[name]}; it must be more than 0")
    if specs.orbital_angle is not None and specs.impact_parameter is not None:
        raise Failed("specs.orbital_angle and specs.impact_parameter are both given; they say the same")
    closest = semi_major_axis_in_stars(specs) * (1 - eccentricity(specs))
    if closest <= 1 + specs.planet_radius / specs.star_radius:
        raise Failed(f"the planet hits the star: at periastron it is {closest:.3g} stellar radii from its centre")


def orbital_angle(specs: View) -> float | None:
    """Return the angle between orbit and line of sight [deg]; None when the impact parameter says it."""
    if specs.impact_parameter is not None:
        return None
    return 0.0 if specs.orbital_angle is None else float(specs.orbital_angle)


def eccentricity(specs: View) -> float:
    """Return the eccentricity; 0 for a synthesis that has none."""
    return float(specs.get("eccentricity", 0.0))


def semi_major_axis_in_stars(specs: View) -> float:
    """Return the semi-major axis in stellar radii."""
    return float(specs.semi_major_axis * ASTRONOMICAL_UNIT / (specs.star_radius * JUPITER_RADIUS))


def inclination(specs: View) -> float:
    """Return the inclination of the orbit [deg].

    At mid-transit the planet is at periastron, a (1 - e) from the star, and passes its centre at a (1 - e) cos i.
    """
    angle = orbital_angle(specs)
    if angle is not None:
        return 90.0 - angle
    distance = semi_major_axis_in_stars(specs) * (1 - eccentricity(specs))
    return math.degrees(math.acos(specs.impact_parameter / distance))


def transits(specs: View, time: Floats) -> Floats:
    """Return the flux without noise, relative to that of the star alone.

    Parameters
    ----------
    time : array of float, shape (n,)
        Times [d].

    Returns
    -------
    array of float, shape (n,)
    """
    parameters = batman.TransitParams()
    parameters.t0 = specs.t0
    parameters.per = specs.orbital_period
    parameters.rp = specs.planet_radius / specs.star_radius
    parameters.a = semi_major_axis_in_stars(specs)
    parameters.inc = inclination(specs)
    parameters.ecc = eccentricity(specs)
    parameters.w = ARGUMENT_OF_PERIASTRON
    parameters.u = LIMB_DARKENING
    parameters.limb_dark = "quadratic"
    flux: Floats = batman.TransitModel(parameters, time).light_curve(parameters)
    return flux


def signal(model: Floats, sigma: float) -> Signal:
    """Return how strong the transits of a light curve without noise are.

    The multiple event statistic is the sum of 1 - flux over the n samples in transit, divided by sigma √n: 0 without
    any, and None, nothing that could be told, without noise.

    Parameters
    ----------
    model : array of float, shape (n,)
        Relative flux.
    sigma : float
        Standard deviation of the noise of one sample.
    """
    power = float(np.sum(1.0 - model))
    inside = int(np.sum(model < 1.0))
    if inside == 0:
        mes: float | None = 0.0
    else:
        mes = power / (sigma * math.sqrt(inside)) if sigma > 0 else None
    return Signal(power, inside, len(model) - inside, mes)
