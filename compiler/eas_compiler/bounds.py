"""What Argo and Kubernetes do not take of a Workflow, however it is packed: told before anybody submits it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from eas_compiler.diagnostics import Diagnostics
from eas_compiler.nodes import Counter, Repetitions, path_of
from eas_compiler.parts import Json
from eas_compiler.tree import Chain, walk

if TYPE_CHECKING:
    from eas_compiler.fit import Limits, Part

MAX_WORKFLOW_BYTES = 1 << 20
"""What Argo stores of a Workflow, in JSON with the nodes of its status compressed: MAX_WORKFLOW_SIZE by default."""
NODE_BYTES = 100
"""What a node adds to the compressed status."""
MAX_ANNOTATION_BYTES = 1 << 18
MAX_DEPTH = 100
"""How many templates Argo lets stand in each other."""


def check(
    workflow: Json,
    parts: tuple[Part, ...],
    chain: Chain,
    repetitions: Repetitions,
    limits: Limits,
    diagnostics: Diagnostics,
) -> None:
    """Warn of all that goes beyond a limit, at its place in the chain."""
    where = {item.common.path: item.common.node for item in walk(chain.body)}
    found = [*_of_parts(parts, limits), *_of_workflow(workflow, repetitions, limits)]
    for path, message, hint in found:
        node = where.get(_item(path), chain.node)
        at = node._replace(end=node.start + 1)
        diagnostics.warning("argo-limit", at, message, f"{hint}; on this machine it runs")


def _item(path: str) -> str:
    """Return the path of the flow control that a list belongs to: `/t0` of `/t0[tda]`, `/t0#` and `/t0?then`."""
    return re.sub(r"(\[[^/]*\]|#|\?then|\?else)\Z", "", path)


def _of_parts(parts: tuple[Part, ...], limits: Limits) -> Iterator[tuple[str, str, str]]:
    for part in parts:
        what = "a Workflow of this loop" if part.path != "/" else "the Workflow"
        if part.nodes > limits.nodes:
            message = f"{what} has up to {part.nodes:,} nodes; more than {limits.nodes:,} are not safe"
            yield part.path, message, "only loops can be cut: put what is repeated into loops, or make several chains"
        needed = part.size_bytes + NODE_BYTES * min(part.nodes, limits.nodes)
        if needed > MAX_WORKFLOW_BYTES:
            message = (
                f"{what} is {part.size_bytes:,} bytes, and with its status about {needed:,}; "
                f"Argo stores {MAX_WORKFLOW_BYTES:,}"
            )
            yield part.path, message, "make several chains of it, or put what is repeated into loops"


def _of_workflow(workflow: Json, repetitions: Repetitions, limits: Limits) -> Iterator[tuple[str, str, str]]:
    templates = workflow["spec"]["templates"]
    if len(templates) > limits.templates:
        message = f"{len(templates)} templates; the full definitions of Argo take {limits.templates}"
        yield "/", message, "make several chains of it"
    for template in templates:
        steps = len(template["dag"]["tasks"]) if "dag" in template else 0
        if steps > limits.steps:
            message = f"{steps} steps in one list; the full definitions of Argo take {limits.steps}"
            yield path_of(template), message, "put what is repeated into loops, or make several chains"
    annotations = len(json.dumps(workflow["metadata"]["annotations"]))
    if annotations > MAX_ANNOTATION_BYTES:
        message = f"subject and tags are {annotations:,} bytes; annotations may have {MAX_ANNOTATION_BYTES:,}"
        yield "/", message, "put what is large into a file"
    depth = Counter(workflow, repetitions).depth(workflow["spec"]["entrypoint"])
    if depth > MAX_DEPTH:
        message = f"{depth} lists and iterations of do-while loops stand in each other; Argo takes {MAX_DEPTH}"
        yield "/", message, "give a do-while loop a smaller max_iterations, or nest less"
