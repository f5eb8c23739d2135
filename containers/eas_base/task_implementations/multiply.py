"""Multiply two light curves, on the times of the first."""

from eas_worker import Context, lightcurve, task


@task
def run(ctx: Context) -> None:
    """Write the product; its metadata are those of both, of the second where both have a key."""
    first, second = ctx.inputs.lightcurve_1, ctx.inputs.lightcurve_2
    one, two = lightcurve.read(first.path), lightcurve.read(second.path)
    product = lightcurve.multiply(one, two)
    left_out = len(one.time) - len(product.time)
    if left_out:
        ctx.log.warning("%d of %d samples are left out: %s does not cover them", left_out, len(one.time), second.name)
    lightcurve.write(ctx.outputs.lightcurve.path, product)
    ctx.emit(**{**first.metadata, **second.metadata})
