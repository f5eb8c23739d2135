"""The innermost loops of searches, compiled by numba.

They stand here, and not in the programs that call them, because numba keeps what it compiled under the name of a module
that can be imported, which a program is not. They let go of Python's lock, so that threads can share the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eas_worker.lightcurve import Floats

    Counts = NDArray[np.int64]


@numba.njit(cache=True, nogil=True)
def search_boxes(  # noqa: PLR0913, PLR0917
    since: Floats,
    change: Floats,
    weight: Floats,
    periods: Floats,
    bins: Counts,
    least: Counts,
    most: Counts,
    result: Floats,
) -> None:
    """Write SR², depth, first bin and number of bins of the best box of every period to the rows of `result`.

    Parameters
    ----------
    since, change, weight : array of float, shape (m,)
        Times after the first [d], weighted flux less its mean, and weights, which add up to 1.
    periods, bins, least, most : arrays of shape (n,)
        As in `Folds`.
    result : array of float, shape (4, n)
    """
    for k in range(len(periods)):
        number, wrapped = bins[k], bins[k] + most[k]
        # Sums up to a bin: those of a run of bins are the difference of two.
        sums, weights = np.zeros(wrapped + 1), np.zeros(wrapped + 1)
        for i in range(len(since)):
            phase = since[i] / periods[k]
            place = min(int((phase - np.floor(phase)) * number), number - 1)
            sums[place + 1] += change[i]
            weights[place + 1] += weight[i]
        for i in range(most[k]):
            sums[number + i + 1], weights[number + i + 1] = sums[i + 1], weights[i + 1]
        for i in range(wrapped):
            sums[i + 1] += sums[i]
            weights[i + 1] += weights[i]
        for i in range(number):
            for length in range(least[k], most[k] + 1):
                s, r = sums[i + length] - sums[i], weights[i + length] - weights[i]
                if s < 0 and 1e-12 < r < 1 - 1e-12:
                    residue = s * s / (r * (1 - r))
                    if residue > result[0, k]:
                        result[0, k], result[1, k], result[2, k], result[3, k] = residue, -s / (r * (1 - r)), i, length


@numba.njit(cache=True, nogil=True)
def search_trains(  # noqa: C901, PLR0913, PLR0917
    loss: Floats,
    weight: Floats,
    samples: int,
    fewest: int,
    least: Counts,
    most: Counts,
    ratio: Floats,
    duration: Counts,
    count: Counts,
) -> None:
    """Note the best train of every window where it is better than what is known.

    The best of the places from Δmin to Δmax ago stays the best for the next place unless it leaves or a better one
    comes in, so that these places are hardly ever looked through.

    Parameters
    ----------
    loss, weight : array of float, shape (n,)
        D and W of every place, for a duration of so many samples.
    fewest : int
        Fewest transits.
    least, most : array of int, shape (m,)
        Windows.
    ratio, duration, count : arrays, shape (m,)
        The best so far; changed.
    """
    last = len(loss) - 1
    # The row of F, and the inverse variances of its trains; and the row after.
    old, old_weight, new, new_weight = loss.copy(), weight.copy(), np.empty_like(loss), np.empty_like(loss)
    for k in range(len(least)):
        if samples > least[k]:
            continue
        low, high, number = 0, min(most[k] - 1, last), 1
        old[: high + 1], old_weight[: high + 1] = loss[: high + 1], weight[: high + 1]
        while low <= last:
            if number >= fewest:
                for n in range(max(low, last - most[k] + 1), high + 1):
                    if old[n] > 0 and old_weight[n] > 0 and old[n] > ratio[k] * np.sqrt(old_weight[n]):
                        ratio[k], duration[k], count[k] = old[n] / np.sqrt(old_weight[n]), samples, number
            place = -1
            for n in range(low + least[k], min(high + most[k], last) + 1):
                first, latest = max(low, n - most[k]), min(high, n - least[k])
                if place < first:
                    place = first
                    for i in range(first + 1, latest + 1):
                        if old[i] > old[place]:
                            place = i
                elif old[latest] > old[place]:
                    place = latest
                new[n], new_weight[n] = old[place] + loss[n], old_weight[place] + weight[n]
            old, old_weight, new, new_weight = new, new_weight, old, old_weight
            low, high, number = low + least[k], min(high + most[k], last), number + 1
