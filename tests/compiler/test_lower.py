"""The chain in Argo's words. Whole manifests are in tests/golden/manifests; here are the rules behind them."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.compiler.compiling import choose, compiled, description, loop, make, repeat, steps, templates, use

NAME = "'f_{i_index}'.format(**metadata)"


def test_dependants_wait_for_the_gate_alone() -> None:
    """A task's own phase opens nothing; its gate does."""
    found = steps(compiled(make("f"), use("f")))
    assert found["t0-qc"]["depends"] == "t0.Succeeded || t0.Failed || t0.Errored"
    assert found["t1"]["depends"] == "t0-qc.Succeeded"


def test_loop_counts_its_iterations() -> None:
    """A loop is a fan-out over a list of its own, which gets the index."""
    workflow = compiled(loop("i", [1, 2, 3], make(NAME)))
    step = steps(workflow)["t0"]
    assert step["withSequence"] == {"count": "3"}
    assert step["arguments"]["parameters"] == [{"name": "i", "value": "{{item}}"}]
    assert "when" not in step


def test_waiting_for_a_loop_survives_zero_iterations() -> None:
    """A loop without iterations is Skipped, and whoever waits for it goes on."""
    found = steps(compiled(loop("i", [], name="a"), {"task": "null", "requires_metadata_from": ["a"]}))
    assert "t0.Skipped" in found["t1"]["depends"]


def test_gate_answers_what_needs_its_task_alone() -> None:
    """A criterion over one task of the list is answered by that task's gate; nothing else runs for it."""
    workflow = compiled(
        make("f", "a"), choose("(requested_metadata['a']['flag'])", [{"task": "null"}], requires_metadata_from=["a"])
    )
    assert description(workflow, "t0-qc")["questions"].keys() == {"t1"}
    assert steps(workflow)["t1-then"]["when"] == "{{=fromJSON(tasks['t0-qc'].outputs.parameters.answers)['t1'] == 1}}"


def test_question_over_two_tasks_has_a_step_of_its_own() -> None:
    """What no single gate can answer, a step does that waits for all of them."""
    both = "(requested_metadata['a']['n'] < requested_metadata['b']['n'])"
    workflow = compiled(
        make("f", "a"), make("g", "b"), choose(both, [{"task": "null"}], requires_metadata_from=["a", "b"])
    )
    assert steps(workflow)["t2-ask"]["depends"] == "t0-qc.Succeeded && t1-qc.Succeeded"


def test_answers_have_no_default() -> None:
    """A gate that was killed before it answered fails closed."""
    workflow = compiled(
        make("f", "a"), choose("(requested_metadata['a']['flag'])", [{"task": "null"}], requires_metadata_from=["a"])
    )
    answers = templates(workflow)["t0-qc"]["outputs"]["parameters"]
    assert answers == [{"name": "answers", "valueFrom": {"path": "/eas/answers"}}]


def test_do_while_calls_itself() -> None:
    """An iteration runs the body, then the next one where the criterion is true."""
    workflow = compiled(repeat("n", "(metadata['n_index'] < 3)", {"task": "null"}))
    found = steps(workflow, "t0")
    assert found["again"]["template"] == "t0"
    assert {"name": "n", "value": "{{=asInt(inputs.parameters.n) + 1}}"} in found["again"]["arguments"]["parameters"]


def test_flags_of_earlier_iterations_are_handed_on() -> None:
    """Whether a task without work made its file two iterations ago, each iteration tells the next."""
    tasks = [make("f_0"), make("f_-1")]
    body = {
        "task": "lazy",
        "inputs": {"one": "'f_{}'.format(metadata['n_index'] - 2)"},
        "outputs": {"file": "'f_{n_index}'.format(**metadata)"},
    }
    workflow = compiled(*tasks, repeat("n", "(metadata['n_index'] < 5)", body))
    again = {one["name"]: one["value"] for one in steps(workflow, "t2")["again"]["arguments"]["parameters"]}
    assert again["eas-made-0-1"] == "{{tasks.body.outputs.parameters.file-0}}"
    assert again["eas-made-0-2"] == "{{inputs.parameters.eas-made-0-1}}"


def test_every_dag_goes_on_after_a_failure() -> None:
    """A failing task never stops those that do not need it."""
    workflow = compiled(
        make("f"), loop("i", [1], choose(True, [{"task": "null"}])), repeat("n", False, {"task": "null"})
    )
    assert all(one["dag"]["failFast"] is False for one in templates(workflow).values() if "dag" in one)


@pytest.mark.parametrize(
    ("given", "growths", "limit"),
    [
        ({}, 0, 3),
        ({"limit": 2}, 0, 5),
        ({"memory_factor": 2, "memory_max_gb": 4}, 2, 5),
        ({"memory_factor": 2, "memory_max_gb": 3, "limit": 1}, 2, 6),
    ],
)
def test_tries_add_up(given: dict[str, Any], growths: int, limit: int) -> None:
    """Lost nodes, growths of memory and retries of errors each have their share of the tries."""
    retry = templates(compiled(make("f", retry=given)))["t0"]["retryStrategy"]
    assert int(retry["limit"]) == limit
    assert f"asInt(retries) < {growths})" in retry["expression"]


def test_requests_are_limits() -> None:
    """A pod gets what it asks for, no more and no less."""
    resources = templates(compiled(make("f", resources={"cpu": 0.5, "memory_gb": 1.5, "gpu": 1})))["t0"]["container"][
        "resources"
    ]
    assert resources["limits"] == {"cpu": "0.5", "memory": "1500M", "nvidia.com/gpu": "1"} == resources["requests"]


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), st.text(max_size=20))
def test_nothing_an_author_writes_is_evaluated(name: str, value: str) -> None:
    """Texts of authors stand in escaped descriptions and encoded keys, where no tag of Argo or the kubelet is left."""
    hostile = f"x{{{{workflow.name}}}}{{{{=1+1}}}}$(HOME){value}"
    workflow = compiled(
        {"task": "null", "name": f"n{name}", "job_name": "j"},
        make("f{{=1}}$(X)", b=hostile),
        tags=[hostile],
        subject={"name": hostile},
    )
    for template in workflow["spec"]["templates"]:
        for text in _texts(template):
            tags = re.findall(r"\{\{(.*?)\}\}", text)
            assert all(
                tag.startswith(("inputs.parameters.", "workflow.", "tasks.", "retries", "=", "item")) for tag in tags
            )
            assert "=1" not in tags
            assert "$(" not in text
    assert not [text for text in _texts(workflow["metadata"]) if "{{" in text or "$(" in text]


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for part in parts for text in _texts(part)]
