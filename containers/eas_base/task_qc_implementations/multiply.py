"""Judge the product of two light curves."""

import numpy as np

from eas_worker import QualityContext, lightcurve, qc


@qc
def judge(ctx: QualityContext) -> None:
    """Read it back."""
    curve = lightcurve.read(ctx.outputs.lightcurve.path)
    good = np.isfinite(curve.flux) & np.isfinite(curve.uncertainty)
    ctx.check("samples", len(curve.time), minimum=2, quantity="number of samples")
    ctx.check("finite", bool(good.all()), quantity="flux and uncertainty of all samples are finite")
    ctx.check("positive", float(np.median(curve.flux)), minimum=0, quantity="median of the flux")
