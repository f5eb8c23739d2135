"""Search for transits by box least squares as Kovács, Zucker & Mazeh (2002, A&A 391, 369) describe it.

Data are folded with a trial period and averaged in nb bins of phase. Of every run of bins that may be a transit, the
weight r and the weighted sum s of the flux less its mean make the signal residue,

    SR = √(s² / (r (1 - r)))

with weights that add up to 1. The greatest is kept. With inverse variances as weights, W in all, the log likelihood of
the box against a constant flux is W SR² / 2, and its depth -s / (r (1 - r)). As in their program, runs of bins may
begin at the end of the fold and end at its beginning.

They had one number of bins and one range of durations, as parts qmi to qma of the period, for all periods. That is
either coarse for long periods or slow for short ones: a transit of an Earth takes 0.0015 of its year, and the bins of
the old defaults, a tenth of the period, dilute it to nothing. Here each defaults to what physics says, see
`eas_worker.boxes`: durations from 0.55 to 1.5 times that of a transit of the Sun, bins of a third of the shortest.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from eas_worker import Context, boxes, detection, kernels, lightcurve, search, task
from eas_worker.boxes import Periodogram

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eas_worker.lightcurve import Floats, LightCurve
    from eas_worker.search import Range
    from eas_worker.views import View

    Counts = NDArray[np.int64]

BINS_PER_DURATION = 3
MOST_BINS = 1_000_000
PARTS = 8  # of the work, for each thread, so that all end at the same time

REFINED_PERIODS = 101
REFINED_BINS = 15  # in the duration that is refined
REFINED_WIDTH = 1.7  # durations are refined from the coarse one over that to it times that


class Folds(NamedTuple):
    """Which boxes to search at every trial period; all of shape (n,).

    `bins` is the number of bins of phase, `least` and `most` the shortest and longest box in bins.
    """

    period: Floats
    bins: Counts
    least: Counts
    most: Counts


@task
def run(ctx: Context) -> None:
    """Search the light curve; emit the strongest signal, and write the periodogram when it is asked for."""
    curve, wanted = search.curve_to_search(ctx), ctx.settings.search_settings
    longest = float(np.ptp(curve.time)) / 2 if wanted.period_max is None else wanted.period_max
    periods = search.check_range(wanted.period_min, longest)
    periodogram = periodogram_of(curve, periods, wanted, ctx.threads)
    best = refine(curve, periodogram, periods, ctx.threads)
    if "debugging" in ctx.outputs:
        search.write_archive(ctx.outputs.debugging.path, boxes.HEADER, *periodogram)
    ctx.emit(**best, **detection.common(best["period"], ctx.inputs.lightcurve.metadata))


def periodogram_of(curve: LightCurve, periods: Range, wanted: View, threads: int) -> Periodogram:
    """Return the periodogram of the usable samples of a light curve.

    Parameters
    ----------
    wanted : View
        ``nb``, ``qmi`` and ``qma``, each None where physics is to say it.
    threads : int
        How many to use; the result does not depend on it.
    """
    sigma, interval = boxes.uncertainty(curve), lightcurve.sampling_interval(curve.time)
    parts = []
    for octave in boxes.octaves(boxes.trial_periods(*periods, float(np.ptp(curve.time)))):
        durations = boxes.durations_of(octave, interval)
        folds = folds_of(octave, durations, wanted)
        width = float((octave / folds.bins).min())
        binned = boxes.bin_by_time(curve.time, curve.flux, sigma, max(width, interval))
        parts.append(best_boxes(*binned, folds, threads))
    return Periodogram(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def folds_of(octave: Floats, durations: Floats, wanted: View) -> Folds:
    """Return the boxes to search an octave of periods with.

    Parameters
    ----------
    durations : array of float
        From the shortest to the longest [d].
    """
    shortest = durations[0] / octave if wanted.qmi is None else np.full_like(octave, wanted.qmi)
    longest = durations[-1] / octave if wanted.qma is None else np.full_like(octave, wanted.qma)
    bins = np.ceil(BINS_PER_DURATION / shortest) if wanted.nb is None else np.full_like(octave, wanted.nb)
    bins = np.minimum(bins, MOST_BINS)
    # As in their program: int(qmi nb), at least 1, to int(qma nb) + 1; a box leaves some of the fold to compare with.
    least = np.maximum(np.floor(shortest * bins + 1e-9), 1)
    most = np.clip(np.floor(longest * bins + 1e-9) + 1, least, np.maximum(bins // 2, least))
    return Folds(octave, *(column.astype(np.int64) for column in (bins, least, most)))


def refine(curve: LightCurve, periodogram: Periodogram, periods: Range, threads: int) -> dict[str, float]:
    """Return the strongest signal of a periodogram, with finer steps around it and all samples.

    Returns
    -------
    dict
        period [d], power, depth, duration [d] and epoch, the first mid-transit after the first sample [d].
    """
    begin = float(curve.time[0])
    coarse = periodogram.best(begin)
    finer = boxes.periods_around(coarse["period"], float(np.ptp(curve.time)), *periods, REFINED_PERIODS)
    # No bin is shorter than a sample: it would be empty in a single transit.
    width = max(coarse["duration"] / REFINED_BINS, lightcurve.sampling_interval(curve.time))
    bins = np.clip(np.floor(finer / width), 2, MOST_BINS).astype(np.int64)
    ends = coarse["duration"] / finer * bins
    least = np.maximum(ends / REFINED_WIDTH, 1).astype(np.int64)
    most = np.clip(np.ceil(ends * REFINED_WIDTH), least, np.maximum(bins * boxes.LONGEST_DUTY, least)).astype(np.int64)
    folds = Folds(finer, bins, least, most)
    return best_boxes(curve.time, curve.flux, boxes.uncertainty(curve), folds, threads).best(begin)


def best_boxes(time: Floats, flux: Floats, sigma: Floats, folds: Folds, threads: int) -> Periodogram:
    """Return the best box of every period; where there is none that dims the star, its power is 0.

    Parameters
    ----------
    time, flux, sigma : array of float, shape (m,)
        Times [d], and the flux with its standard deviation.
    """
    total = float(np.sum(sigma**-2.0))
    weight = sigma**-2.0 / total
    since = time - time[0]
    change = weight * (flux - np.sum(weight * flux))
    number = len(folds.period)
    result = np.zeros((4, number))

    def work(part: slice) -> None:
        periods, bins = folds.period[part], folds.bins[part]
        kernels.search_boxes(since, change, weight, periods, bins, folds.least[part], folds.most[part], result[:, part])

    edges = np.linspace(0, number, min(number, threads * PARTS) + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, map(slice, edges[:-1], edges[1:])))
    residue, depth, first, length = result
    return Periodogram(
        period=folds.period,
        power=total * residue / 2,
        depth=depth,
        duration=np.where(length > 0, length, folds.least) / folds.bins * folds.period,
        epoch=time[0] + (first + length / 2) / folds.bins * folds.period,
    )
