"""Search for transits that are not strictly periodic, by QATS (Carter & Agol 2013, ApJ 765, 132).

On a light curve of a fixed step let D(n) be the weighted sum of what the star lost in the q samples from the n-th on.
A *train* is a list of transits n_1, n_2, …, of which each comes Δmin to Δmax samples after the one before, the first
so early and the last so late that the data hold no other. The best train of m transits that ends at n has

    F_m(n) = D(n) + max { F_(m-1)(i) : n - Δmax ≤ i ≤ n - Δmin },    F_1(n) = D(n)

A train of transits of one depth has the signal-to-noise ratio ΣD / √ΣW, with W the inverse variances of its samples;
where there is a gap, both are 0. `reference` says just this, `kernels.search_trains` does it fast: no more than two
rows of F are kept for each window of Δmin and Δmax.

Windows are wide enough for the variation of transit times that is asked for, and at least a sample, and overlap by
half, so that every spacing is well inside one. The shorter the period, the more transits there are to be placed where
noise happens to be low: the ratio of noise alone rises with their number. So a train counts by its *excess* over the
median of the ratios at similar periods.
"""

from __future__ import annotations

import itertools
import math
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from eas_worker import Context, Failed, boxes, detection, kernels, lightcurve, search, task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eas_worker.lightcurve import Floats, LightCurve

    Counts = NDArray[np.int64]

HEADER = "period [d], excess of the signal-to-noise ratio, signal-to-noise ratio, duration [d], number of transits"

SAMPLES_PER_DURATION = 4  # the shortest one; more finely sampled light curves are binned
SIMILAR_PERIODS = 201  # windows of which the median is taken
PARTS = 8  # of the work, for each thread, so that all end at the same time
LEAST_EXCESS = 1e-9


class Sums(NamedTuple):
    """What the star lost, and the inverse variances, summed up to every sample of a fixed step; shape (n + 1,)."""

    loss: Floats
    weight: Floats

    def over(self, duration: int) -> tuple[Floats, Floats]:
        """Return D and W of every place that a transit of so many samples may begin at."""
        return self.loss[duration:] - self.loss[:-duration], self.weight[duration:] - self.weight[:-duration]


class Spectrum(NamedTuple):
    """The best train of every window of spacings, all of shape (n,).

    `least` and `most` are Δmin and Δmax; `ratio` is the signal-to-noise ratio, 0 where there is no train; `duration` is
    in samples, `number` that of the transits.
    """

    least: Counts
    most: Counts
    ratio: Floats
    duration: Counts
    number: Counts


@task
def run(ctx: Context) -> None:
    """Search the light curve; emit the strongest train, and write the spectrum when it is asked for."""
    curve, wanted = search.curve_to_search(ctx), settings_of(ctx)
    if not 0 < wanted["duration_min"] <= wanted["duration_max"]:
        raise Failed(f"there are no durations between {wanted['duration_min']:g} d and {wanted['duration_max']:g} d")
    step = max(lightcurve.sampling_interval(curve.time), wanted["duration_min"] / SAMPLES_PER_DURATION)
    fixed = lightcurve.to_fixed_step(curve._replace(uncertainty=boxes.uncertainty(curve)), step)
    span = float(np.ptp(curve.time))
    longest = span / max(1, wanted["min_transit_count"] - 1) if wanted["period_max"] is None else wanted["period_max"]
    periods = search.check_range(wanted["period_min"], min(longest, span))
    sums = sums_of(fixed)
    windows = windows_of(periods.shortest / step, periods.longest / step, wanted["max_ttv_mag"])
    durations = durations_of(wanted["duration_min"] / step, wanted["duration_max"] / step, wanted["duration_count"])
    spectrum = spectrum_of(sums, durations, windows, wanted["min_transit_count"], ctx.threads)
    excess = excess_of(spectrum.ratio)
    if "debugging" in ctx.outputs:
        middle = (spectrum.least + spectrum.most) / 2 * step
        columns = (middle, excess, spectrum.ratio, spectrum.duration * step, spectrum.number)
        search.write_archive(ctx.outputs.debugging.path, HEADER, *columns)
    found = signal(fixed, sums, spectrum, excess, step)
    ctx.emit(**found, **detection.common(found["period"], ctx.inputs.lightcurve.metadata))


def settings_of(ctx: Context) -> dict[str, Any]:
    """Return the settings; those of `search_settings` win."""
    inner = dict(ctx.settings.search_settings)
    given = {key: value for key, value in inner.items() if value is not None}
    return inner | {key: ctx.settings[key] for key in inner if key in ctx.settings} | given


# ---------------------------------------------------------------------------------------------------------------------
# Where to search


def sums_of(fixed: LightCurve) -> Sums:
    """Return the sums of a light curve of a fixed step, where a gap counts for nothing.

    Parameters
    ----------
    fixed : LightCurve
        Each sample with an uncertainty, or without a flux.
    """
    there = np.isfinite(fixed.flux)
    weight = np.zeros_like(fixed.flux)
    weight[there] = fixed.uncertainty[there] ** -2.0
    loss = np.where(there, np.median(fixed.flux[there]) - fixed.flux, 0.0)
    return Sums(*(np.concatenate([[0.0], np.cumsum(column)]) for column in (weight * loss, weight)))


def windows_of(shortest: float, longest: float, variation: float) -> tuple[Counts, Counts]:
    """Return Δmin and Δmax of all windows between two spacings, in samples.

    Parameters
    ----------
    shortest, longest : float
        Ends of the range of periods, in samples.
    variation : float
        Width of a window as a part of the period.
    """
    least, most, place = [], [], max(1, math.floor(shortest))
    while place < longest:
        width = max(1, math.ceil(variation * place))
        least.append(place)
        most.append(place + width)
        place += max(1, width // 2)
    return np.array(least, dtype=np.int64), np.array(most, dtype=np.int64)


def durations_of(shortest: float, longest: float, number: int) -> Counts:
    """Return the durations to search, in whole samples, evenly spaced in their logarithm."""
    return np.unique(np.maximum(np.round(np.geomspace(shortest, longest, number)), 1).astype(np.int64))


# ---------------------------------------------------------------------------------------------------------------------
# The search


def reference(loss: Floats, weight: Floats, least: int, most: int, fewest: int) -> tuple[float, list[int]]:
    """Return the signal-to-noise ratio and the transits of the best train, by the definition.

    Parameters
    ----------
    loss, weight : array of float, shape (n,)
        D and W of every place.
    least, most : int
        Δmin and Δmax.
    fewest : int
        Fewest transits.

    Returns
    -------
    ratio : float
        0 without a train.
    transits : list of int
        Where they begin.
    """
    best: tuple[float, list[int]] = (0.0, [])
    last = len(loss) - 1
    trains = {n: (loss[n], weight[n], [n]) for n in range(min(most, len(loss)))}
    while trains:
        for n, (signal_sum, weight_sum, transits) in trains.items():
            if n + most > last and len(transits) >= fewest and weight_sum > 0:
                best = max(best, (signal_sum / math.sqrt(weight_sum), transits), key=lambda train: train[0])
        longer = {}
        for n in range(min(trains) + least, min(max(trains) + most, last) + 1):
            before = [trains[i] for i in range(n - most, n - least + 1) if i in trains]
            signal_sum, weight_sum, transits = max(before, key=lambda train: train[0])
            longer[n] = (signal_sum + loss[n], weight_sum + weight[n], [*transits, n])
        trains = longer
    return best


def spectrum_of(sums: Sums, durations: Counts, windows: tuple[Counts, Counts], fewest: int, threads: int) -> Spectrum:
    """Return the best train of every window.

    Parameters
    ----------
    threads : int
        How many to use; the result does not depend on it.
    """
    least, most = windows
    number = len(least)
    ratio, duration, count = np.zeros(number), np.full(number, durations[0]), np.zeros(number, dtype=np.int64)
    edges = np.linspace(0, number, min(number, threads * PARTS) + 1).astype(int)
    with ThreadPoolExecutor(threads) as pool:
        for samples in durations.tolist():
            if samples >= len(sums.loss):
                continue
            loss, weight = sums.over(samples)

            def work(part: slice, loss: Floats, weight: Floats, samples: int) -> None:
                best = ratio[part], duration[part], count[part]
                kernels.search_trains(loss, weight, samples, fewest, least[part], most[part], *best)

            parts = [pool.submit(work, slice(*ends), loss, weight, samples) for ends in itertools.pairwise(edges)]
            for part in parts:
                part.result()
    return Spectrum(least, most, ratio, duration, count)


def excess_of(ratio: Floats) -> Floats:
    """Return by how much every ratio is above the median of those of similar periods."""
    half = min(SIMILAR_PERIODS, len(ratio) | 1) // 2
    padded = np.pad(ratio, half, mode="symmetric") if half else ratio
    median: Floats = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)
    return ratio - median


def signal(fixed: LightCurve, sums: Sums, spectrum: Spectrum, excess: Floats, step: float) -> dict[str, Any]:
    """Return the strongest train."""
    best = int(np.argmax(excess))
    if spectrum.number[best] < 2 or spectrum.ratio[best] <= 0:
        nothing = {"period": 0.0, "transit_count": 0, "period_span": 0.0, "first_transit": None, "last_transit": None}
        return nothing | {"depth": 0.0, "duration": 0.0, "snr": 0.0}
    samples = int(spectrum.duration[best])
    loss, weight = sums.over(samples)
    count = int(spectrum.number[best])
    transits = train(loss, weight, int(spectrum.least[best]), int(spectrum.most[best]), count)
    times = fixed.time[transits] + (samples - 1) / 2 * step
    spacings = np.diff(times)
    return {
        "period": float((times[-1] - times[0]) / (count - 1)),
        "transit_count": count,
        "period_span": float(np.ptp(spacings)),
        "first_transit": float(times[0]),
        "last_transit": float(times[-1]),
        "depth": float(loss[transits].sum() / weight[transits].sum()),
        "duration": samples * step,
        "snr": float(spectrum.ratio[best]),
    }


def train(loss: Floats, weight: Floats, least: int, most: int, count: int) -> Counts:
    """Return where the transits of the best train of so many begin."""
    last = len(loss) - 1
    rows = [np.where(np.arange(last + 1) < most, loss, -np.inf)]
    for _ in range(count - 1):
        # Of every place, the best of the row before from Δmin to Δmax ago.
        ago = np.pad(rows[-1], (most, 0), constant_values=-np.inf)[: last + 1 + most - least]
        rows.append(loss + np.lib.stride_tricks.sliding_window_view(ago, most - least + 1).max(axis=1))
    place = max(0, last - most + 1) + _argbest(rows, weight, max(0, last - most + 1), least, most)
    places = [place]
    for row in rows[-2::-1]:
        first = max(0, places[-1] - most)
        places.append(first + int(np.argmax(row[first : places[-1] - least + 1])))
    return np.array(places[::-1])


def _argbest(rows: list[Floats], weight: Floats, first: int, least: int, most: int) -> int:
    """Return which of the last places, from the first on, ends the train of the highest ratio."""
    ratios = []
    for end in range(first, len(weight)):
        total, place = weight[end], end
        for row in rows[-2::-1]:
            if not np.isfinite(rows[-1][end]):
                break
            begin = max(0, place - most)
            place = begin + int(np.argmax(row[begin : place - least + 1]))
            total += weight[place]
        ratios.append(rows[-1][end] / math.sqrt(total) if total > 0 else -math.inf)
    return int(np.argmax(ratios))
