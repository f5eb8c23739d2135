"""Judge a box least squares search. Not finding a planet is a result; only a broken search fails."""

from eas_worker import QualityContext, qc, search

SECONDS = 900.0  # for 2.5 million samples, 730 d at 25 s, with a margin


@qc
def judge(ctx: QualityContext) -> None:
    """Check the signal, and the periodogram when there is one."""
    wanted = ctx.settings.search_settings
    longest = ctx.settings.lc_duration / 2 if wanted.period_max is None else wanted.period_max
    search.check_period(ctx, search.Range(wanted.period_min, longest))
    ctx.check("power", ctx.metadata["power"], minimum=0, quantity="log likelihood of the signal")
    search.check_transit(ctx)
    search.check_seconds(ctx, SECONDS)
    search.check_periodogram(ctx)
