"""synthesis_psls: what psls is told, and what becomes of what it makes; a stand-in takes its place."""

import json
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eas_worker import lightcurve
from eas_worker.views import View
from tests.containers.searches import results, spoil
from tests.containers.site import Containers, program
from tests.worker.harness import Try

SPECS: dict[str, Any] = {
    "duration": 20,
    "t0": 1.3,
    "planet_radius": 1,
    "orbital_period": 6.5,
    "semi_major_axis": 0.068,
    "sampling_cadence": 900,
}
# Writes what psls 2.0 writes: time [s], change of the flux [ppm], flag.
STAND_IN = """#!{python}
import json, sys
import numpy as np
given = json.load(open(sys.argv[1]))
sampling = given["Instrument"]["Sampling"]
number = int(sum(given["Observation"]["QuarterDuration"]) * 86400 / sampling)
cameras = len(given["Instrument"]["GroupID"]) * given["Instrument"]["NCamera"]
noise = given["Instrument"]["RandomNoise"]
sigma = noise["Enable"] * noise["NSR"] * np.sqrt(3600 / sampling / cameras)
change = np.random.default_rng(given["Observation"]["MasterSeed"]).normal(0, sigma, number)
columns = [np.arange(number) * sampling, change, np.zeros(number)]
np.savetxt("%010d.dat" % given["Star"]["ID"], np.column_stack(columns))
"""
BASE: dict[str, Any] = {
    "Observation": {"Gaps": {"Enable": 1}},
    "Instrument": {"RandomNoise": {}, "Systematics": {}},
    "Star": {"Teff": 5750},
    "Transit": {"Enable": 1},
}


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install the stand-in beside a Python of its own."""
    data, programs = tmp_path / "python/share/psls", tmp_path / "python/bin"
    data.mkdir(parents=True)
    programs.mkdir()
    (data / "psls.yaml").write_text(json.dumps(BASE))
    (programs / "psls").write_text(STAND_IN.format(python=sys.executable))
    (programs / "psls").chmod(0o755)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "python"))
    monkeypatch.setattr(sys, "executable", str(programs / "python"))


@pytest.fixture
def attempts(tmp_path_factory: pytest.TempPathFactory) -> Containers:
    """Return the containers."""
    return Containers(tmp_path_factory.mktemp("attempts"))


def made(attempts: Containers, **more: Any) -> Try:
    """Make a light curve that passes."""
    return attempts.made("synthesis_psls", {"specs": SPECS | more}, outputs=("lightcurve",))


def curve_of(tried: Try) -> lightcurve.LightCurve:
    """Read the light curve that was made."""
    return lightcurve.read(tried.folder / "out" / "lightcurve")


@pytest.mark.usefixtures("installed")
def test_light_curve(attempts: Containers) -> None:
    """Samples are at 0, cadence, …; mid-transits at t0 + k P; the noise is that of 24 cameras."""
    tried = made(attempts)
    curve, found = curve_of(tried), tried.run["metadata"]
    assert np.allclose(curve.time * 96, np.arange(20 * 96))
    for number in range(3):
        near = curve.flux[np.abs(curve.time - 1.3 - 6.5 * number) < 0.03]
        assert near == pytest.approx(1 - 0.0115, abs=5e-4)
    sigma = 73e-6 * math.sqrt(4 / 24)
    assert curve.uncertainty == pytest.approx(sigma)
    assert lightcurve.noise_level(curve.flux) == pytest.approx(sigma, rel=0.1)
    assert found["mes"] == pytest.approx(
        found["integrated_transit_power"] / sigma / math.sqrt(found["pixels_in_transit"])
    )
    assert made(attempts).run["metadata"] == found


@pytest.mark.usefixtures("installed")
def test_without_transits(attempts: Containers) -> None:
    """Without transits, and without noise, nothing is put in."""
    tried = made(attempts, enable_transits=0, enable_random_noise=0)
    assert np.array_equal(curve_of(tried).flux, np.ones(1920))
    assert (tried.run["metadata"]["mes"], tried.run["metadata"]["pixels_in_transit"]) == (0, 0)


@pytest.mark.usefixtures("installed")
def test_configuration() -> None:
    """Psls is told what was asked for: quarters of 90 days, a seed, no gaps and no transits of its own."""
    psls = program("synthesis_psls")
    defaults = {"number_camera_groups": 2, "number_cameras_per_group": 3, "enable_random_noise": True, "nsr": 50.0}
    more = {"mask_updates": True, "enable_systematics": True, "mode": "red_giant"}
    given = psls.configuration(json.loads(psls.base()), View("setting", SPECS | defaults | more | {"duration": 200}), 7)
    assert given["Observation"] == {"QuarterDuration": [90, 90, 20], "MasterSeed": 7, "Gaps": {"Enable": 0}}
    assert (given["Instrument"]["GroupID"], given["Instrument"]["NCamera"]) == ([1, 2], 3)
    assert given["Instrument"]["RandomNoise"] == {"Enable": 1, "Type": "User", "NSR": 50}
    assert given["Instrument"]["Systematics"]["Table"].endswith("PLATO_systematics_BOL_V2.npy")
    assert (given["Star"]["ModelType"], given["Star"]["Teff"], given["Transit"]["Enable"]) == ("UP", 5750, 0)


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"sampling_cadence": 30}, "psls takes multiples of 25 s"),
        ({"master_seed": 2**32}, "psls takes less than 4294967296"),
        ({"orbital_angle": 1, "impact_parameter": 0.1}, "they say the same"),
    ],
)
def test_refused(attempts: Containers, more: dict[str, Any], message: str) -> None:
    """What psls would make something else of is a failure with a clean message."""
    tried = attempts.run("synthesis_psls", {"specs": SPECS | more}, outputs=("lightcurve",))
    assert tried.run["status"] == "failed"
    assert message in tried.run["message"]


def test_not_installed(attempts: Containers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no psls, the message says how to get it."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    tried = attempts.run("synthesis_psls", {"specs": SPECS}, outputs=("lightcurve",))
    assert tried.run["status"] == "failed"
    assert "`make psls` installs both" in tried.run["message"]


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("criterion", "good", "bad"),
    [
        ("samples", lambda c: lightcurve.truncate(c, 0.02), lambda c: lightcurve.truncate(c, 0.01)),
        ("cadence", lambda c: c._replace(time=c.time * 1.0009), lambda c: c._replace(time=c.time * 1.002)),
        ("fixed_cadence", lambda c: c, lambda c: lightcurve.select(c, np.arange(1920) != 900)),
        ("span", lambda c: c, lambda c: lightcurve.select(c, np.arange(1920) < 1919)),
        ("finite", lambda c: c, lambda c: c._replace(flux=np.where(c.time > 19, np.nan, c.flux))),
        ("noise", lambda c: c._replace(flux=1 + 1.1 * (c.flux - 1)), lambda c: c._replace(flux=1 + 15 * (c.flux - 1))),
        ("noise", lambda c: c._replace(flux=1 + 0.9 * (c.flux - 1)), lambda c: c._replace(flux=1 + 0.7 * (c.flux - 1))),
        ("mid_transits", lambda c: c, lambda c: c._replace(flux=np.roll(c.flux, 20))),
    ],
)
def test_criterion(attempts: Containers, criterion: str, good: Any, bad: Any) -> None:
    """What is within a bound passes, and what is not does not."""
    tried = attempts.run("synthesis_psls", {"specs": SPECS}, outputs=("lightcurve",))
    curve, found = curve_of(tried), []
    for change in (good, bad):
        lightcurve.write(tried.folder / "changed", change(curve))
        spoil(tried, "lightcurve", (tried.folder / "changed").read_bytes())
        found.append(results(attempts, tried)[criterion])
    assert found[0] == "pass"
    assert found[1] in {"warn", "fail"}
