"""This machine as a site: its cores and memory, and whether a chain can run on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from eas_argo.laptop.engine import Site
from eas_argo.laptop.manifest import Manifest, Pod
from eas_argo.laptop.programs import image_name, scripts


def this_machine(cores: int | None = None) -> Site:
    """Return the cores that this process may use, or as many as asked for, and the machine's memory in bytes."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Site(float(cores or available), memory)


def refusals(manifest: Manifest, site: Site, containers: Path) -> Iterator[str]:
    """Yield why a manifest cannot run here: memory, devices or programs that are not there."""
    seen: set[str] = set()
    for pod in (one for one in manifest.templates.values() if isinstance(one, Pod) and one.verb == "run"):
        task = pod.description["task"]
        if task in seen:
            continue
        seen.add(task)
        if pod.memory_bytes > site.memory_bytes:
            needed, there = pod.memory_bytes / 1e9, site.memory_bytes / 1e9
            yield f"{task} asks for {needed:.3g} GB of memory; this machine has {there:.3g} GB"
        if pod.gpu:
            yield f"{task} asks for {pod.gpu} gpu; this machine offers none"
        if not scripts(containers, pod):
            yield f"{task} has no program in {containers / image_name(pod.image)}"


def clamped(manifest: Manifest, site: Site) -> Iterator[str]:
    """Yield a warning for each task type that gets fewer cores than it asks for."""
    pods = [one for one in manifest.templates.values() if isinstance(one, Pod) and one.verb == "run"]
    for task, cpu in dict.fromkeys((pod.description["task"], pod.cpu) for pod in pods):
        if cpu > site.cpu:
            yield f"{task} asks for {cpu:g} cores and gets {site.cpu:g}"
