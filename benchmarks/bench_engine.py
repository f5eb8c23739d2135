"""Measure what a run of a hundred thousand nulls costs its engine, and what it costs to go on with one half-way.

Programs end at once, without a process, but leave their records: so all that the engine, the journal and the database
have to do is done, and nothing hides it. It is told in tenths, to show whether the last tasks cost what the first ones
did. Each run is a process of its own, and its memory the largest that it ever had.
"""

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

from eas import local
from eas_argo.laptop.work import Ended, Work
from eas_compiler.compile import Options, compile_chain
from eas_compiler.shape import shape
from eas_provenance.database import Database
from eas_provenance.follow import Follower
from eas_provenance.runs import Sources
from eas_provenance.store import Store

PARTS = 10
USAGE = {
    "started": "2026-11-21T12:00:00.000000Z",
    "ended": "2026-11-21T12:00:00.010000Z",
    "wall_s": 0.01,
    "cpu_s": 0.01,
    "cpu_children_s": 0.0,
    "peak_memory_bytes": 14_000_000,
    "host": "vm",
    "threads": 1,
}
REGISTRY = Path(__file__).parents[1] / "registry.yaml"
RUN = json.dumps({"status": "done", "usage": USAGE, "settings": {"seconds": 0.0}, "inputs": {}, "outputs": {}})
JUDGED = json.dumps({"verdict": "pass", "reason": "pass: 0 criteria", "usage": USAGE, "metadata": {}, "criteria": []})


class Nulls:
    """An executor of programs that end at once and leave their records; with `dies_at`, the engine dies after so many.

    Of what executors get from a run it needs the repository alone.
    """

    def __init__(self, tasks: int, dies_at: int, *given: Any, **_: object) -> None:
        self._folder, self._each, self._dies_at = given[2].folder, max(1, tasks // PARTS), dies_at
        self._tasks, self._since = 0, clocks()
        self._ended: list[tuple[str, Ended]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing open, as there is nothing."""

    def start(self, work: Work) -> None:
        """Run one."""
        is_gate = work.pod.verb == "qc"
        keys = {path: key for path, key, _ in work.outputs}
        place = self._folder / (keys["records/qc.json"] if is_gate else f"{keys['records']}/run.json")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(JUDGED if is_gate else RUN, encoding="utf-8")
        said = {one.name: one.default for one in work.pod.results if one.default is not None}
        self._ended.append((work.id, Ended("Succeeded", 0, "pass: 0 criteria" if is_gate else "", said)))
        self._tasks += is_gate
        if is_gate and self._tasks % self._each == 0:
            tell(f"{self._tasks:,} tasks", self._since, self._each)
            self._since = clocks()
        if is_gate and self._tasks == self._dies_at:
            os._exit(0)

    def wait(self, timeout_s: float) -> list[tuple[str, Ended]]:  # noqa: ARG002 - all have ended
        """Return what has run since."""
        ended, self._ended = self._ended, []
        return ended

    def stop(self, *, at_once: bool) -> None:
        """Do nothing: all have ended."""


def clocks() -> tuple[float, float]:
    """Return the time, and the processor time of this process [s]."""
    return time.perf_counter(), time.process_time()


def tell(what: str, since: tuple[float, float], tasks: int = 1) -> None:
    """Print what was done since a time, for each task, and how much memory there was at most."""
    elapsed, used = (1000 * (one - other) / tasks for one, other in zip(clocks(), since, strict=True))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    print(f"  {what:18} {elapsed:10,.2f} ms, processor {used:10,.2f} ms, memory {memory:6,.0f} MB", flush=True)


def apart(do: Callable[[], object]) -> None:
    """Do something in a process of its own."""
    process = multiprocessing.get_context("fork").Process(target=do)
    process.start()
    process.join()
    assert process.exitcode == 0


def request(tasks: int) -> local.Request:
    """Return a run of so many nulls in a loop."""
    loop = {"task": "execution_for_loop", "parameter": "i", "linear_range": [0, 1, tasks]}
    data = json.dumps({"task_list": [loop | {"task_list": [{"task": "null"}]}]}).encode()
    workflow, checked = compile_chain("nulls.json", data, Options(registry=REGISTRY))
    assert workflow is not None
    assert checked.chain is not None
    return local.Request(Sources(workflow, data, REGISTRY.read_bytes()), shape(checked.chain), "nulls.json")


def run(tasks: int, store: Store, *, dies_at: int = 0, rows: bool = True) -> None:
    """Run so many nulls, or go on with those in the store."""
    known = list(store.runs())
    since = clocks()
    programs = patch.object(local, "Programs", partial(Nulls, tasks, dies_at))
    without = patch.object(Follower, "write") if not rows else patch.object(Follower, "__doc__")
    with Database.open(store.database) as database, programs, without:
        place = local.Place(store, database, quiet=True)
        finished = local.resume(known[0], place) if known else local.run(request(tasks), place)
    assert not finished.is_failed
    assert len(finished.states.tasks) == tasks
    tell("in all", since)


def main() -> None:
    """Print milliseconds for each task."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000, help="tasks in the loop (default: %(default)s)")
    tasks = parser.parse_args().tasks
    with tempfile.TemporaryDirectory() as folder:
        whole, bare, broken = (Store(Path(folder, name)) for name in ("whole", "bare", "broken"))
        print("a run")
        apart(partial(run, tasks, whole))
        print("the same, not kept in the database")
        apart(partial(run, tasks, bare, rows=False))
        print("an engine that dies half-way")
        apart(partial(run, tasks, broken, dies_at=tasks // 2))
        print("the rest")
        apart(partial(run, tasks, broken))


if __name__ == "__main__":
    main()
