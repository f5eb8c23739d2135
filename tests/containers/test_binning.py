"""binning: no flux is lost, and quality control sees what is wrong."""

from typing import Any

import numpy as np
import pytest

from eas_worker import lightcurve
from tests.containers.searches import box, results, spoil, stored
from tests.containers.site import Containers
from tests.worker.harness import Site, Try


@pytest.fixture
def binned(containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> Try:
    """Return a light curve of ten days at 600 s in bins of an hour."""
    curve = box(10, 3, 1e-3, t0=1, noise=1e-4, cadence=600)
    curve.flag[7] = 4
    source = stored(Site(tmp_path_factory.mktemp("store")), curve, mes=7.5, sampling_cadence=600.0)
    return containers.made("binning", {"cadence": 3600}, inputs={"lightcurve": source}, outputs=("lightcurve",))


def curve_of(tried: Try) -> lightcurve.LightCurve:
    """Read the light curve that was made."""
    return lightcurve.read(tried.folder / "out" / "lightcurve")


def test_binned(binned: Try) -> None:
    """Bins have the mean of six samples, their flags, and the uncertainty of a mean; metadata are carried over."""
    curve, before = curve_of(binned), box(10, 3, 1e-3, t0=1, noise=1e-4, cadence=600)
    assert len(curve.time) == 240
    assert curve.flux == pytest.approx(before.flux.reshape(-1, 6).mean(axis=1))
    assert curve.uncertainty == pytest.approx(1e-4 / np.sqrt(6))
    assert (curve.flag[0], curve.flag[1], curve.flag[2]) == (0, 4, 0)
    assert binned.run["metadata"] == {"mes": 7.5, "sampling_cadence": 3600}


@pytest.mark.parametrize(
    ("cadence", "message"),
    [(300, "a cadence of 300 s is shorter than that of the light curve, 600 s"), (0, "a cadence of 0 s is shorter")],
)
def test_refused(
    containers: Containers, tmp_path_factory: pytest.TempPathFactory, cadence: float, message: str
) -> None:
    """A light curve cannot be binned to a shorter cadence."""
    source = stored(Site(tmp_path_factory.mktemp("store")), box(1, 3, 1e-3, t0=1, noise=1e-4, cadence=600))
    tried = containers.run("binning", {"cadence": cadence}, {"lightcurve": source}, ("lightcurve",))
    assert tried.run["status"] == "failed"
    assert message in tried.run["message"]


def test_no_light_curve(containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is no light curve is a failure with a clean message."""
    source = stored(Site(tmp_path_factory.mktemp("store")), box(1, 3, 1e-3, t0=1, noise=1e-4, cadence=600))
    spoil(source, "lightcurve", b"\x1f\x8b")
    tried = containers.run("binning", {"cadence": 3600}, {"lightcurve": source}, ("lightcurve",))
    assert tried.run["status"] == "failed"
    assert "is no light curve" in tried.run["message"]


CASES: list[tuple[str, Any, Any]] = [
    ("samples", lambda curve: lightcurve.truncate(curve, 0.08), lambda curve: lightcurve.truncate(curve, 0.04)),
    ("cadence", lambda curve: curve._replace(time=curve.time * 1.0009), lambda c: c._replace(time=c.time * 1.002)),
    (
        "finite",
        lambda curve: curve,
        lambda curve: curve._replace(uncertainty=np.where(curve.time > 9, np.nan, curve.uncertainty)),
    ),
    (
        "flux",
        lambda curve: curve._replace(flux=curve.flux * 1.0009),
        lambda curve: curve._replace(flux=curve.flux * 1.002),
    ),
    ("span", lambda curve: lightcurve.truncate(curve, 9.6), lambda curve: lightcurve.truncate(curve, 9.4)),
]


@pytest.mark.parametrize(("criterion", "good", "bad"), CASES)
def test_criterion(containers: Containers, binned: Try, criterion: str, good: Any, bad: Any) -> None:
    """What is within a bound passes, and what hardly is not does not."""
    curve, found = curve_of(binned), []
    for change in (good, bad):
        lightcurve.write(binned.folder / "changed", change(curve))
        spoil(binned, "lightcurve", (binned.folder / "changed").read_bytes())
        found.append(results(containers, binned)[criterion])
    assert found[0] == "pass"
    assert found[1] in {"warn", "fail"}


def test_corrupted(containers: Containers, binned: Try) -> None:
    """A file that cannot be read closes the gate."""
    spoil(binned, "lightcurve", b"\x1f\x8b\x08")
    assert containers.judge(binned).qc["verdict"] == "error"
