"""Why a run does not go on: no controller has it, a quota or no node has room for its pods, an image is missing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from eas_argo.cluster import runs
from eas_argo.cluster.again import nodes_of
from eas_argo.cluster.connection import Connection
from eas_argo.cluster.errors import QUOTA

Json = dict[str, Any]
NODE = "workflows.argoproj.io/node-name"
_USUAL = ("PodInitializing", "ContainerCreating")
"""What any container waits for a while."""
_STUCK = ("FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox", "Failed", "FailedScheduling")
"""The reasons of events that tell of something that hinders a pod."""
_HINTS = {
    "ErrImagePull": "is the image there, under this name, and may the nodes pull it?",
    "ImagePullBackOff": "is the image there, under this name, and may the nodes pull it?",
    "ErrImageNeverPull": "the site's pull_policy is Never, and the node has not this image",
    "InvalidImageName": "look at `images` of the site, and at the registry",
    "CreateContainerConfigError": "a secret or a ConfigMap that the pod takes is not there",
    "FailedMount": "a secret or a volume that the pod takes is not there",
    "exceeded quota": "they begin when others have ended; `eas doctor` shows whether the quota has room for each",
}
_REFUSED = re.compile(r'pods "[^"]*" is forbidden: (?P<why>.+)', re.DOTALL)
"""What Argo notes of a node for which the cluster gives no pod."""
_PAGE = 500
_CHILDREN = 20
"""In how many child workflows it is looked for pods that are refused: each may be a megabyte."""
UNSEEN_S = 30.0
"""How long a Workflow may be there without a controller having taken it up [s]."""
SOON_S = 10.0
"""How long a pod may wait without anything being said [s]."""


class Stuck(NamedTuple):
    """Pods that wait for the same reason: how many, the node of one of them, what may be done.

    Without pods, it is the run itself that waits.
    """

    reason: str
    message: str
    pods: int
    example: str
    hint: str | None = None

    def __str__(self) -> str:
        many = f"{self.pods} pod{'s' if self.pods != 1 else ''} cannot begin: " if self.pods else ""
        return f"{many}{self.reason}: {self.message}" + (f"; {self.hint}" if self.hint else "")


def stuck(connection: Connection, workflow: Json) -> list[Stuck]:
    """Return why a run waits, given by its Workflow, or why pods do, the most frequent reason first.

    Raises
    ------
    ClusterError
        When the cluster does not tell.
    """
    now = datetime.now(UTC)
    if runs.phase(workflow) == "Pending":
        return list(_not_begun(workflow, now))
    query = {"fieldSelector": "status.phase=Pending", "limit": _PAGE}
    pods = runs.pods(connection, runs.family(connection, workflow), query)
    late = [pod for pod in pods if _waits_s(pod, now) >= SOON_S]
    silent = [pod for pod in late if _told(pod) is None]
    events = list(_events(connection, silent[0]["metadata"]["uid"])) if silent else []
    children = {"labelSelector": runs.going_on(workflow), "limit": _CHILDREN}
    family = [workflow, *(connection.get(connection.workflows, children).get("items") or ())]
    return sorted([*grouped(late, events), *refused(family)], key=lambda one: -one.pods)


def _not_begun(workflow: Json, now: datetime) -> Iterator[Stuck]:
    """Yield why a Workflow has not begun."""
    status, name = workflow.get("status") or {}, workflow["metadata"]["name"]
    if status.get("phase"):
        yield Stuck("the controller has put it off", _line(status.get("message")), 0, name)
    elif _waits_s(workflow, now) >= UNSEEN_S:
        hint = "does Argo's workflow controller run, and does it look after this namespace? `eas doctor` tests it"
        yield Stuck("it has not begun", "no controller has taken it up", 0, name, hint)


def refused(workflows: Iterable[Json]) -> list[Stuck]:
    """Return for which reasons the cluster gives no pods to nodes that wait for them."""
    found: dict[tuple[str, str], Stuck] = {}
    for node in (node for workflow in workflows for node in nodes_of(workflow).values()):
        told = _REFUSED.search(str(node.get("message") or "")) if node.get("phase") == "Pending" else None
        if told is None:
            continue
        # How much of a quota is used changes all the time, and is no other reason.
        quota = QUOTA.search(told["why"])
        reason = "exceeded quota" if quota else "forbidden"
        asked = f"{quota['quota']}: asked for {quota['asked']}, of {quota['limit']}" if quota else told["why"]
        known = found.get((reason, asked)) or Stuck(reason, _line(asked), 0, node["name"], _HINTS.get(reason))
        found[reason, asked] = known._replace(pods=known.pods + 1)
    return list(found.values())


def grouped(pods: Iterable[Json], events: Iterable[Json]) -> list[Stuck]:
    """Return the reasons for which pods wait; `events` are those of pods that tell none themselves."""
    by_pod = {one["involvedObject"].get("uid"): one for one in events if one.get("reason") in _STUCK}
    found: dict[tuple[str, str], Stuck] = {}
    for pod in pods:
        reason, message = _told(pod) or _of_event(by_pod.get(pod["metadata"]["uid"])) or ("", "")
        if not reason:
            continue
        example = pod["metadata"].get("annotations", {}).get(NODE, pod["metadata"]["name"])
        known = found.get((reason, message)) or Stuck(reason, message, 0, example, _HINTS.get(reason))
        found[reason, message] = known._replace(pods=known.pods + 1)
    return sorted(found.values(), key=lambda one: -one.pods)


def _events(connection: Connection, uid: str) -> Iterator[Json]:
    """Yield the events of a pod, the oldest first."""
    query = {"fieldSelector": f"involvedObject.uid={uid}", "limit": _PAGE}
    found = connection.get(connection.events, query).get("items") or []
    yield from sorted(found, key=lambda one: str(one.get("lastTimestamp") or one.get("eventTime") or ""))


def _of_event(event: Json | None) -> tuple[str, str] | None:
    return (event["reason"], _line(event.get("message"))) if event is not None else None


def _told(pod: Json) -> tuple[str, str] | None:
    """Return what a pod itself tells of why it waits."""
    status = pod.get("status") or {}
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return condition.get("reason") or "Unschedulable", _line(condition.get("message"))
    for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
        waiting = (container.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") and waiting["reason"] not in _USUAL:
            return waiting["reason"], _line(waiting.get("message") or container.get("image"))
    return None


def _line(message: Any) -> str:
    """Return a message in one line, with nothing in it that a terminal obeys."""
    line = "".join(one for one in " ".join(str(message or "").split()) if one.isprintable())
    return line if len(line) <= 300 else f"{line[:299]}…"


def _waits_s(pod: Json, now: datetime) -> float:
    """Return for how long a pod has been there [s]."""
    created = str(pod["metadata"].get("creationTimestamp", ""))
    try:
        return (now - datetime.fromisoformat(created)).total_seconds()
    except (TypeError, ValueError):
        return 0.0
