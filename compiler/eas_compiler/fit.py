"""Pass 6, fit: a Workflow to what one Workflow may be.

Invariant of the result: what runs, in which order, under which paths and keys, is what it was; no list and no Workflow
is larger than the limits, or that has been reported. A Workflow that is within them is not touched.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from eas_compiler.diagnostics import Diagnostics
from eas_compiler.nodes import Counter, Repetitions
from eas_compiler.parts import as_json
from eas_compiler.templates import Templates
from eas_compiler.tree import Chain

Json = dict[str, Any]


class Limits(NamedTuple):
    """How large a Workflow may be: nodes in its status, templates, and steps of one list.

    Ids of nodes are 32-bit hashes of their names, and two nodes with one id are one to Argo: with 5,000 nodes there is
    such a pair in one Workflow of a hundred, with 20,000 in one of eleven. The full CRDs take 200 templates and steps.
    """

    nodes: int = 5000
    templates: int = 200
    steps: int = 200


class Part(NamedTuple):
    """Workflows that a run is made of: those for the iterations of the loop at `path`, or the run itself at `/`.

    `number` is how many there are at most, None where only the run can tell; `nodes` how many one has at most, retries
    apart; `size_bytes` how large its manifest is, with those of its children in it.
    """

    path: str
    number: int | None
    nodes: int
    size_bytes: int


class Fitted(NamedTuple):
    """A Workflow within the limits, and the parts that it will become, the run itself first."""

    workflow: Json
    parts: tuple[Part, ...]


def fit(
    workflow: Json,
    chain: Chain,
    repetitions: Repetitions,
    prototypes: Templates,
    limits: Limits,
    diagnostics: Diagnostics,
) -> Fitted:
    """Return a Workflow within the limits; report what cannot be brought within them."""
    from eas_compiler import bounds

    children: list[Part] = []
    whole, nodes = workflow, _nodes(workflow, repetitions)
    if nodes > limits.nodes:
        from eas_compiler.cut import cut

        workflow, children = cut(workflow, prototypes, repetitions, limits)
    workflow = short(workflow, prototypes, limits)
    if workflow is not whole:
        nodes = _nodes(workflow, repetitions)
    parts = (Part("/", 1, nodes, len(as_json(workflow))), *children)
    bounds.check(workflow, parts, chain, repetitions, limits, diagnostics)
    return Fitted(workflow, parts)


def _nodes(workflow: Json, repetitions: Repetitions) -> int:
    return Counter(workflow, repetitions).template(workflow["spec"]["entrypoint"])


def short(workflow: Json, prototypes: Templates, limits: Limits) -> Json:
    """Return a Workflow with no list longer than allowed, as far as that can be."""
    templates = workflow["spec"]["templates"]
    if not any(_is_long(one, limits) for one in templates):
        return workflow
    from eas_compiler.stretches import divided

    templates = [part for one in templates for part in (divided(one, limits.steps) if _is_long(one, limits) else [one])]
    if all(one["name"] != "open" for one in templates):
        templates.append(prototypes.fill("open"))
    return {**workflow, "spec": {**workflow["spec"], "templates": templates}}


def _is_long(template: Json, limits: Limits) -> bool:
    """Tell whether a list has more steps than Argo takes, but not so many that a Workflow cannot hold them anyhow."""
    return "dag" in template and limits.steps < len(template["dag"]["tasks"]) <= limits.nodes
