"""A plan tells how much would run, and which files go in and out."""

import json
from typing import Any

import pytest

from eas import plan
from eas_compiler.compile import Options, check
from eas_compiler.fit import Limits
from eas_compiler.shape import Count
from tests.reference.comparing import REGISTRY


def planned(*task_list: dict[str, Any]) -> plan.Plan:
    """Plan a chain."""
    checked = check(
        "c.json", json.dumps({"job_name": "j", "task_list": task_list}).encode(), Options(registry=REGISTRY)
    )
    assert checked.is_good
    return plan.make(checked)


MAKE = {"task": "make", "name": "a", "outputs": {"file": "'f_{i_index}'.format(**metadata)"}}


def test_counts_and_files() -> None:
    """Tasks are counted by type; each family of files is shown once, with its place in the chain."""
    loop = {"task": "execution_for_loop", "parameter": "i", "values": [1, 2, 3], "task_list": [MAKE]}
    found = planned(loop, {"task": "use", "inputs": {"one": "from_outside"}})
    assert {name: count for name, *_, count in found.types} == {"make": Count(3, 3), "use": Count(1, 1)}
    assert [one.name for one in found.inputs] == ["j/from_outside"]
    assert [one.place for one in found.outputs] == [
        one.place for one in found.outputs if one.place.startswith("c.json:1:")
    ]
    shown = plan.as_text(found)
    assert "files from outside:\n  j/from_outside  (c.json:1:" in shown
    assert plan.as_data(found)["types"]["make"]["tasks"] == {"least": 3, "most": 3}


def test_workflows() -> None:
    """What is cut into several Workflows is told with their numbers and sizes; of a late loop the run tells."""
    options = Options(registry=REGISTRY, limits=Limits(nodes=50))
    many = {"task": "execution_for_loop", "parameter": "i", "values": [*range(20)], "task_list": [{"task": "null"}]}
    late = many | {"values": "(requested_metadata['a']['items'])", "requires_metadata_from": ["a"]}
    chain = {"task_list": [{"task": "make", "name": "a", "outputs": {"file": "f"}}, many, late]}
    found = plan.make(check("c.json", json.dumps(chain).encode(), options))
    workflows = plan.as_data(found)["workflows"]
    assert [(one["path"], one["number"], one["nodes"]) for one in workflows] == [
        ("/", 1, 41),
        ("/t1[i]", 3, 37),
        ("/t2[i]", None, 47),
    ]
    shown = plan.as_text(found)
    assert "iterations of /t1[i]" in shown
    assert "the run tells" in shown


def test_counts_that_the_run_decides() -> None:
    """A loop over metadata has no most."""
    late: dict[str, Any] = {
        "task": "execution_for_loop",
        "parameter": "i",
        "values": "(requested_metadata['a']['items'])",
    }
    late |= {"requires_metadata_from": ["a"], "task_list": [{"task": "null"}]}
    found = planned({"task": "make", "name": "a", "outputs": {"file": "f"}}, late)
    assert plan.as_data(found)["types"]["null"]["tasks"] == {"least": 0, "most": None}
    assert "at least 0" in plan.as_text(found)


@pytest.mark.parametrize(
    ("count", "text"),
    [(Count(1, 1), "1"), (Count(0, 8), "0 to 8"), (Count(3, None), "at least 3"), (Count(1234, 1234), "1,234")],
)
def test_numbers(count: Count, text: str) -> None:
    """Counts are written as people say them."""
    assert plan.number(count) == text
