"""Light curves: reading, writing, and what programs need to do with them.

On disk a light curve is gzip text with the columns time [s], relative flux, flag and uncertainty; ``#`` starts a
comment. In memory times are in days. Every sample stands for the mean flux of its *bin*, which reaches half-way to its
neighbours.

The only part of the worker that needs numpy; nothing of the worker imports it, only programs do.
"""

from __future__ import annotations

import csv
import gzip
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Flags = NDArray[np.int64]

SECONDS_PER_DAY = 86400.0

_HEADER = "# time [s], relative flux, flag, uncertainty\n"
_ROWS = 1 << 16  # written at a time
_COMPRESSION = 4  # a third of the time of level 9 for 3 % more bytes
_GAP = 1.5  # a step longer than that many sampling intervals is a gap
_STEP_TOLERANCE = 0.01
_LEAST_COVERAGE = 0.5


class LightCurveError(ValueError):
    """Something that is no light curve, or none that can be used; the message says why."""


class LightCurve(NamedTuple):
    """A light curve of n samples.

    Attributes
    ----------
    time : array of float, shape (n,)
        Middle of each sample, increasing [d].
    flux : array of float, shape (n,)
        Mean flux, relative to the star's.
    flag : array of int, shape (n,)
        0 for a good sample.
    uncertainty : array of float, shape (n,)
        Standard deviation of the flux; 0 when it is not known.
    """

    time: Floats
    flux: Floats
    flag: Flags
    uncertainty: Floats


class Resampled(NamedTuple):
    """A light curve on new times, and which part of every new bin the old bins cover, from 0 to 1; shape (n,)."""

    lightcurve: LightCurve
    coverage: Floats


def lightcurve(time: ArrayLike, flux: ArrayLike, flag: ArrayLike = 0, uncertainty: ArrayLike = 0.0) -> LightCurve:
    """Make a light curve, and check that it is one.

    Parameters
    ----------
    time : array_like, shape (n,)
        Increasing times [d].
    flux : array_like, shape (n,)
        Relative flux.
    flag, uncertainty : array_like, shape (n,) or scalar
        As in `LightCurve`.

    Raises
    ------
    LightCurveError
        When shapes differ, or times are not finite or do not increase.
    """
    times = np.asarray(time, dtype=np.float64)
    if times.ndim != 1 or np.shape(flux) != times.shape:
        raise LightCurveError(f"time and flux must be lists of the same length, not {times.shape} and {np.shape(flux)}")
    if not np.isfinite(times).all() or not (np.diff(times) > 0).all():
        raise LightCurveError("times must be finite and increase")
    return LightCurve(
        time=times,
        flux=np.asarray(flux, dtype=np.float64),
        flag=np.array(np.broadcast_to(np.asarray(flag, dtype=np.int64), times.shape)),
        uncertainty=np.array(np.broadcast_to(np.asarray(uncertainty, dtype=np.float64), times.shape)),
    )


# ---------------------------------------------------------------------------------------------------------------------
# Files


def read(path: Path) -> LightCurve:
    """Read a light curve file.

    Raises
    ------
    LightCurveError
        When it is no such file.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            columns = np.loadtxt(stream, ndmin=2)
    except (OSError, EOFError, ValueError) as error:
        raise LightCurveError(f"{path.name} is no light curve: {error}") from error
    if columns.shape[1] != 4:
        raise LightCurveError(f"{path.name} has {columns.shape[1]} columns; a light curve has 4")
    time, flux, flag, uncertainty = columns.T
    return lightcurve(time / SECONDS_PER_DAY, flux, flag.astype(np.int64), uncertainty)


def write(path: Path, curve: LightCurve) -> None:
    """Write a light curve file; the same light curve always gives the same bytes.

    Times are kept to the microsecond, other numbers with as many digits as it takes to read the very same ones back.
    """
    with path.open("wb") as file, gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0) as stream:
        stream.write(_HEADER.encode())
        for text in _texts(curve):
            stream.write(text.encode())


def _texts(curve: LightCurve) -> Iterator[str]:
    """Yield the rows, many at a time."""
    columns = curve._replace(time=np.round(curve.time * SECONDS_PER_DAY, 6))
    for start in range(0, len(curve.time), _ROWS):
        texts = [map(repr, column[start : start + _ROWS].tolist()) for column in columns]
        yield "".join(" ".join(row) + "\n" for row in zip(*texts))  # noqa: B905 - `strict` would cost a fifth


def read_lcsg(path: Path) -> tuple[LightCurve, dict[str, float | str]]:
    """Read a file of the light curve stitching group (LCSG): ``time [d],flux,flag``, gzipped or not.

    Returns
    -------
    LightCurve
        The light curve; the uncertainty is not known.
    dict
        The items of the header, lines ``# #key = value``: numbers where they read as such, else text.

    Raises
    ------
    LightCurveError
        When it is no such file.
    """
    data = path.read_bytes()
    try:
        text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode()
        lines = text.splitlines()
        rows = [row for row in csv.reader(line for line in lines if not line.startswith("#")) if row]
        columns = np.array(rows, dtype=np.float64).reshape(-1, 3).T
    except (OSError, EOFError, ValueError) as error:
        raise LightCurveError(f"{path.name} is no LCSG light curve: {error}") from error
    header = dict(_header_item(line) for line in lines if line.startswith("# #") and "=" in line)
    return lightcurve(columns[0], columns[1], columns[2].astype(np.int64)), header


def _header_item(line: str) -> tuple[str, float | str]:
    """Return key and value of ``# #key = value``."""
    key, _, text = (part.strip() for part in line.lstrip("# ").partition("="))
    try:
        return key, float(text)
    except ValueError:
        return key, text


# ---------------------------------------------------------------------------------------------------------------------
# Sampling


def sampling_interval(time: Floats) -> float:
    """Return the time between two samples, the median of all steps [d]; gaps do not matter.

    Raises
    ------
    LightCurveError
        When there are fewer than two samples.
    """
    if len(time) < 2:
        raise LightCurveError(f"a light curve of {len(time)} samples has no sampling interval")
    return float(np.median(np.diff(time)))


def is_evenly_sampled(time: Floats) -> bool:
    """Tell whether all steps are the same within 1 %, so that there is neither a gap nor a change of cadence."""
    steps = np.diff(time)
    interval = sampling_interval(time)
    return bool((np.abs(steps - interval) <= _STEP_TOLERANCE * interval).all())


def truncate(curve: LightCurve, end: float) -> LightCurve:
    """Return what comes before a time [d]."""
    return select(curve, curve.time < end)


def select(curve: LightCurve, wanted: NDArray[np.bool_]) -> LightCurve:
    """Return the samples that are wanted.

    Parameters
    ----------
    wanted : array of bool, shape (n,)
    """
    return LightCurve(curve.time[wanted], curve.flux[wanted], curve.flag[wanted], curve.uncertainty[wanted])


def usable(curve: LightCurve) -> LightCurve:
    """Return the samples that are not flagged and have a finite flux."""
    return select(curve, (curve.flag == 0) & np.isfinite(curve.flux))


def noise_level(flux: Floats) -> float:
    """Return the standard deviation of the noise of one sample, for white noise.

    From the median of the differences of neighbours, which transits and slow variations hardly change: for normally
    distributed noise the median of the absolute difference is 0.6745 √2 times it.
    """
    return float(np.median(np.abs(np.diff(flux)))) / (0.6744897501960817 * math.sqrt(2))


# ---------------------------------------------------------------------------------------------------------------------
# Resampling


def bins(time: Floats) -> tuple[Floats, Floats]:
    """Return the beginning and the end of every bin [d], each of shape (n,).

    A bin reaches half-way to its neighbours; beside a gap, and at both ends, half a sampling interval.
    """
    half = sampling_interval(time) / 2
    steps = np.diff(time)
    reach = np.where(steps > 2 * half * _GAP, half, steps / 2)
    return time - np.concatenate([[half], reach]), time + np.concatenate([reach, [half]])


def resample(curve: LightCurve, time: Floats) -> Resampled:
    """Put a light curve on other times so that no flux is lost: the integral over all covered time stays the same.

    A new sample is the mean over the part of its bin that old bins cover; without any, it is NaN. It is flagged when a
    flagged sample takes part. Its uncertainty is that of a mean of independent samples, where several old ones go into
    a new one; where an old one is cut into several, each of them keeps its uncertainty.

    Parameters
    ----------
    curve : LightCurve
        n samples.
    time : array of float, shape (m,)
        The new times [d].

    Returns
    -------
    Resampled
        m samples.
    """
    old, new = bins(curve.time), bins(time)
    covered = _integral(np.ones_like(curve.time), old, new)
    share = np.divide(1.0, covered, out=np.full_like(covered, np.nan), where=covered > 0)
    shortening = min(1.0, sampling_interval(curve.time) / sampling_interval(time))
    flagged = _integral((curve.flag != 0).astype(np.float64), old, new) > 0
    variance = _integral(curve.uncertainty**2, old, new) * share * shortening
    resampled = LightCurve(
        time=time,
        flux=_integral(curve.flux, old, new) * share,
        flag=flagged.astype(np.int64),
        uncertainty=np.sqrt(np.maximum(variance, 0)),  # rounding may leave a tiny negative number
    )
    return Resampled(resampled, covered / (new[1] - new[0]))


def _integral(values: Floats, old: tuple[Floats, Floats], new: tuple[Floats, Floats]) -> Floats:
    """Integrate a function that is constant in every old bin, and 0 between them, over every new one."""
    edges = np.column_stack(old).ravel()
    rises = np.column_stack([np.zeros_like(values), values * (old[1] - old[0])]).ravel()
    total = np.cumsum(rises)
    integral: Floats = np.interp(new[1], edges, total) - np.interp(new[0], edges, total)
    return integral


def multiply(first: LightCurve, second: LightCurve) -> LightCurve:
    """Multiply two light curves on the times of the first.

    Samples of which the second covers less than half are left out. A sample is flagged when it is so in one of them;
    relative uncertainties add in quadrature.

    Raises
    ------
    LightCurveError
        When the two do not overlap.
    """
    other, coverage = resample(second, first.time)
    # Bins that are cut by an end of the second: 1e-9 is for rounding only.
    common = coverage >= _LEAST_COVERAGE - 1e-9
    if not common.any():
        raise LightCurveError("the two light curves do not overlap in time")
    one, two = select(first, common), select(other, common)
    return LightCurve(
        time=one.time,
        flux=one.flux * two.flux,
        flag=one.flag | two.flag,
        uncertainty=np.hypot(one.uncertainty * two.flux, two.uncertainty * one.flux),
    )
