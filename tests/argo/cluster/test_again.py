"""The next life of a run begins with what stays; what is done again, and what depends on it, is not there."""

import base64
import gzip
import json
from typing import Any

import pytest

from eas_argo.cluster import again
from eas_argo.cluster.again import Life
from eas_argo.cluster.errors import ClusterError

Json = dict[str, Any]
SPEC: Json = {
    "entrypoint": "chain",
    "shutdown": "Terminate",
    "templates": [
        {
            "name": "chain",
            "dag": {
                "tasks": [
                    {"name": "loop", "template": "list"},
                    {"name": "after", "template": "pod", "depends": "loop.Succeeded || loop.Skipped"},
                    {"name": "beside", "template": "pod"},
                ]
            },
        },
        {
            "name": "list",
            "dag": {
                "tasks": [
                    {"name": "x", "template": "pod"},
                    {"name": "x-qc", "template": "pod", "depends": "x.Succeeded || x.Failed || x.Errored"},
                    {"name": "y", "template": "pod", "depends": "x-qc.Succeeded"},
                ]
            },
        },
        {
            "name": "pod",
            "outputs": {
                "artifacts": [{"s3": {"key": "{{workflow.name}}-{{workflow.uid}}/.records/attempt-{{retries}}"}}]
            },
            "container": {
                "env": [
                    {"name": "EAS_RUN", "value": "{{workflow.name}}"},
                    {"name": "EAS_ATTEMPT", "value": "{{retries}}"},
                ]
            },
        },
    ],
}


def node(name: str, phase: str = "Succeeded", kind: str = "Retry", template: str = "pod") -> Json:
    """Return a node of the run `a`."""
    identifier = again.node_id("a", name)
    given = {
        "id": identifier,
        "name": name,
        "displayName": name,
        "type": kind,
        "phase": phase,
        "templateName": template,
    }
    around = {"boundaryID": again.node_id("a", name.rpartition(".")[0])} if "." in name else {}
    return given | around | {"startedAt": "1", "finishedAt": "2"}


def attempt(name: str, phase: str = "Succeeded") -> Json:
    """Return a try of a node."""
    return node(name, phase, "Pod") | {"nodeFlag": {"retried": True}}


def ended() -> dict[str, Json]:
    """Return the nodes of a run: of two iterations the second failed, after it had been tried twice."""
    found = [
        node("a", "Failed", "DAG", "chain") | {"children": [again.node_id("a", "a.loop")]},
        node("a.loop", "Failed", "TaskGroup", "list"),
        node("a.loop(0:0)", "Succeeded", "DAG", "list"),
        *(node(f"a.loop(0:0).{step}") for step in ("x", "x-qc", "y")),
        attempt("a.loop(0:0).x(0)"),
        node("a.loop(1:1)", "Failed", "DAG", "list") | {"children": [again.node_id("a", "a.loop(1:1).x")]},
        node("a.loop(1:1).x", "Failed"),
        attempt("a.loop(1:1).x(0)", "Failed"),
        attempt("a.loop(1:1).x(1)", "Failed"),
        node("a.loop(1:1).x-qc", "Failed"),
        node("a.loop(1:1).y", "Omitted", "Skipped"),
        node("a.after", "Omitted", "Skipped"),
        node("a.beside"),
    ]
    return {one["id"]: one for one in found}


def workflow(spec: Json = SPEC, **metadata: Any) -> Json:
    """Return the Workflow that has ended."""
    about = {"name": "a", "uid": "1-2", "namespace": "eas", "annotations": {"eas/about": "{}", "other": "x"}}
    return {"apiVersion": "v1", "kind": "Workflow", "metadata": about | metadata, "spec": spec}


def phases(made: Json) -> dict[str, str]:
    """Return the phases of the nodes with which a Workflow begins, by name."""
    return {one["name"]: one["phase"] for one in made["status"]["nodes"].values()}


def test_what_stays() -> None:
    """What failed is not there, nor what depends on it, in its list and around; what it stood in is open."""
    made = again.again(workflow(), ended(), [again.node_id("a", "a.loop(1:1).x")])
    assert phases(made) == {
        "a-2": "Running",
        "a-2.loop": "Running",
        "a-2.loop(0:0)": "Succeeded",
        "a-2.loop(0:0).x": "Succeeded",
        "a-2.loop(0:0).x(0)": "Succeeded",
        "a-2.loop(0:0).x-qc": "Succeeded",
        "a-2.loop(0:0).y": "Succeeded",
        "a-2.loop(1:1)": "Running",
        "a-2.beside": "Succeeded",
    }


def test_what_depends_on_it_is_done_again() -> None:
    """Asked to do again what had passed, all that came after it is done again as well."""
    made = again.again(workflow(), ended(), [again.node_id("a", "a.loop(0:0).x-qc")])
    assert "a-2.loop(0:0).x" in phases(made)
    assert not {"a-2.loop(0:0).x-qc", "a-2.loop(0:0).y", "a-2.after"} & set(phases(made))


def test_what_was_cut_off() -> None:
    """What somebody ended is done, whatever else was asked for."""
    nodes = ended()
    nodes[again.node_id("a", "a.beside")] |= {
        "phase": "Failed",
        "message": "workflow shutdown with strategy:  Terminate",
    }
    made = again.again(workflow(), nodes, [again.node_id("a", "a.loop(1:1).x")])
    assert "a-2.beside" not in phases(made)


def test_lists_in_steps() -> None:
    """What depends on it is done again also where a list has no name of its own."""
    chain, inner, pod = SPEC["templates"]
    tasks = [{"name": "loop", "inline": {"dag": inner["dag"]}}, *chain["dag"]["tasks"][1:]]
    packed = {**SPEC, "templates": [{**chain, "dag": {"tasks": tasks}}, pod]}
    nodes = {key: {**one, "templateName": ""} if "loop" in one["name"] else one for key, one in ended().items()}
    made = again.again(workflow(packed), nodes, [again.node_id("a", "a.loop(0:0).x")])
    assert not {"a-2.loop(0:0).x-qc", "a-2.loop(0:0).y", "a-2.after"} & set(phases(made))


def test_child_workflows() -> None:
    """What was cut into child workflows is not taken up: nobody could say what of them is done again."""
    child = {"name": "shard", "resource": {"manifest": json.dumps({"spec": {"templates": []}})}}
    with pytest.raises(ClusterError, match="child workflows"):
        again.again(workflow({**SPEC, "templates": [*SPEC["templates"], child]}), ended(), [])


def test_links() -> None:
    """Ids, names and what leads from one node to another are those of the new Workflow."""
    made = again.again(workflow(), ended(), [again.node_id("a", "a.loop(1:1).x")])
    nodes = made["status"]["nodes"]
    assert all(one["id"] == key == again.node_id("a-2", one["name"]) for key, one in nodes.items())
    assert nodes["a-2"]["children"] == [again.node_id("a-2", "a-2.loop")]
    assert "children" not in nodes[again.node_id("a-2", "a-2.loop(1:1)")]  # a controller stumbles over unknown ids
    tried = nodes[again.node_id("a-2", "a-2.loop(0:0).x(0)")]
    assert tried["boundaryID"] == again.node_id("a-2", "a-2.loop(0:0)")
    assert nodes["a-2"]["displayName"] == "a-2"


def test_the_same_keys() -> None:
    """Keys, and the name of the run, are those of the first life; tries are numbered on; nothing is shut down."""
    made = again.again(workflow(), ended(), [again.node_id("a", "a.loop(1:1).x")])
    pod = made["spec"]["templates"][2]
    (artifact,) = pod["outputs"]["artifacts"]
    assert artifact["s3"]["key"] == "a-1-2/.records/attempt-{{=asInt(retries) + 2}}"
    assert [one["value"] for one in pod["container"]["env"]] == ["a", "{{=asInt(retries) + 2}}"]
    assert "shutdown" not in made["spec"]
    assert made["metadata"]["labels"] == {"eas/managed": "true", "eas/life-of": "1-2"}
    assert set(made["metadata"]["annotations"]) == {"eas/about", "eas/life"}
    assert again.life_of(made) == Life("a", "1-2", 2, 2)


def test_the_third_life() -> None:
    """It follows from the second as that from the first."""
    second = again.again(workflow(), ended(), [again.node_id("a", "a.loop(1:1).x")])
    second["metadata"]["uid"] = "3"
    retried = {**attempt("a-2.loop(1:1).x(0)", "Failed"), "displayName": "x"}
    third = again.again(second, second["status"]["nodes"] | {"x": retried | {"id": "x"}}, ["x"])
    assert third["metadata"]["name"] == "a-3"
    assert again.life_of(third) == Life("a", "1-2", 3, 3)
    assert "attempt-{{=asInt(retries) + 3}}" in json.dumps(third["spec"])
    assert "asInt(retries) + 2" not in json.dumps(third["spec"])


def test_many_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are handed over as Argo keeps them: compressed."""
    monkeypatch.setattr(again, "_LARGE_BYTES", 10)
    status = again.again(workflow(), ended(), [again.node_id("a", "a.loop(1:1).x")])["status"]
    nodes = json.loads(gzip.decompress(base64.b64decode(status["compressedNodes"])))
    assert len(nodes) == 9


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("submit-again-lhmg6", "submit-again-lhmg6"),
        ("submit-again-lhmg6.t0(1:1).t0-qc(0)", "submit-again-lhmg6-1152463568"),
    ],
)
def test_ids(name: str, expected: str) -> None:
    """They are those that Argo gave, as seen on a cluster."""
    assert again.node_id("submit-again-lhmg6", name) == expected


def test_what_a_controller_writes_anew() -> None:
    """A Workflow is the same when a controller has written down what is empty in it, and amounts in other words."""
    pod = {"name": "pod", "container": {"image": "a", "resources": {"limits": {"memory": "1000M"}}}}
    written = {**pod, "inputs": {}, "outputs": {}, "metadata": {}}
    written["container"] = {"name": "", "image": "a", "resources": {"limits": {"memory": "1G"}}}
    assert again.is_same({"templates": [pod]}, {"templates": [written], "arguments": {}})
    assert not again.is_same({"templates": [pod]}, {"templates": [written | {"container": {"image": "b"}}]})
