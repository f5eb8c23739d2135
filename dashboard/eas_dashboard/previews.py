"""Previews of files: light curves, periodograms, and the beginning of whatever else is text.

Files may be damaged, huge, or made to do harm: never more than a bounded part of one is read or unpacked.
"""

from __future__ import annotations

import io
import re
import tarfile
import zlib
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eas_dashboard import figures, look, words
from eas_dashboard.figures import Figure

Floats = NDArray[np.float64]
MOST_BYTES = 24 << 20
"""So much of a file is unpacked."""
_MOST_LINES = 60
_BINS, _MOST_POINTS = 1500, 6000
_SECONDS_PER_DAY = 86400.0
_GZIP = b"\x1f\x8b"
_LIGHT_CURVE = ("time [s]", "relative flux", "flag", "uncertainty")
_COLUMN = re.compile(r"\s*,\s*")


class Columns(NamedTuple):
    """A file of numbers: the heads of its columns, the columns, and whether they go on in what was not read."""

    heads: tuple[str, ...]
    values: Floats
    is_cut: bool


class Preview(NamedTuple):
    """What is seen of a file: a figure, or text; and a remark."""

    figure: Figure | None
    text: str
    remark: str


def preview(path: Path) -> Preview:
    """Return what is to be seen of a file."""
    try:
        data, is_cut = _unpacked(path)
    except (OSError, EOFError, zlib.error, tarfile.TarError) as error:
        return Preview(None, "", f"There is no preview: {words.line(str(error))}")
    if b"\0" in data[:4096]:
        return Preview(None, "", "There is no preview of files of this kind.")
    text = data.decode("utf-8", "replace")
    found = columns(text, is_cut=is_cut)
    if found is None:
        return _as_text(text, is_cut=is_cut)
    is_light_curve = found.heads == _LIGHT_CURVE
    drawn = light_curve(found) if is_light_curve else periodogram(found) if _is_periodogram(found) else None
    if drawn is None:
        return _as_text(text, is_cut=is_cut)
    rows = words.counted(len(found.values), "row")
    return Preview(drawn, "", f"{rows} in the part that was read" if found.is_cut else rows)


def _as_text(text: str, *, is_cut: bool) -> Preview:
    lines = text.split("\n")
    is_all = len(lines) <= _MOST_LINES and not is_cut
    return Preview(None, words.block("\n".join(lines[:_MOST_LINES])), "" if is_all else "The beginning of the file")


# --------------------------------------------------------------------------------------------------------------------
# Reading


def _unpacked(path: Path) -> tuple[bytes, bool]:
    """Return the beginning of a file, or of the first file in an archive, and whether it goes on."""
    with path.open("rb") as stream:
        is_gzip = stream.read(2) == _GZIP
        stream.seek(0)
        data = _inflated(stream) if is_gzip else stream.read(MOST_BYTES + 1)
    inner = _first_member(data) if data[257:262] == b"ustar" else data
    return inner[:MOST_BYTES], len(inner) > MOST_BYTES or (inner is not data and len(data) > MOST_BYTES)


def _inflated(stream: IO[bytes]) -> bytes:
    """Return the beginning of what was compressed, however much it would become."""
    found = io.BytesIO()
    inflater = zlib.decompressobj(wbits=31)
    while found.tell() <= MOST_BYTES and not inflater.eof:
        chunk = inflater.unconsumed_tail or stream.read(1 << 16)
        if not chunk:
            break
        found.write(inflater.decompress(chunk, 1 << 20))
    return found.getvalue()[: MOST_BYTES + 1]


def _first_member(data: bytes) -> bytes:
    """Return the first file in an archive, as much of it as there is."""
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        member = archive.next()
        while member is not None and not member.isfile():
            member = archive.next()
        return data[member.offset_data : member.offset_data + member.size] if member is not None else b""


def columns(text: str, *, is_cut: bool = False) -> Columns | None:
    """Return the numbers of a text that has nothing else beneath a line of heads; None for other texts."""
    head, _, body = text.partition("\n")
    if not head.startswith("#"):
        return None
    if is_cut:
        body = body.rpartition("\n")[0]
    heads = tuple(_COLUMN.split(head.lstrip("# ").strip()))
    try:
        values = np.array(body.split(), dtype=np.float64)
    except ValueError:
        return None
    if not values.size or values.size % len(heads):
        return None
    return Columns(heads, values.reshape(-1, len(heads)), is_cut)


# --------------------------------------------------------------------------------------------------------------------
# Figures


def light_curve(found: Columns) -> Figure:
    """Return the picture of a light curve; samples with a flag are left out."""
    time, flux, flag, _ = found.values.T
    good = np.isfinite(time) & np.isfinite(flux) & (flag == 0)
    x, y = thinned(time[good] / _SECONDS_PER_DAY, flux[good], every=True)
    marker = {"size": 3, "color": look.BLUE}
    samples = {"type": "scatter", "mode": "markers", "x": x, "y": y, "marker": marker, "hoverinfo": "x+y"}
    return figures.figure([samples], figures.axis("time [d]"), figures.axis("relative flux", tickformat=".6~f"), 340)


def _is_periodogram(found: Columns) -> bool:
    return len(found.heads) >= 2 and found.heads[0].startswith("period") and found.heads[1].startswith("power")


def periodogram(found: Columns) -> Figure:
    """Return the picture of a periodogram, with its highest peak marked."""
    period, power = found.values[:, 0], found.values[:, 1]
    good = np.isfinite(period) & np.isfinite(power) & (period > 0)
    order = np.argsort(period[good])
    period, power = period[good][order], power[good][order]
    x, y = thinned(np.log10(period), power)
    line: Figure = {"type": "scatter", "mode": "lines", "x": 10**x, "y": y, "line": {"width": 1, "color": look.BLUE}}
    across = figures.axis(figures.text(found.heads[0]), log=period)
    traces = [line, _peak(period, power)] if period.size else []
    return figures.figure(traces, across, figures.axis(figures.text(found.heads[1])), 340)


def _peak(period: Floats, power: Floats) -> Figure:
    best = int(np.argmax(power))
    return {
        "type": "scatter",
        "mode": "markers+text",
        "x": [period[best]],
        "y": [power[best]],
        "marker": {"color": look.VERMILION, "size": 9, "symbol": "triangle-down"},
        "text": [f"{period[best]:.5g}"],
        "textposition": "top center",
        "hoverinfo": "x+y",
    }


def thinned(x: Floats, y: Floats, *, every: bool = False) -> tuple[Floats, Floats]:
    """Return points of which there are not too many to draw: of each of many bins the lowest and the highest.

    So no transit and no peak gets lost, as it would if only each nth point was kept. With `every`, each nth is kept,
    too, so that a cloud of points looks like one.
    """
    if x.size <= _MOST_POINTS:
        return x, y
    low, high = float(x.min()), float(x.max())
    bins = np.minimum(((x - low) / (high - low or 1.0) * _BINS).astype(np.int64), _BINS - 1)
    order = np.lexsort((y, bins))
    first = np.flatnonzero(np.r_[True, np.diff(bins[order]) > 0])
    last = np.r_[first[1:] - 1, order.size - 1]
    nth = np.arange(0, x.size, -(-x.size // _MOST_POINTS)) if every else np.array([], dtype=np.int64)
    kept = np.unique(np.r_[order[first], order[last], nth])
    return x[kept], y[kept]
