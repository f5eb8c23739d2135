"""The states of tasks, from the updates of nodes: the one place that decides them.

A node is a dict in Argo's own words (name, type, templateName, phase, message, inputs, outputs). Which task a node
belongs to is read off the manifest: the template's description, and the indices among the node's parameters.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from eas_worker import assignment

FAILING = ("failed", "error")
_SHUTDOWN = "workflow shutdown with strategy"
_BEFORE_REASON = re.compile(r"(main: )?(Error \(exit code \d+\): )?")
"""What a controller writes before the last words of a container."""
_ENDED = ("Succeeded", "Failed", "Error", "Skipped", "Omitted")


class Step(NamedTuple):
    """A template that runs a program (`run`), its gate (`qc`) or a question (`ask`).

    A program may be its own gate (`inline`); another step (`rescue`) is then the gate of what ended without a verdict.
    """

    verb: str
    description: dict[str, Any]


class Task:
    """A task of a run: its path, its state, and what its nodes came to so far.

    `program` and `gate` are the phases of the two nodes, empty while there is none.
    """

    __slots__ = ("description", "exit_code", "gate", "indices", "is_cancelled", "path", "program", "reasons", "verdict")

    def __init__(self, path: str, description: dict[str, Any], indices: dict[str, int]) -> None:
        self.path, self.description, self.indices = path, description, indices
        self.program = self.gate = ""
        self.verdict: str | None = None
        self.reasons = {"run": "", "qc": ""}
        self.exit_code: int | None = None
        self.is_cancelled = False

    @property
    def state(self) -> str:
        """Return the state in the words of the language."""
        if self.program == "Omitted":
            return "blocked"
        if self.is_cancelled:
            return "cancelled"
        if self.gate in ("Failed", "Error"):
            return "failed" if self.verdict == "fail" else "error"
        if self.program in ("", "Pending"):
            return "waiting"
        return {"Succeeded": "succeeded", "Skipped": "skipped"}.get(self.gate, "running")

    @property
    def message(self) -> str:
        """Return the reason of the state: a program that broke knows more about it than its gate."""
        is_broken = self.verdict == "error" and self.program in ("Failed", "Error")
        return (self.reasons["run"] if is_broken else "") or self.reasons["qc"] or self.reasons["run"]


class Problem(NamedTuple):
    """A flow-control task that ended in error: nobody could say how it goes on."""

    path: str
    message: str


class States:
    """The tasks of one run, by path, kept up to date with every node that is told of."""

    def __init__(self, workflow: dict[str, Any]) -> None:
        self.steps = {one["name"]: _step(one) for one in workflow["spec"]["templates"] if "container" in one}
        self.tasks: dict[str, Task] = {}
        self.problems: list[Problem] = []
        self.phase = "Running"
        self._parameters: dict[str, dict[str, str]] = {}

    def update(self, node: dict[str, Any]) -> Task | None:
        """Take an update of a node; return the task that it belongs to."""
        if node.get("boundaryID") is None:
            self._end(node["phase"])
        given = self._given(node)
        step = self.steps.get(node["templateName"])
        if step is None or (_is_try(node) and node["phase"] in _ENDED):
            return None  # how a task ends is said by the node around its tries
        loops = step.description["loops"]
        indices = {loop["id"]: int(given[loop["id"]]) for loop in loops}
        if "here" in step.description and assignment.written([step.description["here"]], indices) != "true":
            return None  # the step of another type, which the task is not of in this iteration
        path = assignment.path_of(step.description["path"], loops, indices)
        if step.verb == "ask":
            if node["phase"] in ("Failed", "Error") and not _is_shutdown(node):
                self.problems.append(Problem(path, node.get("message", "")))
            return None
        return self._task(step, path, indices, node)

    def _task(self, step: Step, path: str, indices: dict[str, int], node: dict[str, Any]) -> Task | None:
        is_program = step.verb in ("run", "inline")
        gate = _gate(step.verb, node)
        if is_program:
            task = self.tasks.setdefault(path, Task(path, step.description, indices))
            task.program = node["phase"]
        elif gate and path in self.tasks:
            task = self.tasks[path]
        else:
            return None
        self._take(task, "run" if is_program else "qc", node)
        if gate:
            task.gate, task.verdict = gate, _verdict(gate, node)
            task.exit_code = 0 if is_program else task.exit_code  # only what ended well is judged where it ran
        return task

    def _given(self, node: dict[str, Any]) -> dict[str, str]:
        """Return a node's parameters; one that did not run has none, but stands in a list that has the same indices."""
        given = {one["name"]: one["value"] for one in node.get("inputs", {}).get("parameters", ())}
        if node["type"] == "DAG":
            self._parameters[node["id"]] = given
        return given if node["type"] != "Skipped" else self._parameters[node["boundaryID"]]

    def _take(self, task: Task, verb: str, node: dict[str, Any]) -> None:
        """Note why and how a node of a task ended."""
        task.reasons[verb] = node.get("message", "")
        task.is_cancelled = task.is_cancelled or _is_shutdown(node)
        exit_code = node.get("outputs", {}).get("exitCode")
        if verb == "run" and exit_code is not None:
            task.exit_code = int(exit_code)

    def _end(self, phase: str) -> None:
        """Note the phase of the run; what has not ended with it never will."""
        self.phase = phase
        if phase in _ENDED:
            for task in self.tasks.values():
                task.is_cancelled = task.is_cancelled or task.state in ("waiting", "running")

    @property
    def is_failed(self) -> bool:
        """Whether the run has failed so far."""
        return bool(self.problems) or any(task.state in FAILING for task in self.tasks.values())


def path_order(path: str) -> list[Any]:
    """Return a key that sorts paths as people do: `/t2` before `/t10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|\D+", path)]


def _is_try(node: dict[str, Any]) -> bool:
    return bool(node.get("nodeFlag", {}).get("retried"))


def _is_shutdown(node: dict[str, Any]) -> bool:
    return bool(node["phase"] in ("Failed", "Error") and node.get("message", "").startswith(_SHUTDOWN))


def _gate(verb: str, node: dict[str, Any]) -> str:
    """Return the phase of a task's gate as far as a node tells it; nothing when another one will."""
    phase: str = node["phase"]
    if verb == "qc":
        return phase if phase != "Omitted" else ""
    if verb == "rescue":
        return phase if phase not in ("Omitted", "Skipped") else ""
    said = {one["name"]: one["value"] for one in node.get("outputs", {}).get("parameters", ())}
    if verb == "inline" and phase == "Succeeded":
        return "Skipped" if said.get("no-work") == "true" else phase
    return phase if phase in ("Failed", "Error") and said.get("closed") == "true" else ""


def _verdict(phase: str, node: dict[str, Any]) -> str | None:
    """Return the verdict of a gate: it is the first word of its message, unless somebody ended it."""
    if _is_shutdown(node):
        return None
    if phase == "Skipped":
        return "no_work"
    word = _BEFORE_REASON.sub("", node.get("message", "")).partition(":")[0]
    if phase == "Succeeded":
        return "warn" if word == "warn" else "pass"
    if phase in ("Failed", "Error"):
        return "fail" if word == "fail" else "error"
    return None


def _step(template: dict[str, Any]) -> Step:
    container = template["container"]
    variables = {one["name"]: one.get("value", "") for one in container["env"]}
    return Step(container["command"][3], json.loads(variables["EAS_TASK"]))
