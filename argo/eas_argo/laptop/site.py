"""The machine as a site: its cores and memory, and whether a manifest can run on it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from eas_argo.laptop import cgroups
from eas_argo.laptop.manifest import PROGRAMS, Manifest, Pod
from eas_argo.laptop.programs import folder_of, scripts
from eas_argo.laptop.work import Site


class Refusal(NamedTuple):
    """Why a manifest cannot run here; `is_machine` tells whether another machine might."""

    reason: str
    is_machine: bool


def this_machine(cores: int | None = None) -> Site:
    """Return the cores that this process may use, or as many as asked for, and the memory that it may have in bytes.

    Both are what the machine has, or less where this process is in control groups with limits.
    """
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Site(float(cores or min(available, cgroups.cores())), int(min(memory, cgroups.memory_bytes())))


def refusals(manifest: Manifest, site: Site, containers: Sequence[Path]) -> Iterator[Refusal]:
    """Yield what is missing for a manifest to run here: programs, memory, devices."""
    for task, pod in _programs(manifest):
        if not scripts(containers, pod):
            yield Refusal(f"{task} has no program in {folder_of(containers, pod.image)}", is_machine=False)
        if pod.memory_bytes > site.memory_bytes:
            needed, there = pod.memory_bytes / 1e9, site.memory_bytes / 1e9
            yield Refusal(
                f"{task} asks for {needed:.3g} GB of memory; this machine has {there:.3g} GB", is_machine=True
            )
        if pod.gpu:
            yield Refusal(f"{task} asks for {pod.gpu} gpu; the engine of this machine offers none", is_machine=True)


def clamped(manifest: Manifest, site: Site) -> Iterator[str]:
    """Yield a warning for each task type that gets fewer cores than it asks for."""
    for task, pod in _programs(manifest):
        if pod.cpu > site.cpu:
            yield f"{task} asks for {pod.cpu:g} cores and gets {site.cpu:g}"


def _programs(manifest: Manifest) -> Iterator[tuple[str, Pod]]:
    """Yield the task types with their pods, once for each image and size."""
    pods = (one for one in manifest.templates.values() if isinstance(one, Pod) and one.verb in PROGRAMS)
    sizes = {(pod.description["task"], pod.image, pod.cpu, pod.gpu, pod.memory_bytes): pod for pod in pods}
    for size, pod in sizes.items():
        yield size[0], pod
