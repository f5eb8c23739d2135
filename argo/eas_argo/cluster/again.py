"""A run is taken up again: a new Workflow, in which all that is not to be done again has been done already.

The Workflow that ended stays as it is, with its pods' messages and its tries. The new one is the next *life* of the
same run: it reads and writes under the same keys, its tries are numbered on, and its status begins with the nodes that
stay, as Argo's own `resubmit --memoized` does it.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from eas_argo.cluster.errors import ClusterError
from eas_worker import manifests

Json = dict[str, Any]
Nodes = dict[str, Json]
LIFE = "eas/life"
"""The annotation with which life of which run a Workflow is, as JSON: `run`, `uid`, `life`, and its first try."""
OF = "eas/life-of"
"""The label with the uid of the Workflow that the run began with."""
_RUN = "{{workflow.name}}-{{workflow.uid}}"
_TRY = re.compile(r"\((\d+)\)$")
_WORD = re.compile(r"[\w-]+")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_UID = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_MOST = 1_000_000
"""More than anybody takes up a run, or tries a task."""
LONGEST = 63
"""How long the name of a Workflow may be."""
_MARK = 8
"""How many characters tell runs apart whose names are so long that those of later lives are shortened."""
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
    """Return which life of which run a Workflow is.

    Raises
    ------
    ClusterError
        When it says that it is a later one, in another way than `again` does.
    """
    metadata = workflow["metadata"]
    given = (metadata.get("annotations") or {}).get(LIFE)
    if given is None:
        return Life(metadata["name"], metadata["uid"])
    try:
        told = json.loads(given)
        life = Life(told["run"], told["uid"], told["life"], told["tries"])
        is_one = _NAME.fullmatch(life.run) and _UID.fullmatch(life.uid) and name_of(life) == metadata["name"]
        is_one = is_one and all(type(one) is int and 0 <= one < _MOST for one in life[2:])
    except (LookupError, RecursionError, TypeError, ValueError):
        is_one = False
    if not is_one:
        raise ClusterError(
            f"{metadata['name']} does not say which life of which run it is: its {LIFE} is {given!r:.200}"
        )
    return life


def name_of(life: Life) -> str:
    """Return the name of the Workflow that is a life of a run: that of the run with a number, if there is room."""
    end = f"-{life.number}"
    if len(life.run) + len(end) <= LONGEST:
        return life.run + end
    mark = f"-{hashlib.sha256(life.uid.encode()).hexdigest()[:_MARK]}"
    return life.run[: LONGEST - len(mark) - len(end)].rstrip("-") + mark + end


def is_continued(spec: Json, before: Life, other: Json, life: Life) -> bool:
    """Return whether what another Workflow is to run is what a Workflow becomes in a life of the same run."""
    return is_same(_continued(spec, before, life), _continued(other, life, life))


def is_same(spec: Json, other: Json) -> bool:
    """Return whether two Workflows are to do the same: a controller writes down what is empty, and amounts anew."""
    return all(
        (_essence(spec.get(part)) or None) == (_essence(other.get(part)) or None)
        for part in ("entrypoint", "arguments", "templates")
    )


def _essence(part: Any) -> Any:
    if isinstance(part, dict):
        found = {key: _essence(one) for key, one in part.items() if key != "resources"}
        return {key: one for key, one in found.items() if one}
    return [_essence(one) for one in part] if isinstance(part, list) else part


def is_cut(workflow: Json) -> bool:
    """Return whether a run was cut into child workflows."""
    return any("resource" in template for template in manifests.templates(workflow).values())


def cut_error() -> ClusterError:
    """Return why a run that was cut is not taken up again: nobody could say what of its children is done again."""
    message = "a run that was cut into child workflows cannot be done again in part"
    return ClusterError(message, "submit the chain anew")


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
    before, started = life_of(workflow), _started(workflow)
    numbers = [_number(node, before, started) for node in nodes.values() if _is_try(node)]
    life = before._replace(number=before.number + 1, first_try=max(numbers, default=-1) + 1)
    name = name_of(life)
    by_name = {node["name"]: node for node in nodes.values()}
    left = _left(workflow, by_name, [nodes[one]["name"] for one in chosen])
    spec = _continued(workflow["spec"], before, life)
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
    return {
        **head,
        "metadata": metadata,
        "spec": spec,
        "status": _status(_renamed(left, _Names(old["name"], name, before, started))),
    }


class _Names(NamedTuple):
    """How nodes are to be called: in another Workflow than that of some life, which started at a time."""

    old: str
    new: str
    life: Life
    started: str

    def of(self, node: Json) -> str:
        """Return the name of a node."""
        name: str = node["name"]
        if _is_try(node):
            name = f"{name[: name.rindex('(')]}({_number(node, self.life, self.started)})"
        return self.new + name[len(self.old) :]


def _started(workflow: Json) -> str:
    return str((workflow.get("status") or {}).get("startedAt") or "")


def _number(node: Json, life: Life, started: str) -> int:
    """Return the number of a try in its run: one that was taken over has it already, and was begun before.

    Both times are by the clock of the controller; when a pod ended is by that of its node.
    """
    match = _TRY.search(node["name"])
    number = int(match[1]) if match else 0
    is_taken_over = bool(node.get("startedAt")) and str(node["startedAt"]) < started
    return number if is_taken_over else number + life.first_try


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
    templates = _lists(workflow, by_name)
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


def _lists(workflow: Json, by_name: Nodes) -> Nodes:
    """Return the templates of nodes, by their ids: one may stand in the step that made a node.

    Raises
    ------
    ClusterError
        When the run has child workflows: what failed in one of them cannot be done again by itself.
    """
    known = manifests.templates(workflow)
    if is_cut(workflow):
        raise cut_error()
    nodes = {node["id"]: node for node in by_name.values()}
    names = manifests.Names(nodes, workflow["spec"]["entrypoint"], known)
    return {name: known[template] for name, node in nodes.items() if (template := names.template(node)) in known}


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
    tasks = templates.get(above["id"], {}).get("dag", {}).get("tasks", ())
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


def _renamed(nodes: Nodes, names: _Names) -> Nodes:
    """Return nodes by the ids that they have under other names."""
    ids = {node["id"]: node_id(names.new, names.of(node)) for node in nodes.values()}
    found = {}
    for node in nodes.values():
        renamed = {key: value for key, value in node.items() if key not in _LINKS}
        renamed |= {"id": ids[node["id"]], "name": names.of(node)}
        for key in _LINKS:
            if there := [ids[one] for one in node.get(key) or () if one in ids]:
                renamed[key] = there
        if node.get("boundaryID") in ids:
            renamed["boundaryID"] = ids[node["boundaryID"]]
        if node.get("displayName") == names.old:
            renamed["displayName"] = names.new
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
