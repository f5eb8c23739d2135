"""A Workflow as a site wants it: pure functions from what the compiler wrote to what the cluster is given.

What a Workflow says of itself stays; a site adds where pods run, under which name they pull images, and what they get.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from eas_argo.cluster.profile import Caps, Profile
from eas_worker import manifests, quantities

Json = dict[str, Any]
GPU = "nvidia.com/gpu"
STORAGE = "ephemeral-storage"
_PROGRAMS = ("run", "inline")
_GROWTH = re.compile(r"min\((\d+), ")
"""What memory may grow to [MB], in the patch that lets it grow."""
_TAG = "{\\u007b"
"""How a tag begins in the manifest of a child workflow that is for the child alone."""
_MARKS = 0xE000
"""Private characters that stand for `_TAG` while a manifest is read: one for each depth."""


class Placed(NamedTuple):
    """A Workflow for a site, what its tasks will lack there, and why the site cannot run them."""

    workflow: Json
    warnings: tuple[str, ...]
    refusals: tuple[str, ...]


def place(workflow: Json, profile: Profile, namespace: str) -> Placed:
    """Return a Workflow as a site wants it; the one that is given is left as it is."""
    placed = _changed(workflow, lambda container: _container(container, profile), profile)
    placed["metadata"] = {**placed["metadata"], "namespace": namespace}
    found = [one for one in _containers(workflow) if _verb(one) in _PROGRAMS]
    return Placed(placed, _once(_warnings(found, profile.caps)), _once(_refusals(found, profile.caps)))


def _once(lines: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(lines))


# ---------------------------------------------------------------------------------------------------------------------
# What changes


def _changed(workflow: Json, change: Callable[[Json], Json], profile: Profile, depth: int = 0) -> Json:
    spec = dict(workflow["spec"])
    spec["templates"] = [_template(one, change, profile, depth) for one in spec["templates"]]
    given = {
        "serviceAccountName": profile.service_account,
        "nodeSelector": dict(profile.node_selector),
        "tolerations": [dict(one) for one in profile.tolerations],
        "podPriorityClassName": profile.priority_class,
        "parallelism": profile.parallelism,
    }
    spec |= {field: value for field, value in given.items() if value}
    if profile.pull_policy:
        defaults = spec.get("templateDefaults", {})
        container = {**defaults.get("container", {}), "imagePullPolicy": profile.pull_policy}
        spec["templateDefaults"] = {**defaults, "container": container}
    return {**workflow, "spec": spec}


def _template(template: Json, change: Callable[[Json], Json], profile: Profile, depth: int) -> Json:
    """Return a template with its container changed; others may stand in its steps, or in a child workflow."""
    changed = dict(template)
    if "container" in template:
        changed["container"] = change(template["container"])
    if "nodeSelector" in template:  # Argo takes that of a template instead of the Workflow's
        changed["nodeSelector"] = {**profile.node_selector, **template["nodeSelector"]}
    if "tolerations" in template:
        own = template["tolerations"]
        changed["tolerations"] = [*own, *(dict(one) for one in profile.tolerations if dict(one) not in own)]
    if "podSpecPatch" in template:
        changed["podSpecPatch"] = _patch(template["podSpecPatch"], profile.caps)
    if "dag" in template:
        tasks = [
            {**task, "inline": _template(task["inline"], change, profile, depth)} if "inline" in task else task
            for task in template["dag"]["tasks"]
        ]
        changed["dag"] = {**template["dag"], "tasks": tasks}
    if "resource" in template:
        resource = template["resource"]
        child = _changed(_child(resource["manifest"], depth), change, profile, depth + 1)
        changed["resource"] = {**resource, "manifest": _manifest(child, depth)}
    return changed


def _child(manifest: str, depth: int) -> Json:
    """Return the child workflow of a manifest, with a mark where a tag is for itself alone."""
    workflow: Json = json.loads(manifest.replace(_TAG, "{" + chr(_MARKS + depth)))
    return workflow


def _manifest(child: Json, depth: int) -> str:
    text = json.dumps(child, separators=(",", ":"), ensure_ascii=False)
    return text.replace("{" + chr(_MARKS + depth), _TAG)


def _container(container: Json, profile: Profile) -> Json:
    resources = container.get("resources", {})
    amounts = {kind: _amounts(resources.get(kind, {}), profile) for kind in ("requests", "limits")}
    return {**container, "image": image(container["image"], profile.images), "resources": {**resources, **amounts}}


def image(name: str, prefix: str) -> str:
    """Return where an image is pulled from: below the prefix, unless its name begins with a registry."""
    first, slash, _ = name.partition("/")
    has_registry = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return f"{prefix.rstrip('/')}/{name}" if prefix and not has_registry else name


def _amounts(amounts: Json, profile: Profile) -> Json:
    found = dict(amounts)
    if profile.caps.cpu is not None and "cpu" in found and quantities.cores(found["cpu"]) > profile.caps.cpu:
        found["cpu"] = f"{profile.caps.cpu:g}"
    if profile.ephemeral_storage_gb is not None:
        found.setdefault(STORAGE, f"{round(profile.ephemeral_storage_gb * 1000)}M")
    return found


def _patch(patch: str, caps: Caps) -> str:
    """Return the patch that lets memory grow, so that it grows no further than the site has."""
    if caps.memory_gb is None:
        return patch
    most = math.floor(caps.memory_gb * 1000)
    return _GROWTH.sub(lambda match: f"min({min(int(match[1]), most)}, ", patch)


# ---------------------------------------------------------------------------------------------------------------------
# What cannot be, and what is less than was asked for


def _containers(workflow: Json) -> Iterator[Json]:
    """Yield the containers of a Workflow, and of its child workflows, each with its patch."""
    for template in manifests.templates(workflow).values():
        if "container" in template:
            yield {**template["container"], "podSpecPatch": template.get("podSpecPatch", "")}


def _verb(container: Json) -> str:
    return str(container["command"][-1]) if container.get("command") else ""


def _task(container: Json) -> str:
    """Return the task type that a container is for."""
    text = next(one["value"] for one in container["env"] if one["name"] == "EAS_TASK")
    return str(json.loads(text)["task"])


def _warnings(containers: list[Json], caps: Caps) -> Iterator[str]:
    for container in containers:
        limits = container.get("resources", {}).get("limits", {})
        cpu = quantities.cores(limits.get("cpu", "0"))
        if caps.cpu is not None and cpu > caps.cpu:
            yield f"{_task(container)} asks for {cpu:g} cores and gets {caps.cpu:g}"
        most = max((int(one) for one in _GROWTH.findall(container["podSpecPatch"])), default=0)
        if caps.memory_gb is not None and most > caps.memory_gb * 1000:
            yield f"the memory of {_task(container)} may grow to {caps.memory_gb:g} GB, instead of {most / 1000:g} GB"


def _refusals(containers: list[Json], caps: Caps) -> Iterator[str]:
    for container in containers:
        limits = container.get("resources", {}).get("limits", {})
        gpu, memory_gb = int(limits.get(GPU, 0)), quantities.size_bytes(limits.get("memory", "0")) / 1e9
        if caps.gpu is not None and gpu > caps.gpu:
            yield f"{_task(container)} asks for {gpu} gpu; a pod of this site has at most {caps.gpu}"
        if caps.memory_gb is not None and memory_gb > caps.memory_gb:
            yield (
                f"{_task(container)} asks for {memory_gb:.3g} GB of memory; a pod of this site has at most "
                f"{caps.memory_gb:.3g} GB"
            )
