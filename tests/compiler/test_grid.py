"""The largest demo against the limits of a controller, by a model of what it keeps: no cluster could run it here.

A child workflow of the grid is run whole by the embedded engine; of its nodes is made what a controller would store.
"""

import base64
import gzip
import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from eas_argo.laptop.engine import Engine, Run
from eas_argo.laptop.manifest import load
from eas_argo.laptop.stubs import Script, Stubs
from eas_argo.laptop.work import Site
from eas_compiler.bounds import MAX_WORKFLOW_BYTES, NODE_BYTES
from eas_compiler.compile import Checked, Options, compile_chain
from eas_worker import manifests

Json = dict[str, Any]
ROOT = Path(__file__).parents[2]
TASKS = 103_680
ETCD_BYTES = 1_500_000
REQUESTS_PER_POD = 4
"""Create, two changes of its status that are seen, delete; the Workflow itself is written once for many."""
QPS = 20
"""How many requests a second a controller sends, unless it is told otherwise."""


class Stored(NamedTuple):
    """What a controller keeps of a Workflow [bytes]: the whole of it, plain and with its nodes compressed."""

    nodes: int
    plain: int
    compressed: int


@pytest.fixture(scope="module")
def grid() -> tuple[Json, Checked]:
    """Compile the grid."""
    file = ROOT / "chains/detection_grid_2d.json"
    workflow, checked = compile_chain(str(file), file.read_bytes(), Options(registry=ROOT / "registry.yaml"))
    assert workflow is not None
    return workflow, checked


@pytest.fixture(scope="module")
def nodes(grid: tuple[Json, Checked]) -> list[Json]:
    """Run one of its children, and return the nodes as Argo would write them."""
    (shard,) = [one for one in grid[0]["spec"]["templates"] if "resource" in one]
    child = manifests.child(shard)
    given = {"seed": "1", "eas-name": "grid", "eas-uid": "0", "eas-prefix": "grid-0"}
    given |= {"eas-first": "0", "eas-count": "12", "index-tda": "1", "index-cadence": "0", "index-size": "7"}
    found: dict[str, Json] = {}
    name = "detection-grid-2d-abcde-0-1-0-7-0"

    def observe(node: Json) -> None:
        found[node["name"]] = node

    Engine(load(child), Run(name, "0", given), Stubs(Script({})), Site(4.0, 2**62), observe).run()
    return [as_argo(name, node) for node in found.values()]


def as_argo(workflow: str, node: Json) -> Json:
    """Return a node with the fields that Argo writes beside those of the embedded engine."""
    found = {**node, "id": f"{workflow}-{fnv(node['name'])}", "templateScope": f"local/{workflow}"}
    found |= {"progress": "1/1", "taskResultSynced": True}
    found["outboundNodes"] = found["children"] = [f"{workflow}-{fnv(node['name'] + '(0)')}"]
    if "boundaryID" in node:
        found["boundaryID"] = f"{workflow}-{fnv(node['boundaryID'])}"
    if node["type"] == "Pod":
        found |= {"hostNodeName": "node-17.cluster.example.org", "resourcesDuration": {"cpu": 61, "memory": 1843}}
    return found


def fnv(text: str) -> int:
    """Return the 32-bit FNV-1a hash of a text, of which Argo makes the ids of nodes."""
    found = 0x811C9DC5
    for byte in text.encode():
        found = ((found ^ byte) * 0x01000193) % 2**32
    return found


def stored(manifest: Json, nodes: list[Json]) -> Stored:
    """Return what a controller keeps of a Workflow with these nodes."""
    status = json.dumps({one["id"]: one for one in nodes}, separators=(",", ":")).encode()
    size = len(json.dumps(manifest, separators=(",", ":")))
    return Stored(len(nodes), size + len(status), size + len(base64.b64encode(gzip.compress(status, mtime=0))))


def test_the_grid_is_cut(grid: tuple[Json, Checked]) -> None:
    """All of its tasks are in children of at most 5,000 nodes, of which their parent has but the waiters."""
    _, checked = grid
    assert "argo-limit" not in {one.code for one in checked.diagnostics}
    run, children = checked.parts
    assert (run.number, children.number) == (1, 144)
    assert run.nodes < 1000
    assert children.nodes <= 5000
    assert run.size_bytes < ETCD_BYTES / 10


def test_a_child_can_be_stored(grid: tuple[Json, Checked], nodes: list[Json]) -> None:
    """Once its nodes are compressed, a child is less than what Argo and etcd take, and as large as was estimated."""
    workflow, checked = grid
    child = manifests.child(next(one for one in workflow["spec"]["templates"] if "resource" in one))
    kept = stored(child, nodes)
    assert kept.plain > MAX_WORKFLOW_BYTES
    assert kept.compressed < MAX_WORKFLOW_BYTES < ETCD_BYTES
    _, part = checked.parts
    assert 0.7 * part.nodes < kept.nodes <= part.nodes
    assert kept.compressed < part.size_bytes + NODE_BYTES * part.nodes
    pods = sum(node["type"] == "Pod" for node in nodes)
    assert part.number is not None
    assert pods * part.number == 2 * TASKS


def test_ids_of_nodes_are_told_apart(grid: tuple[Json, Checked], nodes: list[Json]) -> None:
    """No two nodes of this child have one id; of all nodes of the run in one Workflow, some would."""
    assert len({node["id"] for node in nodes}) == len(nodes)
    _, part = grid[1].parts
    assert _equal_pairs(part.nodes) < 0.003
    assert _equal_pairs(144 * len(nodes)) > 30


def _equal_pairs(number: int) -> float:
    """Return how many pairs of so many 32-bit hashes are expected to be equal."""
    return number * (number - 1) / 2 / 2**32


def test_how_long_requests_take_at_least(grid: tuple[Json, Checked]) -> None:
    """The pods of the tasks take half a day at a controller's usual pace; waiters for children add a thousandth."""
    _, children = grid[1].parts
    assert children.number is not None
    waiters = children.number
    hours = (2 * TASKS + waiters) * REQUESTS_PER_POD / QPS / 3600
    assert 11 < hours < 12
    assert waiters < 2 * TASKS / 1000
