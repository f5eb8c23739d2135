"""Make the light curve of a star with one transiting planet, seen with white noise."""

import math

import numpy as np

from eas_worker import Context, lightcurve, task, transits

NOISE_SAMPLE = 25.0  # noise is given for a sample of that length [s]


@task
def run(ctx: Context) -> None:
    """Write the light curve, and emit what went into it."""
    specs = ctx.settings.specs
    transits.check(specs)
    assumed = specs.noise if specs.mes_assume_noise is None else specs.mes_assume_noise
    time = lightcurve.fixed_times(specs.duration, specs.sampling_cadence)
    model = transits.transits(specs, time)
    sigma = noise_of_sample(specs.noise, specs.sampling_cadence)
    noise = np.random.default_rng(ctx.seed).normal(0.0, sigma, len(time)) if sigma else 0.0
    lightcurve.write(ctx.outputs.lightcurve.path, lightcurve.lightcurve(time, model + noise, 0, sigma))
    ctx.emit(
        **{
            **specs,
            "orbital_angle": transits.orbital_angle(specs),
            "mes_assume_noise": assumed,
            **transits.signal(model, noise_of_sample(assumed, specs.sampling_cadence))._asdict(),
        }
    )


def noise_of_sample(noise: float, cadence: float) -> float:
    """Return the standard deviation of white noise of one sample, given that of a 25 s sample.

    Parameters
    ----------
    cadence : float
        Length of a sample [s].
    """
    return noise * math.sqrt(NOISE_SAMPLE / cadence)
