"""Why pods of a run do not begin: no node has room for them, an image or a secret is missing, or all is well so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from eas_argo.cluster.connection import Connection
from eas_argo.cluster.runs import WORKFLOW

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
}
_PAGE = 500
SOON_S = 10.0
"""How long a pod may wait without anything being said [s]."""


class Stuck(NamedTuple):
    """Pods that wait for the same reason: how many, the node of one of them, what may be done."""

    reason: str
    message: str
    pods: int
    example: str
    hint: str | None = None

    def __str__(self) -> str:
        many = f"{self.pods} pod{'s' if self.pods != 1 else ''} cannot begin"
        return f"{many}: {self.reason}: {self.message}" + (f"; {self.hint}" if self.hint else "")


def stuck(connection: Connection, workflow: str) -> list[Stuck]:
    """Return why pods of a Workflow wait, the most frequent reason first.

    Raises
    ------
    ClusterError
        When the cluster does not tell.
    """
    query = {"labelSelector": f"{WORKFLOW}={workflow}", "fieldSelector": "status.phase=Pending", "limit": _PAGE}
    pods = connection.get(connection.pods, query).get("items") or []
    now = datetime.now(UTC)
    late = [pod for pod in pods if _waits_s(pod, now) >= SOON_S]
    silent = [pod for pod in late if _told(pod) is None]
    events = list(_events(connection, silent[0]["metadata"]["uid"])) if silent else []
    return grouped(late, events)


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
