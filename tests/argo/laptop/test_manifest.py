"""A manifest is understood as a whole before it runs, or refused with the name of what is not known."""

import json
from typing import Any

import pytest

from eas_argo.laptop.forms import UnsupportedError
from eas_argo.laptop.manifest import OUT_OF_MEMORY, Dag, Growth, Pod, Retry, load
from eas_compiler.parts import memory
from tests.argo.laptop.writing import dag, growing, pod, step, workflow


def loaded(**fields: Any) -> Pod:
    """Load a pod with other fields than usual."""
    template = load(workflow(dag("main", step("x")), pod("other", **fields))).templates["other"]
    assert isinstance(template, Pod)
    return template


def test_a_pod() -> None:
    """Everything about a program is there, in cores, bytes and seconds."""
    given = loaded(cpu="1500m", memory="2Gi", retries=2)
    assert (given.verb, given.cpu, given.memory_bytes, given.gpu, given.time_limit_s) == ("run", 1.5, 2**31, 0, 60.0)
    assert given.retry == Retry(errors=3, exits=2)
    assert json.loads(given.task) == given.description


@pytest.mark.parametrize(
    ("quantity", "amount"),
    [("1", 1), ("1k", 1000), ("1.5M", 1_500_000), ("2G", 2 * 10**9), ("1Ki", 1024), ("3Mi", 3 << 20)],
)
def test_amounts_of_memory(quantity: str, amount: int) -> None:
    """Units are those of Kubernetes."""
    assert loaded(memory=quantity).memory_bytes == amount


@pytest.mark.parametrize(
    ("start_gb", "factor", "most_gb", "tries_gb"),
    [
        (1, 2, 3, [1, 2, 3]),
        (0.1, 1.5, 0.3, [0.1, 0.15, 0.225, 0.3]),
        (1, 10, 1e9, [1, 10, 100]),
        (2, 2, 2, [2]),
        (2, 1, 9, [2]),
        (1, 1_000_000, 1e9, [1, 1e6, 1e9]),
    ],
)
def test_memory_grows_as_the_compiler_says(
    start_gb: float, factor: float, most_gb: float, tries_gb: list[float]
) -> None:
    """Each try after one that was killed for memory gets more, up to the most; how many there are is told, too."""
    growths, patch = memory(start_gb, factor, most_gb)
    given = loaded(memory=f"{round(start_gb * 1000)}M", **growing(growths, patch))
    assert given.retry.growths == growths >= len(tries_gb) - 1
    grown = [given.after(tried, OUT_OF_MEMORY).memory_bytes for tried in range(len(tries_gb))]
    assert grown == [round(gigabytes * 1e9) for gigabytes in tries_gb]
    assert given.after(growths, "killed by SIGKILL").memory_bytes == given.memory_bytes


def test_memory_never_grows_beyond_all_bounds() -> None:
    """What is larger than any number is as large as the most."""
    assert Growth(1000, 1e6, 5000).memory_bytes(1000) == 5 * 10**9


def test_files_of_a_pod() -> None:
    """Artifacts and parameters have their places in the folder of the attempt."""
    artifact = {"name": "f", "path": "/eas/in/f", "s3": {"key": "{{workflow.name}}/f"}, "optional": True}
    parameter = {"name": "n", "valueFrom": {"path": "/eas/n", "default": ""}}
    given = loaded(inputs={"artifacts": [artifact]}, outputs={"parameters": [parameter]})
    assert (given.inputs[0].path, given.inputs[0].optional) == ("in/f", True)
    assert given.results[0] == ("n", "n", "")


def test_a_list() -> None:
    """Who waits for whom, and for whom nobody waits, is known beforehand."""
    main = load(
        workflow(dag("main", step("a"), step("b", "a.Succeeded"), step("c", "a.Failed || b.Failed")))
    ).templates["main"]
    assert isinstance(main, Dag)
    assert main.leaves == ("c",)
    assert main.after == {"a": ("b", "c"), "b": ("c",), "c": ()}


GROWING = str(memory(1, 2, 4)[1])
NO_WORKER = pod("p")
NO_WORKER["container"]["command"] = ["sh"]
OUTSIDE = [{"name": "f", "path": "/tmp/f", "s3": {"key": "f"}}]
EAGER = dag("sub")
EAGER["dag"]["failFast"] = True


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ({"name": "s", "steps": []}, "the template 's' is of a kind"),
        ({"name": "s", "suspend": {}}, "the template 's' is of a kind"),
        (NO_WORKER, "starts the EAS worker only"),
        (EAGER, "'sub' must say failFast: false"),
        (dag("sub", step("x", withItems=[1])), "the step 'x' uses withItems"),
        (dag("sub", step("x", "y.Succeeded")), "'x' depends on 'y', which 'sub' does not have"),
        (dag("sub", step("x", when="{{pod.name}}")), "pod.name"),
        (pod("p", memory="1Xi"), "the amount of memory '1Xi'"),
        (pod("p", inputs={"artifacts": OUTSIDE}), "the artifact 'f' lies outside of /eas/"),
        (pod("p", podSpecPatch='{"containers": [{"resources": {"limits": {"memory": "1M"}}}]}'), "podSpecPatch of 'p'"),
        (pod("p", podSpecPatch=GROWING.replace('"main"', '"wait"')), "podSpecPatch of 'p'"),
        (pod("p", podSpecPatch="{}"), "not a workflow that EAS wrote"),
        ({"name": "d", "dag": {"failFast": False, "tasks": [{"name": "x"}]}}, "not a workflow that EAS wrote"),
    ],
)
def test_what_is_not_known(template: dict[str, Any], reason: str) -> None:
    """Whatever the engine does not know is refused before anything runs, with its name."""
    with pytest.raises(UnsupportedError, match=reason):
        load(workflow(dag("main"), template))


@pytest.mark.parametrize(("depends", "template"), [("", "nowhere"), ("z.Succeeded", "pod"), ("x.Succeeded", "pod")])
def test_what_leads_nowhere(depends: str, template: str) -> None:
    """A step of an unknown template, after an unknown step, or after itself over others, is refused."""
    with pytest.raises(UnsupportedError):
        load(workflow(dag("main", step("x", depends, template=template))))


@pytest.mark.parametrize("broken", [{}, {"spec": {}}, {"metadata": {}, "spec": {"templates": 3}}])
def test_what_is_no_workflow(broken: dict[str, Any]) -> None:
    """Any other object is none."""
    with pytest.raises(UnsupportedError, match="not a workflow that EAS wrote"):
        load(broken)
