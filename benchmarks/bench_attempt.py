"""Measure what the embedded engine costs for each task: a loop of nulls, each with its quality control, run for real.

A task is two processes, so it is compared with two bare forks of a small process that is waited for. Each round does
both, so that other work on the machine slows both; the medians of the rounds are what counts. Beside the elapsed time
stands the processor time of the engine and of all that it started, and how long the same takes when nothing of it is
written into the database.
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

from eas.local import Place, Request, run
from eas_compiler.compile import Options, compile_chain
from eas_compiler.shape import shape
from eas_provenance.database import Database
from eas_provenance.follow import Follower
from eas_provenance.runs import Sources
from eas_provenance.store import Store

REGISTRY = Path(__file__).parents[1] / "registry.yaml"
PROCESSES = 2


def request(tasks: int) -> Request:
    """Return a run of so many nulls in a loop."""
    body = {"task": "null", "resources": {"memory_gb": 0.1}}
    loop = {"task": "execution_for_loop", "parameter": "i", "linear_range": [0, 1, tasks], "task_list": [body]}
    data = json.dumps({"task_list": [loop]}).encode()
    workflow, checked = compile_chain("nulls.json", data, Options(registry=REGISTRY))
    assert workflow is not None
    assert checked.chain is not None
    return Request(Sources(workflow, data, REGISTRY.read_bytes()), shape(checked.chain), "nulls.json")


def processor_s() -> float:
    """Return the processor time of this process and of those that it has waited for [s]."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def bare(count: int) -> float:
    """Return how long it takes to fork and wait so many times [s]."""
    start = time.perf_counter()
    for _ in range(count):
        pid = os.fork()
        if not pid:
            os._exit(0)
        os.waitpid(pid, 0)
    return time.perf_counter() - start


def measured(wanted: Request, place: Place) -> tuple[float, float]:
    """Return how long a run takes, and how much processor time [s]."""
    before = processor_s()
    finished = run(wanted, place)
    assert not finished.is_failed
    return finished.seconds, processor_s() - before


def main() -> None:
    """Print milliseconds for each task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=200, help="tasks in a run (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=5, help="how many runs (default: %(default)s)")
    given = parser.parse_args()
    wanted = request(given.tasks)
    elapsed, used, forks, without = [], [], [], []
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        with Database.open(store.database) as database:
            place = Place(store, database, quiet=True)
            for _ in range(given.rounds):
                forks.append(bare(PROCESSES * given.tasks))
                with patch.object(Follower, "write"):
                    without.append(measured(wanted, place)[0])
                seconds, processor = measured(wanted, place)
                elapsed.append(seconds)
                used.append(processor)
    rows = {"elapsed": elapsed, "processor time": used, "without rows": without, "bare forks": forks}
    for title, seconds_of_runs in rows.items():
        print(f"{title:15}{statistics.median(seconds_of_runs) / given.tasks * 1000:7.2f} ms a task")
    ratios = [one / other for one, other in zip(elapsed, without, strict=True)]
    print(f"{'database':15}{statistics.median(ratios):7.2f} times as long as without rows")


if __name__ == "__main__":
    main()
