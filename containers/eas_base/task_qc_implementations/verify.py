"""Judge a verification: a light curve that has gaps does not pass."""

from eas_worker import QualityContext, qc


@qc
def judge(ctx: QualityContext) -> None:
    """Check what was found."""
    span = ctx.metadata["verification_time_max"] - ctx.metadata["verification_time_min"]
    ctx.check("span", span, minimum=0, unit="d", quantity="time from the first to the last sample")
    lowest = ctx.metadata["verification_flux_min"]
    ctx.check("flux_min", lowest, minimum=0, severity="warn", quantity="lowest relative flux")
    ctx.check("fixed_cadence", ctx.metadata["verification"], quantity="the cadence is fixed and there is no gap")
