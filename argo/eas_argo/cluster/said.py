"""What running pods say, line by line: until their records are in the bucket, nobody else knows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from eas_argo.cluster import runs
from eas_argo.cluster.again import life_of
from eas_argo.cluster.connection import Connection
from eas_argo.cluster.errors import ClusterError
from eas_worker import assignment

Json = dict[str, Any]
_STEPS = {"run": "run", "inline": "run", "qc": "qc", "rescue": "qc"}
_SEVERITIES = ("debug", "status", "info", "warning", "error", "critical")
_LINE = re.compile(r"(?P<time>\S+) (?P<text>.*)", re.DOTALL)
_SAID = re.compile(rf"(?P<severity>{'|'.join(_SEVERITIES)}): (?P<text>.*)")
_OF_ARGO = re.compile(r"time=\S+ level=\w+ msg=.* argo=true")
"""What Argo's own process says in the container of a program."""
_MOST_BYTES = 1 << 20


class Speaker(NamedTuple):
    """A step of a task that has a pod: the path of the task, its place in the chain, the number of the try."""

    path: str
    place: str
    step: str
    number: int
    pod: str

    @property
    def key(self) -> tuple[str, str, int]:
        """What tells one try of a step from all others of a run."""
        return self.path, self.step, self.number


class Said(NamedTuple):
    """A line: when it was said in UTC, how serious it is, and the text, of which there may be several lines."""

    time: str
    severity: str
    text: str


def speakers(connection: Connection, workflow: Json) -> list[Speaker]:
    """Return the steps of a run, also of its child workflows, whose pods have begun and are still there.

    Raises
    ------
    ClusterError
        When the cluster does not tell.
    """
    pods = runs.pods(connection, runs.family(connection, workflow), {})
    first_try = life_of(workflow).first_try
    found = (speaker(pod, first_try) for pod in pods if pod.get("status", {}).get("phase") != "Pending")
    return [one for one in found if one is not None]


def speaker(pod: Json, first_try: int = 0) -> Speaker | None:
    """Return which step of which task a pod is; None for one that is no step of a task."""
    containers = {one["name"]: one for one in pod["spec"]["containers"]}
    given = {one["name"]: one.get("value", "") for one in containers.get("main", {}).get("env", ())}
    step = _STEPS.get((containers.get("main", {}).get("command") or [""])[-1])
    number = re.search(r"\((\d+)\)$", pod["metadata"].get("annotations", {}).get("workflows.argoproj.io/node-name", ""))
    if step is None or number is None or "EAS_TASK" not in given:
        return None
    task = json.loads(given["EAS_TASK"])
    indices = assignment.parse_indices(given.get("EAS_INDICES", ""))
    path = assignment.path_of(task["path"], task["loops"], indices)
    return Speaker(path, task["source"], step, int(number[1]) + first_try, pod["metadata"]["name"])


def said(connection: Connection, pod: str, since: str = "") -> list[Said]:
    """Return what a pod has said, from a time on; nothing when it is gone.

    Raises
    ------
    ClusterError
        When the cluster does not tell.
    """
    query = {"container": "main", "timestamps": "true", "limitBytes": _MOST_BYTES}
    if since:
        query["sinceTime"] = since
    try:
        with connection.stream(f"{connection.pods}/{pod}/log", query) as lines:
            return list(read(lines))
    except ClusterError as error:
        if error.status in (400, 404):  # it has not begun, or is gone
            return []
        raise


def read(lines: Iterator[bytes]) -> Iterator[Said]:
    """Yield what is said in the lines of a container: a line that says no severity belongs to the one before."""
    last: Said | None = None
    for line in lines:
        stamped = _LINE.fullmatch(line.decode("utf-8", "replace"))
        if stamped is None or _OF_ARGO.fullmatch(stamped["text"]):
            continue
        match = _SAID.fullmatch(stamped["text"])
        if match is None and last is not None:
            last = last._replace(text=f"{last.text}\n{stamped['text']}")
            continue
        if last is not None:
            yield last
        last = Said(stamped["time"], *(match.groups() if match else ("info", stamped["text"])))
    if last is not None:
        yield last
