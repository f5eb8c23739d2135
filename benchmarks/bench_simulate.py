"""Measure how long the simulation of a thousand tasks takes, from the text of the chain to the lines."""

import json
import time
from pathlib import Path

from eas.simulate import Simulation
from eas_argo.laptop.stubs import Script
from eas_compiler.compile import Options, compile_chain

REGISTRY = Path(__file__).parents[1] / "registry.yaml"
TASKS = 1000
FORMS = {
    "one loop": [
        {"task": "execution_for_loop", "parameter": "i", "linear_range": [0, 1, TASKS], "task_list": [{"task": "null"}]}
    ],
    "one list": [{"task": "null"}] * TASKS,
    "in a row": [
        {"task": "null", "name": f"n{number}", "requires_metadata_from": [f"n{number - 1}"] if number else []}
        for number in range(TASKS)
    ],
}


def main() -> None:
    """Print seconds for each form."""
    for form, task_list in FORMS.items():
        start = time.perf_counter()
        workflow, _ = compile_chain(
            "nulls.json", json.dumps({"task_list": task_list}).encode(), Options(registry=REGISTRY)
        )
        compiled = time.perf_counter()
        assert workflow is not None
        lines = Simulation(workflow, Script({})).lines()
        assert len(lines) == TASKS
        print(f"{form:10} compiled in {compiled - start:5.2f} s, simulated in {time.perf_counter() - compiled:5.2f} s")


if __name__ == "__main__":
    main()
