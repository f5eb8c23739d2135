"""A Workflow as the embedded engine understands it: every text parsed, everything unknown refused before it runs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from eas_argo.laptop import depends as dependences
from eas_argo.laptop import forms
from eas_argo.laptop.depends import Depends
from eas_argo.laptop.forms import Form, Scope, UnsupportedError
from eas_worker import manifests, quantities

Text = Callable[[Scope], str]


class Argument(NamedTuple):
    """A parameter that a step hands down."""

    name: str
    value: Text


class Step(NamedTuple):
    """A task of a DAG; a number of items makes it a fan-out, over the integers from `first` on."""

    name: str
    template: str
    depends: Depends
    when: Text | None
    arguments: tuple[Argument, ...]
    items: Text | None
    first: Text | None = None


class Export(NamedTuple):
    """An output parameter of a DAG."""

    name: str
    value: Form


class Dag(NamedTuple):
    """A template that runs others: `leaves` are the steps that no other waits for, `after` those that wait for each."""

    name: str
    steps: dict[str, Step]
    exports: tuple[Export, ...]
    leaves: tuple[str, ...]
    after: dict[str, tuple[str, ...]]


class Artifact(NamedTuple):
    """A file or folder of an attempt and its key in the repository; `path` is relative to the attempt's folder."""

    path: str
    key: Text
    optional: bool


class Result(NamedTuple):
    """An output parameter that a pod writes to a file; `default` is None where a missing file is an error."""

    name: str
    path: str
    default: str | None


OUT_OF_MEMORY = "OOMKilled (exit code 137)"
"""What Argo says of a program that was killed because it held more memory than it may."""
_KILLED = "OOMKilled"


class Retry(NamedTuple):
    """How often a program is started again.

    After an error of its surroundings, after an exit with 1, and after it was killed for the memory that it held.
    """

    errors: int
    exits: int
    growths: int = 0

    def is_due(self, tried: int, phase: str, exit_code: int, message: str) -> bool:
        """Tell whether a program is started again after one of its tries, which are counted from 0."""
        return (
            (phase == "Error" and tried < self.errors)
            or (phase == "Failed" and exit_code == 1 and tried < self.exits)
            or (phase == "Failed" and _KILLED in message and tried < self.growths)
        )


class Growth(NamedTuple):
    """How memory grows from one try to the next: from a start by a factor, up to a most [MB]."""

    start: int
    factor: float
    most: int

    def memory_bytes(self, tried: int) -> int:
        """Return what the try gets that comes after so many others."""
        try:
            grown = self.start * self.factor**tried
        except OverflowError:
            grown = self.most
        return int(min(self.most, grown)) * 10**6


class Pod(NamedTuple):
    """A template that runs a program.

    `task` is the description as it was written, `description` the same as an object; cpu in cores, memory in bytes,
    time limit in seconds.
    """

    name: str
    verb: str
    image: str
    task: str
    description: dict[str, Any]
    environment: tuple[tuple[str, Text], ...]
    inputs: tuple[Artifact, ...]
    outputs: tuple[Artifact, ...]
    results: tuple[Result, ...]
    retry: Retry
    cpu: float
    gpu: int
    memory_bytes: int
    time_limit_s: float
    growth: Growth | None = None

    def after(self, tried: int, message: str) -> Pod:
        """Return it as it is after so many tries, of which the last one ended with a message."""
        if self.growth is None or _KILLED not in message:
            return self
        return self._replace(memory_bytes=self.growth.memory_bytes(tried))


class Open(NamedTuple):
    """A template without a pod, which succeeds at once."""

    name: str


class Child(NamedTuple):
    """A template that stands for a child workflow: its entry point, and what its parameters get."""

    name: str
    entrypoint: str
    parameters: tuple[Argument, ...]


Template = Dag | Pod | Open | Child


class Manifest(NamedTuple):
    """A whole Workflow."""

    generate_name: str
    parameters: dict[str, str]
    entrypoint: str
    templates: dict[str, Template]
    about: dict[str, Any]


PROGRAMS = ("run", "inline")
"""The verbs of the worker that start a program."""
VERBS = (*PROGRAMS, "qc", "rescue", "ask")

_ROOT = "/eas/"
_EXITS = re.compile(r"lastRetry\.exitCode == '1' && asInt\(retries\) < (\d+)")
_GROWTHS = re.compile(r"lastRetry\.message contains 'OOMKilled' && asInt\(retries\) < (\d+)")
_GROWN = re.compile(
    r"\{\{=string\(int\(lastRetry\.message contains 'OOMKilled' \? "
    r"min\((?P<most>\d+), (?P<start>\d+) \* (?P<factor>[\d.e+]+) \*\* asInt\(retries\)\) : (?P=start)\)\)\}\}M"
)


def load(workflow: dict[str, Any]) -> Manifest:
    """Return a Workflow ready to run; raise `UnsupportedError` when it holds what the engine does not know."""
    try:
        specification = workflow["spec"]
        templates = {name: _template(one) for name, one in manifests.templates(workflow).items()}
        parameters = specification.get("arguments", {}).get("parameters", [])
        about = workflow["metadata"].get("annotations", {}).get("eas/about", "{}")
        manifest = Manifest(
            generate_name=workflow["metadata"].get("generateName", "run-"),
            parameters={one["name"]: one["value"] for one in parameters},
            entrypoint=specification["entrypoint"],
            templates=templates,
            about=json.loads(about),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnsupportedError(f"not a workflow that EAS wrote: {error!r}") from error
    _check(manifest)
    return manifest


def _check(manifest: Manifest) -> None:
    """Refuse a manifest that would lead nowhere, or for ever round in a circle."""
    lists = [template for template in manifest.templates.values() if isinstance(template, Dag)]
    children = (one.entrypoint for one in manifest.templates.values() if isinstance(one, Child))
    for name in (manifest.entrypoint, *children, *(step.template for dag in lists for step in dag.steps.values())):
        if name not in manifest.templates:
            raise UnsupportedError(f"there is no template {name!r}")
    for dag in lists:
        missing = {name: len(step.depends.steps) for name, step in dag.steps.items()}
        ready = [name for name, count in missing.items() if not count]
        for name in ready:
            for other in dag.after[name]:
                missing[other] -= 1
                if not missing[other]:
                    ready.append(other)
        if len(ready) < len(missing):
            raise UnsupportedError(f"steps of {dag.name!r} wait for each other in a circle")


def _template(given: dict[str, Any]) -> Template:
    if "dag" in given:
        return _dag(given)
    if "container" in given:
        return _pod(given)
    if "suspend" in given and given["suspend"].get("duration") == "0":
        return Open(given["name"])
    if "resource" in given:
        return _child(given)
    raise UnsupportedError(f"the template {given['name']!r} is of a kind that the embedded engine does not know")


def _dag(given: dict[str, Any]) -> Dag:
    if given["dag"].get("failFast") is not False:
        raise UnsupportedError(f"the template {given['name']!r} must say failFast: false")
    steps = {one["name"]: _step(one) for one in given["dag"]["tasks"] or ()}
    after: dict[str, list[str]] = {name: [] for name in steps}
    for step in steps.values():
        for other in step.depends.steps:
            if other not in steps:
                raise UnsupportedError(f"{step.name!r} depends on {other!r}, which {given['name']!r} does not have")
            after[other].append(step.name)
    exports = given.get("outputs", {}).get("parameters", [])
    return Dag(
        given["name"],
        steps,
        tuple(Export(one["name"], forms.expression(one["valueFrom"]["expression"])) for one in exports),
        tuple(name for name, others in after.items() if not others),
        {name: tuple(others) for name, others in after.items()},
    )


_STEP_KEYS = {"name", "template", "depends", "when", "arguments", "withSequence"}


def _step(given: dict[str, Any]) -> Step:
    if given.keys() - _STEP_KEYS:
        unknown = ", ".join(sorted(given.keys() - _STEP_KEYS))
        raise UnsupportedError(f"the step {given['name']!r} uses {unknown}, which the embedded engine does not know")
    arguments = given.get("arguments", {}).get("parameters", [])
    sequence = given.get("withSequence")
    return Step(
        given["name"],
        given["template"],
        dependences.parse(given["depends"]) if "depends" in given else dependences.NONE,
        forms.text(given["when"]) if "when" in given else None,
        tuple(Argument(one["name"], forms.text(one["value"])) for one in arguments),
        forms.text(str(sequence["count"])) if sequence else None,
        forms.text(str(sequence["start"])) if sequence and "start" in sequence else None,
    )


def _child(given: dict[str, Any]) -> Child:
    """Return a child workflow; what its parent would change in it, beside its name and parameters, is refused."""
    resource, workflow = given["resource"], manifests.child(given)
    arguments = workflow["spec"]["arguments"]["parameters"]
    named = json.dumps([workflow["metadata"], arguments])
    if resource["manifest"].count("{{") != named.count("{{"):
        raise UnsupportedError(f"the template {given['name']!r} changes what its child workflow runs")
    if resource["action"] != "apply" or workflow["kind"] != "Workflow":
        raise UnsupportedError(f"the template {given['name']!r} does not create a child workflow")
    values = tuple(Argument(one["name"], forms.text(one["value"])) for one in arguments)
    return Child(given["name"], workflow["spec"]["entrypoint"], values)


def _pod(given: dict[str, Any]) -> Pod:
    container = given["container"]
    command = container["command"]
    if command[:3] != ["python3", "-m", "eas_worker"] or command[3] not in VERBS:
        raise UnsupportedError(
            f"the template {given['name']!r} runs {command!r}; the embedded engine starts the EAS worker only"
        )
    variables = {one["name"]: one["value"] for one in container["env"]}
    description = variables.pop("EAS_TASK")
    limits = container["resources"]["limits"]
    inputs, outputs = given.get("inputs", {}), given.get("outputs", {})
    return Pod(
        name=given["name"],
        verb=command[3],
        image=container["image"],
        task=description,
        description=json.loads(description),
        environment=tuple((name, forms.text(value)) for name, value in variables.items()),
        inputs=tuple(_artifact(one) for one in inputs.get("artifacts", [])),
        outputs=tuple(_artifact(one) for one in outputs.get("artifacts", [])),
        results=tuple(_result(one) for one in outputs.get("parameters", [])),
        retry=_retry(given.get("retryStrategy", {})),
        cpu=quantities.cores(str(limits["cpu"])),
        gpu=int(limits.get("nvidia.com/gpu", 0)),
        memory_bytes=_memory_bytes(str(limits["memory"])),
        time_limit_s=float(given["activeDeadlineSeconds"]),
        growth=_growth(given),
    )


def _artifact(given: dict[str, Any]) -> Artifact:
    if not given["path"].startswith(_ROOT):
        raise UnsupportedError(f"the artifact {given['name']!r} lies outside of {_ROOT}")
    return Artifact(given["path"].removeprefix(_ROOT), forms.text(given["s3"]["key"]), bool(given.get("optional")))


def _retry(given: dict[str, Any]) -> Retry:
    """Return the cases of a retry strategy that happen here: nothing is evicted."""
    limit, expression = int(given.get("limit", 0)), given.get("expression", "")
    exits, growths = _EXITS.search(expression), _GROWTHS.search(expression)
    return Retry(
        errors=limit if "lastRetry.status == 'Error'" in expression else 0,
        exits=min(limit, int(exits[1])) if exits else 0,
        growths=min(limit, int(growths[1])) if growths else 0,
    )


def _growth(given: dict[str, Any]) -> Growth | None:
    """Return how memory grows; a patch that changes anything else is refused."""
    if given.get("podSpecPatch") is None:
        return None
    patch = json.loads(given["podSpecPatch"])
    grown = _GROWN.fullmatch(patch["containers"][0]["resources"]["limits"]["memory"])
    amounts = {"memory": grown[0]} if grown else {}
    same = {"containers": [{"name": "main", "resources": {"limits": amounts, "requests": amounts}}]}
    if grown is None or patch != same:
        raise UnsupportedError(f"the podSpecPatch of {given['name']!r} is not known to the embedded engine")
    return Growth(int(grown["start"]), float(grown["factor"]), int(grown["most"]))


def _result(given: dict[str, Any]) -> Result:
    source = given["valueFrom"]
    return Result(given["name"], source["path"].removeprefix(_ROOT), source.get("default"))


def _memory_bytes(quantity: str) -> int:
    try:
        return quantities.size_bytes(quantity)
    except ValueError as error:
        raise UnsupportedError(str(error)) from error
