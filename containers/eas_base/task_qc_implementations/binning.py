"""Judge a binned light curve: it is read back and compared with what it was made of."""

import numpy as np

from eas_worker import QualityContext, lightcurve, qc


@qc
def judge(ctx: QualityContext) -> None:
    """Check the samples, their cadence, and that no flux was lost."""
    curve = lightcurve.read(ctx.outputs.lightcurve.path)
    if not ctx.check("samples", len(curve.time), minimum=2, quantity="number of samples"):
        return
    cadence = lightcurve.sampling_interval(curve.time) * lightcurve.SECONDS_PER_DAY / ctx.settings.cadence
    ctx.check("cadence", cadence, minimum=0.999, maximum=1.001, quantity="sampling interval over the one asked for")
    good = bool(np.isfinite(curve.uncertainty).all())
    ctx.check("finite", good, quantity="the uncertainty of all samples is finite")
    if "lightcurve" in ctx.inputs:
        before = lightcurve.usable(lightcurve.read(ctx.inputs.lightcurve.path))
        change = abs(float(np.nanmean(curve.flux) / np.mean(before.flux)) - 1) if len(before.time) else 0.0
        ctx.check("flux", change, maximum=1e-3, severity="warn", quantity="relative change of the mean flux")
        lost = 1 - np.ptp(curve.time) / np.ptp(before.time) if len(before.time) > 1 else 0.0
        ctx.check("span", lost, maximum=0.05, severity="warn", quantity="part of the span that was lost")
