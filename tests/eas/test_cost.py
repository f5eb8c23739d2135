"""What runs and simulations cost grows with the tasks, and not faster; `benchmarks/` has the times."""

import sys
from collections import Counter
from types import FrameType
from typing import Any

import pytest

from eas.simulate import Simulation
from eas_argo.laptop.stubs import Script
from tests.reference.comparing import compiled


def calls(chain: dict[str, Any]) -> int:
    """Count the calls of Python functions that a simulation and its lines make."""
    counter: Counter[str] = Counter()

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        counter[event] += 1

    workflow = compiled(chain)
    sys.setprofile(count)
    try:
        Simulation(workflow, Script({})).lines()
    finally:
        sys.setprofile(None)
    return counter["call"]


def in_a_row(number: int) -> list[dict[str, Any]]:
    """Write tasks each of which waits for the one before."""
    return [
        {
            "task": "make",
            "name": f"n{at}",
            "outputs": {"file": f"f{at}"},
            "requires_metadata_from": [f"n{at - 1}"] if at else [],
        }
        for at in range(number)
    ]


@pytest.mark.parametrize("form", ["loop", "list", "row"])
def test_twice_the_tasks_cost_twice(form: str) -> None:
    """From 100 tasks to 200, what is done at most doubles, with a little for what a larger table takes."""

    def chain(number: int) -> dict[str, Any]:
        null = {"task": "null"}
        loop = {"task": "execution_for_loop", "parameter": "i", "linear_range": [0, 1, number], "task_list": [null]}
        return {"task_list": {"loop": [loop], "list": [null] * number, "row": in_a_row(number)}[form]}

    calls(chain(1))  # loads what is loaded once
    assert calls(chain(200)) < 2.2 * calls(chain(100))
