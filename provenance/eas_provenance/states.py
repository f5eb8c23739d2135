"""The states of tasks, from the updates of nodes: the one place that decides them.

A node is a dict in Argo's own words (name, type, templateName, phase, message, inputs, outputs). Which task a node belongs to is read off the
manifest: the template's annotations and description, and the indices among the node's parameters.
"""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from eas_worker import assignment

FAILING = ("failed", "error")


class Step(NamedTuple):
    """A template that runs a program (`run`), its gate (`qc`) or a question (`ask`)."""

    verb: str
    description: dict[str, Any]


class Task:
    """A task of a run: its path, its state, and its nodes so far."""

    __slots__ = ("description", "exit_code", "gate", "indices", "is_cancelled", "message", "path", "program", "started", "verdict")

    def __init__(self, path: str, description: dict[str, Any], indices: dict[str, int]) -> None:
        self.path, self.description, self.indices = path, description, indices
        self.program = self.gate = ""
        self.verdict: str | None = None
        self.message = ""
        self.exit_code: int | None = None
        self.started: str | None = None
        self.is_cancelled = False

    @property
    def state(self) -> str:
        """Return the state in the words of the language."""
        if self.program == "Omitted":
            return "blocked"
        if self.is_cancelled:
            return "cancelled"
        if self.program in ("", "Pending"):
            return "waiting"
        if self.gate == "Succeeded":
            return "succeeded"
        if self.gate == "Skipped":
            return "skipped"
        if self.gate in ("Failed", "Error"):
            return "failed" if self.verdict == "fail" else "error"
        return "running"


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

    def update(self, node: dict[str, Any]) -> Task | None:
        """Take a node's update; return the task that it belongs to, if it has changed."""
        step = self.steps.get(node["templateName"])
        if node.get("boundaryID") is None and node["type"] == "DAG":
            self.phase = node["phase"]
        if step is None or node["type"] == "Pod":
            return None
        given = {one["name"]: one["value"] for one in node["inputs"]["parameters"]}
        loops = step.description["loops"]
        indices = {loop["id"]: int(given[loop["id"]]) for loop in loops}
        if "here" in step.description and assignment.written([step.description["here"]], indices) != "true":
            return None  # the step of another type, which the task is not of in this iteration
        path = assignment.path_of(step.description["path"], loops, indices)
        if step.verb == "ask":
            if node["phase"] in ("Failed", "Error"):
                self.problems.append(Problem(path, node.get("message", "")))
            return None
        return self._task(step, path, indices, node)

    def _task(self, step: Step, path: str, indices: dict[str, int], node: dict[str, Any]) -> Task | None:
        task = self.tasks.get(path)
        phase = node["phase"]
        if step.verb == "qc":
            if task is None or phase == "Omitted":
                return None
            task.gate = phase
            task.message = node.get("message", "") or task.message
            task.verdict = _verdict(phase, node)
            return task
        if task is None:
            task = self.tasks[path] = Task(path, step.description, indices)
        task.program, task.started = phase, node.get("startedAt")
        return task

    def cancel(self) -> None:
        """Take it that nothing more will happen: what has not ended was cancelled."""
        for task in self.tasks.values():
            task.is_cancelled = task.state in ("waiting", "running")

    @property
    def is_failed(self) -> bool:
        """Whether the run has failed so far."""
        return bool(self.problems) or any(task.state in FAILING for task in self.tasks.values())


def _verdict(phase: str, node: dict[str, Any]) -> str | None:
    """Return the verdict: it is the first word of a gate's message."""
    if phase == "Skipped":
        return "no_work"
    word = node.get("message", "").removeprefix("main: ").partition(":")[0]
    if phase == "Succeeded":
        return "warn" if word == "warn" else "pass"
    if phase in ("Failed", "Error"):
        return "fail" if word == "fail" else "error"
    return None


def _step(template: dict[str, Any]) -> Step:
    container = template["container"]
    variables = {one["name"]: one["value"] for one in container["env"]}
    return Step(container["command"][3], json.loads(variables["EAS_TASK"]))
