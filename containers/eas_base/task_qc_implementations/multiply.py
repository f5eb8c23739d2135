"""Judge the product of two light curves."""

import numpy as np

from eas_worker import QualityContext, lightcurve, qc


@qc
def judge(ctx: QualityContext) -> None:
    """Read it back, and compare it with the first of the two."""
    curve = lightcurve.read(ctx.outputs.lightcurve.path)
    good = np.isfinite(curve.flux) & np.isfinite(curve.uncertainty)
    ctx.check("samples", len(curve.time), minimum=2, quantity="number of samples")
    ctx.check("finite", bool(good.all()), quantity="flux and uncertainty of all samples are finite")
    ctx.check("positive", float(np.median(curve.flux)), minimum=0, quantity="median of the flux")
    if "lightcurve_1" in ctx.inputs:
        first = lightcurve.read(ctx.inputs.lightcurve_1.path)
        times = bool(np.isin(curve.time, first.time).all())
        ctx.check("times", times, quantity="all times are times of the first light curve")
        share = len(curve.time) / len(first.time)
        ctx.check("coverage", share, minimum=0.99, severity="warn", quantity="part of the first that the second covers")
