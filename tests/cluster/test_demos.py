"""The demo chains run on the cluster as they do here: stubs do the work, so that the image is one and small."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from eas.local import Request
from eas_provenance.database import Database
from eas_provenance.store import Store
from tests.cluster.sites import Rows, compiled, differences, on_cluster, on_laptop
from tests.cluster.stubs import DEMOS, scripted, write_programs
from tests.cluster.workflows import submitted, told, wait
from tests.reference.interpreter import lines_by_path

pytestmark = pytest.mark.cluster

ROOT = Path(__file__).parents[2]
ORACLES = ["if_then_else.PASS", "qats_test", "while_loop.FAIL"]
"""Those of some thirty tasks each."""


@pytest.fixture(scope="module")
def requests(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Request]:
    """Compile the demos, the searches of which find what the oracle says."""
    registry = tmp_path_factory.mktemp("registry") / "registry.json"
    registry.write_text(json.dumps(DEMOS), "utf-8")
    found = {}
    for oracle in ORACLES:
        chain, _, outcome = oracle.partition(".")
        given = json.loads((ROOT / f"chains/{chain}.json").read_text("utf-8"))
        script = {"transit_detection": {"metadata": {"outcome": outcome}}} if outcome else {}
        found[oracle] = compiled(chain.replace("_", "-"), json.dumps(scripted(given, script)).encode(), registry)
    return found


@pytest.fixture(scope="module")
def workflows(image: None, requests: dict[str, Request]) -> Iterator[dict[str, str]]:
    """Submit them, and delete them when the tests are done."""
    manifests = {oracle: json.dumps(one.sources.workflow) for oracle, one in requests.items()}
    with submitted(manifests) as names:
        yield names


@pytest.mark.parametrize("oracle", ORACLES)
def test_demo_comes_to_the_tasks_observed_on_both_sites(
    oracle: str,
    requests: dict[str, Request],
    workflows: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The database knows the same of both runs, and the tasks are those of the oracle."""
    stubs = tmp_path / "containers" / "stubs"
    write_programs(stubs, DEMOS["tasks"])
    monkeypatch.setenv("PYTHONPATH", str(stubs))
    here = on_laptop(requests[oracle], Store(tmp_path / "store"), stubs.parent)
    workflow = wait(workflows[oracle])
    with Database.open(tmp_path / "cluster.db") as database:
        there = on_cluster(requests[oracle], workflow, database)
    assert list(differences(here, there)) == [], told(workflow)
    lines = (ROOT / f"tests/golden/oracle/{oracle}.jsonl").read_text("utf-8").splitlines()
    assert tasks(there) == set(lines_by_path(map(json.loads, lines)))


def tasks(rows: Rows) -> set[str]:
    """Return the paths of the tasks."""
    return {row["path"] for row in rows["Task"]}
