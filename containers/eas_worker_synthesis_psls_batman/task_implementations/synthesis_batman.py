"""Make the light curve of a star with one transiting planet, with batman (Kreidberg 2015, PASP 127, 1161)."""

import math
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eas_worker import Context, Failed, lightcurve, task
from eas_worker.views import View

# batman brings its own tests along, in which Python finds an escape sequence that is none.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import batman  # type: ignore[import-untyped]

# The constants of the chain language [m].
JUPITER_RADIUS = 71492e3
ASTRONOMICAL_UNIT = 149597870700.0

LIMB_DARKENING = [0.1, 0.3]  # quadratic
ARGUMENT_OF_PERIASTRON = 90.0  # [deg]: periastron and mid-transit coincide
NOISE_SAMPLE = 25.0  # noise is given for a sample of that length [s]


class Signal(NamedTuple):
    """How strong the transits are: the sum of 1 - flux, the samples in and out of transit, and the statistic of all."""

    integrated_transit_power: float
    pixels_in_transit: int
    pixels_out_of_transit: int
    mes: float | None


@task
def run(ctx: Context) -> None:
    """Write the light curve, and emit what went into it."""
    specs = ctx.settings.specs
    check(specs)
    assumed = specs.noise if specs.mes_assume_noise is None else specs.mes_assume_noise
    time = times(specs.duration, specs.sampling_cadence)
    model = transits(specs, time)
    sigma = noise_of_sample(specs.noise, specs.sampling_cadence)
    noise = np.random.default_rng(ctx.seed).normal(0.0, sigma, len(time)) if sigma else 0.0
    lightcurve.write(ctx.outputs.lightcurve.path, lightcurve.lightcurve(time, model + noise, 0, sigma))
    ctx.emit(
        **{
            **specs,
            "orbital_angle": orbital_angle(specs),
            "mes_assume_noise": assumed,
            **signal(model, noise_of_sample(assumed, specs.sampling_cadence))._asdict(),
        }
    )


def check(specs: View) -> None:
    """Refuse what makes no light curve."""
    for name in ("duration", "sampling_cadence", "star_radius", "orbital_period", "semi_major_axis"):
        if specs[name] <= 0:
            raise Failed(f"specs.{name} is {specs[name]}; it must be more than 0")
    if specs.orbital_angle is not None and specs.impact_parameter is not None:
        raise Failed("specs.orbital_angle and specs.impact_parameter are both given; they say the same")
    closest = semi_major_axis_in_stars(specs) * (1 - specs.eccentricity)
    if closest <= 1 + specs.planet_radius / specs.star_radius:
        raise Failed(f"the planet hits the star: at periastron it is {closest:.3g} stellar radii from its centre")


def times(duration: float, cadence: float) -> NDArray[np.float64]:
    """Return the times 0, cadence, … < duration [d].

    Parameters
    ----------
    duration : float
        Length of the light curve [d].
    cadence : float
        Time between two samples [s].
    """
    seconds = duration * lightcurve.SECONDS_PER_DAY
    # A duration of whole cadences must not get one sample more by rounding.
    number = math.ceil(seconds / cadence - 1e-9)
    return np.arange(number, dtype=np.float64) * (cadence / lightcurve.SECONDS_PER_DAY)


def orbital_angle(specs: View) -> float | None:
    """Return the angle between orbit and line of sight [deg]; None when the impact parameter says it."""
    if specs.impact_parameter is not None:
        return None
    return 0.0 if specs.orbital_angle is None else float(specs.orbital_angle)


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
    distance = semi_major_axis_in_stars(specs) * (1 - specs.eccentricity)
    return math.degrees(math.acos(specs.impact_parameter / distance))


def transits(specs: View, time: NDArray[np.float64]) -> NDArray[np.float64]:
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
    parameters.ecc = specs.eccentricity
    parameters.w = ARGUMENT_OF_PERIASTRON
    parameters.u = LIMB_DARKENING
    parameters.limb_dark = "quadratic"
    flux: NDArray[np.float64] = batman.TransitModel(parameters, time).light_curve(parameters)
    return flux


def noise_of_sample(noise: float, cadence: float) -> float:
    """Return the standard deviation of white noise of one sample, given that of a 25 s sample.

    Parameters
    ----------
    cadence : float
        Length of a sample [s].
    """
    return noise * math.sqrt(NOISE_SAMPLE / cadence)


def signal(model: NDArray[np.float64], sigma: float) -> Signal:
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
