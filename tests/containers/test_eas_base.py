"""The tasks that run anywhere: null, error, verify, multiply."""

from pathlib import Path

import numpy as np
import pytest

from eas_worker import lightcurve, runtime
from eas_worker.lightcurve import LightCurve
from tests.containers.site import CONTAINERS, Containers, hashes
from tests.worker.harness import Site, Try, bring, described, worth

STAR = {"duration": 10, "planet_radius": 1, "orbital_period": 3, "semi_major_axis": 0.04, "sampling_cadence": 900}


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site with a program that hands a file on."""
    site = Site(tmp_path_factory.mktemp("store"))
    site.write("""
        import shutil
        shutil.copy(ctx.inputs.file.path, ctx.outputs.lightcurve.path)
        ctx.emit(kept='first', **{ctx.settings.key: ctx.settings.value})
    """)
    return site


def stored(site: Site, curve: LightCurve, key: str = "a", value: float = 1.0) -> Try:
    """Make a product of a light curve."""
    lightcurve.write(site.folder / "curve", curve)
    description = described(
        inputs={"file": "curve"},
        outputs={"lightcurve": "curve.gz"},
        settings={"key": key, "value": value},
        setting_types={"key": {"type": "text"}, "value": {"type": "float"}},
    )
    return site.run(description, {"file": (site.folder / "curve").read_bytes()})


def test_null(containers: Containers) -> None:
    """It does nothing, and that costs next to nothing."""
    tried = containers.made("null")
    assert tried.run["metadata"] == {}
    assert tried.run["usage"]["cpu_s"] < 0.05


def test_null_sleeps(containers: Containers) -> None:
    """It sleeps as long as asked, without using the processor."""
    usage = containers.made("null", {"seconds": 0.1}).run["usage"]
    assert usage["wall_s"] >= 0.1
    assert usage["cpu_s"] < 0.1


def test_error(containers: Containers) -> None:
    """It raises, and can never pass."""
    tried = containers.run("error")
    assert (tried.exit_status, tried.run["message"]) == (1, "RuntimeError: /t0 raises an error, as it was asked to")
    assert containers.judge(tried).qc["verdict"] == "error"


def test_verify(containers: Containers, store: Site) -> None:
    """It emits the ranges, times in days."""
    curve = lightcurve.lightcurve([1, 1.5, 2, 2.5], [1, 0.9, 1.1, 1])
    tried = containers.made("verify", inputs={"lightcurve": stored(store, curve)})
    assert tried.run["metadata"] == {
        "verification_time_min": 1,
        "verification_time_max": 2.5,
        "verification_flux_min": 0.9,
        "verification_flux_max": 1.1,
        "verification": True,
    }


def test_verify_a_gap(containers: Containers, store: Site) -> None:
    """A light curve with a gap is told and fails; negative flux is a warning."""
    curve = lightcurve.lightcurve([1, 1.5, 2, 3], [1, -0.9, 1.1, 1])
    tried = containers.run("verify", inputs={"lightcurve": stored(store, curve)})
    assert tried.run["metadata"]["verification"] is False
    gate = containers.judge(tried)
    assert gate.qc["verdict"] == "fail"
    assert [criterion["result"] for criterion in gate.qc["criteria"]] == ["pass", "warn", "fail"]


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        (lightcurve.lightcurve([1], [1]), "the light curve has 1 samples"),
        (lightcurve.lightcurve([1, 2, 3], [1, np.nan, np.inf]), "the flux of 2 samples is no finite number"),
    ],
)
def test_verify_refuses(containers: Containers, store: Site, curve: LightCurve, message: str) -> None:
    """What cannot be verified is a failure with a clean message."""
    tried = containers.run("verify", inputs={"lightcurve": stored(store, curve)})
    assert tried.run["status"] == "failed"
    assert message in tried.run["message"]


def test_multiply(containers: Containers, store: Site, tmp_path: Path) -> None:
    """The product has the times of the first, the second being resampled, and the metadata of both; the second wins."""
    time_of = {cadence: cadence * np.arange(round(10 / cadence) + 1) for cadence in (0.02, 0.05)}
    one = stored(store, lightcurve.lightcurve(time_of[0.02], 2 + np.sin(time_of[0.02]), 0, 0.1), "a", 1)
    two = stored(store, lightcurve.lightcurve(time_of[0.05], 3 + np.cos(time_of[0.05]), 0, 0.0), "b", 2)
    tried = containers.made("multiply", inputs={"lightcurve_1": one, "lightcurve_2": two}, outputs=("lightcurve",))
    product = lightcurve.read(tried.folder / "out" / "lightcurve")
    assert np.allclose(product.time, time_of[0.02])
    exact = (2 + np.sin(product.time)) * (3 + np.cos(product.time))
    assert np.abs(product.flux / exact - 1).max() < 0.02
    assert tried.run["metadata"] == {"kept": "first", "a": 1.0, "b": 2.0}
    assert tried.product("lightcurve")["metadata"] == tried.run["metadata"]


def test_multiply_in_part(containers: Containers, store: Site) -> None:
    """Samples that the second does not cover are left out; the log says how many, and quality control warns."""
    one = stored(store, lightcurve.lightcurve(np.arange(10.0), np.ones(10)))
    two = stored(store, lightcurve.lightcurve(np.arange(6.0), np.ones(6)))
    tried = containers.run("multiply", inputs={"lightcurve_1": one, "lightcurve_2": two}, outputs=("lightcurve",))
    assert len(lightcurve.read(tried.folder / "out" / "lightcurve").time) == 6
    assert [line["message"].split(":")[0] for line in tried.log] == ["4 of 10 samples are left out"]
    assert containers.judge(tried).qc["reason"].startswith("warn: coverage")


def test_same_seed_same_product(containers: Containers) -> None:
    """The product of the same files has the same hash."""
    curves = {
        f"lightcurve_{n}": containers.run("synthesis_batman", {"specs": STAR}, outputs=("lightcurve",)) for n in (1, 2)
    }
    products = [hashes(containers.made("multiply", inputs=curves, outputs=("lightcurve",))) for _ in range(2)]
    assert products[0] == products[1] != {}


def test_tabulate_writes_a_line_for_each(tmp_path: Path) -> None:
    """Names, loop variables and metadata are columns; what a light curve does not have stays empty."""
    site = Site(tmp_path, CONTAINERS / "eas_base")
    known = [worth("b.gz", "/t0[size=1]/t0", size=2.0, index=1), worth("a.gz", "/t0[size=0]/t0", size=1.0)]
    port = {"names": [{"name": "*.gz"}], "min": 1}
    described_one = described("tabulate", path="/t1", inputs={"lightcurves": port}, outputs={"table": "all.csv"})
    folder = site.new()
    bring(folder, "lightcurves", *known)
    assert runtime.execute("run", site.environment(folder, described_one)) == 0
    assert (folder / "out" / "table").read_text() == "name,size,n,index\na.gz,1.0,a.gz,\nb.gz,2.0,b.gz,1\n"
