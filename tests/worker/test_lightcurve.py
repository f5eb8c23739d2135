"""Light curves: files, sampling, and resampling that loses no flux."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units  # type: ignore[import-untyped]
from astropy.io import fits  # type: ignore[import-untyped]
from astropy.table import Table  # type: ignore[import-untyped]
from astropy.time import Time  # type: ignore[import-untyped]
from astropy.timeseries import TimeSeries  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from eas_worker import lightcurve
from eas_worker.lightcurve import LightCurve, LightCurveError, files

DAY = lightcurve.SECONDS_PER_DAY
PPM = units.Unit("1e-6")
VALUES = st.floats(-1e3, 1e3, allow_subnormal=False)


@st.composite
def light_curves(draw: st.DrawFn, least: int = 2) -> LightCurve:
    """Draw a light curve with uneven steps, gaps and flags."""
    steps = draw(st.lists(st.floats(1e-4, 1.0) | st.just(0.01), min_size=least, max_size=30))
    number = len(steps)
    time = draw(st.floats(-100, 100)) + np.cumsum(steps)
    return lightcurve.lightcurve(
        time,
        draw(arrays.arrays(float, number, elements=VALUES)),
        draw(arrays.arrays(int, number, elements=st.integers(0, 2**40))),
        draw(arrays.arrays(float, number, elements=st.floats(0, 1e3))),
    )


def even(number: int, cadence: float, begin: float = 0.0, seed: int = 1) -> LightCurve:
    """Return a light curve of noise at a fixed cadence [d]."""
    rng = np.random.default_rng(seed)
    return lightcurve.lightcurve(begin + cadence * np.arange(number), rng.normal(1, 0.1, number), 0, 0.1)


# ---------------------------------------------------------------------------------------------------------------------
# Files


@given(curve=light_curves(least=1))
def test_write_read(tmp_path_factory: pytest.TempPathFactory, curve: LightCurve) -> None:
    """All is read as it was written, times to the microsecond; written again, it is the same file."""
    folder = tmp_path_factory.mktemp("files")
    lightcurve.write(folder / "a", curve)
    back = lightcurve.read(folder / "a")
    assert np.abs(back.time - curve.time).max() * DAY < 1e-6
    for one, other in zip(back[1:], curve[1:], strict=True):
        assert np.array_equal(one, other)
        assert one.dtype == other.dtype
    lightcurve.write(folder / "b", back)
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()


def test_format(tmp_path: Path) -> None:
    """A file is gzip text: time [s], flux, flag, uncertainty; a comment on top, no time stamp and no name inside."""
    lightcurve.write(tmp_path / "lc.gz", lightcurve.lightcurve([0, 0.5], [1.0, 0.25], [0, 3], 0.1))
    data = (tmp_path / "lc.gz").read_bytes()
    assert gzip.decompress(data).decode() == (
        "# time [s], relative flux, flag, uncertainty\n0.0 1.0 0 0.1\n43200.0 0.25 3 0.1\n"
    )
    assert data[3:8] == bytes(5)


def test_long_file(tmp_path: Path) -> None:
    """A light curve longer than what is written at a time is whole."""
    curve = even(files._ROWS + 10, 25 / DAY)
    lightcurve.write(tmp_path / "lc.gz", curve)
    assert np.array_equal(lightcurve.read(tmp_path / "lc.gz").flux, curve.flux)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"plain text", "is no light curve"),
        (gzip.compress(b"1 2 3 4\n1 2 3\n", mtime=0), "is no light curve"),
        (gzip.compress(b"1 2 3 4\n5 6 7 8\n", mtime=0)[:-9], "is no light curve"),
        (gzip.compress(b"1 a 3 4\n", mtime=0), "is no light curve"),
        (gzip.compress(b"1 2 3 4\n" * 9999, mtime=0)[:-40], "is no light curve"),
        (gzip.compress(b"1 2 3 4\n", mtime=0).replace(b"\x00\x00\x00", b"\xff\xff\xff"), "is no light curve"),
        (b"", "it has no samples"),
        (gzip.compress(b"# time\n\n", mtime=0), "it has no samples"),
        (gzip.compress(b"1 2 3\n", mtime=0), "has 3 columns, not 4"),
        (gzip.compress(b"1 1 0.5 0\n", mtime=0), "flags must be whole numbers"),
        (gzip.compress(b"1 1 nan 0\n", mtime=0), "flags must be whole numbers"),
        (gzip.compress(b"1 1 1e300 0\n", mtime=0), "flags must be whole numbers"),
        (gzip.compress(b"5 1 0 0\n1 1 0 0\n", mtime=0), "must be finite and increase"),
        (gzip.compress(b"5 1 0 0\n5 1 0 0\n", mtime=0), "must be finite and increase"),
        (gzip.compress(b"nan 1 0 0\n", mtime=0), "must be finite and increase"),
    ],
)
def test_no_light_curve(tmp_path: Path, content: bytes, message: str) -> None:
    """What is no light curve file says why."""
    (tmp_path / "lc.gz").write_bytes(content)
    with pytest.raises(LightCurveError, match=message) as caught:
        lightcurve.read(tmp_path / "lc.gz")
    assert str(caught.value).startswith("lc.gz is no light curve: ")
    assert "\n" not in str(caught.value)


def test_shapes() -> None:
    """Time and flux have the same length."""
    with pytest.raises(LightCurveError, match="same length"):
        lightcurve.lightcurve([1, 2], [1])


@pytest.mark.parametrize("pack", [lambda data: data, gzip.compress], ids=["plain", "gzip"])
def test_lcsg(tmp_path: Path, pack: object) -> None:
    """A file of the stitching group has times in days, and metadata in its header."""
    text = b"# #nsr = 73.5\n# #star = bright one\n# a comment = none\n0.0,1.0,0\n0.5,0.99,1\n"
    (tmp_path / "lc.csv").write_bytes(pack(text))  # type: ignore[operator]
    curve, header = lightcurve.read_lcsg(tmp_path / "lc.csv")
    assert header == {"nsr": 73.5, "star": "bright one"}
    assert curve.time.tolist() == [0, 0.5]
    assert curve.flux.tolist() == [1, 0.99]
    assert curve.flag.tolist() == [0, 1]


@given(curve=light_curves(least=1), name=st.sampled_from(["lc.csv", "lc.csv.gz"]))
@settings(max_examples=30)
def test_write_read_lcsg(tmp_path_factory: pytest.TempPathFactory, curve: LightCurve, name: str) -> None:
    """What is written for the stitching group is read as it was, but for the uncertainties."""
    path = tmp_path_factory.mktemp("files") / name
    lightcurve.write_lcsg(path, curve, {"nsr": 73.5, "star": "a = b"})
    back, header = lightcurve.read_lcsg(path)
    assert header == {"nsr": 73.5, "star": "a = b"}
    for one, other in zip(back[:3], curve[:3], strict=True):
        assert np.array_equal(one, other)
    assert not back.uncertainty.any()


@pytest.mark.parametrize(
    "text",
    ["", "# #a = 1\n", "1,2,0.5\n", "1,2,nan\n", "2,1,0\n1,1,0\n", "1,2\n", "1,a,0\n", "1,2,0\n3,4\n", "\x1f\x8b"],
)
def test_no_lcsg(tmp_path: Path, text: str) -> None:
    """What is no such file says so."""
    (tmp_path / "lc.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(LightCurveError, match="is no LCSG light curve"):
        lightcurve.read_lcsg(tmp_path / "lc.csv")


@given(curve=light_curves(least=1))
@settings(max_examples=20)
def test_write_read_fits(tmp_path_factory: pytest.TempPathFactory, curve: LightCurve) -> None:
    """A FITS file is read as it was written."""
    path = tmp_path_factory.mktemp("files") / "lc.fits"
    lightcurve.write_fits(path, curve, name="a star")
    back, header = lightcurve.read_fits(path)
    assert header == {"TELESCOP": "PLATO", "OBJECT": "a star"}
    for one, other in zip(back, curve, strict=True):
        assert np.array_equal(one, other)
        assert one.dtype == other.dtype


@pytest.mark.parametrize("mission", ["kepler", "tess"])
def test_astropy_reads_fits(tmp_path: Path, mission: str) -> None:
    """The readers of astropy find times, flux, uncertainty and flags."""
    curve = even(5, 0.02)
    curve.flag[3] = 8
    lightcurve.write_fits(tmp_path / "lc.fits", curve, telescope=mission.upper())
    series = TimeSeries.read(tmp_path / "lc.fits", format=f"{mission}.fits")
    assert np.allclose(series.time.jd, curve.time)
    assert np.array_equal(series["flux"], curve.flux)
    assert np.array_equal(series["flux_err"], curve.uncertainty)
    assert np.array_equal(series["quality"], curve.flag)
    assert Table.read(tmp_path / "lc.fits")["TIME"].unit == "d"


def test_lightkurve_reads_fits(tmp_path: Path) -> None:
    """The file is what lightkurve takes for a light curve of its own: tried with 2.6.0, of which these are the rules.

    It is of no mission it knows (no CREATOR), has the columns time, flux, flux_err and quality in the first table, and
    a reference of time by a pair of keywords, none of which is that of Kepler (2454833) or TESS (2457000).
    """
    curve = even(5, 0.02)
    lightcurve.write_fits(tmp_path / "lc.fits", curve, name="a star")
    with fits.open(tmp_path / "lc.fits") as (primary, table):
        assert "CREATOR" not in primary.header
        assert primary.header["ORIGIN"] == "EAS"
        assert [name.lower() for name in table.columns.names] == ["time", "flux", "flux_err", "quality"]
        header = table.header
        assert (header["BJDREFI"], "MJDREFI" in header, "MJDREF" in header) == (0, False, False)
        time = Time(
            table.data["TIME"] + header["JDREFI"] + header["JDREFF"], scale=header["TIMESYS"].lower(), format="jd"
        )
        assert np.allclose(time.value, curve.time)


def kepler(path: Path, **columns: fits.Column) -> None:
    """Write a file as the archive of Kepler has them, some of its columns being others."""
    made = {
        "TIME": fits.Column("TIME", "D", unit="BJD - 2454833", array=[1, np.nan, 2]),
        "SAP_FLUX": fits.Column("SAP_FLUX", "E", unit="e-/s", array=[90, 100, 110]),
        "PDCSAP_FLUX": fits.Column("PDCSAP_FLUX", "E", unit="e-/s", array=[100, 100, np.nan]),
        "PDCSAP_FLUX_ERR": fits.Column("PDCSAP_FLUX_ERR", "E", unit="e-/s", array=[1, 1, np.nan]),
        "SAP_QUALITY": fits.Column("SAP_QUALITY", "J", array=[0, 0, 128]),
    }
    present = [column for column in (made | columns).values() if column is not None]
    fits.HDUList([fits.PrimaryHDU(), fits.BinTableHDU.from_columns(present)]).writeto(path)


def test_fits_of_kepler(tmp_path: Path) -> None:
    """A file of Kepler has its corrected flux over the median, its flags, and no row without a time."""
    kepler(tmp_path / "kplr.fits")
    curve, header = lightcurve.read_fits(tmp_path / "kplr.fits")
    assert header == {}
    assert curve.time.tolist() == [1, 2]
    assert curve.flux[0] == 1
    assert np.isnan(curve.flux[1])
    assert curve.flag.tolist() == [0, 128]
    assert curve.uncertainty == pytest.approx([0.01, 0])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"TIME": None}, "it has no table with a column TIME"),
        ({"SAP_FLUX": None, "PDCSAP_FLUX": None}, "it has none of the columns FLUX, PDCSAP_FLUX, SAP_FLUX"),
        ({"PDCSAP_FLUX": fits.Column("PDCSAP_FLUX", "8A", array=["a", "b", "c"])}, "could not convert"),
        ({"PDCSAP_FLUX": fits.Column("PDCSAP_FLUX", "2E", array=np.ones((3, 2)))}, "more than a number in a cell"),
        ({"PDCSAP_FLUX": fits.Column("PDCSAP_FLUX", "E", unit="e-/s", array=[-1, -1, -1])}, "median of its flux is -1"),
        ({"TIME": fits.Column("TIME", "D", array=[2, 1, 0])}, "must be finite and increase"),
        ({"TIME": fits.Column("TIME", "D", array=[np.nan] * 3)}, "it has no samples"),
    ],
)
def test_no_fits(tmp_path: Path, columns: dict[str, fits.Column], message: str) -> None:
    """A FITS file that holds no light curve says why, in one line."""
    kepler(tmp_path / "lc.fits", **columns)
    with pytest.raises(LightCurveError, match=f"^lc.fits is no FITS light curve: .*{message}"):
        lightcurve.read_fits(tmp_path / "lc.fits")


@pytest.mark.parametrize("cut", [0, 1000, 3000, 5800])
def test_broken_fits(tmp_path: Path, cut: int) -> None:
    """A file that is cut off is none."""
    kepler(tmp_path / "lc.fits")
    (tmp_path / "lc.fits").write_bytes((tmp_path / "lc.fits").read_bytes()[:cut])
    with pytest.raises(LightCurveError, match=r"^lc.fits is no FITS light curve: .+$"):
        lightcurve.read_fits(tmp_path / "lc.fits")


# ---------------------------------------------------------------------------------------------------------------------
# Quantities


def test_quantities() -> None:
    """Times and fluxes may have units, and get the units of the light curve."""
    curve = lightcurve.lightcurve([12, 36] * units.hour, [1e6, 999000] * PPM, 0, 50 * PPM)
    assert curve.time.tolist() == [0.5, 1.5]
    assert curve.flux == pytest.approx([1, 0.999])
    assert curve.uncertainty == pytest.approx(5e-5)
    shown = lightcurve.quantities(curve)
    assert shown.time.to_value("h").tolist() == [12, 36]
    assert shown.flux.to_value(PPM) == pytest.approx([1e6, 999000])
    assert lightcurve.truncate(curve, 24 * units.hour).time.tolist() == [0.5]
    assert len(lightcurve.to_fixed_step(curve, 6 * units.hour).time) == 8
    assert lightcurve.resample(curve, [0.5, 1.5] * units.day).lightcurve.flux == pytest.approx(curve.flux)
    assert len(lightcurve.fixed_times(1 * units.hour, 900)) == 4


@pytest.mark.parametrize(
    ("time", "flux", "message"),
    [([1, 2] * units.m, [1, 1], "no time"), ([1, 2], [1, 1] * units.electron, "no relative flux")],
)
def test_units_that_do_not_fit(time: Any, flux: Any, message: str) -> None:
    """A length is no time, and a number of electrons no relative flux."""
    with pytest.raises(LightCurveError, match=message):
        lightcurve.lightcurve(time, flux)


# ---------------------------------------------------------------------------------------------------------------------
# Sampling


@pytest.mark.parametrize(
    ("duration", "cadence", "number"),
    [(1, 25, 3456), (0.3, 900, 29), (240, 900, 23040), (0.1, 8640, 1), (0.11, 8640, 2)],
)
def test_fixed_times(duration: float, cadence: float, number: int) -> None:
    """The end itself is not sampled, and rounding adds nothing."""
    assert len(lightcurve.fixed_times(duration, cadence)) == number


def test_sampling_interval() -> None:
    """The sampling interval is that of most steps, gaps or not."""
    assert lightcurve.sampling_interval(np.array([0, 1, 2, 3, 50, 51.0])) == 1
    with pytest.raises(LightCurveError, match="1 samples has no sampling interval"):
        lightcurve.sampling_interval(np.array([0.0]))


@given(st.integers(3, 50), st.floats(1e-4, 10), st.data())
def test_evenly_sampled(number: int, cadence: float, data: st.DataObject) -> None:
    """A fixed cadence is seen; so is a single sample that is missing, or late by 2 %."""
    time = 3.7 + cadence * np.arange(number, dtype=np.float64)
    assert lightcurve.is_evenly_sampled(time)
    place = data.draw(st.integers(1, number - 2))
    late = time.copy()
    late[place] += 0.02 * cadence
    assert not lightcurve.is_evenly_sampled(late)
    assert number < 4 or not lightcurve.is_evenly_sampled(np.delete(time, place))


@given(light_curves(), st.floats(-110, 130))
def test_truncate(curve: LightCurve, end: float) -> None:
    """Truncating keeps all that is before the end, and nothing else."""
    kept = lightcurve.truncate(curve, end)
    assert len(kept.time) == (curve.time < end).sum()
    assert np.array_equal(kept.flux, curve.flux[: len(kept.time)])


def test_usable() -> None:
    """Flagged samples are not used, nor those without a number."""
    curve = lightcurve.lightcurve([1, 2, 3, 4], [1, np.nan, 3, 4], [0, 0, 1, 0])
    assert lightcurve.usable(curve).time.tolist() == [1, 4]


def test_noise_level() -> None:
    """The noise is found to 1 % in a million samples, with deep transits in them."""
    rng = np.random.default_rng(3)
    flux = rng.normal(0, 2.0, 1_000_000)
    flux[::100_000] -= 1e4
    assert lightcurve.noise_level(flux) == pytest.approx(2.0, rel=0.01)


# ---------------------------------------------------------------------------------------------------------------------
# Resampling


def integral(curve: LightCurve) -> float:
    """Integrate a light curve over its bins."""
    begin, end = lightcurve.bins(curve.time)
    return float(np.sum(curve.flux * (end - begin)))


@given(light_curves(), st.integers(1, 40), st.floats(0.001, 3))
def test_resampling_keeps_the_integral(curve: LightCurve, number: int, cadence: float) -> None:
    """The flux integrated over all time is the same on any new sampling that covers the old one."""
    begin, end = lightcurve.bins(curve.time)
    cadence = max(cadence, (end[-1] - begin[0]) / number)
    time = begin[0] + cadence * (np.arange(-1, number + 1) + 0.5)
    resampled, coverage = lightcurve.resample(curve, time)
    covered = np.where(coverage > 0, resampled.flux, 0) * coverage * cadence
    assert covered.sum() == pytest.approx(integral(curve), rel=1e-6, abs=1e-6)
    assert (coverage * cadence).sum() == pytest.approx((end - begin).sum(), rel=1e-6)


@given(light_curves())
def test_resampling_onto_itself(curve: LightCurve) -> None:
    """On its own times a light curve stays what it is."""
    resampled, coverage = lightcurve.resample(curve, curve.time)
    scale = np.abs(curve.flux).max() + 1
    assert np.abs(resampled.flux - curve.flux).max() < 1e-6 * scale
    assert coverage == pytest.approx(1, rel=1e-6)


@given(light_curves(), st.integers(2, 20), st.floats(-1, 1))
def test_resampling_stays_within_range(curve: LightCurve, number: int, shift: float) -> None:
    """A mean is never above the highest or below the lowest value."""
    time = np.linspace(curve.time[0] + shift, curve.time[-1] + 2 + shift, number)
    flux = lightcurve.resample(curve, time).lightcurve.flux
    flux = flux[np.isfinite(flux)]
    margin = 1e-6 * (np.abs(curve.flux).max() + 1)
    assert (flux >= curve.flux.min() - margin).all()
    assert (flux <= curve.flux.max() + margin).all()


def test_resampling_against_a_direct_sum() -> None:
    """Bins cut at arbitrary places give the mean that a sum over all overlaps gives."""
    curve, time = even(200, 0.013), even(30, 0.071, begin=0.05).time
    (begin, end), (left, right) = lightcurve.bins(curve.time), lightcurve.bins(time)
    resampled = lightcurve.resample(curve, time).lightcurve
    for number in range(30):
        overlap = np.clip(np.minimum(end, right[number]) - np.maximum(begin, left[number]), 0, None)
        assert resampled.flux[number] == pytest.approx(np.sum(overlap * curve.flux) / overlap.sum())


def test_resampled_uncertainty_and_flags() -> None:
    """Nine samples in one have a third of the uncertainty; one bad sample makes the mean bad, with its flags."""
    curve = even(90, 0.01)
    curve.flag[13], curve.flag[14] = 8, 3
    resampled = lightcurve.resample(curve, 0.04 + 0.09 * np.arange(10, dtype=np.float64)).lightcurve
    assert resampled.uncertainty == pytest.approx(0.1 / 3)
    assert resampled.flag.tolist() == [0, 11, 0, 0, 0, 0, 0, 0, 0, 0]
    assert lightcurve.resample(curve, even(20, 0.001, begin=0.3).time).lightcurve.uncertainty == pytest.approx(0.1)


def test_gap_stays_a_gap() -> None:
    """A gap is not filled from its ends."""
    curve = lightcurve.lightcurve([0, 1, 2, 10, 11, 12], [1, 1, 1, 3, 3, 3])
    assert np.isnan(lightcurve.resample(curve, np.array([5.0, 6.0, 7.0])).lightcurve.flux).all()
    resampled, coverage = lightcurve.resample(curve, np.array([-2.0, 6.0, 14.0]))
    assert coverage[1] == pytest.approx((0.5 + 0.5) / 8)
    assert resampled.flux[1] == pytest.approx(2)


@given(light_curves(), st.floats(0.01, 3))
def test_fixed_step_keeps_the_integral(curve: LightCurve, step: float) -> None:
    """On a fixed step a light curve has no gap, its integral, and its flags."""
    fixed = lightcurve.to_fixed_step(curve, step)
    resampled, coverage = lightcurve.resample_to_bins(curve, step)
    begin, end = lightcurve.bins(curve.time)
    assert np.diff(fixed.time) == pytest.approx(step)
    assert len(fixed.time) == pytest.approx((end[-1] - begin[0]) / step, abs=1.01)
    total = np.sum(np.where(coverage > 0, resampled.flux, 0) * coverage * step)
    assert total == pytest.approx(integral(curve), rel=1e-6, abs=1e-6)
    missing = np.isnan(fixed.flux)
    assert (fixed.flag[missing] == 1).all()
    assert not fixed.uncertainty[missing].any()
    assert np.bitwise_or.reduce(fixed.flag[~missing], initial=0) == np.bitwise_or.reduce(curve.flag)


def test_fixed_step_of_its_own() -> None:
    """By default the step is the sampling interval; samples that are there stay as they are."""
    curve = even(20, 0.5)
    fixed = lightcurve.to_fixed_step(lightcurve.select(curve, np.arange(20) != 7))
    assert fixed.time == pytest.approx(curve.time)
    assert np.delete(fixed.flux, 7) == pytest.approx(np.delete(curve.flux, 7))
    assert (np.isnan(fixed.flux[7]), fixed.flag[7], fixed.uncertainty[7]) == (True, 1, 0)
    assert np.delete(fixed.uncertainty, 7) == pytest.approx(0.1)


@pytest.mark.parametrize("step", [0, -1, np.nan, np.inf])
def test_no_step(step: float) -> None:
    """A step is more than nothing, and not endless."""
    with pytest.raises(LightCurveError, match="is none"):
        lightcurve.to_fixed_step(even(5, 1), step)


# ---------------------------------------------------------------------------------------------------------------------
# Arithmetic


@given(light_curves(), st.floats(0.01, 3), st.integers(0, 9))
def test_sum_and_difference(curve: LightCurve, cadence: float, seed: int) -> None:
    """Added and taken away again, a light curve leaves the other as it was, flags and uncertainties being kept."""
    begin, end = lightcurve.bins(curve.time)
    number = 3 + int((end[-1] - begin[0]) / cadence)
    other = even(number, cadence, begin=begin[0], seed=seed)
    back = curve + other - other
    assert np.array_equal(back.time, curve.time)
    assert back.flux == pytest.approx(curve.flux, rel=1e-6, abs=1e-6)
    assert np.array_equal(back.flag, curve.flag)
    assert (back.uncertainty >= curve.uncertainty * (1 - 1e-9)).all()


def test_partly_covered() -> None:
    """What the other covers less than half is left out of a sum."""
    total = even(10, 1) + even(5, 1, begin=2.4)
    assert total.time.tolist() == [2, 3, 4, 5, 6]
    with pytest.raises(LightCurveError, match="do not overlap"):
        _ = even(10, 1) - even(5, 1, begin=20)


def test_numbers() -> None:
    """A light curve can be shifted and scaled by a number."""
    curve = even(5, 1)
    assert np.array_equal((curve + 1).flux, curve.flux + 1)
    assert np.array_equal((curve - 1).flux, curve.flux - 1)
    assert np.array_equal((curve * -2).flux, curve.flux * -2)
    assert (curve * -2).uncertainty == pytest.approx(0.2)


@given(light_curves())
def test_multiply_by_one(curve: LightCurve) -> None:
    """A light curve that is 1 everywhere changes nothing."""
    one = lightcurve.lightcurve(curve.time, np.ones_like(curve.time))
    product = curve * one
    assert np.array_equal(product.time, curve.time)
    assert product.flux == pytest.approx(curve.flux, rel=1e-6, abs=1e-6)
    assert np.array_equal(product.flag, curve.flag)
    assert product.uncertainty == pytest.approx(curve.uncertainty, rel=1e-6, abs=1e-6)


def test_multiply_on_the_times_of_the_first() -> None:
    """The product has the times of the first, as far as the second covers half of its bins at least."""
    first, second = even(100, 0.1), even(50, 0.2 / 3, begin=2.0)
    product = lightcurve.multiply(first, second)
    assert set(product.time) <= set(first.time)
    assert product.time[0] == pytest.approx(2.0)
    assert product.time[-1] == pytest.approx(5.3)
    relative = np.hypot(
        0.1 / first.flux[20:54], 0.1 * np.sqrt(2 / 3) / lightcurve.resample(second, product.time)[0].flux
    )
    assert product.uncertainty[1:-1] == pytest.approx((np.abs(product.flux) * relative)[1:-1])


def test_multiply_apart() -> None:
    """Two light curves of different times have no product."""
    with pytest.raises(LightCurveError, match="do not overlap"):
        lightcurve.multiply(even(10, 0.1), even(10, 0.1, begin=5))
