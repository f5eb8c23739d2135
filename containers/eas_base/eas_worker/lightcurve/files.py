"""Light curve files: gzip text, FITS, and the CSV of the light curve stitching group (LCSG)."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np

from eas_worker.lightcurve.curves import SECONDS_PER_DAY, LightCurve, LightCurveError, lightcurve

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from eas_worker.lightcurve.curves import Flags, Floats

_HEADER = "# time [s], relative flux, flag, uncertainty\n"
_ROWS = 1 << 16  # written at a time
_COMPRESSION = 4  # a third of the time of level 9 for 3 % more bytes
_GZIP = b"\x1f\x8b"

_FLUXES = ("FLUX", "PDCSAP_FLUX", "SAP_FLUX")
_FLAGS = ("QUALITY", "SAP_QUALITY")


# ---------------------------------------------------------------------------------------------------------------------
# Gzip text


def read(path: Path) -> LightCurve:
    """Read a light curve file: gzip text, columns time [s], relative flux, flag and uncertainty.

    Raises
    ------
    LightCurveError
        When it is no such file.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # numpy's, of an empty file
            time, flux, flag, uncertainty = _columns(np.loadtxt(stream, ndmin=2), 4)
        return lightcurve(time / SECONDS_PER_DAY, flux, _whole(flag), uncertainty)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise LightCurveError(f"{path.name} is no light curve: {error}") from error


def write(path: Path, curve: LightCurve) -> None:
    """Write a light curve file; the same light curve always gives the same bytes.

    Times are kept to the microsecond, other numbers with as many digits as it takes to read the very same ones back.
    """
    _pack(path, (_HEADER, *_texts(curve)))


def _pack(path: Path, texts: Iterable[str]) -> None:
    with path.open("wb") as file, gzip.GzipFile("", "wb", _COMPRESSION, file, mtime=0) as stream:
        for text in texts:
            stream.write(text.encode())


def _texts(curve: LightCurve) -> Iterator[str]:
    """Yield the rows, many at a time."""
    columns = curve._replace(time=np.round(curve.time * SECONDS_PER_DAY, 6))
    for start in range(0, len(curve.time), _ROWS):
        texts = [map(repr, column[start : start + _ROWS].tolist()) for column in columns]
        yield "".join(" ".join(row) + "\n" for row in zip(*texts))  # noqa: B905 - `strict` would cost a fifth


def _columns(rows: Floats, number: int) -> Floats:
    """Return the columns of what was read, when they are that many, and of some length."""
    if not len(rows):
        raise LightCurveError("it has no samples")
    if rows.shape[1] != number:
        raise LightCurveError(f"it has {rows.shape[1]} columns, not {number}")
    return rows.T


def _whole(flag: Floats) -> Flags:
    """Return flags as whole numbers."""
    if not (np.abs(flag) < 2.0**63).all() or (flag != np.floor(flag)).any():
        raise LightCurveError("flags must be whole numbers")
    return flag.astype(np.int64)


# ---------------------------------------------------------------------------------------------------------------------
# CSV of the LCSG


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
    try:
        data = path.read_bytes()
        text = (gzip.decompress(data) if data.startswith(_GZIP) else data).decode()
        lines = text.splitlines()
        rows = [row for row in csv.reader(line for line in lines if not line.startswith("#")) if row]
        columns = _columns(np.array(rows, dtype=np.float64) if rows else np.empty((0, 3)), 3)
        curve = lightcurve(columns[0], columns[1], _whole(columns[2]))
    except (OSError, EOFError, ValueError, csv.Error, zlib.error) as error:
        raise LightCurveError(f"{path.name} is no LCSG light curve: {error}") from error
    return curve, dict(_header_item(line) for line in lines if line.startswith("# #") and "=" in line)


def write_lcsg(path: Path, curve: LightCurve, header: Mapping[str, float | str] | None = None) -> None:
    """Write a file of the LCSG; it is gzipped when its name ends with ``.gz``, and keeps no uncertainties."""
    items = [f"# #{key} = {value}\n" for key, value in (header or {}).items()]
    columns = (curve.time.tolist(), curve.flux.tolist(), curve.flag.tolist())
    texts = [*items, *(f"{time!r},{flux!r},{flag}\n" for time, flux, flag in zip(*columns))]  # noqa: B905 - as above
    if path.suffix == ".gz":
        _pack(path, texts)
    else:
        path.write_text("".join(texts), encoding="utf-8")


def _header_item(line: str) -> tuple[str, float | str]:
    """Return key and value of ``# #key = value``."""
    key, _, text = (part.strip() for part in line.lstrip("# ").partition("="))
    try:
        return key, float(text)
    except ValueError:
        return key, text


# ---------------------------------------------------------------------------------------------------------------------
# FITS


def read_fits(path: Path) -> tuple[LightCurve, dict[str, float | str]]:
    """Read the first table of a FITS file that has times, as those of Kepler, K2 and TESS, and as lightkurve writes.

    Columns are ``TIME`` (or ``T``) [d]; the first of ``FLUX``, ``PDCSAP_FLUX`` and ``SAP_FLUX`` that is there, with its
    uncertainty in the column of that name and ``_ERR``; ``QUALITY`` or ``SAP_QUALITY``. A flux that has a unit is
    divided by its median. Rows without a time are left out.

    Returns
    -------
    LightCurve
        The light curve.
    dict
        ``TELESCOP`` and ``OBJECT``, where the file says them.

    Raises
    ------
    LightCurveError
        When it is no such file.
    """
    from astropy.io import fits  # type: ignore[import-untyped]

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # astropy's, of what is cut off; then it cannot be read
            with fits.open(io.BytesIO(path.read_bytes())) as units:
                table = next((unit for unit in units if _has_times(unit)), None)
                if table is None:
                    raise LightCurveError("it has no table with a column TIME")
                header = {key: units[0].header[key] for key in ("TELESCOP", "OBJECT") if units[0].header.get(key)}
                return _from_table(table), header
    except (OSError, TypeError, ValueError, KeyError, zlib.error, EOFError) as error:
        raise LightCurveError(f"{path.name} is no FITS light curve: {' '.join(str(error).split())}") from error


def write_fits(path: Path, curve: LightCurve, *, telescope: str = "PLATO", name: str = "") -> None:
    """Write a FITS file with a table ``LIGHTCURVE`` of ``TIME`` [d], ``FLUX``, ``FLUX_ERR`` and ``QUALITY``.

    ``lightkurve.read`` takes it as it is from version 2.6 on, and keeps all samples, whatever their flags.

    Parameters
    ----------
    telescope : str
        ``TELESCOP``. The readers of astropy's `TimeSeries`, ``kepler.fits`` and ``tess.fits``, insist on one of these.
    name : str
        ``OBJECT``.
    """
    from astropy.io import fits

    primary = fits.PrimaryHDU()
    primary.header.update({"TELESCOP": telescope, "OBJECT": name, "ORIGIN": "EAS"})
    table = fits.BinTableHDU.from_columns(
        [
            fits.Column("TIME", "D", unit="d", array=curve.time),
            fits.Column("FLUX", "D", array=curve.flux),
            fits.Column("FLUX_ERR", "D", array=curve.uncertainty),
            fits.Column("QUALITY", "K", array=curve.flag),
        ],
        name="LIGHTCURVE",
    )
    # Times count from nowhere: 0 is what readers take for it, those of Kepler's files BJDREF, lightkurve JDREF.
    zero = {"BJDREFI": 0, "BJDREFF": 0.0, "JDREFI": 0, "JDREFF": 0.0}
    table.header.update({"EXTVER": 1, "TELESCOP": telescope, "TIMESYS": "TDB", "TIMEUNIT": "d", **zero})
    fits.HDUList([primary, table]).writeto(path, overwrite=True)


def _has_times(unit: Any) -> bool:
    names = {name.upper() for name in unit.columns.names} if hasattr(unit, "columns") else set()
    return bool(names & {"TIME", "T"})


def _from_table(table: Any) -> LightCurve:
    """Return the light curve in a FITS table."""
    columns = {column.name.upper(): column for column in table.columns}
    name = next((name for name in _FLUXES if name in columns), None)
    if name is None:
        raise LightCurveError(f"it has none of the columns {', '.join(_FLUXES)}")
    time = _values(table, columns["TIME" if "TIME" in columns else "T"])
    flux = _values(table, columns[name])
    error = _values(table, columns[f"{name}_ERR"]) if f"{name}_ERR" in columns else np.zeros_like(flux)
    quality = next((_values(table, columns[key]) for key in _FLAGS if key in columns), np.zeros_like(flux))
    if not time.ndim == flux.ndim == 1:
        raise LightCurveError("it has more than a number in a cell")
    scale = float(np.nanmedian(flux)) if columns[name].unit and np.isfinite(flux).any() else 1.0
    if not scale > 0:
        raise LightCurveError(f"the median of its flux is {scale:g}")
    there = np.isfinite(time)
    if not there.any():
        raise LightCurveError("it has no samples")
    uncertainty = np.where(np.isfinite(error), error, 0.0)
    return lightcurve(time[there], flux[there] / scale, _whole(quality[there]), uncertainty[there] / scale)


def _values(table: Any, column: Any) -> Floats:
    return np.asarray(table.data[column.name], dtype=np.float64)
