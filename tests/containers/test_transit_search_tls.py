"""transit_search_tls: the wrapper says what the package says."""

import gzip

import numpy as np
import pytest

from eas_worker import lightcurve
from tests.containers.searches import box, stored
from tests.containers.site import Containers, program
from tests.worker.harness import Site

tls = program("transit_search_tls")


def test_same_as_the_package(containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Called directly with a light curve whose median is 1, the package finds the very same.

    It takes 1 for the flux out of transit; a median that is off by 1.7e-6 changes a depth of 1e-3 by 0.17 %.
    """
    curve = box(24, 5.2, 1e-3, t0=2.1, noise=1e-4, width=0.15, cadence=1800)
    source = stored(Site(tmp_path_factory.mktemp("store")), curve, orbital_period=5.2)
    settings = {"lc_duration": 24, "period_min": 4, "search_settings": {"period_max": 6}}
    tried = containers.made("transit_search_tls", settings, inputs={"lightcurve": source})
    kept = lightcurve.read(source.folder / "out" / "lightcurve")  # as the program reads it: rounded by its file
    level = np.median(kept.flux)
    assert 1e-6 < abs(level - 1) < 1e-5
    curve_of_1 = (kept.time, kept.flux / level, kept.uncertainty / level)
    model = tls.package().transitleastsquares(*curve_of_1, verbose=False)
    direct = model.power(period_min=4, period_max=6, use_threads=1, show_progress_bar=False, verbose=False)
    found = tried.run["metadata"]
    assert found["period"] == direct.period
    assert found["epoch"] == direct.T0
    assert found["duration"] == direct.duration
    assert found["depth"] == pytest.approx(1 - direct.depth, rel=1e-12)
    assert found["sde"] == pytest.approx(direct.SDE, rel=1e-12)
    assert found["transit_count"] == direct.transit_count == 5


def test_inner_settings_win(containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is given in search_settings wins over what is given beside it."""
    curve = box(24, 5.2, 1e-3, t0=2.1, noise=1e-4, width=0.15, cadence=1800)
    source = stored(Site(tmp_path_factory.mktemp("store")), curve)
    settings = {"lc_duration": 24, "period_min": 9, "search_settings": {"period_min": 4, "period_max": 6}}
    tried = containers.run("transit_search_tls", settings, {"lightcurve": source}, ("debugging",))
    periods = np.array([line.split()[0] for line in archive(tried.folder / "out" / "debugging")], dtype=float)
    assert 4 < periods.min() < 4.1
    assert 5.9 < periods.max() <= 6


def archive(path: object) -> list[str]:
    """Return the rows of a periodogram."""
    with gzip.open(str(path), "rt", encoding="utf-8", errors="ignore") as stream:
        return [line for line in stream.read().replace("\0", "").splitlines() if line[:1].isdigit() and " " in line][
            :-1
        ]


def test_threads_change_nothing() -> None:
    """The spectrum is the same with two processes."""
    curve = box(24, 5.2, 1e-3, t0=2.1, noise=1e-4, width=0.15, cadence=1800)
    one, two = (tls.power(curve, threads, period_min=4, period_max=6) for threads in (1, 2))
    assert np.array_equal(one.power, two.power)


def test_false_alarms() -> None:
    """Of noise alone one light curve in a hundred reaches an efficiency of 7 (Hippke & Heller 2019, A&A 623, A39)."""
    assert tls.package().FAP(7.0) == pytest.approx(0.01, rel=0.1)


def test_negative_flux(containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What TLS does not take is a failure with a clean message."""
    curve = box(24, 5.2, 1e-3, t0=2.1, noise=1e-4, cadence=1800)
    source = stored(Site(tmp_path_factory.mktemp("store")), curve._replace(flux=curve.flux - 1.0005))
    tried = containers.run("transit_search_tls", {"lc_duration": 24}, inputs={"lightcurve": source})
    assert tried.run["status"] == "failed"
    assert tried.run["message"].startswith("TLS takes no flux below 0")


@pytest.mark.parametrize(("shortest", "message"), [(23.0, "TLS: Empty period grid")])
def test_no_period_for_tls(
    containers: Containers, tmp_path_factory: pytest.TempPathFactory, shortest: float, message: str
) -> None:
    """A range in which TLS has no period is a failure with its words."""
    source = stored(Site(tmp_path_factory.mktemp("store")), box(24, 5.2, 1e-3, t0=2.1, noise=1e-4, cadence=1800))
    settings = {"lc_duration": 24, "period_min": shortest}
    tried = containers.run("transit_search_tls", settings, inputs={"lightcurve": source})
    assert (tried.run["status"], tried.run["message"][: len(message)]) == ("failed", message)
