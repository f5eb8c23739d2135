"""transit_search_bls_reference: it finds what is there, agrees with astropy, and is no finer than it has to be."""

import tarfile
from typing import Any

import numpy as np
import pytest
from astropy.timeseries import BoxLeastSquares  # type: ignore[import-untyped]

from eas_worker import boxes
from eas_worker.search import Range
from tests.containers.searches import COMMON, box, stored
from tests.containers.site import Containers, hashes, program
from tests.worker.harness import Site, Try

bls = program("transit_search_bls_reference")


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a place for light curves."""
    return Site(tmp_path_factory.mktemp("store"))


def searched(containers: Containers, source: Try, duration: float, *outputs: str, **settings: float) -> Try:
    """Search a light curve, and expect that it passes."""
    more = {"lc_duration": duration, "search_settings": settings}
    return containers.made("transit_search_bls_reference", more, inputs={"lightcurve": source}, outputs=outputs)


def test_reference_light_curve(containers: Containers, store: Site) -> None:
    """240 d at 900 s, P = 50 d, 1340 ppm in noise of 73 ppm, transits at 13.5 + 50 k d: found, epoch and depth too."""
    source = stored(store, box(240, 50, 1340e-6, t0=13.5, noise=73e-6), orbital_period=50, mes=7.5)
    tried = searched(containers, source, 240)
    found = tried.run["metadata"]
    assert found["period"] == pytest.approx(50, rel=1e-3)
    assert found["epoch"] == pytest.approx(13.5, abs=0.02)
    assert found["depth"] == pytest.approx(1340e-6, rel=0.05)
    assert found["duration"] == pytest.approx(0.25, rel=0.15)
    assert (found["outcome"], found["target_period"], found["harmonic"], found["mes"]) == ("PASS", 50, None, 7.5)
    assert set(found) == {"period", "power", "depth", "duration", "epoch"} | COMMON
    assert tried.run["usage"]["cpu_s"] < 6  # three times what it takes, as machines differ


@pytest.mark.parametrize(
    ("period", "angle", "radius"), [(1.3, 0, 0.15), (4.4, 0, 0.2), (9.7, 1.0, 0.25), (17.1, 0, 0.25)]
)
def test_injection_and_recovery(containers: Containers, period: float, angle: float, radius: float) -> None:
    """A planet that batman puts into 60 d with the noise of PLATO is found, with its epoch."""
    specs = {
        "duration": 60,
        "t0": 1.1,
        "planet_radius": radius,
        "orbital_period": period,
        "semi_major_axis": (period / 365.25) ** (2 / 3),
        "orbital_angle": angle,
        "noise": 0.000315,
        "sampling_cadence": 900,
    }
    source = containers.made("synthesis_batman", {"specs": specs}, outputs=("lightcurve",))
    found = searched(containers, source, 60).run["metadata"]
    assert found["outcome"] == "PASS"
    assert found["period"] == pytest.approx(period, rel=0.05 * found["duration"] / period + 1e-3)
    assert found["epoch"] == pytest.approx(1.1, abs=0.25 * found["duration"])
    assert found["mes"] == source.run["metadata"]["mes"]


def test_nothing_there(containers: Containers, store: Site) -> None:
    """Noise alone gives some period that is not the true one, or no outcome at all; the search itself is fine."""
    curve = box(60, 7, 0, t0=1, noise=1e-4)
    found = searched(containers, stored(store, curve, orbital_period=7), 60, period_min=2).run["metadata"]
    assert found["outcome"] == "FAIL"
    found = searched(containers, stored(store, curve), 60, period_min=2).run["metadata"]
    assert (found["outcome"], found["target_period"], found["mes"]) == ("UNDEFINED", None, None)


def test_harmonic_is_reported(containers: Containers, store: Site) -> None:
    """A search that can only see twice the true period says so."""
    source = stored(store, box(80, 5, 1e-3, t0=2, noise=1e-4), orbital_period=5)
    found = searched(containers, source, 80, period_min=9, period_max=11).run["metadata"]
    assert (found["outcome"], found["harmonic"]) == ("FAIL", pytest.approx(2, rel=0.01))


def test_only_what_comes_before_lc_duration(containers: Containers, store: Site) -> None:
    """What comes after is not used: a planet that appears later is not found."""
    early, late = box(40, 4, 1e-3, t0=1, noise=1e-4), box(80, 6.5, 1e-2, t0=1, noise=1e-4)
    flux = np.where(late.time < 40, np.resize(early.flux, len(late.flux)), late.flux)
    source = stored(store, late._replace(flux=flux), orbital_period=4)
    assert searched(containers, source, 40, period_min=2).run["metadata"]["outcome"] == "PASS"


def test_flagged_samples_are_not_used(containers: Containers, store: Site) -> None:
    """Flagged samples, and such without a flux, change nothing."""
    curve = box(40, 4, 1e-3, t0=1, noise=1e-4)
    bad = np.arange(len(curve.time)) % 300 == 7
    spoilt = curve._replace(flux=np.where(bad, 0.5, curve.flux), flag=bad.astype(np.int64))
    spoilt.flux[15] = np.nan
    assert searched(containers, stored(store, spoilt, orbital_period=4), 40).run["metadata"]["outcome"] == "PASS"


@pytest.mark.parametrize("depth", [0.0, 1e-3])
def test_without_uncertainty(containers: Containers, store: Site, depth: float) -> None:
    """A light curve without noise and uncertainty can be searched, even a flat one."""
    curve = box(40, 4, depth, t0=1, noise=0)
    tried = containers.run(
        "transit_search_bls_reference",
        {"lc_duration": 40},
        inputs={"lightcurve": stored(store, curve, orbital_period=4)},
    )
    assert containers.judge(tried).qc["verdict"] in {"pass", "warn"}
    assert tried.run["metadata"]["outcome"] == ("PASS" if depth else "FAIL")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lc_duration": 0.05}, "5 usable samples before 0.05 d are too few"),
        ({"lc_duration": 40, "search_settings": {"period_min": 30}}, "there are no periods between 30 d and 19.9948 d"),
        ({"lc_duration": 40, "search_settings": {"period_min": 0}}, "there are no periods between 0 d"),
    ],
)
def test_refused(containers: Containers, store: Site, settings: dict[str, Any], message: str) -> None:
    """What cannot be searched is a failure with a clean message."""
    source = stored(store, box(40, 4, 1e-3, t0=1, noise=1e-4))
    tried = containers.run("transit_search_bls_reference", settings, inputs={"lightcurve": source})
    assert tried.run["status"] == "failed"
    assert message in tried.run["message"]


def test_periodogram(containers: Containers, store: Site) -> None:
    """The archive holds the periodogram; the same light curve gives the same bytes."""
    source = stored(store, box(40, 4, 1e-3, t0=1, noise=1e-4))
    tries = [searched(containers, source, 40, "debugging", period_min=2) for _ in range(2)]
    assert hashes(tries[0]) == hashes(tries[1]) != {}
    with tarfile.open(tries[0].folder / "out" / "debugging") as archive:
        member = archive.extractfile("periodogram.txt")
        assert member is not None
        periodogram = np.loadtxt(member)
    assert periodogram[np.argmax(periodogram[:, 1]), 0] == pytest.approx(4, rel=0.01)
    assert (np.diff(periodogram[:, 0]) < 0).all()


def test_quality_control_sees_the_edge(containers: Containers, store: Site) -> None:
    """A signal at the end of the range is a warning: the true one may lie beyond."""
    source = stored(store, box(40, 4, 1e-3, t0=1, noise=1e-4))
    settings = {"lc_duration": 40, "search_settings": {"period_min": 4, "period_max": 7}}
    tried = containers.run(
        "transit_search_bls_reference", settings, inputs={"lightcurve": source}, outputs=("debugging",)
    )
    assert containers.judge(tried).qc["verdict"] == "warn"


# ---------------------------------------------------------------------------------------------------------------------
# Side by side with astropy


def test_agrees_with_astropy_called_directly() -> None:
    """Astropy with all samples and fine durations has the same period and depth, and a power that is hardly higher."""
    curve = box(60, 7.3, 1e-3, t0=2, noise=2e-4, width=0.2)
    best = bls.refine(curve, bls.periodogram_of(curve, Range(1.0, 30.0)), Range(1.0, 30.0))
    direct = BoxLeastSquares(curve.time, curve.flux, curve.uncertainty)
    result = direct.power(np.linspace(7.2, 7.4, 401), np.linspace(0.1, 0.3, 41), oversample=20)
    top = int(np.argmax(result.power))
    assert best["period"] == pytest.approx(result.period[top], rel=1e-3)
    assert best["depth"] == pytest.approx(result.depth[top], rel=0.05)
    assert best["power"] > 0.95 * result.power[top]


def test_agrees_with_the_grid_of_astropy() -> None:
    """On its own, far finer grid astropy finds the same period, in many more trials."""
    curve = box(30, 3.7, 1e-3, t0=2, noise=2e-4, width=0.15)
    ours = bls.periodogram_of(curve, Range(2.0, 10.0))
    direct = BoxLeastSquares(curve.time, curve.flux, curve.uncertainty)
    durations = boxes.RELATIVE_DURATIONS * boxes.solar_duration(2.0)
    theirs = direct.autopower(durations, minimum_period=2.0, maximum_period=10.0, objective="likelihood")
    assert ours.period[np.argmax(ours.power)] == pytest.approx(theirs.period[np.argmax(theirs.power)], rel=5e-3)
    assert ours.power.max() > 0.85 * theirs.power.max()
    assert len(ours.period) < len(theirs.period) / 5
