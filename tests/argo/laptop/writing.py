"""A short way to write small manifests in the form of EAS, and an executor that does as it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from eas_argo.laptop.engine import Engine, Run
from eas_argo.laptop.manifest import load
from eas_argo.laptop.work import Ended, Site, Work

Json = dict[str, Any]
RETRY = "lastRetry.status == 'Error' || (lastRetry.exitCode == '1' && asInt(retries) < {})"


def pod(name: str, *, verb: str = "run", retries: int = 0, memory: str = "1M", cpu: str = "1", **fields: Any) -> Json:
    """Write a template that runs a program."""
    return {
        "name": name,
        "container": {
            "image": "eas/eas_base:0.1",
            "command": ["python3", "-m", "eas_worker", verb],
            "env": [{"name": "EAS_TASK", "value": json.dumps({"task": "null", "path": f"/{name}", "loops": []})}],
            "resources": {"limits": {"cpu": cpu, "memory": memory}},
        },
        "retryStrategy": {"limit": "3", "expression": RETRY.format(retries)},
        "activeDeadlineSeconds": 60,
        **fields,
    }


def growing(growths: int, patch: str | None) -> Json:
    """Write the fields of a pod that gets more memory when it was killed for want of it."""
    expression = f"{RETRY.format(0)} || (lastRetry.message contains 'OOMKilled' && asInt(retries) < {growths})"
    return {"retryStrategy": {"limit": str(growths + 3), "expression": expression}, "podSpecPatch": patch}


def dag(name: str, *tasks: Json, outputs: Json | None = None) -> Json:
    """Write a template that runs others; `outputs` are expressions by name."""
    exports = [{"name": key, "valueFrom": {"expression": form}} for key, form in (outputs or {}).items()]
    return {"name": name, "dag": {"failFast": False, "tasks": list(tasks)}, "outputs": {"parameters": exports}}


def step(name: str, depends: str = "", *, template: str = "pod", arguments: Json | None = None, **fields: Any) -> Json:
    """Write a task of a DAG."""
    handed = [{"name": key, "value": value} for key, value in (arguments or {}).items()]
    waits = {"depends": depends} if depends else {}
    return {"name": name, "template": template, "arguments": {"parameters": handed}, **waits, **fields}


def workflow(*templates: Json, entrypoint: str = "main") -> Json:
    """Write a whole manifest; a template `pod` and one without a pod, `open`, are there already."""
    opened = {"name": "open", "suspend": {"duration": "0"}}
    return {
        "metadata": {"generateName": "test-"},
        "spec": {"entrypoint": entrypoint, "templates": [*templates, pod("pod"), opened]},
    }


class Told:
    """An executor whose tries end as a function says; without one they succeed. One ends at every wait."""

    def __init__(self, tell: Callable[[Work], Ended] | None = None) -> None:
        self.tell = tell or (lambda _: ended())
        self.started: list[Work] = []
        self.running: list[Work] = []
        self.most = 0

    def start(self, work: Work) -> None:
        """Note a try."""
        self.started.append(work)
        self.running.append(work)
        self.most = max(self.most, len(self.running))

    def wait(self, timeout_s: float) -> list[tuple[str, Ended]]:
        """End the try that runs longest."""
        work = self.running.pop(0)
        return [(work.id, self.tell(work))]

    def stop(self, *, at_once: bool) -> None:
        """Let tries end otherwise from now on."""
        self.tell = lambda _: ended("Failed", 137 if at_once else 143, "stopped")


def ended(phase: str = "Succeeded", exit_code: int = 0, message: str = "", **parameters: str) -> Ended:
    """Write how a try ended."""
    return Ended(phase, exit_code, message, parameters)


def phases(**by_step: str) -> Callable[[Work], Ended]:
    """Let the tries of a step end in a phase; those of others succeed."""

    def tell(work: Work) -> Ended:
        name = work.id.rpartition(".")[2].partition("(")[0]
        phase = by_step.get(name, "Succeeded")
        return ended(phase, {"Succeeded": 0, "Failed": 10, "Error": -1}[phase])

    return tell


class Ran:
    """A manifest that has run: its engine, its executor, and its nodes as they were last."""

    def __init__(self, manifest: Json, tell: Callable[[Work], Ended] | None = None, site: Site | None = None) -> None:
        self.executor = Told(tell)
        self.nodes: dict[str, Json] = {}
        self.updates: list[Json] = []
        run = Run("run", "1", {})
        self.engine = Engine(load(manifest), run, self.executor, site or Site(2.0, 10**9), self.observe)

    def observe(self, node: Json) -> None:
        """Take an update."""
        self.updates.append(node)
        self.nodes[node["id"]] = node

    def to_the_end(self) -> Ran:
        """Run, and return this."""
        self.engine.run()
        return self

    def phase(self, name: str) -> str:
        """Return the phase of a node below the entry point."""
        return str(self.nodes[f"run.{name}"]["phase"])


def ran(*templates: Json, tell: Callable[[Work], Ended] | None = None, site: Site | None = None) -> Ran:
    """Run a manifest of some templates."""
    return Ran(workflow(*templates), tell, site).to_the_end()
