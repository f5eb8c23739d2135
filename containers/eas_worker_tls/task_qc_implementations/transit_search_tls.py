"""Judge a transit least squares search. Not finding a planet is a result; only a broken search fails."""

from eas_worker import QualityContext, qc, search

SECONDS = 20 * 3600.0  # for 20 cores and an hour, with a margin


@qc
def judge(ctx: QualityContext) -> None:
    """Check the signal, and the periodogram when there is one."""
    settings, wanted, found = ctx.settings, ctx.settings.search_settings, ctx.metadata
    shortest, longest = (settings[key] if wanted[key] is None else wanted[key] for key in ("period_min", "period_max"))
    # TLS asks for two transits at least, and takes the time to the last sample for the span.
    search.check_period(ctx, search.Range(shortest or 0.0, min(longest or settings.lc_duration, settings.lc_duration)))
    ctx.check("sde", found["sde"], minimum=0, quantity="signal detection efficiency")
    if found["period"]:
        ctx.check("transit_count", found["transit_count"], minimum=1, quantity="number of transits with data")
        search.check_transit(ctx)
    search.check_seconds(ctx, SECONDS)
    search.check_periodogram(ctx)
