"""Judge a synthetic light curve: it is read back and compared with what was asked for."""

import math

import numpy as np

from eas_worker import QualityContext, lightcurve, qc

NOISE_SAMPLE = 25.0  # noise is given for a sample of that length [s]
# With the limb darkening u = [0.1, 0.3] the centre of the star is 1 / (1 - u1/3 - u2/6) times as bright as its mean.
CENTRE = 1 / (1 - 0.1 / 3 - 0.3 / 6)
OUTLIER = 7.0  # in standard deviations; of 10^9 samples of normal noise none is expected beyond
MODEL_ERROR = 2e-6  # batman's own is 1e-6


@qc
def judge(ctx: QualityContext) -> None:
    """Check sampling, noise and depth."""
    specs = ctx.settings.specs
    curve = lightcurve.read(ctx.outputs.lightcurve.path)
    if not ctx.check("samples", len(curve.time), minimum=2, quantity="number of samples"):
        return
    check_sampling(ctx, curve)
    finite = bool(np.isfinite(curve.flux).all() and np.isfinite(curve.uncertainty).all())
    if not ctx.check("finite", finite, quantity="flux and uncertainty of all samples are finite"):
        return
    sigma = specs.noise * math.sqrt(NOISE_SAMPLE / specs.sampling_cadence)
    check_noise(ctx, curve, sigma)
    check_depth(ctx, curve, sigma)
    ctx.check("in_transit", ctx.metadata["pixels_in_transit"], minimum=0, quantity="number of samples in transit")


def check_sampling(ctx: QualityContext, curve: lightcurve.LightCurve) -> None:
    """Check begin, cadence and span."""
    specs = ctx.settings.specs
    cadence = specs.sampling_cadence / lightcurve.SECONDS_PER_DAY
    ctx.check("begin", curve.time[0], minimum=0, maximum=0, unit="d", quantity="time of the first sample")
    interval = lightcurve.sampling_interval(curve.time) / cadence
    ctx.check("cadence", interval, minimum=0.999, maximum=1.001, quantity="sampling interval over the one asked for")
    fixed = lightcurve.is_evenly_sampled(curve.time)
    ctx.check("fixed_cadence", fixed, quantity="the cadence is fixed and there is no gap")
    missing = (specs.duration - curve.time[-1]) / cadence
    ctx.check(
        "span",
        missing,
        minimum=-0.001,
        maximum=1.001,
        quantity="time from the last sample to the end that was asked for, in sampling intervals",
    )


def check_noise(ctx: QualityContext, curve: lightcurve.LightCurve, sigma: float) -> None:
    """Check the standard deviation of the noise.

    It is known from n samples to about 1.2 / √n; six times that is allowed.
    """
    tolerance = 6 * 1.2 / math.sqrt(len(curve.time))
    ctx.check(
        "noise",
        lightcurve.noise_level(curve.flux),
        minimum=max(0.0, sigma * (1 - tolerance)),
        maximum=sigma * (1 + tolerance) + MODEL_ERROR,
        quantity="standard deviation of the noise of a sample",
    )
    highest = curve.flux.max()
    ctx.check("highest", highest, maximum=1 + OUTLIER * sigma + MODEL_ERROR, quantity="highest relative flux")


def check_depth(ctx: QualityContext, curve: lightcurve.LightCurve, sigma: float) -> None:
    """Check that no transit is deeper than the planet in front of the brightest part of the star."""
    specs = ctx.settings.specs
    deepest = min(1.0, CENTRE * (specs.planet_radius / specs.star_radius) ** 2)
    depth = 1 - curve.flux.min()
    ctx.check("depth", depth, maximum=deepest + OUTLIER * sigma + MODEL_ERROR, quantity="greatest loss of flux")
