"""The plain templates of a Workflow, whatever form they were packed in, and which of them made a node."""

from typing import Any

from eas_worker.manifests import Names, child, is_own, templates

Json = dict[str, Any]


def pod(name: str | None = None, **fields: Any) -> Json:
    """Write the template of a pod."""
    return {**({"name": name} if name else {}), "container": {"command": ["x"]}, **fields}


def workflow(*given: Json) -> Json:
    """Write a Workflow."""
    return {"spec": {"entrypoint": "chain", "templates": list(given)}}


def test_plain_templates_stay() -> None:
    """What is not packed is given as it is."""
    given = [
        {"name": "chain", "dag": {"tasks": [{"name": "t0", "template": "t0"}]}},
        pod("t0"),
        {"name": "x", "dag": {}},
    ]
    found = templates(workflow(*given))
    assert list(found.values()) == given
    assert all(one is found[one["name"]] for one in given)


def test_templates_in_steps_are_named_after_these() -> None:
    """Lists in lists, too; the step names them as any other would."""
    inner = {"name": "t0", "inline": pod()}
    found = templates(
        workflow({"name": "chain", "dag": {"tasks": [{"name": "list", "inline": {"dag": {"tasks": [inner]}}}]}})
    )
    assert list(found) == ["chain", "chain.list", "chain.list.t0"]
    assert found["chain"]["dag"]["tasks"] == [{"name": "list", "template": "chain.list"}]
    assert found["chain.list"]["dag"]["tasks"] == [{"name": "t0", "template": "chain.list.t0"}]
    assert found["chain.list.t0"] == pod("chain.list.t0")


def test_shared_templates_are_filled() -> None:
    """Each step has a template of its own, with its texts; other parameters are still handed to it."""
    shared = pod("shared", inputs={"parameters": [{"name": "i"}, {"name": "eas-path"}, {"name": "eas-file-0"}]})
    shared["container"] = {"command": ["x"], "env": ["{{inputs.parameters.eas-path}}{{inputs.parameters.i}}", 1]}
    shared["key"] = "k/{{inputs.parameters.eas-file-0}}"
    texts = [{"name": "eas-path", "value": '/t0"'}, {"name": "eas-file-0", "value": "f_{{inputs.parameters.i}}"}]
    step = {"name": "t0", "template": "shared", "arguments": {"parameters": [{"name": "i", "value": "1"}, *texts]}}
    found = templates(workflow({"name": "chain", "dag": {"tasks": [step]}}, shared))
    assert list(found) == ["chain", "chain.t0"]
    assert found["chain"]["dag"]["tasks"][0]["arguments"] == {"parameters": [{"name": "i", "value": "1"}]}
    assert found["chain.t0"] == {
        "name": "chain.t0",
        "container": {"command": ["x"], "env": ['/t0"{{inputs.parameters.i}}', 1]},
        "inputs": {"parameters": [{"name": "i"}]},
        "key": "k/f_{{inputs.parameters.i}}",
    }


def test_templates_of_children_are_the_runs() -> None:
    """Children of children, too; a tag that is the child's own is read as it will be."""
    inner = '{"spec": {"templates": [{"name": "deep", "container": {"image": "{\\u007bx}}"}}]}}'
    outer = {"name": "shard", "resource": {"manifest": inner}}
    found = templates(workflow({"name": "chain", "dag": {"tasks": [{"name": "s", "inline": outer}]}}, outer))
    assert list(found) == ["chain", "chain.s", "deep", "shard"]
    assert found["deep"]["container"]["image"] == "{{x}}"
    assert child(found["shard"])["spec"]["templates"][0]["name"] == "deep"


def test_texts_of_tasks() -> None:
    """Other parameters of EAS are none of them."""
    assert [is_own(name) for name in ("eas-path", "eas-file-3", "eas-status", "eas-made-0-1", "i")] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_nodes_that_stand_in_themselves() -> None:
    """Boundaries that go round end somewhere."""
    nodes = {
        "1": {"id": "1", "name": "run.list", "boundaryID": "2"},
        "2": {"id": "2", "name": "run.list.t0", "boundaryID": "1", "templateName": "t0"},
        "3": {"id": "3", "name": "run.t", "boundaryID": "3", "templateName": "t"},
    }
    names = Names(nodes, "chain", {"chain": {}, "t0": {}})
    assert [names.template(node) for node in nodes.values()][1:] == ["t0", "t"]


def test_a_node_tells_its_template() -> None:
    """By the step that made it, also of a try and an item; else by its word; a root is the entry point's."""
    nodes = {
        "0": {"id": "0", "name": "run"},
        "1": {"id": "1", "name": "run.list", "boundaryID": "0"},
        "2": {"id": "2", "name": "run.list.t0(3:7)", "boundaryID": "1", "templateName": "t0"},
        "3": {"id": "3", "name": "run.list.t0(3:7).t1(0)", "boundaryID": "2", "templateName": "shared-null-run"},
        "4": {"id": "4", "name": "run.list.t9", "boundaryID": "1"},
    }
    names = Names(nodes, "chain", {name: {} for name in ("chain", "chain.list", "t0", "t0.t1")})
    assert [names.template(node) for node in nodes.values()] == ["chain", "chain.list", "t0", "t0.t1", "chain.list.t9"]
