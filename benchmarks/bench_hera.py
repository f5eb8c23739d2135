"""Measure compiling a chain beside Hera building and dumping a DAG of as many tasks.

Hera's tasks share one template and carry nothing; those of EAS bring settings, files, quality control and retries.
"""

import argparse
import gc
import json
import time
from collections.abc import Callable

from benchmarks.bench_growth import in_a_row
from eas_compiler.compile import Options, compile_chain
from eas_compiler.emit import to_yaml

SIZES = (10, 1_000, 10_000)


def by_eas(tasks: int) -> Callable[[], str]:
    """Return what compiles a chain of so many tasks in a row."""
    data = json.dumps(in_a_row(tasks)).encode()

    def run() -> str:
        workflow, _ = compile_chain("growth.json", data, Options())
        assert workflow is not None
        return to_yaml(workflow)

    return run


def by_hera(tasks: int) -> Callable[[], str]:
    """Return what builds and dumps a DAG of so many tasks in a row."""
    from hera.workflows import DAG, Container, Parameter, Task, Workflow

    def run() -> str:
        with Workflow(generate_name="growth-", entrypoint="chain") as workflow:
            step = Container(name="step", image="eas/eas_base:0.1", inputs=[Parameter(name="file")])
            with DAG(name="chain"):
                before: Task | None = None
                for number in range(tasks):
                    task = Task(name=f"t{number}", template=step, arguments={"file": f"lightcurve_{number}.gz"})
                    if before is not None:
                        before >> task
                    before = task
        return str(workflow.to_yaml())

    return run


def measured(run: Callable[[], str]) -> tuple[float, int]:
    """Return the seconds of this process and the characters of the manifest."""
    gc.collect()
    start = time.process_time()
    text = run()
    return time.process_time() - start, len(text)


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=SIZES[-1], help="the largest size (default: %(default)s)")
    most = parser.parse_args().most
    measured(by_hera(1))  # loads Hera
    measured(by_eas(1))
    for size in SIZES:
        if size <= most:
            hera, length = measured(by_hera(size))
            eas, longer = measured(by_eas(size))
            sizes = f"hera {hera:8.3f} s {length / 1000:9.1f} kB   eas {eas:8.3f} s {longer / 1000:9.1f} kB"
            print(f"{size:6,} tasks   {sizes}   ratio {eas / hera:5.2f}")


if __name__ == "__main__":
    main()
