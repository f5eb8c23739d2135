"""A Workflow becomes one for a site, which adds what it says and refuses what it cannot give."""

import json
from pathlib import Path
from typing import Any

import pytest

from eas_argo.cluster.place import image, place
from eas_argo.cluster.profile import Caps, Profile
from eas_compiler.compile import Options, compile_chain

Json = dict[str, Any]
ROOT = Path(__file__).parents[3]
PROFILE = Profile("hpc")
TAG = "{\\u007b"


@pytest.fixture(scope="module")
def workflow() -> Json:
    """Return what the compiler makes of a demo."""
    data = (ROOT / "chains/demo.json").read_bytes()
    found, _ = compile_chain("demo.json", data, Options(registry=ROOT / "registry.yaml"))
    assert found is not None
    return found


def containers(workflow: Json) -> list[Json]:
    """Return the containers of a Workflow."""
    return [one["container"] for one in workflow["spec"]["templates"] if "container" in one]


def test_a_site_that_says_nothing(workflow: Json) -> None:
    """Only the namespace is added."""
    placed = place(workflow, PROFILE, "eas")
    metadata = {**workflow["metadata"], "namespace": "eas"}
    assert placed == ({**workflow, "metadata": metadata}, (), ())


def test_what_is_given_stays(workflow: Json) -> None:
    """The Workflow that is kept with the run is the compiler's."""
    before = json.dumps(workflow)
    place(workflow, PROFILE._replace(images="x.example.org", ephemeral_storage_gb=2, pull_policy="Always"), "eas")
    assert json.dumps(workflow) == before


def test_where_pods_run(workflow: Json) -> None:
    """Accounts, nodes, priority and number of pods are those of the site."""
    profile = Profile(
        "hpc",
        pull_policy="Always",
        service_account="runner",
        node_selector={"disk": "ssd"},
        tolerations=({"key": "science", "operator": "Exists"},),
        priority_class="low",
        parallelism=7,
    )
    spec = place(workflow, profile, "eas").workflow["spec"]
    assert spec["serviceAccountName"] == "runner"
    assert spec["nodeSelector"] == {"disk": "ssd"}
    assert spec["tolerations"] == [{"key": "science", "operator": "Exists"}]
    assert spec["podPriorityClassName"] == "low"
    assert spec["parallelism"] == 7
    assert spec["templateDefaults"]["container"]["imagePullPolicy"] == "Always"
    assert spec["templateDefaults"]["container"]["securityContext"]["readOnlyRootFilesystem"]


def test_storage(workflow: Json) -> None:
    """All pods get the storage of the site."""
    placed = place(workflow, PROFILE._replace(ephemeral_storage_gb=2.5), "eas").workflow
    for container in containers(placed):
        assert container["resources"]["limits"]["ephemeral-storage"] == "2500M"
        assert container["resources"]["requests"]["ephemeral-storage"] == "2500M"


@pytest.mark.parametrize(
    ("name", "prefix", "expected"),
    [
        ("eas/eas_base:0.1", "", "eas/eas_base:0.1"),
        ("eas/eas_base:0.1", "registry.example.org/plato/", "registry.example.org/plato/eas/eas_base:0.1"),
        ("python:3.13", "localhost:5000", "localhost:5000/python:3.13"),
        ("quay.io/eas/base:1", "registry.example.org", "quay.io/eas/base:1"),
        ("localhost/eas:1", "registry.example.org", "localhost/eas:1"),
    ],
)
def test_images(name: str, prefix: str, expected: str) -> None:
    """A prefix stands before images that name no registry themselves."""
    assert image(name, prefix) == expected


def test_caps_on_cores(workflow: Json) -> None:
    """What asks for more cores than there are gets these, with a warning for each task type."""
    placed = place(workflow, PROFILE._replace(caps=Caps(cpu=0.5)), "eas")
    assert {one["resources"]["limits"]["cpu"] for one in containers(placed.workflow)} == {"0.5", "0.1"}
    assert "verify asks for 1 cores and gets 0.5" in placed.warnings
    assert len(placed.warnings) == len(set(placed.warnings))


def test_caps_on_memory(workflow: Json) -> None:
    """What needs more memory than there is, is refused; memory that grows stops growing there."""
    placed = place(workflow, PROFILE._replace(caps=Caps(memory_gb=4)), "eas")
    assert placed.refusals == ()
    assert "the memory of synthesis_batman may grow to 4 GB, instead of 32 GB" in placed.warnings
    assert "min(4000, 1000 * 2" in json.dumps(placed.workflow)
    assert "min(32000" not in json.dumps(placed.workflow)
    refused = place(workflow, PROFILE._replace(caps=Caps(memory_gb=0.5)), "eas").refusals
    assert "verify asks for 1 GB of memory; a pod of this site has at most 0.5 GB" in refused


def test_caps_on_devices(workflow: Json) -> None:
    """What needs a device that is not there is refused."""
    first = next(one for one in workflow["spec"]["templates"] if "container" in one)
    limits = {"cpu": "1", "memory": "1G", "nvidia.com/gpu": "2"}
    greedy = {**first, "container": {**first["container"], "resources": {"limits": limits}}}
    wants = {**workflow, "spec": {**workflow["spec"], "templates": [greedy]}}
    assert place(wants, PROFILE._replace(caps=Caps(gpu=2)), "eas").refusals == ()
    (refusal,) = place(wants, PROFILE._replace(caps=Caps(gpu=1)), "eas").refusals
    assert refusal.endswith("asks for 2 gpu; a pod of this site has at most 1")


def test_caps_on_packed_chains() -> None:
    """Tasks that share a template are known by their types as well."""
    chain = json.dumps({"task_list": [{"task": "null"}] * 101}).encode()
    found, _ = compile_chain("many.json", chain, Options(registry=ROOT / "registry.yaml"))
    assert found is not None
    assert len(found["spec"]["templates"]) < 10
    placed = place(found, PROFILE._replace(caps=Caps(cpu=0.5, memory_gb=4)), "eas")
    assert placed.warnings == ("null asks for 1 cores and gets 0.5",)
    assert placed.refusals == ("null asks for 8 GB of memory; a pod of this site has at most 4 GB",)


def test_what_stands_in_others(workflow: Json) -> None:
    """Templates in the steps of lists, and in child workflows, are changed as well; their tags stay whose they are."""
    pod = {
        "container": {"image": "a:1", "command": ["x", "run"], "env": [{"name": "EAS_TASK", "value": '{"task":"t"}'}]}
    }
    steps = [{"name": "a", "inline": {**pod, "name": TAG + "mine}}"}}]
    inner = {"spec": {"templates": [{"name": "inner", "dag": {"tasks": steps}}]}}
    deep = {"name": "deep", "resource": {"manifest": json.dumps(inner, ensure_ascii=False)}}
    middle = json.dumps({"spec": {"templates": [deep]}, "name": "{{his}}"}).replace("}", "}")
    outer = {
        "metadata": {},
        "spec": {"templates": [{"name": "c", "resource": {"action": "apply", "manifest": middle}}]},
    }
    placed = place(outer, PROFILE._replace(images="r.io", priority_class="low"), "eas").workflow
    manifest = placed["spec"]["templates"][0]["resource"]["manifest"]
    child = json.loads(manifest)
    assert child["name"] == "{{his}}"
    assert "{{his}}" in manifest
    assert child["spec"]["podPriorityClassName"] == "low"
    grandchild = json.loads(child["spec"]["templates"][0]["resource"]["manifest"])
    (task,) = grandchild["spec"]["templates"][0]["dag"]["tasks"]
    assert task["inline"]["container"]["image"] == "r.io/a:1"
    assert task["inline"]["name"] == TAG + "mine}}"


def test_tags_of_a_child() -> None:
    """A tag that is for the child alone is still written so that its parent does not see it."""
    manifest = '{"spec":{"templates":[{"name":"' + TAG + 'inputs.parameters.a}}","x":"{{workflow.name}}"}]}}'
    outer = {"metadata": {}, "spec": {"templates": [{"name": "c", "resource": {"manifest": manifest}}]}}
    placed = place(outer, PROFILE, "eas").workflow
    assert placed["spec"]["templates"][0]["resource"]["manifest"] == manifest


def test_containers_with_nodes_of_their_own(workflow: Json) -> None:
    """What a site says of nodes holds for them, too: Argo would take their own words instead of the site's."""
    own: Json = {"nodeSelector": {"gpu": "a100"}, "tolerations": [{"key": "gpu", "operator": "Exists"}]}
    first = next(one for one in workflow["spec"]["templates"] if "container" in one)
    wants = {**workflow, "spec": {**workflow["spec"], "templates": [{**first, **own}]}}
    science = {"key": "science", "operator": "Exists"}
    profile = PROFILE._replace(
        node_selector={"disk": "ssd", "gpu": "any"}, tolerations=(science, own["tolerations"][0])
    )
    (placed,) = place(wants, profile, "eas").workflow["spec"]["templates"]
    assert placed["nodeSelector"] == {"disk": "ssd", "gpu": "a100"}
    assert placed["tolerations"] == [own["tolerations"][0], science]
