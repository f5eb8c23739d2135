"""A Workflow is brought within the limits of Argo, and one that is within them stays as it is."""

import json
from typing import Any

import pytest

from eas_compiler.compile import Checked, Options, compile_chain
from eas_compiler.fit import Limits
from eas_worker import manifests
from tests.compiler.compiling import REGISTRY, steps, templates, told

Json = dict[str, Any]
NULL: Json = {"task": "null"}


def fitted(limits: Limits, *tasks: Json, **fields: Any) -> tuple[Json, Checked]:
    """Compile a chain for some limits."""
    text = json.dumps({"job_name": "chain", **fields, "task_list": list(tasks)}).encode()
    workflow, checked = compile_chain("chain.json", text, Options(registry=REGISTRY, seed="1", limits=limits))
    assert workflow is not None, told(checked.diagnostics)
    return workflow, checked


def loop(number: int, *tasks: Json, parameter: str = "i", **fields: Any) -> Json:
    """Write a loop over so many values."""
    return {
        "task": "execution_for_loop",
        "parameter": parameter,
        "values": list(range(number)),
        "task_list": list(tasks),
        **fields,
    }


def child(workflow: Json, name: str) -> Json:
    """Return the child workflow that a template creates."""
    return manifests.child(manifests.templates(workflow)[name])


def test_what_fits_is_not_touched() -> None:
    """At the limits themselves nothing is cut or packed."""
    tasks = [loop(3, NULL), *[NULL] * 4]
    whole, checked = fitted(Limits(), *tasks)
    size = len(whole["spec"]["templates"])
    (part,) = checked.parts
    assert part.nodes == 1 + 1 + 3 * 5 + 4 * 4
    assert fitted(Limits(part.nodes, size, 9), *tasks)[0] == whole
    assert fitted(Limits(part.nodes - 1, size, 9), *tasks)[0] != whole
    assert fitted(Limits(part.nodes, size - 1, 9), *tasks)[0] != whole


# ---------------------------------------------------------------------------------------------------------------------
# Loops that are cut


def test_a_loop_becomes_children() -> None:
    """Its step has a list of shards, whose child runs a range; who waits for the loop waits as before."""
    after = {"task": "null", "requires_metadata_from": ["l"]}
    workflow, checked = fitted(Limits(nodes=30), loop(12, NULL, name="l"), after)
    assert steps(workflow)["t0"] == {
        "name": "t0",
        "template": "t0-shards",
        "arguments": {"parameters": [{"name": "eas-number", "value": "12"}]},
    }
    assert steps(workflow)["t1"]["depends"] == "t0.Succeeded || t0.Skipped"
    shards = templates(workflow)["t0-shards"]
    assert shards["dag"]["tasks"][0]["withSequence"] == {
        "count": "{{=string(int((asInt(inputs.parameters['eas-number']) + 3) / 4))}}"
    }
    assert [(one.path, one.number, one.nodes) for one in checked.parts] == [("/", 1, 13), ("/t0[i]", 3, 22)]
    made = child(workflow, "t0-shard")
    assert made["spec"]["entrypoint"] == "t0-range"
    assert steps(made, "t0-range")["t0"]["withSequence"] == {
        "start": "{{workflow.parameters.eas-first}}",
        "count": "{{workflow.parameters.eas-count}}",
    }


def test_a_child_knows_its_run() -> None:
    """Its name and its keys are made of the run's, it belongs to it, and it has its labels."""
    make = {"task": "make", "outputs": {"file": "'f_{i_index}'.format(**metadata)"}}
    workflow, _ = fitted(Limits(nodes=30), loop(12, make))
    made = child(workflow, "t0-shard")
    assert made["metadata"] == {
        "name": "{{workflow.name}}-0-{{inputs.parameters.eas-shard}}",
        "labels": {"eas/managed": "true", "eas/run": "{{workflow.uid}}"},
        "annotations": {"eas/waiter": "{{node.name}}"},
        "ownerReferences": [
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Workflow",
                "name": "{{workflow.name}}",
                "uid": "{{workflow.uid}}",
            }
        ],
    }
    (key,) = [one["s3"]["key"] for one in templates(made)["t0-t0"]["outputs"]["artifacts"] if one["name"] == "out-file"]
    run = "{{workflow.parameters.eas-prefix}}"
    assert key == f"{run}/chain/f_{{{{inputs.parameters.i}}}}"
    shard = templates(workflow)["t0-shard"]
    assert shard["serviceAccountName"] == "eas-parent"
    assert made["spec"]["serviceAccountName"] == "eas-runner"
    assert shard["synchronization"] == {
        "mutexes": [{"name": "{{workflow.name}}-0-{{=(asInt(inputs.parameters['eas-shard'])) % 4}}"}]
    }


def test_what_is_a_childs_own_is_hidden_from_its_parent() -> None:
    """Nothing that the child runs has a tag that Argo would replace in the parent, at any depth."""
    workflow, _ = fitted(Limits(nodes=14), loop(5, loop(9, NULL, parameter="j")))
    depth = 0
    while True:
        (text,) = [one["resource"]["manifest"] for one in workflow["spec"]["templates"] if "resource" in one]
        head, _, rest = text.partition('"entrypoint"')
        assert "{{" not in rest
        assert "{{" in head
        workflow, depth = json.loads(text), depth + 1
        if not any("resource" in one for one in workflow["spec"]["templates"]):
            break
    assert depth == 2


def test_outer_loops_are_cut_when_inner_ones_do_not_suffice() -> None:
    """5,000 times 5,000 iterations are two levels, each of which fits; no Workflow has more nodes than it may."""
    inner = {"task": "execution_for_loop", "parameter": "j", "linear_range": [0, 1, 5000], "task_list": [NULL]}
    outer = {"task": "execution_for_loop", "parameter": "i", "linear_range": [0, 1, 5000], "task_list": [inner]}
    _, checked = fitted(Limits(), outer)
    assert not codes(checked)
    assert [(one.path, one.number) for one in checked.parts] == [("/", 1), ("/t0[i]", 16), ("/t0[i]/t0[j]", 30_000)]
    assert all(one.nodes <= 5000 for one in checked.parts)


def test_iterations_are_spread_evenly() -> None:
    """No child is much smaller than the others."""
    _, checked = fitted(Limits(nodes=52), loop(11, NULL))
    assert [(one.number, one.nodes) for one in checked.parts[1:]] == [(2, 2 + 6 * 5)]


def test_loops_in_branches_and_repeats_are_cut() -> None:
    """What stands in a branch or a do-while is cut where it stands."""
    branch = {"task": "execution_conditional", "criterion": "(1 < 2)", "task_list": [loop(20, NULL)]}
    repeat = {
        "task": "execution_do_while_loop",
        "iteration_name": "N",
        "repeat_criterion": "(metadata['N_index'] < 2)",
        "max_iterations": 2,
        "task_list": [loop(20, NULL)],
    }
    _, checked = fitted(Limits(nodes=80), branch, repeat)
    assert {one.path for one in checked.parts} == {"/", "/t0?then/t0[i]", "/t1#/t0[i]"}
    assert checked.parts[2].number == 2 * 2


def test_names_of_children_fit() -> None:
    """A run's name leaves room for what its children's names have more, with the random part that a server adds."""
    inner = loop(1000, NULL, parameter="j")
    workflow, _ = fitted(Limits(nodes=100), loop(1000, inner), job_name="n" * 60)
    assert child(workflow, "t0-shard")["metadata"]["name"] == "{{workflow.name}}-1-{{inputs.parameters.eas-shard}}"
    stem = workflow["metadata"]["generateName"]
    assert 50 < len(f"{stem}abcde-0-1000-1000") <= 63
    assert stem.endswith("n-")


# ---------------------------------------------------------------------------------------------------------------------
# Lists that are packed


def test_a_thousand_descriptors() -> None:
    """Alike tasks share templates, lists are divided, and all is there."""
    workflow, checked = fitted(Limits(), *[{**NULL, "name": f"n{number}"} for number in range(1000)])
    assert codes(checked) == []
    lists = ["chain", *(f"chain-more-{number}" for number in range(2, 12))]
    shared = ["shared-null-run", "shared-null-qc"]
    assert [one["name"] for one in workflow["spec"]["templates"]] == [*lists, *shared, "open"]
    assert checked.parts[0].size_bytes < 550_000
    assert len(manifests.templates(workflow)) == len(lists) + 1 + 2000


@pytest.mark.parametrize("limits", [Limits(templates=3, steps=2), Limits(templates=1), Limits(nodes=60, templates=2)])
def test_packed_templates_are_the_plain_ones(limits: Limits) -> None:
    """What was packed is, unpacked, the templates that there would be otherwise, but for their names."""
    make = {"task": "make", "outputs": {"file": "'f_{i_index} {{x}}'.format(**metadata)"}, "b": "$(A) {{b}}"}
    tasks = [loop(3, make, {"task": "use", "inputs": {"one": "'f_{i_index} {{x}}'.format(**metadata)"}}), NULL, NULL]
    plain = _pods(fitted(Limits(), *tasks)[0])
    assert _pods(fitted(limits, *tasks)[0]) == plain


def _pods(workflow: Json) -> list[Json]:
    """Return what pods do, with the descriptions parsed; their names are left out, as are those of the run."""
    found = []
    for template in manifests.templates(workflow).values():
        if "container" in template:
            pod = {key: value for key, value in template.items() if key != "name"}
            env = {one["name"]: one.get("value", "") for one in template["container"]["env"]}
            env["EAS_TASK"] = json.loads(env["EAS_TASK"])
            text = json.dumps({**pod, "container": {**template["container"], "env": env}}, sort_keys=True)
            text = text.replace("{{workflow.parameters.eas-prefix}}", "{{workflow.name}}-{{workflow.uid}}")
            text = text.replace("{{workflow.parameters.eas-name}}", "{{workflow.name}}")
            found.append(json.loads(text.replace("{{workflow.parameters.eas-uid}}", "{{workflow.uid}}")))
    return sorted(found, key=json.dumps)


# ---------------------------------------------------------------------------------------------------------------------
# What no form can carry


def codes(checked: Checked) -> list[tuple[str, str]]:
    """Return the warnings, each with the text that it points at."""
    return [(one.code, one.message) for one in checked.diagnostics if one.code == "argo-limit"]


def test_too_many_nodes_are_told() -> None:
    """A list of tasks cannot be cut, nor can an iteration: the place and the number are told."""
    _, checked = fitted(Limits(nodes=20), *[NULL] * 6)
    assert codes(checked) == [("argo-limit", "the Workflow has up to 25 nodes; more than 20 are not safe")]
    _, checked = fitted(Limits(nodes=20), loop(3, *[NULL] * 6))
    assert ("argo-limit", "a Workflow of this loop has up to 27 nodes; more than 20 are not safe") in codes(checked)


def test_too_large_manifests_are_told() -> None:
    """What Argo could not store is told with its size."""
    _, checked = fitted(Limits(nodes=10**6), *[{**NULL, "name": f"{number:0200}"} for number in range(1500)])
    assert any("Argo stores 1,048,576" in message for _, message in codes(checked))


def test_too_large_annotations_are_told() -> None:
    """Subject and tags travel in an annotation."""
    _, checked = fitted(Limits(), NULL, subject={"name": "x" * 300_000})
    assert ["annotations may have 262,144" in message for _, message in codes(checked)] == [True]


def test_too_deep_lists_are_told() -> None:
    """Argo lets 100 templates stand in each other, and each iteration of a do-while is one."""
    task: Json = NULL
    for number in range(12):
        task = loop(1, task, parameter=f"i{number}")
    repeat = {
        "task": "execution_do_while_loop",
        "iteration_name": "N",
        "repeat_criterion": "(metadata['N_index'] < 2)",
        "max_iterations": 90,
        "task_list": [task],
    }
    _, checked = fitted(Limits(), repeat)
    assert [message for _, message in codes(checked)] == [
        "105 lists and iterations of do-while loops stand in each other; Argo takes 100"
    ]
