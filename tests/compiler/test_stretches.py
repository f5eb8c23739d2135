"""Long lists are divided into stretches that fit, and what blocks what stays the same."""

import json
from typing import Any

import pytest

from eas_compiler.fit import Limits
from tests.compiler.compiling import choose, codes, make, steps, templates
from tests.compiler.test_fit import fitted

Json = dict[str, Any]


def null(name: str, *waited_for: str) -> Json:
    """Write a task that waits for others."""
    return {"task": "null", "name": name, **({"requires_metadata_from": list(waited_for)} if waited_for else {})}


def told(workflow: Json, name: str) -> list[Json]:
    """Return what a list hands to the stretch behind it."""
    found: list[Json] = steps(workflow, name)["more"]["arguments"]["parameters"]
    return found


def lengths(workflow: Json) -> list[int]:
    """Return how many steps each list has."""
    return [len(one["dag"]["tasks"]) for one in workflow["spec"]["templates"] if "dag" in one]


def test_what_has_nothing_to_do_with_each_other_waits_for_nothing() -> None:
    """Stretches of separate tasks begin together; none is cut in its middle."""
    workflow, checked = fitted(Limits(steps=5), *[null(f"n{number}") for number in range(6)])
    assert not list(checked.diagnostics)
    assert list(steps(workflow)) == ["t0", "t0-qc", "t1", "t1-qc", "more"]
    assert steps(workflow)["more"] == {"name": "more", "template": "chain-more-2"}
    assert list(steps(workflow, "chain-more-3")) == ["t4", "t4-qc", "t5", "t5-qc"]


def test_a_later_task_is_told_of_what_it_waits_for() -> None:
    """The stretch before keeps what it depends on; both a failure and an order are as in one list."""
    workflow, _ = fitted(Limits(steps=6), null("a"), null("b", "a"), null("c", "a", "b"), null("d", "c"))
    first, second, third = (steps(workflow, name) for name in ("chain", "chain-more-2", "chain-more-3"))
    assert first["kept-1"] == {"name": "kept-1", "template": "open", "depends": "t0-qc.Succeeded"}
    assert first["kept-end"]["depends"] == "kept-1.Succeeded"
    assert first["kept-end"]["when"] == "false"
    assert first["more"]["depends"] == "(kept-1.Succeeded || kept-1.Omitted)"
    assert told(workflow, "chain") == [{"name": "eas-up-1", "value": "{{tasks.kept-1.status}}"}]
    assert second["up-1"]["when"] == "{{=inputs.parameters['eas-up-1'] == 'Succeeded'}}"
    assert second["t1"]["depends"] == "up-1.Succeeded"
    assert second["kept-2"]["depends"] == "up-1.Succeeded && t1-qc.Succeeded"
    assert third["t2"]["depends"] == "up-2.Succeeded"
    assert templates(workflow)["chain-more-3"]["inputs"] == {"parameters": [{"name": "eas-up-2"}]}


def test_an_answer_is_handed_on() -> None:
    """A condition that an earlier task answers is decided by what its gate said."""
    asked = choose("(requested_metadata['m']['n'] > 1)", [{"task": "null"}], None, requires_metadata_from=["m", "y"])
    tasks = [make("f", "m"), null("x", "m"), null("y", "x"), asked]
    whole, _ = fitted(Limits(), *tasks)
    workflow, _ = fitted(Limits(steps=6), *tasks)
    question, answers = steps(whole)["t3-then"]["when"], "tasks['t0-qc'].outputs.parameters.answers"
    last = steps(workflow, "chain-more-3")["t3-then"]
    assert last["when"] == question.replace(answers, "inputs.parameters['eas-answers-2']") != question
    assert {"name": "eas-answers-2", "value": "{{inputs.parameters.eas-answers-2}}"} in told(workflow, "chain-more-2")
    given = "{{=tasks['t0-qc'].outputs?.parameters?.['answers'] ?? '{}'}}"
    assert {"name": "eas-answers-2", "value": given} in told(workflow, "chain")
    assert "t0-qc.Omitted" in steps(workflow)["more"]["depends"]


@pytest.mark.parametrize("shape", ["separate", "chain", "fan"])
def test_a_thousand_tasks_fit(shape: str) -> None:
    """However they depend on each other, no list is longer than Argo takes, and they are few."""
    tasks = [null("n0")]
    for number in range(1, 999):
        before = {"separate": [], "chain": [f"n{number - 1}"], "fan": ["n0"]}[shape]
        tasks += [null(f"n{number}", *before)]
    tasks.append(null("last", *([f"n{number}" for number in range(999)] if shape == "fan" else [])))
    workflow, checked = fitted(Limits(), *tasks)
    assert not [one for one in checked.diagnostics if one.code == "argo-limit"]
    assert max(lengths(workflow)) <= 200
    assert len(lengths(workflow)) <= 12


def test_what_is_asked_from_everywhere_is_left_whole() -> None:
    """A list that more parameters than Argo takes would have to join is told of, and runs on this machine."""
    tasks = [null(f"n{number}") for number in range(4)]
    workflow, checked = fitted(Limits(steps=3), *tasks, null("last", *(one["name"] for one in tasks)))
    assert lengths(workflow) == [10]
    assert codes(checked.diagnostics) == ["argo-limit"]
    assert json.dumps(workflow).count('"more"') == 0
