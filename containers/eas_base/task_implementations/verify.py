"""Check that a light curve can be read and is sampled at a fixed cadence without a gap."""

import numpy as np

from eas_worker import Context, Failed, lightcurve, task


@task
def run(ctx: Context) -> None:
    """Emit the ranges of time [d] and flux, and whether the cadence is fixed."""
    curve = lightcurve.read(ctx.inputs.lightcurve.path)
    if len(curve.time) < 2:
        raise Failed(f"the light curve has {len(curve.time)} samples; it takes two to have a cadence")
    if not np.isfinite(curve.flux).all():
        raise Failed(f"the flux of {np.sum(~np.isfinite(curve.flux))} samples is no finite number")
    ctx.emit(
        verification_time_min=curve.time[0],
        verification_time_max=curve.time[-1],
        verification_flux_min=curve.flux.min(),
        verification_flux_max=curve.flux.max(),
        verification=lightcurve.is_evenly_sampled(curve.time),
    )
