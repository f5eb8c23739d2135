"""What holds for every transit search: it finds what is there, survives what is not, and is judged by its criteria."""

from __future__ import annotations

import functools
import gzip
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eas_worker import lightcurve, search
from eas_worker.lightcurve import LightCurve
from tests.containers.searches import COMMON, box, reference, results, spoil, stored
from tests.containers.site import REGISTRY, Containers, hashes
from tests.worker.harness import Site, Try

SEARCHES = ["bls_reference", "bls_kovacs", "tls", "qats"]
NARROW = {"period_min": 4.0, "period_max": 7.0}
packed = functools.partial(gzip.compress, mtime=0)


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a place for light curves."""
    return Site(tmp_path_factory.mktemp("store"))


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Containers, Try]]:
    """Return what every search makes of one small light curve, with its periodogram."""
    source = stored(Site(tmp_path_factory.mktemp("source")), small(), orbital_period=5.2)
    made = {}
    for name in SEARCHES:
        containers = Containers(tmp_path_factory.mktemp(name))
        made[name] = containers, searched(containers, name, source, 24, "debugging", **NARROW)
    return made


def small(**more: Any) -> LightCurve:
    """Return a light curve that is searched fast."""
    return box(24, 5.2, 1e-3, t0=2.1, noise=1e-4, width=0.15, **{"cadence": 1800} | more)


def searched(containers: Containers, name: str, source: Try, duration: float, *outputs: str, **wanted: float) -> Try:
    """Search a light curve, and expect that it ends well."""
    settings = {"lc_duration": duration, "search_settings": wanted}
    tried = containers.run(f"transit_search_{name}", settings, inputs={"lightcurve": source}, outputs=outputs)
    assert tried.run["message"] == ""
    return tried


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("bls_reference", {"period_min": 10}),
        ("bls_kovacs", {}),
        ("tls", {"period_min": 40}),
        ("qats", {"period_min": 45, "period_max": 60}),
    ],
)
def test_reference_light_curve(containers: Containers, store: Site, name: str, wanted: dict[str, float]) -> None:
    """240 d at 900 s, P = 50 d, 1340 ppm in noise of 73 ppm, transits at 13.5 + 50 k d: found, where it is cheap."""
    source = stored(store, reference(), orbital_period=50, mes=7.5)
    tried = searched(containers, name, source, 240, **wanted)
    metadata = tried.run["metadata"]
    assert metadata["period"] == pytest.approx(50, rel=1e-3)
    assert metadata["first_transit" if name == "qats" else "epoch"] == pytest.approx(13.5, abs=0.03)
    assert metadata["depth"] == pytest.approx(1340e-6, rel=0.12)  # TLS fits a round transit to the box
    assert metadata["duration"] == pytest.approx(0.25, rel=0.25)
    assert (metadata["outcome"], metadata["target_period"], metadata["mes"]) == ("PASS", 50, 7.5)
    assert set(metadata) == set(REGISTRY["tasks"][f"transit_search_{name}"]["metadata"]) > COMMON
    assert containers.judge(tried).qc["verdict"] == "pass"


@pytest.mark.parametrize("name", SEARCHES)
def test_same_bytes(found: dict[str, tuple[Containers, Try]], store: Site, name: str) -> None:
    """The same light curve gives the same metadata and the same periodogram, by as many threads as it gets."""
    containers, first = found[name]
    source = stored(store, small(), orbital_period=5.2)
    again = searched(containers, name, source, 24, "debugging", **NARROW)
    assert again.run["metadata"] == first.run["metadata"]
    assert hashes(again) == hashes(first) != {}


def gaps(curve: LightCurve) -> LightCurve:
    """Return it with a gap of two days and one of an hour a day."""
    return lightcurve.select(curve, ((curve.time < 8) | (curve.time > 10)) & (curve.time % 1 > 0.04))


def outliers(curve: LightCurve) -> LightCurve:
    """Return it with a sample in a hundred far too bright, and a few cosmic rays."""
    rng = np.random.default_rng(3)
    return curve._replace(flux=curve.flux + np.where(rng.random(len(curve.time)) < 0.01, 3e-3, 0))


def red(curve: LightCurve) -> LightCurve:
    """Return it with noise of a day's memory, as strong as the white one."""
    rng = np.random.default_rng(5)
    walk = np.zeros(len(curve.time))
    for i in range(1, len(walk)):
        walk[i] = walk[i - 1] * np.exp(-1 / 48) + rng.normal(0, 1e-4 * np.sqrt(2 / 48))
    return curve._replace(flux=curve.flux + walk)


def spoilt(curve: LightCurve) -> LightCurve:
    """Return it with fluxes that are no numbers, and flagged ones that are wrong."""
    bad = np.arange(len(curve.time)) % 97 == 7
    flux = np.where(bad, 0.5, curve.flux)
    flux[::101] = np.nan
    return curve._replace(flux=flux, flag=bad.astype(np.int64))


def unknown(curve: LightCurve) -> LightCurve:
    """Return it without uncertainties."""
    return curve._replace(uncertainty=np.zeros_like(curve.uncertainty))


@pytest.mark.parametrize("change", [gaps, outliers, red, spoilt, unknown], ids=lambda change: change.__name__)
@pytest.mark.parametrize("name", SEARCHES)
def test_not_seen_before(containers: Containers, store: Site, name: str, change: Any) -> None:
    """Gaps, outliers, red noise, flagged samples and missing numbers do not hide a planet."""
    source = stored(store, change(small()), orbital_period=5.2)
    tried = searched(containers, name, source, 24, **NARROW)
    assert tried.run["metadata"]["outcome"] == "PASS"
    assert containers.judge(tried).qc["verdict"] == "pass"


@pytest.mark.parametrize("orbit", [{"eccentricity": 0.5}, {"impact_parameter": 0.95}], ids=["eccentric", "grazing"])
@pytest.mark.parametrize("name", SEARCHES)
def test_planets_of_batman(containers: Containers, name: str, orbit: dict[str, float]) -> None:
    """A planet on an eccentric orbit, or one that only grazes its star, is found in the noise of PLATO."""
    specs = {"duration": 24, "t0": 2.1, "planet_radius": 0.6, "orbital_period": 5.2, "semi_major_axis": 0.0587}
    specs |= {"noise": 0.000315, "sampling_cadence": 1800} | orbit
    source = containers.made("synthesis_batman", {"specs": specs}, outputs=("lightcurve",))
    tried = searched(containers, name, source, 24, **NARROW)
    found = tried.run["metadata"]
    assert found["outcome"] == "PASS"
    assert found["first_transit" if name == "qats" else "epoch"] == pytest.approx(2.1, abs=0.3 * found["duration"])
    assert containers.judge(tried).qc["verdict"] == "pass"


@pytest.mark.parametrize("name", SEARCHES)
def test_flat(containers: Containers, store: Site, name: str) -> None:
    """A light curve in which nothing at all happens is searched, and nothing true is found."""
    curve = small()
    source = stored(store, lightcurve.lightcurve(curve.time, np.ones_like(curve.time)), orbital_period=3)
    tried = searched(containers, name, source, 24, "debugging", **NARROW)
    assert tried.run["metadata"]["outcome"] == "FAIL"
    assert containers.judge(tried).qc["verdict"] in {"pass", "warn"}


HOSTILE = [
    (b"", "it has no samples"),
    (b"time flux", "is no light curve"),
    (packed(b"0 1 0 0\n900 1 0\n"), "is no light curve"),
    (packed(b"0 1 0 0\n900 1 0 0\n" * 50)[:-9], "is no light curve"),
    (packed(b"0 1 0 0\n900 1 0 0\n"), "2 usable samples before 24.0 d are too few"),
    (packed(b"".join(b"%d nan 0 0\n" % n for n in range(99))), "0 usable samples before 24.0 d are too few"),
]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [(name, *HOSTILE[3]) for name in SEARCHES] + [("bls_kovacs", *case) for case in HOSTILE],
)
def test_no_light_curve(containers: Containers, store: Site, name: str, content: bytes, message: str) -> None:
    """What cannot be searched is a failure with a message of one line."""
    source = stored(store, small())
    spoil(source, "lightcurve", content)
    settings = {"lc_duration": 24}
    tried = containers.run(f"transit_search_{name}", settings, inputs={"lightcurve": source})
    assert tried.run["status"] == "failed"
    assert message in tried.run["message"]
    assert "\n" not in tried.run["message"]


@pytest.mark.parametrize("name", SEARCHES)
def test_no_periods(containers: Containers, store: Site, name: str) -> None:
    """A range without a period in it is a failure with a clean message."""
    settings = {"lc_duration": 24, "search_settings": {"period_min": 9, "period_max": 8}}
    tried = containers.run(f"transit_search_{name}", settings, inputs={"lightcurve": stored(store, small())})
    assert (tried.run["status"], tried.run["message"]) == ("failed", "there are no periods between 9 d and 8 d")


# ---------------------------------------------------------------------------------------------------------------------
# Quality control: an input that just passes each criterion, and one that just does not

ALL: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("outcome", {"outcome": "UNDEFINED"}, {"outcome": "found"}),
    ("depth", {"depth": 1}, {"depth": 1.01}),
    ("depth", {"depth": 0}, {"depth": -1e-9}),
    ("is_maximum", {}, {"period": 5.2 * 1.031}),
]
PERIODIC: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("period", {"period": 4.0}, {"period": 3.99}),
    ("period", {"period": 7.0}, {"period": 7.01}),
    ("not_at_edge", {"period": 4.0041}, {"period": 4.0039}),
    ("not_at_edge", {"period": 6.9929}, {"period": 6.9931}),
    ("duty", {"duration": 0}, {"duration": -0.01}),
    ("epoch", {"epoch": 24}, {"epoch": 24.01}),
    ("epoch", {"epoch": 0}, {"epoch": -0.01}),
]
OWN: dict[str, list[tuple[str, dict[str, Any], dict[str, Any]]]] = {
    "bls_reference": [
        ("power", {"power": 0}, {"power": -1e-9}),
        ("duty", {"period": 4, "duration": 1}, {"period": 4, "duration": 1.01}),
        ("seconds", {"cpu_s": 900.0, "cpu_children_s": 0.0}, {"cpu_s": 900.0, "cpu_children_s": 0.1}),
    ],
    "bls_kovacs": [
        ("power", {"power": 0}, {"power": -1e-9}),
        ("duty", {"period": 4, "duration": 2}, {"period": 4, "duration": 2.01}),
        ("seconds", {"cpu_s": 900.0, "cpu_children_s": 0.0}, {"cpu_s": 900.0, "cpu_children_s": 0.1}),
    ],
    "tls": [
        ("sde", {"sde": 0}, {"sde": -0.1}),
        ("transit_count", {"transit_count": 1}, {"transit_count": 0}),
        ("duty", {"period": 4, "duration": 1}, {"period": 4, "duration": 1.01}),
        ("seconds", {"cpu_s": 0.0, "cpu_children_s": 72000.0}, {"cpu_s": 0.1, "cpu_children_s": 72000.0}),
    ],
    "qats": [
        ("snr", {"snr": 0}, {"snr": -0.1}),
        ("transit_count", {"transit_count": 2}, {"transit_count": 1}),
        ("first_transit", {"first_transit": 0}, {"first_transit": -0.01}),
        ("last_transit", {"last_transit": 24}, {"last_transit": 24.01}),
        ("period_span", {"duration": 0.1, "period": 5, "period_span": 0.1025}, {"duration": 0.1, "period_span": 0.11}),
        ("period", {"duration": 0.1, "period": 7.1}, {"duration": 0.1, "period": 7.11}),
        ("period", {"duration": 0.1, "period": 3.9}, {"duration": 0.1, "period": 3.89}),
        ("not_at_edge", {"duration": 0.1, "period": 3.91}, {"duration": 0.1, "period": 3.9}),
        ("seconds", {"cpu_s": 7200.0, "cpu_children_s": 0.0}, {"cpu_s": 7200.1, "cpu_children_s": 0.0}),
    ],
}
CASES = [
    (name, criterion, good, bad)
    for name in SEARCHES
    for criterion, good, bad in (*ALL, *(PERIODIC if name != "qats" else ()), *OWN[name])
]


@pytest.mark.parametrize(("name", "criterion", "good", "bad"), CASES)
def test_criterion(
    found: dict[str, tuple[Containers, Try]], name: str, criterion: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    """Of two inputs that hardly differ one is within a bound, and the other beyond it."""
    containers, tried = found[name]
    assert results(containers, tried, **good)[criterion] == "pass"
    assert results(containers, tried, **bad)[criterion] in {"warn", "fail"}


@pytest.mark.parametrize("name", SEARCHES)
def test_every_criterion_is_tested(found: dict[str, tuple[Containers, Try]], name: str) -> None:
    """No criterion is without such a pair, but those of the periodogram, which are below."""
    containers, tried = found[name]
    checked = {criterion for case_name, criterion, *_ in CASES if case_name == name}
    assert set(results(containers, tried)) == checked | {"periodogram_size", "periodogram_finite", "maximum_inside"}


def spoilt_copy(made: tuple[Containers, Try], folder: Path, content: bytes) -> tuple[Containers, Try]:
    """Return a search with another periodogram."""
    shutil.copytree(made[1].folder, folder / "copy")
    copy = Try(folder / "copy", made[1].exit_status)
    spoil(copy, "debugging", content)
    return made[0], copy


@pytest.mark.parametrize(
    ("rows", "criterion", "result"),
    [
        ("5 1; 5.2 9", "periodogram_size", "pass"),
        ("5.2 9", "periodogram_size", "fail"),
        ("5 1; 5.2 9", "periodogram_finite", "pass"),
        ("5 1; 5.2 9; 6 inf", "periodogram_finite", "fail"),
        ("5 1; 5.2 9; 6 1", "maximum_inside", "pass"),
        ("5 1; 5.2 9", "maximum_inside", "warn"),
        ("5 1; 5.2 9", "is_maximum", "pass"),
        ("5.2 1; 6 9", "is_maximum", "fail"),
    ],
)
@pytest.mark.parametrize("name", SEARCHES)
def test_periodogram_criterion(  # noqa: PLR0913, PLR0917
    found: dict[str, tuple[Containers, Try]], tmp_path: Path, name: str, rows: str, criterion: str, result: str
) -> None:
    """A periodogram has to be whole, finite, and highest at the period found, which is not at its end."""
    columns = np.array([[float(word) for word in row.split()] for row in rows.split(";")]).T
    search.write_archive(tmp_path / "archive", "period, power", *columns)
    containers, tried = spoilt_copy(found[name], tmp_path, (tmp_path / "archive").read_bytes())
    assert results(containers, tried, period=5.2)[criterion] == result


@pytest.mark.parametrize("content", [b"", b"no archive", packed(b"no tar file" * 99)])
@pytest.mark.parametrize("name", SEARCHES)
def test_corrupted_archive(found: dict[str, tuple[Containers, Try]], tmp_path: Path, name: str, content: bytes) -> None:
    """A periodogram that cannot be read closes the gate."""
    containers, tried = spoilt_copy(found[name], tmp_path, content)
    judged = containers.judge(tried)
    assert judged.exit_status == 1
    assert judged.qc["verdict"] == "error"
