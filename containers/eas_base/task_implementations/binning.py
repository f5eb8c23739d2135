"""Resample a light curve to a longer cadence."""

from eas_worker import Context, Failed, lightcurve, task

LEAST_COVERAGE = 0.5  # of a bin


@task
def run(ctx: Context) -> None:
    """Write the binned light curve; bins that are covered less than half are left out. Metadata are carried over."""
    source, cadence = ctx.inputs.lightcurve, ctx.settings.cadence
    try:
        curve = lightcurve.read(source.path)
        interval = lightcurve.sampling_interval(curve.time) * lightcurve.SECONDS_PER_DAY
        if cadence < interval * (1 - 1e-9):
            raise Failed(f"a cadence of {cadence:g} s is shorter than that of the light curve, {interval:g} s")
        binned, coverage = lightcurve.resample_to_bins(curve, cadence / lightcurve.SECONDS_PER_DAY)
    except lightcurve.LightCurveError as error:
        raise Failed(str(error)) from error
    kept = lightcurve.select(binned, coverage >= LEAST_COVERAGE - 1e-9)
    lightcurve.write(ctx.outputs.lightcurve.path, kept)
    ctx.emit(**{**source.metadata, "sampling_cadence": cadence})
