"""The Workflows of a run as one: where in its tree stand the nodes of child workflows, each of which knows only itself.

A loop that is too large for one Workflow is cut into child workflows, and a node of the parent waits for each. The tree
of the run has the nodes of a child beneath that node, as the engine of one machine tells them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from eas_worker import manifests
from eas_worker.manifests import Names

Json = dict[str, Any]


def joined(workflows: Iterable[Json]) -> Iterator[Json]:
    """Yield the nodes of a run, given all of its Workflows in any order, those of the first one first."""
    by_name = {one["metadata"]["name"]: one for one in workflows}
    for workflow in sorted(by_name.values(), key=lambda one: waiter(one) is not None):
        root = place(workflow, by_name)
        if root is not None:
            yield from placed(workflow, root)


def waiter(workflow: Json) -> str | None:
    """Return the name of the node of its parent that waits for a child; None for the Workflow that a run began with."""
    found: str | None = (workflow["metadata"].get("annotations") or {}).get(manifests.WAITER)
    return found


def place(workflow: Json, others: Mapping[str, Json]) -> str | None:
    """Return the name that the root of a Workflow has in the run's tree.

    `others` are the Workflows of the run by name. None when one that it needs is not among them.
    """
    node = waiter(workflow)
    if node is None:
        return str(workflow["metadata"]["name"])
    name = node.partition(".")[0]
    if name not in others:
        return None
    above = place(others[name], {other: one for other, one in others.items() if other != name})
    return f"{above}{node[len(name) :]}.{workflow['spec']['entrypoint']}" if above is not None else None


def placed(workflow: Json, root: str, some: Iterable[Json] | None = None) -> Iterator[Json]:
    """Yield the nodes of a Workflow, or some of them, as they stand in the run's tree.

    Their names begin with that of the `root`, which belongs to the node that waits for it; their templates are those
    that `eas_worker.manifests.templates` knows.
    """
    nodes = (workflow.get("status") or {}).get("nodes") or {}
    names = Names(nodes, workflow["spec"]["entrypoint"], manifests.templates(workflow))
    length = len(workflow["metadata"]["name"])
    for node in nodes.values() if some is None else some:
        told = {**node, "name": f"{root}{node['name'][length:]}", "templateName": names.template(node)}
        if waiter(workflow) is not None and not node.get("boundaryID"):
            told["boundaryID"] = root.rpartition(".")[0]
        yield told
