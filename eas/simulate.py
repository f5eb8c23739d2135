"""Simulate a chain: its compiled manifest runs in the embedded engine, with every program replaced by a stub."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eas_argo.laptop.engine import Engine, Node, Run, Site
from eas_argo.laptop.manifest import load
from eas_argo.laptop.stubs import VERDICTS, Entry, Script, Stubs
from eas_compiler.diagnostics import Diagnostics, did_you_mean
from eas_compiler.document import kind
from eas_compiler.read import read
from eas_compiler.source import Node as Json
from eas_provenance.states import States, Task
from eas_worker import assignment
from eas_worker.expressions import ExpressionError

Line = dict[str, Any]
_FIELDS = ("metadata", "verdict")


def read_script(path: Path, diagnostics: Diagnostics) -> Script:
    """Return the script in a file; everything that is wrong with it is reported at its place."""
    root = read(str(path), path.read_bytes(), diagnostics)
    entries: dict[str, Entry] = {}
    if root is not None and not isinstance(root.value, dict):
        diagnostics.error("type", root, f"a script must be an object, not {kind(root)}")
    elif root is not None:
        for key, node in root.value.items():
            entries[key] = _entry(node, diagnostics)
    return Script(entries)


def _entry(node: Json, diagnostics: Diagnostics) -> Entry:
    if not isinstance(node.value, dict):
        diagnostics.error("type", node, f"an entry must be an object, not {kind(node)}")
        return Entry({}, "pass")
    for name, member in node.value.items():
        if name not in _FIELDS:
            hint = did_you_mean(name, _FIELDS) or f"fields: {', '.join(_FIELDS)}"
            diagnostics.error_at_key("unknown-key", member, f"unknown field {name!r}", hint)
    verdict = node.value.get("verdict")
    if verdict is not None and verdict.value not in VERDICTS:
        hint = did_you_mean(str(verdict.value), VERDICTS) or f"verdicts: {', '.join(VERDICTS)}"
        diagnostics.error("type", verdict, f"{verdict.value!r} is no verdict", hint)
        verdict = None
    return Entry(_metadata(node.value.get("metadata"), diagnostics), verdict.value if verdict is not None else "pass")


def _metadata(node: Json | None, diagnostics: Diagnostics) -> dict[str, Any] | list[dict[str, Any]]:
    if node is None:
        return {}
    items = node.value if isinstance(node.value, list) else [node]
    for item in items:
        if not isinstance(item.value, dict):
            diagnostics.error("type", item, f"metadata must be an object, or a list of them, not {kind(item)}")
            return {}
    plain: dict[str, Any] | list[dict[str, Any]] = node.plain()
    return plain


class Simulation:
    """A simulated run: its lines, one for each task, and whether the run failed."""

    def __init__(self, workflow: dict[str, Any], script: Script) -> None:
        self.states = States(workflow)
        self.stubs = Stubs(script)
        self.blocked_requests: dict[str, list[Any]] = {}
        manifest = load(workflow)
        run = Run("simulated", "0", {})
        self.seed = manifest.parameters["seed"]
        site = Site(4.0, 2**62)
        self.engine = Engine(manifest, run, self.stubs, site, self._observe)
        self.engine.run()

    def _observe(self, node: Node) -> None:
        self.states.update(node)

    @property
    def is_failed(self) -> bool:
        """Whether the run failed."""
        return self.states.is_failed

    def lines(self) -> list[Line]:
        """Return a line for each task, in the order of their paths."""
        tasks = sorted(self.states.tasks.values(), key=lambda task: path_order(task.path))
        lines = [self._line(task) for task in tasks]
        makers = {file: line["path"] for line in lines for file in line["outputs"].values()}
        for line, task in zip(lines, tasks, strict=True):
            line["after"] = sorted(self._after(line, task, makers), key=path_order)
        return [dict(sorted(line.items())) for line in lines]

    def _line(self, task: Task) -> Line:
        description, indices = task.description, task.indices
        record = self._record(task)
        line: Line = {"path": task.path, "task": description["task"], "state": task.state, "verdict": task.verdict}
        try:
            requested = self._requested(task)
            given = assignment.assign(description, indices, self.seed, requested)
            line["settings"] = given.given
        except ExpressionError:  # the settings need metadata that nobody made; what else there is to say does not
            given = assignment.assign(_without_settings(description), indices, self.seed, self._requested(task, loops_only=True))
        line |= {"name": given.name, "job_name": given.job_name, "working_directory": given.working_directory}
        line["metadata"] = given.metadata
        line["inputs"] = {port: [f"{file.directory}/{file.name}"] for port, file in given.inputs.items()}
        line["outputs"] = {port: f"{file.directory}/{file.name}" for port, file in given.outputs.items()}
        line["emitted"] = record["metadata"] if record and task.state != "blocked" else {}
        return line

    def _requested(self, task: Task, *, loops_only: bool = False) -> list[Any]:
        """Return the metadata that a task asks for, or only what the loops around it asked for, which is always there."""
        description = task.description
        if loops_only:
            needed = {k for loop in description["loops"] for k in loop.get("request", {}).values()}
            sources = [source if k in needed else {"kind": "group", "body": []} for k, source in enumerate(description["records"])]
            description = {**description, "records": sources}

        def load(number: int, iteration: str) -> dict[str, Any] | None:
            return self.stubs.records.get(_key_of(task.description, number, iteration))

        return assignment.requested_metadata(description, task.indices, self.seed, load)

    def _record(self, task: Task) -> dict[str, Any] | None:
        loops = task.description["loops"]
        where = assignment.indices_text(task.description["path"], loops, task.indices)
        return self.stubs.records.get(f"simulated-0/.records{task.description['path']}" + (f"/{where}" if where else "") + "/qc.json")

    def _after(self, line: Line, task: Task, makers: dict[str, str]) -> set[str]:
        loops, indices = task.description["loops"], task.indices
        paths = {assignment.path_of(pattern, loops, indices) for pattern in task.description["after"]}
        for port, files in line["inputs"].items():
            for file in files:
                if file in makers:
                    paths.add(makers[file])
                else:
                    patterns = task.description["inputs"][port].get("makers", ())
                    paths |= {assignment.path_of(pattern, loops, indices) for pattern in patterns}
        return paths


def _without_settings(description: dict[str, Any]) -> dict[str, Any]:
    return {**description, "settings": {}, "setting_types": {}}


def _key_of(description: dict[str, Any], number: int, iteration: str) -> str:
    path = _record_path(description["records"], number)
    return "/".join(filter(None, (f"simulated-0/.records{path}", iteration, "qc.json")))


def _record_path(sources: Any, number: int) -> str:
    """Return the path of the task that gives record `number`."""
    if isinstance(sources, dict):
        if sources.get("kind") == "task" and sources["k"] == number:
            return str(sources["path"])
        sources = list(sources.values())
    if isinstance(sources, list):
        return next(filter(None, (_record_path(one, number) for one in sources)), "")
    return ""


def path_order(path: str) -> list[Any]:
    """Return a key that sorts paths as people do: `/t2` before `/t10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|\D+", path)]


def table(lines: list[Line]) -> Iterator[tuple[str, str, str, str]]:
    """Yield path, task, state and verdict of every line."""
    for line in lines:
        yield line["path"], line["name"] or line["task"], line["state"], line["verdict"] or ""
