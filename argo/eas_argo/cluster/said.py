"""What running pods say, line by line: until their records are in the bucket, nobody else knows it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
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
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_SECONDS = len("2026-01-01T00:00:00")
_MOST_BYTES = 1 << 20
_MOST_PAGES = 16
"""How much a cluster is asked for at a time, and how often before what came is given."""


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


class Voice:
    """A pod, of which each line is given once, however much it says."""

    def __init__(self, connection: Connection, pod: str) -> None:
        self._connection, self._pod = connection, pod
        self._last = self._since = ""
        """When the last line was said that was given, and from which second on there may be others."""

    def said(self) -> list[Said]:
        """Return what it has said since the last time, or the first of much; nothing when it is gone.

        Raises
        ------
        ClusterError
            When the cluster does not tell.
        """
        found: list[bytes] = []
        for _ in range(_MOST_PAGES):
            lines, is_all = self._page()
            new = [line for line in lines if _moment(line) > _moment(self._last.encode())]
            found += new
            if new:
                self._last = _time(new[-1])
                self._since = f"{self._last[:_SECONDS]}Z"
            elif not is_all:  # more than a page in one second
                self._since = _next_second(self._since)
            if is_all:
                break
        return list(read(iter(found)))

    def _page(self) -> tuple[list[bytes], bool]:
        """Return lines from the second of the last one on, whole ones alone, and whether there are no more now."""
        query = {"container": "main", "timestamps": "true", "limitBytes": _MOST_BYTES}
        if self._since:
            query["sinceTime"] = self._since
        try:
            with self._connection.stream(f"{self._connection.pods}/{self._pod}/log", query) as lines:
                found = list(lines)
        except ClusterError as error:
            if error.status in (400, 404):  # it has not begun, or is gone
                return [], True
            raise
        is_all = sum(map(len, found)) + len(found) < _MOST_BYTES
        return (found if is_all else found[:-1] or found), is_all


def _time(line: bytes) -> str:
    """Return when a line was said, as it stands before it; nothing where it does not."""
    time = line.partition(b" ")[0].decode("utf-8", "replace")
    return time if _TIME.fullmatch(time) else ""


def _moment(line: bytes) -> tuple[str, str]:
    """Return when a line was said, as texts that sort: a fraction has as many digits as it needs."""
    whole, _, fraction = _time(line).rstrip("Z").partition(".")
    return whole, fraction


def _next_second(time: str) -> str:
    after = datetime.fromisoformat(f"{time[:_SECONDS]}+00:00") + timedelta(seconds=1)
    return f"{after:%Y-%m-%dT%H:%M:%S}Z"


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
