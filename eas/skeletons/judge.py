"""Judge what was left of a light curve: an example, to be replaced by what is true of your outputs."""

import numpy as np

from eas_worker import QualityContext, lightcurve, qc


@qc
def judge(ctx: QualityContext) -> None:
    """Check named criteria; the worst result is the verdict."""
    curve = lightcurve.read(ctx.outputs.lightcurve.path)
    left_out = ctx.metadata["left_out"]
    ctx.check("samples", len(curve.time), minimum=2, quantity="number of samples")
    ctx.check("finite", bool(np.isfinite(curve.flux).all()), quantity="the flux of all samples is finite")
    part = left_out / (left_out + len(curve.time))
    ctx.check("left_out", part, maximum=0.05, severity="warn", quantity="part of the samples that was left out")
