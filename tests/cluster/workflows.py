"""Workflows on the cluster, by way of kubectl alone: submit, wait, delete; and what the nodes say of the tasks."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

Node = dict[str, Any]
Workflow = dict[str, Any]

PATIENCE_S = 1800
"""A cluster of one busy node takes a minute for a pod, and all chains of a file run side by side."""
ENDED = ("Succeeded", "Failed", "Error")


def kubectl(*arguments: str, given: str | None = None) -> str:
    """Run kubectl and return what it writes."""
    done = subprocess.run(["kubectl", *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}\n{done.stderr}"
    return done.stdout


def submit(manifest: str) -> str:
    """Create a workflow and return its name."""
    return kubectl("create", "--filename", "-", "--output", "name", given=manifest).strip().partition("/")[2]


def delete(*names: str) -> None:
    """Delete workflows, whatever they are doing."""
    if names:
        kubectl("delete", "workflow", "--ignore-not-found", "--wait=false", *names)


@contextmanager
def submitted(manifests: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Submit all manifests at once, give the names of the workflows, and delete them in the end."""
    names: dict[str, str] = {}
    try:
        for key, manifest in manifests.items():
            names[key] = submit(manifest)
        yield names
    finally:
        delete(*names.values())


def get(name: str) -> Workflow:
    """Return a workflow as it is."""
    found: Workflow = json.loads(kubectl("get", "workflow", name, "--output", "json"))
    return found


def pods(name: str) -> list[Node]:
    """Return the pods of a workflow."""
    selector = f"workflows.argoproj.io/workflow={name}"
    found: list[Node] = json.loads(kubectl("get", "pods", "--selector", selector, "--output", "json"))["items"]
    return found


def wait(name: str, patience_s: float = PATIENCE_S) -> Workflow:
    """Return a workflow once it has ended."""
    end = time.monotonic() + patience_s
    while True:
        workflow = get(name)
        phase = workflow.get("status", {}).get("phase")
        if phase in ENDED:
            return workflow
        assert time.monotonic() < end, f"{name} is still {phase} after {patience_s} s:\n{told(workflow)}"
        time.sleep(2)


def told(workflow: Workflow) -> str:
    """Tell phase, name and message of every node."""
    nodes = sorted(_nodes(workflow).values(), key=lambda node: str(node.get("startedAt")))
    return "\n".join(f"{node['phase']:10} {node['name']} {node.get('message', '')}" for node in nodes)


def states(workflow: Workflow) -> dict[str, str]:
    """Return the state of every task that the nodes tell of, by its path."""
    steps: dict[str, list[tuple[Node, Node | None]]] = {}
    by_name = {node["name"]: node for node in _nodes(workflow).values()}
    for path, node in _programs(workflow):
        steps.setdefault(path, []).append((node, _gate(node, by_name)))
    return {path: _state(workflow, pairs) for path, pairs in steps.items()}


def _gate(node: Node, by_name: dict[str, Node]) -> Node | None:
    """Return the gate of a program: a step of its own, or the program's when it was judged where it ran."""
    gate, rescue = (by_name.get(f"{node['name']}-{step}") for step in ("qc", "rescue"))
    return node if rescue and rescue["phase"] in ("Skipped", "Omitted") else rescue or gate


def _nodes(workflow: Workflow) -> dict[str, Node]:
    found: dict[str, Node] = workflow.get("status", {}).get("nodes", {})
    return found


def _programs(workflow: Workflow) -> Iterator[tuple[str, Node]]:
    """Yield the steps that run programs, with the paths of their tasks; tries are no steps."""
    templates = {template["name"]: template for template in workflow["spec"]["templates"]}
    nodes = _nodes(workflow)
    for node in nodes.values():
        template = templates[node["templateName"]]
        if template.get("container", {}).get("command", [""])[-1] in ("run", "inline") and not _is_try(node):
            # A step that was skipped or omitted has no parameters; the list that it stands in has the same ones.
            parameters = nodes[node["boundaryID"]].get("inputs", {}).get("parameters", [])
            indices = (parameter["value"] for parameter in parameters)
            yield _path(template["metadata"]["annotations"]["eas/path"], indices), node


def _path(pattern: str, indices: Iterator[str]) -> str:
    """Return `/t0[size=7]/t1#3/t2` for `/t0[size]/t1#/t2` and the indices 7 and 3."""
    parts = []
    for part in pattern.split("/"):
        if part.endswith("]"):
            parts.append(f"{part[:-1]}={next(indices)}]")
        else:
            parts.append(part + (next(indices) if part.endswith("#") else ""))
    return "/".join(parts)


def _is_try(node: Node) -> bool:
    return bool(node.get("nodeFlag", {}).get("retried"))


def _state(workflow: Workflow, steps: list[tuple[Node, Node | None]]) -> str:
    """Return the state of a task from its steps and their gates; there is one for each type that the task may be of."""
    ran = [(node, gate) for node, gate in steps if node["phase"] not in ("Skipped", "Omitted")]
    if not ran:
        return "blocked"
    ((node, gate),) = ran
    assert gate is not None, "a program without its gate"
    if gate["phase"] in ("Failed", "Error"):
        tries = [_nodes(workflow)[child] for child in gate["children"]]
        return "failed" if ": fail: " in tries[-1].get("message", "") else "error"
    said = {one["name"]: one.get("value") for one in gate.get("outputs", {}).get("parameters", [])}
    if gate is node and said.get("no-work") == "true":
        return "skipped"
    return {"Succeeded": "succeeded", "Skipped": "skipped"}[gate["phase"]]
