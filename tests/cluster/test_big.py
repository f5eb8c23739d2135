"""Chains that are too big for one Workflow: Argo takes what the compiler made of them, and they run as if uncut."""

import json
import time
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest

from eas.simulate import Simulation
from eas_argo.laptop.stubs import Entry, Script
from eas_compiler.compile import Options, compile_chain
from eas_compiler.emit import to_json
from eas_compiler.fit import Limits
from eas_provenance.shards import joined
from eas_provenance.states import States
from tests.cluster.stubs import REGISTRY_FILE, plain, scripted
from tests.cluster.workflows import Workflow, delete, kubectl, submit, told, wait
from tests.reference.writing import FAIL, emits, loop, make, task

pytestmark = pytest.mark.cluster

NODES = 100
AT_A_TIME = 4
GONE_S = 90
HARD = 'it\'s "{{=x}}" {{workflow.uid}} $(HOME) \\n é \u2028 %s'
"""What several tasks of a child say, which is therefore said once, as a parameter of it."""
SUM = "(sum(cell['one']['n'] for row in requested_metadata['grid'] for cell in row['inner']))"
SAID: dict[str, Any] = {"value": [HARD] * 9, "sha256": sha256(json.dumps([HARD] * 9).encode()).hexdigest()}
CHAIN: dict[str, Any] = {
    "job_name": "big",
    "task_list": [
        make("start.gz", "start", qc="inline"),
        loop(
            "a",
            [1, 2],
            loop(
                "b",
                list(range(40)),
                make("'{}_{}.gz'.format(metadata['a_index'], metadata['b_index'])", "one", qc="inline", **SAID),
                name="inner",
            ),
            name="grid",
        ),
        loop(
            "c",
            [0, 1, "(requested_metadata['start']['n'] * 4)"],
            task("make_y", qc="inline"),
            kind="linear_range",
            requires_metadata_from=["start"],
        ),
        loop("d", list(range(20)), task("make_x", qc="inline"), name="broken"),
        task("use", "sum", "grid", value=SUM, sha256=sha256(b"240").hexdigest(), qc="inline"),
        task("make_y", "blocked", "broken"),
    ],
}
SCRIPT = {"make": emits(n=3), "/t3[d=13]/t0": FAIL}


def compiled(limits: Limits) -> tuple[Workflow, Workflow]:
    """Return the Workflow of the chain, and what it would be without limits."""
    text = json.dumps(scripted(CHAIN, SCRIPT)).encode()
    made = []
    for one in (limits, Limits(10**9, 10**9, 10**9)):
        workflow, found = compile_chain("big.json", text, Options(registry=REGISTRY_FILE, limits=one))
        assert workflow is not None
        assert "argo-limit" not in {one.code for one in found.diagnostics}
        made.append(workflow)
    return made[0], made[1]


def children(uid: str) -> list[Workflow]:
    """Return the child workflows of a run."""
    found: list[Workflow] = json.loads(kubectl("get", "workflows", "-l", f"eas/run={uid}", "-o", "json"))["items"]
    return found


@pytest.fixture(scope="module")
def run(image: None) -> Iterator[Workflow]:
    """Run the chain, with small Workflows."""
    name = submit(to_json(compiled(Limits(nodes=NODES))[0]))
    try:
        yield wait(name)
    finally:
        delete(name)


def test_a_cut_run_is_the_uncut_one(run: Workflow) -> None:
    """All tasks end as the simulation of the uncut manifest says, of a loop that only the run can tell too."""
    cut, whole = compiled(Limits(nodes=NODES))
    entries = {key: Entry(said.get("metadata", {}), said.get("verdict", "pass")) for key, said in plain(SCRIPT).items()}
    simulation = Simulation(whole, Script(entries))
    states = States(cut)
    for node in joined([run, *children(run["metadata"]["uid"])]):
        states.update(node)
    expected = {path: (one.state, one.verdict) for path, one in simulation.states.tasks.items()}
    assert {path: (one.state, one.verdict) for path, one in states.tasks.items()} == expected, told(run)
    assert (run["status"]["phase"], states.is_failed) == ("Failed", True)
    assert states.tasks["/t4"].state == "succeeded"


def test_workflows_are_small_and_few_at_a_time(run: Workflow) -> None:
    """No Workflow has more nodes than it may, and no loop more children at work than there are locks."""
    found = children(run["metadata"]["uid"])
    assert len(found) == 2 * 3 + 1 + 2
    assert max(len(one["status"]["nodes"]) for one in (run, *found)) <= NODES
    for number in range(3):
        begun = f"{run['metadata']['name']}-{number}-"
        times = [one["status"] for one in found if one["metadata"]["name"].startswith(begun)]
        ends = sorted([(one["finishedAt"], -1) for one in times] + [(one["startedAt"], 1) for one in times])
        at_work = [sum(change for _, change in ends[: at + 1]) for at in range(len(ends))]
        assert max(at_work) <= AT_A_TIME


def test_children_go_with_their_run(run: Workflow) -> None:
    """Who deletes a run's Workflow deletes its children."""
    delete(run["metadata"]["name"])
    end = time.monotonic() + GONE_S
    while children(run["metadata"]["uid"]):
        assert time.monotonic() < end, "there are children left"
        time.sleep(2)
