"""ingest_external_lcs: every file that can be read becomes a light curve, and quality control sees what is wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eas_worker import lightcurve, runtime
from eas_worker.gathering import WORTHS, key_of
from eas_worker.lightcurve import LightCurve
from eas_worker.records import sha256, write_json
from tests.containers.searches import box
from tests.containers.site import CONTAINERS, described_task
from tests.worker.harness import Site, Try

HEADER: dict[str, float | str] = {"star": "a 1", "2 mass": 7.5, "teff": float("nan")}
DESCRIPTION = described_task(
    "ingest_external_lcs",
    {"lc_type": "lcsg", "input_path": "bright/lc*"},
    inputs={"files": {"names": [{"name": "lc*", "directory": "input:/bright", "found": 0}], "min": 1}},
    outputs={"lightcurve": {"name": "*.gz", "type": "lightcurve", "many": True}},
)


def curve() -> LightCurve:
    """Return a light curve of ten days at 600 s."""
    made = box(10, 3, 1e-3, t0=1, noise=1e-4, cadence=600)
    made.flag[7] = 4
    return made


def ingest(folder: Path, *broken: str) -> Try:
    """Ingest two files, and some that are broken, as the site brings them."""
    site = Site(folder, CONTAINERS / "eas_base")
    attempt = site.new()
    kept = attempt / "in" / "files" / "0" / "lc%2A"
    kept.mkdir(parents=True)
    lightcurve.write_lcsg(kept / "lc%202.csv.gz", curve(), HEADER)
    lightcurve.write_lcsg(kept / "lc1.csv", curve())
    names = ["lc 2.csv.gz", "lc1.csv", *broken]
    for name in broken:
        (kept / name).write_bytes(b"\x1f\x8b\x08")
    product: dict[str, Any] = {"directory": "input:/bright", "type": "external", "metadata": {}}
    products = [product | {"name": name, "sha256": sha256(kept / key_of(name))} for name in names]
    worth = {"path": "", "verdict": "pass", "loop_variables": {}, "product": products}
    (kept.parent / WORTHS).mkdir()
    (kept.parent / WORTHS / kept.name).write_text(json.dumps(worth))
    return Try(attempt, runtime.execute("run", site.environment(attempt, DESCRIPTION)))


def judge(folder: Path, tried: Try) -> dict[str, Any]:
    """Return the record of quality control."""
    count = len(list(folder.iterdir()))
    return Site(folder / f"judging-{count}", CONTAINERS / "eas_base").judge(DESCRIPTION, tried).qc


def test_each_file_becomes_a_light_curve(tmp_path: Path) -> None:
    """Times, fluxes and flags are those of the file; its header is metadata of its light curve alone."""
    tried = ingest(tmp_path)
    assert tried.run["metadata"] == {"count": 2, "unreadable": 0}
    first, second = tried.run["outputs"]["lightcurve"]
    assert (first["name"], second["name"]) == ("lc 2.gz", "lc1.gz")
    assert first["metadata"] == {"star": "a 1", "_2_mass": 7.5, "teff": "nan"}
    assert second["metadata"] == {}
    found, given = lightcurve.read(tried.folder / "out" / "lightcurve" / "lc%202.gz"), curve()
    assert found.time == pytest.approx(given.time, abs=1e-9)
    assert (found.flux == given.flux).all()
    assert (found.flag == given.flag).all()
    assert judge(tmp_path, tried)["reason"] == "pass: 6 criteria"


def test_what_cannot_be_read_is_told_and_the_others_kept(tmp_path: Path) -> None:
    """A corrupted file closes the gate, and says its name; the light curves of the others are there."""
    tried = ingest(tmp_path, "lc3.csv.gz")
    assert tried.run["metadata"] == {"count": 2, "unreadable": 1}
    assert any("lc3.csv.gz is no LCSG light curve" in line["message"] for line in tried.log)
    assert judge(tmp_path, tried)["reason"].startswith("fail: unreadable: number of files that could not be read is 1")


def test_nothing_readable_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When no file can be read, the program says so."""
    monkeypatch.setattr(lightcurve, "write_lcsg", lambda path, *_: path.write_text("no numbers"))
    tried = ingest(tmp_path)
    assert tried.run["status"] == "failed"
    assert tried.run["message"].startswith("none of 2 files could be read; lc 2.csv.gz is no LCSG light curve")


def flux(factor: float) -> Any:
    """Return what multiplies the flux."""
    return lambda one: one._replace(flux=one.flux * factor)


def lost(part: float) -> Any:
    """Return what takes a part of the samples their flux."""
    return lambda one: one._replace(flux=np.where(np.arange(len(one.time)) < part * len(one.time), np.nan, one.flux))


def short(count: int, step_d: float = 0.1) -> Any:
    """Return what leaves a number of samples, so far apart."""
    return lambda _: lightcurve.lightcurve(np.arange(count) * step_d, np.ones(count))


CASES: list[tuple[str, Any, Any]] = [
    ("samples", short(2), short(1)),
    ("span", short(2, 1.1e-6), short(2, 0.9e-6)),
    ("finite", lost(0.49), lost(0.51)),
    ("lowest_flux", flux(0.51), flux(0.49)),
    ("highest_flux", flux(1.99), flux(2.01)),
]


@pytest.mark.parametrize(("criterion", "good", "bad"), CASES)
def test_criterion(tmp_path: Path, criterion: str, good: Any, bad: Any) -> None:
    """What is within a bound passes, and what hardly is not does not, in one light curve of several."""
    tried = ingest(tmp_path)
    found = []
    for change in (good, bad):
        spoil(tried, lambda file, change=change: lightcurve.write(file, change(curve())))
        criteria = judge(tmp_path, tried)["criteria"]
        found.append({one["name"]: one["result"] for one in criteria}[criterion])
    assert found[0] == "pass"
    assert found[1] in {"warn", "fail"}


def test_corrupted(tmp_path: Path) -> None:
    """A light curve that cannot be read back, and one that is not what was committed, close the gate."""
    tried = ingest(tmp_path)
    spoil(tried, lambda file: file.write_bytes(b"\x1f\x8b\x08"))
    assert judge(tmp_path, tried)["verdict"] == "error"
    (tried.folder / "out" / "lightcurve" / "lc1.gz").write_bytes(b"x")
    assert "'lightcurve' (lc1.gz) is not what the program committed" in judge(tmp_path, tried)["reason"]


def spoil(tried: Try, write: Any) -> None:
    """Put another file in the place of the second one."""
    file = tried.folder / "out" / "lightcurve" / "lc1.gz"
    write(file)
    first, second = tried.run["outputs"]["lightcurve"]
    second |= {"size": file.stat().st_size, "sha256": sha256(file)}
    write_json(tried.folder / "records" / "run.json", tried.run | {"outputs": {"lightcurve": [first, second]}})
