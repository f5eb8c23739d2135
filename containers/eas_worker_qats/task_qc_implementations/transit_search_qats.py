"""Judge a search by QATS. Not finding a planet is a result; only a broken search fails."""

from eas_worker import QualityContext, qc, search

SECONDS = 7200.0  # for 730 d at the step that the shortest duration asks for, with a margin


@qc
def judge(ctx: QualityContext) -> None:
    """Check the signal, and the spectrum when there is one."""
    settings, inner, found = ctx.settings, ctx.settings.search_settings, ctx.metadata
    shortest = settings.period_min if inner.period_min is None else inner.period_min
    longest = settings.lc_duration if inner.period_max is None else inner.period_max
    variation = settings.max_ttv_mag if inner.max_ttv_mag is None else inner.max_ttv_mag
    # Windows are whole samples wide, so that a spacing may be a little out of the range.
    step = found["duration"] or 0.0
    search.check_period(ctx, search.Range(max(0.0, shortest - step), longest * (1 + variation) + step))
    if found["period"]:
        check_train(ctx, variation, step)
    search.check_seconds(ctx, SECONDS)
    search.check_periodogram(ctx)


def check_train(ctx: QualityContext, variation: float, step: float) -> None:
    """Check that what was found is a train of transits."""
    settings, inner, found = ctx.settings, ctx.settings.search_settings, ctx.metadata
    fewest = settings.min_transit_count if inner.min_transit_count is None else inner.min_transit_count
    ctx.check("transit_count", found["transit_count"], minimum=fewest, quantity="number of transits")
    ctx.check("depth", found["depth"], minimum=0, maximum=1, quantity="depth of the signal")
    ctx.check("snr", found["snr"], minimum=0, quantity="signal-to-noise ratio of the signal")
    ctx.check("first_transit", found["first_transit"], minimum=0, unit="d", quantity="time of the first transit")
    end = settings.lc_duration
    ctx.check("last_transit", found["last_transit"], maximum=end, unit="d", quantity="time of the last transit")
    widest = variation * found["period"] + step
    ctx.check(
        "period_span",
        found["period_span"],
        minimum=0,
        maximum=widest,
        unit="d",
        quantity="longest less shortest time between two transits",
    )
