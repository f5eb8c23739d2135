"""Search for transits by box least squares as astropy implements it, on the grid of `eas_worker.boxes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from astropy.timeseries import BoxLeastSquares  # type: ignore[import-untyped]

from eas_worker import Context, Failed, boxes, detection, lightcurve, search, task
from eas_worker.boxes import Periodogram

if TYPE_CHECKING:
    from eas_worker.lightcurve import Floats, LightCurve
    from eas_worker.search import Range

BINS_PER_DURATION = 2
OVERSAMPLE = 4

REFINED_PERIODS = 101
REFINED_DURATIONS = np.geomspace(1 / 1.7, 1.7, 17)
REFINED_OVERSAMPLE = 10


@task
def run(ctx: Context) -> None:
    """Search the light curve; emit the strongest signal, and write the periodogram when it is asked for."""
    curve, wanted = search.curve_to_search(ctx), ctx.settings.search_settings
    longest = float(np.ptp(curve.time)) / 2 if wanted.period_max is None else wanted.period_max
    periods = search.check_range(wanted.period_min, longest)
    periodogram = periodogram_of(curve, periods)
    best = refine(curve, periodogram, periods)
    if "debugging" in ctx.outputs:
        search.write_archive(ctx.outputs.debugging.path, boxes.HEADER, *periodogram)
    ctx.emit(**best, **detection.common(best["period"], ctx.inputs.lightcurve.metadata))


def periodogram_of(curve: LightCurve, periods: Range) -> Periodogram:
    """Return the periodogram of the usable samples of a light curve."""
    interval, sigma = lightcurve.sampling_interval(curve.time), boxes.uncertainty(curve)
    parts = []
    for octave in boxes.octaves(boxes.trial_periods(*periods, float(np.ptp(curve.time)))):
        durations = boxes.durations_of(octave, interval)
        binned = boxes.bin_by_time(curve.time, curve.flux, sigma, durations[0] / BINS_PER_DURATION)
        parts.append(best_boxes(BoxLeastSquares(*binned), octave, durations, OVERSAMPLE))
    return Periodogram(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def refine(curve: LightCurve, periodogram: Periodogram, periods: Range) -> dict[str, float]:
    """Return the strongest signal of a periodogram, with finer steps around it and all samples.

    Returns
    -------
    dict
        period [d], power, depth, duration [d] and epoch, the first mid-transit after the first sample [d].
    """
    if not np.isfinite(periodogram.power).all():
        raise Failed("the periodogram is not finite")
    begin = float(curve.time[0])
    coarse = periodogram.best(begin)
    finer = boxes.periods_around(coarse["period"], float(np.ptp(curve.time)), *periods, REFINED_PERIODS)
    interval = lightcurve.sampling_interval(curve.time)
    durations = np.unique(
        np.clip(coarse["duration"] * REFINED_DURATIONS, interval, boxes.LONGEST_DUTY * float(finer.min()))
    )
    model = BoxLeastSquares(curve.time, curve.flux, boxes.uncertainty(curve))
    return best_boxes(model, finer, durations, REFINED_OVERSAMPLE).best(begin)


def best_boxes(model: BoxLeastSquares, periods: Floats, durations: Floats, oversample: int) -> Periodogram:
    """Return the best box of every period."""
    result = model.power(periods, durations, objective="likelihood", method="fast", oversample=oversample)
    columns = (result.period, result.power, result.depth, result.duration, result.transit_time)
    return Periodogram(*(np.asarray(column, dtype=np.float64) for column in columns))
