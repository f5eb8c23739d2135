"""completeness: its statistics, and that quality control sees what is wrong."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from eas_worker import runtime
from tests.containers.searches import spoil
from tests.containers.site import CONTAINERS, described_task, program
from tests.worker.harness import Site, Try, bring, worth

completeness = program("completeness")
Planet = completeness.Planet


def planets(threshold: float, number: int = 400) -> list[Any]:
    """Return planets of which those are found whose mes with a normal deviate is above a threshold."""
    rng = np.random.default_rng(4)
    mes = rng.uniform(0, 15, number)
    return [Planet(float(one), bool(one + rng.normal() > threshold)) for one in mes]


def test_parts() -> None:
    """Bins hold the same number of planets, in order of mes; limits are Wilson's."""
    parts = completeness.parts_of(planets(7), 8)
    assert [part.planets for part in parts] == [50] * 8
    assert (np.diff([part.mes for part in parts]) > 0).all()
    assert (parts[0].found, parts[-1].found) == (0, 1)
    assert parts[0].high == pytest.approx(1 / 51)
    half = completeness.part_of([Planet(1.0, True), Planet(2.0, False)])
    assert (half.mes, half.found) == (1.5, 0.5)
    assert half.high - 0.5 == pytest.approx(0.5 / math.sqrt(3))


def test_few_planets() -> None:
    """There is no bin without a planet."""
    assert [part.planets for part in completeness.parts_of(planets(7, 3), 8)] == [1, 1, 1]


@pytest.mark.parametrize("threshold", [4.0, 7.1, 10.0])
def test_threshold(threshold: float) -> None:
    """The threshold by which planets were found is told from what was found."""
    assert completeness.threshold_of(planets(threshold)) == pytest.approx(threshold, abs=0.35)
    assert completeness.expected(threshold, threshold) == 0.5


TABLE = "search,mes,planets,found,low,high\n{}"
ROWS = "tls,2,5,0,0,0.2\ntls,9,5,1,0.8,1\n"


@pytest.fixture
def tried(tmp_path: Path) -> Try:
    """Return a completeness of four searches, and one of which mes is not known."""
    site = Site(tmp_path, CONTAINERS / "eas_worker_summary")
    seen = [(1.0, "FAIL"), (2.0, "FAIL"), (8.0, "PASS"), (9.0, "PASS"), (None, "PASS")]
    port = {"names": [{"name": "*.gz"}], "min": 1}
    files = [worth(f"{k}.gz", f"/t0[tda={k}]/t0", tda="tls") for k in range(len(seen))]
    for file, (mes, outcome) in zip(files, seen, strict=True):
        file["product"]["metadata"] = {"mes": mes, "outcome": outcome}
    outputs = {"table": "c.csv", "picture": "c.png"}
    description = described_task("completeness", {"bins": 2}, path="/t1", inputs={"searches": port}, outputs=outputs)
    folder = site.new()
    bring(folder, "searches", *files)
    return Try(folder, runtime.execute("run", site.environment(folder, description)))


def judged(tried: Try) -> dict[str, str]:
    """Return the result of every criterion."""
    site = Site(tried.folder.parent / "judged", CONTAINERS / "eas_worker_summary")
    description = described_task("completeness", {"bins": 2}, outputs={"table": "c.csv", "picture": "c.png"})
    return {one["name"]: one["result"] for one in site.judge(description, tried).qc["criteria"]}


def test_program(tried: Try) -> None:
    """Searches of which mes is not known are left out; the picture is one."""
    assert tried.run["message"] == ""
    found = tried.run["metadata"]
    assert (found["searches"], found["planets"], found["found"]) == (["tls"], 4, 2)
    assert found["thresholds"] == [pytest.approx(5, abs=1)]
    assert (tried.folder / "out" / "table").read_text().startswith(TABLE.format("tls,1.5,2,0.0,0.0,"))
    assert judged(tried) == {"planets": "warn", "shares": "pass", "rises": "pass", "picture": "pass"}


@pytest.mark.parametrize(
    ("criterion", "port", "content", "result"),
    [
        ("planets", "table", TABLE.format(ROWS), "pass"),
        ("planets", "table", TABLE.format(ROWS.replace("2,5", "2,4")), "warn"),
        ("shares", "table", TABLE.format(ROWS), "pass"),
        ("shares", "table", TABLE.format(ROWS.replace("5,1", "5,1.01")), "fail"),
        ("shares", "table", TABLE.format(""), "fail"),
        ("rises", "table", TABLE.format(ROWS.replace("5,0", "5,1")), "pass"),
        ("rises", "table", TABLE.format(ROWS.replace("5,1", "5,0").replace("5,0", "5,0.1", 1)), "warn"),
        ("picture", "picture", "\x89PNG\r\n\x1a\n", "pass"),
        ("picture", "picture", "PNG", "fail"),
    ],
)
def test_criterion(tried: Try, criterion: str, port: str, content: str, result: str) -> None:
    """What is within its bounds passes, and what hardly is not does not."""
    spoil(tried, port, content.encode("latin-1"))
    assert judged(tried)[criterion] == result
