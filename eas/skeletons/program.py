"""Leave out samples that lie far from the others: an example, to be replaced by what your task does."""

import numpy as np

from eas_worker import Context, Failed, lightcurve, task


@task
def run(ctx: Context) -> None:
    """Read the input, work with the settings, write the output, and emit what is to be known of it."""
    curve = lightcurve.read(ctx.inputs.lightcurve.path)
    distance = np.abs(curve.flux - np.median(curve.flux))
    scatter = 1.4826 * np.median(distance)  # of a normal distribution, its standard deviation
    if not scatter > 0:
        raise Failed("the flux does not vary, so that no sample is an outlier")
    is_good = distance <= ctx.settings.limit * scatter
    ctx.log.info("%d of %d samples are left out", np.count_nonzero(~is_good), len(is_good))
    lightcurve.write(ctx.outputs.lightcurve.path, type(curve)(*(column[is_good] for column in curve)))
    ctx.emit(left_out=np.count_nonzero(~is_good), scatter=scatter)
