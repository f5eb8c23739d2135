"""A run is taken up again: a new Workflow, in which all that is not to be done again has been done already.

The Workflow that ended stays as it is, with its pods' messages and its tries. The new one is the next *life* of the
same run: it reads and writes under the same keys, its tries are numbered on, and its status begins with the nodes that
stay, as Argo's own `resubmit --memoized` does it.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from eas_argo.cluster.errors import ClusterError

Json = dict[str, Any]
Nodes = dict[str, Json]
LIFE = "eas/life"
"""The annotation with which life of which run a Workflow is, as JSON: `run`, `uid`, `life`, and its first try."""
OF = "eas/life-of"
"""The label with the uid of the Workflow that the run began with."""
_RUN = "{{workflow.name}}-{{workflow.uid}}"
_TRY = re.compile(r"\((\d+)\)$")
_WORD = re.compile(r"[\w-]+")
_KEPT = ("Succeeded", "Skipped", "Omitted")
_LINKS = ("children", "outboundNodes")
_LISTS = ("DAG", "TaskGroup")
_SHUTDOWN = ("workflow shutdown with strategy", "Stopped with strategy")
_LARGE_BYTES = 400_000
"""From which size on the nodes are handed over compressed, as Argo itself keeps them."""


class Life(NamedTuple):
    """Which life of which run a Workflow is: name and uid of the first, a number from 1, and that of its first try."""

    run: str
    uid: str
    number: int = 1
    first_try: int = 0

    @property
    def prefix(self) -> str:
        """The prefix of the keys of the run."""
        return f"{self.run}-{self.uid}"


def life_of(workflow: Json) -> Life:
    """Return which life of which run a Workflow is."""
    metadata = workflow["metadata"]
    given = (metadata.get("annotations") or {}).get(LIFE)
    if given is None:
        return Life(metadata["name"], metadata["uid"])
    told = json.loads(given)
    return Life(str(told["run"]), str(told["uid"]), int(told["life"]), int(told["tries"]))


def nodes_of(workflow: Json) -> Nodes:
    """Return the nodes of a Workflow's status by id, however they are kept.

    Raises
    ------
    ClusterError
        When they are kept elsewhere, or are damaged.
    """
    status = workflow.get("status") or {}
    if status.get("offloadNodeStatusVersion"):
        raise ClusterError("the nodes of this run are in Argo's own database", "set nodeStatusOffLoad to false")
    if "compressedNodes" not in status:
        return dict(status.get("nodes") or {})
    try:
        found: Nodes = json.loads(gzip.decompress(base64.b64decode(status["compressedNodes"])))
    except (OSError, EOFError, ValueError) as error:
        raise ClusterError("the nodes of this run are damaged, or compressed by something else than gzip") from error
    return found


def again(workflow: Json, nodes: Nodes, chosen: Iterable[str]) -> Json:
    """Return the Workflow in which chosen nodes, given by id, are done again with all that depends on them.

    `workflow` is one that has ended, `nodes` are those of its status by id.
    """
    life = _next(workflow, nodes)
    name = f"{life.run}-{life.number}"
    by_name = {node["name"]: node for node in nodes.values()}
    left = _left(workflow, by_name, [nodes[one]["name"] for one in chosen])
    spec = _continued(workflow["spec"], life_of(workflow), life)
    old = workflow["metadata"]
    told = {"run": life.run, "uid": life.uid, "life": life.number, "tries": life.first_try}
    annotations = {key: text for key, text in (old.get("annotations") or {}).items() if key.startswith("eas/")}
    metadata = {
        "name": name,
        "namespace": old["namespace"],
        "labels": {"eas/managed": "true", OF: life.uid},
        "annotations": {**annotations, LIFE: json.dumps(told, separators=(",", ":"))},
    }
    head = {key: workflow[key] for key in ("apiVersion", "kind")}
    return {**head, "metadata": metadata, "spec": spec, "status": _status(_renamed(left, old["name"], name))}


def _next(workflow: Json, nodes: Nodes) -> Life:
    life = life_of(workflow)
    tries = [int(match[1]) for node in nodes.values() if _is_try(node) and (match := _TRY.search(node["name"]))]
    return life._replace(number=life.number + 1, first_try=life.first_try + max(tries, default=-1) + 1)


def _is_try(node: Json) -> bool:
    return bool((node.get("nodeFlag") or {}).get("retried"))


def _continued(spec: Json, before: Life, life: Life) -> Json:
    """Return what is to run, under the keys that the run has and with its tries numbered on."""
    text = json.dumps({key: value for key, value in spec.items() if key not in ("shutdown", "suspend")})
    texts = {_RUN: life.prefix, '"{{workflow.name}}"': json.dumps(life.run)}
    for old, new in texts.items():
        text = text.replace(old, new)
    for retries in ("{{retries}}", _tries(before.first_try)):
        text = text.replace(f"attempt-{retries}", f"attempt-{_tries(life.first_try)}")
        text = text.replace(f'"value": "{retries}"', f'"value": "{_tries(life.first_try)}"')
    continued: Json = json.loads(text)
    return continued


def _tries(first: int) -> str:
    return f"{{{{=asInt(retries) + {first}}}}}"


# ---------------------------------------------------------------------------------------------------------------------
# What stays


def _left(workflow: Json, by_name: Nodes, chosen: Iterable[str]) -> Nodes:
    """Return the nodes that stay as they are, and as running those that they stand in."""
    templates = {one["name"]: one for one in workflow["spec"]["templates"]}
    gone: set[str] = set()
    opened = {name for name, node in by_name.items() if node["type"] in _LISTS and node["phase"] not in _KEPT}
    pending = [*chosen, *(name for name, node in by_name.items() if _is_unfinished(node))]
    while pending:
        name = pending.pop()
        if name in gone:
            continue
        gone |= {one for one in by_name if one == name or one.startswith((f"{name}.", f"{name}("))}
        around = by_name.get(name)
        while around is not None and (above := _above(around, by_name)) is not None:
            pending += _dependants(around["name"], above, templates, by_name)
            opened.add(above["name"])
            around = above
    left = {name: node for name, node in by_name.items() if name not in gone}
    return {name: _opened(node) if name in opened else node for name, node in left.items()}


def _is_unfinished(node: Json) -> bool:
    """Return whether nobody can say any more what would have become of a node: its run was ended before."""
    if node["type"] in _LISTS:
        return False
    return node["phase"] in ("Pending", "Running") or str(node.get("message", "")).startswith(_SHUTDOWN)


def _above(node: Json, by_name: Nodes) -> Json | None:
    """Return the list that a node stands in, a fan-out, or the node whose try it is."""
    name: str = node["name"]
    ends = [end for end in range(len(name) - 1, 0, -1) if name[end] in ".("]
    return next((by_name[name[:end]] for end in ends if name[:end] in by_name), None)


def _dependants(name: str, above: Json, templates: Nodes, by_name: Nodes) -> Iterator[str]:
    """Yield the nodes of a list that depend on one of its steps."""
    tasks = (templates.get(above.get("templateName", "")) or {}).get("dag", {}).get("tasks", ())
    if above["type"] != "DAG":
        return
    step = name[len(above["name"]) + 1 :]
    for task in tasks:
        if step in _WORD.findall(task.get("depends", "")):
            dependant = f"{above['name']}.{task['name']}"
            if dependant in by_name:
                yield dependant


def _opened(node: Json) -> Json:
    """Return a node as it was when not all that it stands for had ended."""
    told = {
        key: value for key, value in node.items() if key not in ("finishedAt", "message", "outboundNodes", "outputs")
    }
    return {**told, "phase": "Running"}


def _renamed(nodes: Nodes, old: str, new: str) -> Nodes:
    """Return nodes by the ids that they have in a Workflow of another name."""
    ids = {node["id"]: node_id(new, new + name[len(old) :]) for name, node in nodes.items()}
    found = {}
    for name, node in nodes.items():
        renamed = {key: value for key, value in node.items() if key not in _LINKS}
        renamed |= {"id": ids[node["id"]], "name": new + name[len(old) :]}
        for key in _LINKS:
            if there := [ids[one] for one in node.get(key) or () if one in ids]:
                renamed[key] = there
        if node.get("boundaryID") in ids:
            renamed["boundaryID"] = ids[node["boundaryID"]]
        if node["displayName"] == old:
            renamed["displayName"] = new
        found[renamed["id"]] = renamed
    return found


def node_id(workflow: str, name: str) -> str:
    """Return the id that Argo gives to a node (FNV-1a of 32 bits, of its name)."""
    if name == workflow:
        return name
    value = 0x811C9DC5
    for byte in name.encode():
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return f"{workflow}-{value}"


def _status(nodes: Nodes) -> Json:
    text = json.dumps(nodes, separators=(",", ":")).encode()
    if len(text) < _LARGE_BYTES:
        return {"nodes": nodes}
    return {"compressedNodes": base64.b64encode(gzip.compress(text, mtime=0)).decode()}
