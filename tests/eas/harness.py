"""Running chains on this machine with programs that a test writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eas.local import Finished, Place, Request, resume, run
from eas_compiler import render
from eas_compiler.compile import Options, compile_chain
from eas_compiler.shape import shape
from eas_provenance.database import Database
from eas_provenance.runs import Sources
from eas_provenance.states import Task
from eas_provenance.store import Store

ROOT = Path(__file__).parents[2]


class Laptop:
    """A folder with a registry, programs, and a store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.containers = folder / "containers"
        self.types: dict[str, Any] = {}
        self.box = {"image": "test/box:1", "cpu": 1, "gpu": 0, "memory_gb": 0.1, "doc": "A box."}
        self.warnings: list[str] = []

    def program(self, name: str, body: str, *, judge: str = "", **fields: Any) -> None:
        """Write a task type: the body of its program and of its quality control, and its entry in the registry."""
        self.types[name] = {"container": "box", "doc": "Made by a test.", **fields}
        for kind, folder, text in (("task", "task", body), ("qc", "task_qc", judge)):
            if text:
                path = self.containers / "box" / f"{folder}_implementations" / f"{name}.py"
                path.parent.mkdir(parents=True, exist_ok=True)
                lines = textwrap.indent(textwrap.dedent(text).strip(), "    ")
                imports = "import os, signal, sys, time\nfrom eas_worker import Failed, NoWork, qc, task\n\n"
                path.write_text(f"{imports}\n@{kind}\ndef go(ctx):\n{lines}\n", encoding="utf-8")

    def compiled(self, *task_list: dict[str, Any], **fields: Any) -> Request:
        """Compile a chain for the programs written so far."""
        registry = {"types": {"data": {"doc": "Any file."}}, "containers": {"box": self.box}, "tasks": self.types}
        (self.folder / "registry.json").write_text(json.dumps(registry), encoding="utf-8")
        chain = json.dumps({"job_name": "test", "task_list": task_list, **fields}).encode()
        (self.folder / "chain.json").write_bytes(chain)
        options = Options(registry=self.folder / "registry.json")
        workflow, checked = compile_chain("chain.json", chain, options)
        assert workflow is not None, "".join(map(render.as_text, checked.diagnostics))
        assert checked.chain is not None
        sources = Sources(workflow, chain, json.dumps(registry).encode())
        return Request(sources, shape(checked.chain), "chain.json", containers=(self.containers,))

    def run(self, *task_list: dict[str, Any], store: Path | None = None, **changes: Any) -> Finished:
        """Run a chain to its end."""
        request = self.compiled(*task_list)
        with self.place(store, **changes) as place:
            return run(request, place, self.warnings.append)

    @contextmanager
    def place(self, folder: Path | None = None, **changes: Any) -> Iterator[Place]:
        """Open the store, or another one."""
        store = Store(folder or self.store)
        with Database.open(store.database) as database:
            yield Place(store, database, 2, quiet=True)._replace(**changes)

    def record(self, finished: Finished, key: str) -> dict[str, Any]:
        """Return a record of a run."""
        data = finished.store.files.read(f"{finished.prefix}/.records/{key}")
        assert data is not None, key
        found: dict[str, Any] = json.loads(data)
        return found


def work(folder: Path, resumed: str | None) -> None:
    """Run the chain that was compiled last in a folder, or go on with a run, as a process of its own does."""
    laptop = Laptop(folder)
    described = json.loads((folder / "registry.json").read_text(encoding="utf-8"))
    laptop.types, laptop.box = described["tasks"], described["containers"]["box"]
    chain = json.loads((folder / "chain.json").read_text(encoding="utf-8"))
    with laptop.place() as place:
        if resumed is None:
            run(laptop.compiled(*chain["task_list"]), place)
        else:
            resume(place.store.run(resumed), place)


def states(finished: Finished) -> dict[str, str]:
    """Return the states of all tasks by path."""
    return {task.path: task.state for task in finished.tasks()}


def only(finished: Finished) -> Task:
    """Return the one task of a run."""
    (task,) = finished.tasks()
    return task


def eas(*arguments: str, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    command = [sys.executable, "-m", "eas", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60, **options)


def eventually(test: Callable[[], Any], seconds: float = 20.0) -> Any:
    """Wait until something is so, and return it."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = test()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def is_alive(pid: int) -> bool:
    """Tell whether a process runs: one that has ended and that nobody has asked about does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
