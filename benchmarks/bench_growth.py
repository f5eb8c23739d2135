"""Measure how the compiler's time grows: with the number of task descriptors it should be linear, with iterations flat.

Times are of this process alone, the least of some repetitions, and without the start of Python.
"""

import argparse
import gc
import json
import time

from eas_compiler.compile import Options, compile_chain
from eas_compiler.emit import to_yaml

DESCRIPTORS = (10, 100, 1_000, 10_000)
ITERATIONS = (1_000, 10_000, 100_000, 1_000_000)


def in_a_row(tasks: int) -> dict[str, object]:
    """Return a chain of tasks, each of which reads the file of the one before."""
    first = {"task": "synthesis_batman", "outputs": {"lightcurve": "lightcurve_0.gz"}}
    others = [
        {
            "task": "multiply",
            "inputs": {"lightcurve_1": f"lightcurve_{number - 1}.gz", "lightcurve_2": "lightcurve_0.gz"},
            "outputs": {"lightcurve": f"lightcurve_{number}.gz"},
        }
        for number in range(1, tasks)
    ]
    return {"task_list": [first, *others]}


def in_a_loop(iterations: int) -> dict[str, object]:
    """Return a loop over a light curve that is made and one that is searched."""
    name = "'lightcurve_{size_index}.gz'.format(**metadata)"
    body = [
        {"task": "synthesis_batman", "outputs": {"lightcurve": name}, "specs": {"planet_radius": "(metadata['size'])"}},
        {"task": "transit_search_bls_reference", "inputs": {"lightcurve": name}, "lc_duration": 90},
    ]
    loop = {"task": "execution_for_loop", "parameter": "size", "linear_range": [0.1, 2, iterations], "task_list": body}
    return {"task_list": [loop]}


def measured(chain: dict[str, object], repetitions: int) -> tuple[float, int]:
    """Return the seconds to compile a chain, and the bytes of its manifest."""
    data = json.dumps(chain).encode()
    times = []
    text = ""
    for _ in range(repetitions):
        start = time.process_time()
        workflow, _ = compile_chain("growth.json", data, Options())
        assert workflow is not None
        text = to_yaml(workflow)
        times.append(time.process_time() - start)
    return min(times), len(text)


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=3, help="how often each is compiled (default: %(default)s)")
    repetitions = parser.parse_args().repetitions
    gc.disable()  # as the command does
    for what, sizes, chain in (("descriptors", DESCRIPTORS, in_a_row), ("iterations", ITERATIONS, in_a_loop)):
        for size in sizes:
            seconds, length = measured(chain(size), repetitions if size < DESCRIPTORS[-1] else 1)
            print(f"{size:9,} {what}   {seconds * 1000:9.1f} ms   {length / 1000:9.1f} kB")


if __name__ == "__main__":
    main()
