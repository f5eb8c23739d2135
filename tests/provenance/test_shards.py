"""The Workflows of a run, as a controller tells of them, are one tree: that of the engine of one machine."""

import zlib
from collections.abc import Collection, Iterable
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eas_argo.laptop.engine import Engine, Run
from eas_argo.laptop.manifest import load
from eas_argo.laptop.stubs import Entry, Script, Stubs
from eas_argo.laptop.work import Site
from eas_compiler.fit import Limits
from eas_provenance.shards import joined, place, waiter
from eas_provenance.states import States
from eas_worker import manifests
from tests.property.chains import Case, cases
from tests.property.test_fit import SMALL
from tests.reference.comparing import compiled

Json = dict[str, Any]
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]
LOOP = {
    "task": "execution_for_loop",
    "parameter": "a",
    "values": [1, 2, 3],
    "task_list": [
        {"task": "execution_for_loop", "parameter": "b", "values": [1, 2, 3], "task_list": [{"task": "null"}]}
    ],
}


def told(workflow: Json, script: Json) -> dict[str, Json]:
    """Return the nodes that the engine of one machine tells of a run, by name."""
    found: dict[str, Json] = {}
    entries = {key: Entry(said.get("metadata", {}), said.get("verdict", "pass")) for key, said in script.items()}

    def observe(node: Json) -> None:
        found[node["name"]] = node

    Engine(load(workflow), Run("run", "0", {}), Stubs(Script(entries)), Site(4.0, 2**62), observe).run()
    return found


def apart(workflow: Json, nodes: dict[str, Json]) -> list[Json]:
    """Return the Workflows that a controller would have made of a run, each with its own nodes in its status."""
    resources = {name: one for name, one in manifests.templates(workflow).items() if "resource" in one}
    made = {"run": {"metadata": {"name": "run"}, "spec": workflow["spec"], "status": {"nodes": {}}}}
    for name in sorted(nodes, key=len):
        above, _, entry = name.rpartition(".")
        around = nodes.get(above, {}).get("templateName")
        if around in resources and entry == manifests.child(resources[around])["spec"]["entrypoint"]:
            waiter = f"{made[within(above, made)]['metadata']['name']}{above[len(within(above, made)) :]}"
            metadata = {"name": f"run-{len(made)}", "annotations": {manifests.WAITER: waiter}}
            spec = manifests.child(resources[around])["spec"]
            made[name] = {"metadata": metadata, "spec": spec, "status": {"nodes": {}}}
        at = within(name, made)
        own = made[at]["metadata"]["name"]
        raw = {**nodes[name], "id": f"{own}-{zlib.crc32(name.encode())}", "name": f"{own}{name[len(at) :]}"}
        if "." in raw["templateName"]:
            raw["templateName"] = "shared-null-run"
        if name in made:
            raw.pop("boundaryID", None)
        else:
            raw["boundaryID"] = f"{own}-{zlib.crc32(raw['boundaryID'].encode())}"
        made[at]["status"]["nodes"][raw["id"]] = raw
    return list(made.values())


def within(name: str, made: Collection[str]) -> str:
    """Return the root, of those that were made, of the Workflow that a node belongs to."""
    return max((root for root in made if name == root or name.startswith((f"{root}.", f"{root}("))), key=len)


def states(workflow: Json, nodes: Iterable[Json]) -> dict[str, Any]:
    """Return what became of the tasks."""
    found = States(workflow)
    for node in nodes:
        found.update(node)
    return {path: (task.state, task.verdict, task.indices) for path, task in found.tasks.items()}


@given(cases(budget=15), SMALL, st.randoms(use_true_random=False))
@settings(max_examples=25, suppress_health_check=SLOW, deadline=None)
def test_the_tree_is_that_of_one_machine(case: Case, limits: Limits, random: Random) -> None:
    """However it was cut and packed, names and templates of all nodes are the engine's, and so are the states."""
    workflow = compiled(case.chain, limits)
    nodes = told(workflow, case.script)
    workflows = apart(workflow, nodes)
    random.shuffle(workflows)
    tree = list(joined(workflows))
    assert {node["name"]: node["templateName"] for node in tree} == {
        name: node["templateName"] for name, node in nodes.items()
    }
    random.shuffle(tree)
    assert states(workflow, tree) == states(workflow, nodes.values())


def test_children_of_children() -> None:
    """What is two levels down has the whole way in its names; a child whose parent is missing has no place."""
    workflow = compiled({"task_list": [LOOP]}, Limits(nodes=14))
    workflows = apart(workflow, told(workflow, {}))
    names = {node["name"] for node in joined(workflows)}
    deep = "run.t0.shard(0:0).t0-range.t0(0:0).t0.shard(0:0).t0-t0-range.t0(0:0).t0"
    assert deep in names
    by_name = {one["metadata"]["name"]: one for one in workflows}
    child = next(one for one in workflows if not (waiter(one) or "run.").startswith("run."))
    assert place(child, {"run": by_name["run"]}) is None
    assert len(list(joined([by_name["run"], child]))) == len(by_name["run"]["status"]["nodes"])
