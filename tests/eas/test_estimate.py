"""The longest way through a chain, and what is needed at once, are those of its layout in time."""

import json
from typing import Any

import pytest

from eas.estimate import Cost, Extent, Peak, extent
from eas_compiler.compile import Options, check
from tests.reference.comparing import REGISTRY

COSTS = {"make": Cost(2, 0, 1, 10, 10), "use": Cost(1, 1, 4, 5, 5), "null": Cost(1, 0, 1, 1, 1)}
MAKE: dict[str, Any] = {"task": "make", "name": "a", "outputs": {"file": "f"}}
USE: dict[str, Any] = {"task": "use", "inputs": {"one": "f"}}
NULL: dict[str, Any] = {"task": "null"}


def laid_out(*task_list: dict[str, Any]) -> Extent:
    """Lay out a chain."""
    text = json.dumps({"job_name": "j", "task_list": task_list}).encode()
    checked = check("c.json", text, Options(registry=REGISTRY))
    assert checked.chain is not None
    assert checked.links is not None
    return extent(checked.chain, checked.links, COSTS)


def loop(values: Any, *tasks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Write a loop."""
    return {"task": "execution_for_loop", "parameter": "i", "values": values, "task_list": [*tasks], **more}


def test_what_waits_comes_behind() -> None:
    """The way goes through what waits for each other; what is side by side is needed at once."""
    found = laid_out(MAKE, USE, NULL)
    assert [(one.path, one.type) for one in found.way] == [("/t0", "make"), ("/t1", "use")]
    assert found.wall_s == 15
    assert found.peak == Peak(3, 1, 4)
    assert not found.is_least


def test_iterations_are_side_by_side() -> None:
    """A loop takes as long as one iteration, and needs as much as all of them."""
    found = laid_out(loop([1, 2, 3], NULL), MAKE)
    assert (found.wall_s, found.peak) == (10, Peak(5, 0, 4))
    assert laid_out(loop([], NULL)) == Extent()


def test_one_branch_is_taken() -> None:
    """Of a conditional the branch counts that takes longest, and what either needs."""
    either = {
        "task": "execution_conditional",
        "requires_metadata_from": ["a"],
        "criterion": "(requested_metadata['a']['ok'])",
        "task_list": [NULL, NULL, NULL],
        "else_task_list": [USE],
    }
    found = laid_out(MAKE, either)
    assert [one.path for one in found.way] == ["/t0", "/t1?else/t0"]
    assert found.peak == Peak(3, 1, 4)


@pytest.mark.parametrize(
    "task",
    [
        loop("(requested_metadata['a']['items'])", NULL, requires_metadata_from=["a"]),
        {
            "task": "execution_do_while_loop",
            "iteration_name": "n",
            "repeat_criterion": "(metadata['n_index'] < 3)",
            "task_list": [NULL],
        },
    ],
)
def test_what_the_run_decides_is_counted_once(task: dict[str, Any]) -> None:
    """Where only the run can tell how many iterations there are, one counts, and that is said."""
    assert laid_out(MAKE, task).is_least
