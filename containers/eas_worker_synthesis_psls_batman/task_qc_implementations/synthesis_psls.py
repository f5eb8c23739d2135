"""Judge a light curve of psls: it is read back and compared with what was asked for."""

import math

import numpy as np

from eas_worker import QualityContext, lightcurve, qc

HOUR = 3600.0
PPM = 1e-6
STAR = 3e-4  # what oscillations, granulation and activity may add to the differences of neighbours


@qc
def judge(ctx: QualityContext) -> None:
    """Check sampling, noise and transits."""
    specs = ctx.settings.specs
    curve = lightcurve.read(ctx.outputs.lightcurve.path)
    if not ctx.check("samples", len(curve.time), minimum=2, quantity="number of samples"):
        return
    cadence = specs.sampling_cadence / lightcurve.SECONDS_PER_DAY
    interval = lightcurve.sampling_interval(curve.time) / cadence
    ctx.check("cadence", interval, minimum=0.999, maximum=1.001, quantity="sampling interval over the one asked for")
    fixed = lightcurve.is_evenly_sampled(curve.time)
    ctx.check("fixed_cadence", fixed, quantity="the cadence is fixed and there is no gap")
    missing = (specs.duration - curve.time[-1]) / cadence
    words = "time from the last sample to the end that was asked for, in sampling intervals"
    ctx.check("span", missing, minimum=-0.001, maximum=1.001, quantity=words)
    finite = bool(np.isfinite(curve.flux).all())
    if ctx.check("finite", finite, quantity="the flux of all samples is finite"):
        check_noise(ctx, curve)
        check_transits(ctx, curve)


def check_noise(ctx: QualityContext, curve: lightcurve.LightCurve) -> None:
    """Check the noise, robustly: it is that of the cameras, and what the star does from sample to sample."""
    specs = ctx.settings.specs
    cameras = specs.number_camera_groups * specs.number_cameras_per_group
    asked = PPM * specs.nsr * math.sqrt(HOUR / specs.sampling_cadence / cameras) if specs.enable_random_noise else 0.0
    tolerance = 6 * 1.2 / math.sqrt(len(curve.time))
    level = lightcurve.noise_level(curve.flux)
    low, high = max(0.0, asked * (1 - tolerance)), math.hypot(asked * (1 + tolerance), STAR)
    ctx.check("noise", level, minimum=low, maximum=high, quantity="standard deviation of the noise of a sample")


def check_transits(ctx: QualityContext, curve: lightcurve.LightCurve) -> None:
    """Check that the light curve is fainter at t0 + k P, as much as the planet covers, within five deviations."""
    specs, inside = ctx.settings.specs, ctx.metadata["pixels_in_transit"]
    if not specs.enable_transits or inside == 0:
        return
    phase = (curve.time - specs.t0 + specs.orbital_period / 2) % specs.orbital_period - specs.orbital_period / 2
    half = inside / len(curve.time) * specs.orbital_period / 2
    during, beside = np.abs(phase) < half, (np.abs(phase) > half) & (np.abs(phase) < 3 * half)
    if not during.any() or not beside.any():
        return
    depth = float(np.median(curve.flux[beside]) - np.mean(curve.flux[during]))
    scatter = float(np.std(curve.flux[beside])) * math.sqrt(1 / during.sum() + 1 / beside.sum())
    # The star wanders over hours: its samples are not independent.
    away = abs(depth - ctx.metadata["integrated_transit_power"] / inside) / (scatter * math.sqrt(during.sum()) + PPM)
    words = "depth at the mid-transits against that of the model, in standard deviations of a sample"
    ctx.check("mid_transits", away, maximum=1, severity="warn", quantity=words)
