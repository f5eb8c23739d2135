"""Judge light curves from outside: each is read back, and the worst of them counts."""

import numpy as np

from eas_worker import QualityContext, lightcurve, qc


@qc
def judge(ctx: QualityContext) -> None:
    """Check that all files were taken, and the samples of each light curve."""
    curves = [lightcurve.read(one.path) for one in ctx.outputs.lightcurve]
    ctx.check("unreadable", ctx.metadata["unreadable"], maximum=0, quantity="number of files that could not be read")
    ctx.check("samples", min(len(one.time) for one in curves), minimum=2, quantity="fewest samples of a light curve")
    spans = [float(np.ptp(one.time)) for one in curves]
    ctx.check("span", min(spans), minimum=1e-6, unit="d", quantity="shortest time from the first to the last sample")
    finite = min(float(np.isfinite(one.flux).mean()) for one in curves)
    ctx.check("finite", finite, minimum=0.5, quantity="least part of the samples whose flux is finite")
    levels = [float(np.median(one.flux[np.isfinite(one.flux)])) for one in curves if np.isfinite(one.flux).any()]
    low, high = min(levels, default=np.nan), max(levels, default=np.nan)
    ctx.check("lowest_flux", low, minimum=0.5, severity="warn", quantity="lowest median of a relative flux")
    ctx.check("highest_flux", high, maximum=2.0, severity="warn", quantity="highest median of a relative flux")
