"""What is done to the cluster meanwhile does not change what a run comes to: nothing is lost, nothing counted twice."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eas.local import Request
from eas_provenance.database import Database
from eas_provenance.store import Store
from tests.cluster.faults import without
from tests.cluster.sites import Rows, compiled, on_cluster, on_laptop
from tests.cluster.stubs import REGISTRY, REGISTRY_FILE, scripted, write_programs
from tests.cluster.workflows import Node, Workflow, delete, get, kubectl, pods, submit, told, wait
from tests.reference.writing import emits, loop, make, use

pytestmark = pytest.mark.cluster

PATIENCE_S = 180
LOST = "/t1"
"""The task whose pod is deleted: it runs so long that the controller has noted it before it has ended."""
CHAIN = {
    "task_list": [
        loop(
            "i",
            [5, 6],
            make("'a_{}.gz'.format(metadata['i_index'])", "a"),
            use("'a_{}.gz'.format(metadata['i_index'])", "'b_{}.gz'.format(metadata['i_index'])"),
        ),
        make("c.gz", "c"),
        use("c.gz", "d.gz"),
    ]
}
SCRIPT = {"make": emits(n=1) | {"seconds": 12}, LOST: emits(n=1) | {"seconds": 30}, "use": emits(n=2) | {"seconds": 1}}


@pytest.fixture(scope="module")
def steady(tmp_path_factory: pytest.TempPathFactory) -> Request:
    """Compile a chain whose first tasks take some seconds."""
    chain = json.dumps(scripted(CHAIN, SCRIPT)).encode()
    return compiled("faults", chain, REGISTRY_FILE)


@pytest.fixture(scope="module")
def expected(steady: Request, tmp_path_factory: pytest.TempPathFactory) -> Rows:
    """Run it where nothing disturbs it."""
    folder = tmp_path_factory.mktemp("laptop")
    write_programs(folder / "containers" / "stubs", REGISTRY["tasks"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder / "containers" / "stubs"))
        return on_laptop(steady, Store(folder / "store"), folder / "containers")


@pytest.fixture
def name(image: None, steady: Request) -> Iterator[str]:
    """Submit it, and wait until its first programs run; delete it in the end."""
    workflow = submit(json.dumps(steady.sources.workflow))
    try:
        until(lambda: len(running(workflow)) == 3, workflow)
        yield workflow
    finally:
        delete(workflow)


def running(workflow: str) -> list[Node]:
    """Return the pods of a workflow whose programs run."""
    return [pod for pod in pods(workflow) if _main(pod).get("state", {}).get("running")]


def _main(pod: Node) -> Node:
    found = [one for one in pod["status"].get("containerStatuses", []) if one["name"] == "main"]
    return found[0] if found else {}


def is_another_of(pod: Node, lost: Node) -> bool:
    """Tell whether a pod is of the same step as a lost one, and not that one."""
    key = "workflows.argoproj.io/node-name"
    names = [one["metadata"]["annotations"][key].rpartition("(")[0] for one in (pod, lost)]
    return names[0] == names[1] and bool(pod["metadata"]["uid"] != lost["metadata"]["uid"])


def phases(workflow: str) -> dict[str, str]:
    """Return the phases of the tries of the outermost list, by what the controller calls them."""
    nodes = get(workflow)["status"]["nodes"].values()
    tries = [node for node in nodes if node["type"] == "Pod" and node["name"] == f"{workflow}.{node['displayName']}"]
    return {node["displayName"]: node["phase"] for node in tries}


def until(test: Callable[[], bool], workflow: str) -> None:
    """Wait until something is so."""
    end = time.monotonic() + PATIENCE_S
    while not test():
        assert time.monotonic() < end, told(get(workflow))
        time.sleep(0.5)


def check(request: Request, expected: Rows, workflow: Workflow, folder: Path) -> Rows:
    """Compare what became of each task, and its last try, with the run that nothing disturbed; return all rows."""
    with Database.open(folder / "cluster.db") as database:
        found = on_cluster(request, workflow, database)
    assert outcome(found) == outcome(expected), told(workflow)
    assert workflow["status"]["phase"] == "Succeeded"
    return found


def outcome(rows: Rows) -> dict[str, Any]:
    """Return what a run came to, however often its programs were tried."""
    last = {row["path"]: row["number"] for row in rows["Attempt"] if row["step"] == "run"}
    found: dict[str, Any] = {table: rows[table] for table in ("Task", "Emitted", "Criterion", "Problem")}
    for table in ("Used", "Version"):
        tries = [row for row in rows[table] if row["number"] == last[row["path"]]]
        found[table] = [{key: value for key, value in row.items() if key != "number"} for row in tries]
    ends = [row for row in rows["Attempt"] if row["step"] == "run" and row["number"] == last[row["path"]]]
    return found | {"ends": [(row["path"], row["phase"], row["exit_code"]) for row in ends]}


def tries(rows: Rows) -> dict[str, int]:
    """Return how often the program of each task was tried."""
    paths = [row["path"] for row in rows["Attempt"] if row["step"] == "run"]
    return {path: paths.count(path) for path in paths}


def test_a_lost_pod_is_tried_again(name: str, steady: Request, expected: Rows, tmp_path: Path) -> None:
    """A pod that somebody deletes while its program runs is made again, without that its task has failed.

    Argo makes it as another try, or, as 4.0.7 does when it finds it missing, as the same one under the same name.
    """
    until(lambda: phases(name).get("t1(0)") == "Running", name)
    pod = next(
        pod
        for pod in running(name)
        if pod["metadata"]["annotations"]["workflows.argoproj.io/node-name"].endswith(".t1(0)")
    )
    kubectl("delete", "pod", pod["metadata"]["name"], "--grace-period=0", "--force")
    until(lambda: any(is_another_of(one, pod) for one in running(name)), name)
    rows = check(steady, expected, wait(name), tmp_path)
    assert {path: count for path, count in tries(rows).items() if path != LOST} == dict.fromkeys(
        tries(expected).keys() - {LOST}, 1
    )
    phases_of = [row["phase"] for row in rows["Attempt"] if (row["path"], row["step"]) == (LOST, "run")]
    assert phases_of in (["Error", "Succeeded"], ["Succeeded"])


def test_a_controller_that_dies_loses_nothing(name: str, steady: Request, expected: Rows, tmp_path: Path) -> None:
    """Programs that end while there is no controller have ended; nothing is tried twice."""
    with without("controller", 15):
        until(lambda: not running(name), name)
    rows = check(steady, expected, wait(name), tmp_path)
    assert tries(rows) == tries(expected)


def test_a_storage_that_is_away_costs_tries(name: str, steady: Request, expected: Rows, tmp_path: Path) -> None:
    """What cannot be kept while S3 is away is made again once it is back."""
    with without("s3", 20):
        until(lambda: not running(name), name)
    check(steady, expected, wait(name), tmp_path)
