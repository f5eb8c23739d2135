"""synthesis_batman: its formulas, and that quality control sees what is wrong."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eas_worker import lightcurve, transits
from eas_worker.lightcurve import LightCurve
from eas_worker.records import read_product, sha256, write_json
from eas_worker.views import View
from tests.containers.site import Containers, hashes
from tests.worker.harness import Try

SPECS: dict[str, Any] = {
    "duration": 30,
    "t0": 2,
    "planet_radius": 0.9,
    "orbital_period": 8,
    "semi_major_axis": 0.078,
    "noise": 1e-4,
    "sampling_cadence": 600,
}
DEFAULTS = {"eccentricity": 0.0, "star_radius": 9.72836, "orbital_angle": None, "impact_parameter": None}


def specs(**more: Any) -> View:
    """Return complete specifications."""
    return View("setting", DEFAULTS | SPECS | more)


def synthesised(containers: Containers, **more: Any) -> Try:
    """Make a light curve that passes."""
    return containers.made("synthesis_batman", {"specs": SPECS | more}, outputs=("lightcurve",))


def curve_of(tried: Try) -> LightCurve:
    """Read the light curve that was made."""
    return lightcurve.read(tried.folder / "out" / "lightcurve")


def test_sampling(containers: Containers) -> None:
    """Samples are at 0, cadence, … before the end, unflagged, each with the uncertainty of its noise."""
    curve = curve_of(synthesised(containers))
    assert len(curve.time) == 30 * 144
    assert np.allclose(curve.time * 144, np.arange(30 * 144))
    assert not curve.flag.any()
    assert np.allclose(curve.uncertainty, 1e-4 * math.sqrt(25 / 600))


def test_metadata(containers: Containers) -> None:
    """All specifications are emitted, with what was assumed for those that were not given."""
    metadata = synthesised(containers).run["metadata"]
    assert metadata.items() >= SPECS.items()
    assert metadata["star_radius"] == 9.72836
    assert (metadata["orbital_angle"], metadata["impact_parameter"]) == (0, None)
    assert metadata["mes_assume_noise"] == 1e-4
    assert metadata["pixels_in_transit"] + metadata["pixels_out_of_transit"] == 30 * 144


def test_transits_are_where_they_belong(containers: Containers) -> None:
    """Mid-transits are at t0 + k P, and a central one is as deep as the limb-darkened star is bright there."""
    curve = curve_of(synthesised(containers, noise=0))
    for number in range(4):
        near = np.abs(curve.time - 2 - 8 * number) < 0.5
        inside = near & (curve.flux < 1)
        assert curve.time[inside].mean() == pytest.approx(2 + 8 * number, abs=1e-6)
    ratio = 0.9 / 9.72836
    centre = 1 / (1 - 0.1 / 3 - 0.3 / 6)
    assert 1 - curve.flux.min() == pytest.approx(centre * ratio**2, rel=0.01)


def test_duration_of_a_transit(containers: Containers) -> None:
    """A transit lasts as long as geometry says: P/π asin(√((1+k)² - b²) / (a sin i))."""
    k, b = 0.9 / 9.72836, 0.4
    curve = curve_of(synthesised(containers, noise=0, impact_parameter=b, duration=4, sampling_cadence=25))
    a = 0.078 * 149597870700 / (9.72836 * 71492e3)
    inclination = math.acos(b / a)
    expected = 8 / math.pi * math.asin(math.sqrt((1 + k) ** 2 - b**2) / (a * math.sin(inclination)))
    assert np.sum(curve.flux < 1) * 25 / 86400 == pytest.approx(expected, abs=50 / 86400)


def test_angle_and_impact_parameter_agree() -> None:
    """An orbit is given by its angle or by its impact parameter, also when it is eccentric."""
    a = transits.semi_major_axis_in_stars(specs())
    angle = 90 - math.degrees(math.acos(0.5 / (a * 0.8)))
    one, other = specs(orbital_angle=angle, eccentricity=0.2), specs(impact_parameter=0.5, eccentricity=0.2)
    assert transits.inclination(one) == pytest.approx(transits.inclination(other))


@pytest.mark.parametrize("seed", range(5))
def test_mes_is_the_direct_sum(seed: int) -> None:
    """Power, pixels and mes are those of a plain loop over the samples."""
    rng = np.random.default_rng(seed)
    model = np.where(rng.random(500) < 0.1, 1 - 0.01 * rng.random(500), 1.0)
    power, inside = 0.0, 0
    for flux in model.tolist():
        power += 1 - flux
        inside += flux < 1
    signal = transits.signal(model, 3e-4)
    assert signal.integrated_transit_power == pytest.approx(power)
    assert (signal.pixels_in_transit, signal.pixels_out_of_transit) == (inside, 500 - inside)
    assert signal.mes == pytest.approx(power / (3e-4 * math.sqrt(inside)))


def test_mes_at_its_limits() -> None:
    """Without a transit mes is 0; without noise it cannot be told."""
    assert transits.signal(np.ones(10), 1e-4).mes == 0
    assert transits.signal(np.ones(10), 0).mes == 0
    assert transits.signal(np.array([1, 0.9]), 0).mes is None


def test_mes_assumes_the_noise_that_it_is_told(containers: Containers) -> None:
    """A light curve without noise has a mes when it is told which noise to assume."""
    noisy = synthesised(containers).run["metadata"]
    silent = synthesised(containers, noise=0, mes_assume_noise=1e-4).run["metadata"]
    assert silent["mes"] == pytest.approx(noisy["mes"])


def test_noise(containers: Containers) -> None:
    """The noise is white and normal with the standard deviation asked for: noise · √(25 s / cadence)."""
    noise = curve_of(synthesised(containers, planet_radius=0)).flux - 1
    sigma = 1e-4 * math.sqrt(25 / 600)
    assert noise.std() == pytest.approx(sigma, rel=5 / math.sqrt(2 * len(noise)))
    assert abs(noise.mean()) < 5 * sigma / math.sqrt(len(noise))
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 5 / math.sqrt(len(noise))


def test_same_seed_same_file(containers: Containers) -> None:
    """The file depends on the run's seed and on the task's path, and on nothing else."""

    def made(seed: str, path: str) -> str:
        tried = containers.run("synthesis_batman", {"specs": SPECS}, outputs=("lightcurve",), seed=seed, path=path)
        return hashes(tried)["lightcurve"]

    assert made("1", "/t0") == made("1", "/t0")
    assert len({made("1", "/t0"), made("2", "/t0"), made("1", "/t1")}) == 3


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"orbital_angle": 1, "impact_parameter": 0.1}, "they say the same"),
        ({"semi_major_axis": 0.005}, "the planet hits the star"),
        ({"eccentricity": 0.95}, "the planet hits the star"),
        ({"duration": 0}, "specs.duration is 0.0; it must be more than 0"),
        ({"sampling_cadence": 0}, "specs.sampling_cadence is 0.0"),
    ],
)
def test_refused(containers: Containers, more: dict[str, Any], message: str) -> None:
    """What makes no light curve is a failure with a clean message."""
    tried = containers.run("synthesis_batman", {"specs": SPECS | more}, outputs=("lightcurve",))
    assert tried.run["status"] == "failed"
    assert message in tried.run["message"]


def spoil(tried: Try, curve: LightCurve) -> None:
    """Put another light curve in the place of what was made."""
    file: Path = tried.folder / "out" / "lightcurve"
    lightcurve.write(file, curve)
    product = read_product(tried.folder / "products" / "lightcurve")
    product = product._replace(size=file.stat().st_size, sha256=sha256(file))
    write_json(tried.folder / "records" / "run.json", tried.run | {"outputs": {"lightcurve": product._asdict()}})


@pytest.mark.parametrize(
    ("criterion", "change"),
    [
        ("samples", lambda curve: lightcurve.select(curve, curve.time < 0.001)),
        ("begin", lambda curve: curve._replace(time=curve.time + 0.001)),
        ("cadence", lambda curve: curve._replace(time=curve.time * 1.01)),
        ("fixed_cadence", lambda curve: lightcurve.select(curve, np.arange(len(curve.time)) != 1000)),
        ("span", lambda curve: lightcurve.truncate(curve, 29)),
        ("finite", lambda curve: curve._replace(flux=np.where(curve.time > 29, np.nan, curve.flux))),
        ("noise", lambda curve: curve._replace(flux=1 + 1.4 * (curve.flux - 1))),
        ("noise", lambda curve: curve._replace(flux=1 + 0.7 * (curve.flux - 1))),
        ("highest", lambda curve: curve._replace(flux=np.where(curve.time > 29.99, 1.001, curve.flux))),
        ("depth", lambda curve: curve._replace(flux=np.where(curve.time > 29.99, 0.98, curve.flux))),
    ],
)
def test_quality_control_sees(containers: Containers, criterion: str, change: Any) -> None:
    """A light curve that is not what was asked for fails by the criterion that is meant for it."""
    tried = containers.run("synthesis_batman", {"specs": SPECS}, outputs=("lightcurve",))
    spoil(tried, change(curve_of(tried)))
    gate = containers.judge(tried)
    assert gate.qc["verdict"] == "fail"
    assert criterion in [one["name"] for one in gate.qc["criteria"] if one["result"] == "fail"]
