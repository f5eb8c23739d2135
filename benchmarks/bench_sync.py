"""Measure how fast events of a watch become rows, against `json.loads` of the same lines.

A Workflow of some thousand nodes goes on, a few nodes at a time, and every event carries all of it, as a server writes
it. Events are read, compared with what was known, taken by a mirror and written to a file of SQLite, as `eas sync` does
it when it is far behind: as many as have come between two writes. Times are those of the processor.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from eas_argo.cluster.reading import Reader
from eas_provenance.database import Database
from eas_provenance.mirror import Mirror, Part, Place, Seen

Json = dict[str, Any]
_FIELDS = (
    "boundaryID",
    "children",
    "displayName",
    "finishedAt",
    "id",
    "inputs",
    "name",
    "outputs",
    "phase",
    "startedAt",
)
_TIME = "2026-11-21T12:00:00Z"


def described(verb: str) -> Json:
    """Return the template of a program or a gate that runs in a loop."""
    loop = {"var": "i", "id": "i", "at": "/t0", "form": "values", "range": list(range(100_000))}
    task: Json = {"path": "/t0[i]/t0", "task": "null", "source": "chain.json:1:1", "loops": [loop], "name": None}
    task |= {"job_name": "j", "working_directory": "d", "settings": {}, "setting_types": {}, "after": []}
    container = {
        "image": "eas/null:1",
        "command": ["python3", "-m", "eas_worker", verb],
        "env": [{"name": "EAS_TASK", "value": json.dumps(task)}],
        "resources": {"limits": {"cpu": "1", "memory": "1000M"}},
    }
    return {"name": "t0" if verb == "run" else "t0-qc", "container": container}


def node(name: str, kind: str, template: str, phase: str, **more: Any) -> Json:
    """Return a node as Argo writes it, for a part of what a real one has beside."""
    artifacts: list[Json] = [
        {
            "archive": {"none": {}},
            "name": one,
            "optional": True,
            "path": f"/eas/{one}",
            "s3": {"key": f"w-u/{one}/{name}"},
        }
        for one in ("records", "out-file")
    ]
    ended = {"finishedAt": _TIME} if phase == "Succeeded" else {}
    return {
        "boundaryID": "w", "displayName": name, "id": f"w-{abs(hash(name))}", "name": f"w.{name}", "phase": phase,
        "progress": "1/1", "resourcesDuration": {"cpu": 1, "memory": 12}, "startedAt": _TIME, "templateName": template,
        "templateScope": "local/w", "type": kind, "outputs": {"artifacts": artifacts, "exitCode": "0"},
    } | ended | more  # fmt: skip


def nodes_of(number: int, phase: str) -> list[Json]:
    """Return the four nodes of an iteration: program and gate, each with its try."""
    inputs = {"parameters": [{"name": "i", "value": str(number)}]}
    found = []
    for template in ("t0", "t0-qc"):
        name = f"t0({number}:{number}).{template}"
        found.append(node(name, "Retry", template, phase, inputs=inputs))
        found.append(node(f"{name}(0)", "Pod", template, phase, inputs=inputs, nodeFlag={"retried": True}))
    return found


def events(nodes: int, count: int, at_once: int) -> list[str]:
    """Return the objects of events, as texts; in each, some more iterations have ended."""
    there = {one["id"]: one for number in range(nodes // 4) for one in nodes_of(number, "Running")}
    managed = [{"fieldsV1": {"f:nodes": {one: {f"f:{name}": {} for name in _FIELDS} for one in there}}, "manager": "c"}]
    root = {"displayName": "w", "id": "w", "name": "w", "phase": "Running", "templateName": "chain", "type": "DAG"}
    spec: Json = {"entrypoint": "chain", "arguments": {"parameters": [{"name": "seed", "value": "7"}]}}
    spec["templates"] = [{"name": "chain", "dag": {"tasks": []}}, described("run"), described("qc")]
    found = []
    for event in range(count):
        for number in range(event * at_once, (event + 1) * at_once):
            there |= {one["id"]: one for one in nodes_of(number % (nodes // 4), "Succeeded")}
        metadata: Json = {"creationTimestamp": _TIME, "managedFields": managed, "name": "w", "namespace": "eas"}
        metadata |= {"resourceVersion": str(event + 1), "uid": "u"}
        status = {"nodes": dict(sorted({"w": root, **there}.items())), "phase": "Running", "startedAt": _TIME}
        one = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": metadata,
            "spec": spec,
            "status": status,
        }
        found.append(json.dumps(one, separators=(",", ":")))
    return found


def followed(texts: list[str], folder: Path, every: int) -> tuple[float, float]:
    """Return how long it takes to read and take events, and to write what came of them [s of the processor]."""
    reader, part = Reader(), Part("w", "chain", _TIME)
    mirror: Mirror | None = None
    taking = writing = 0.0
    with Database.open(folder / "eas.db") as database:
        for number, text in enumerate(texts):
            start = time.process_time()
            update = reader.read(text)
            assert update is not None
            if mirror is None:
                mirror = Mirror(Place(database, lambda _: None, "s", "p"), update.metadata, update.spec)
            mirror.take(
                part, Seen(update.version, update.status, update.changed, update.gone, update.nodes, update.problem)
            )
            middle = time.process_time()
            taking += middle - start if number else 0.0  # the first is read whole
            if number % every == 0 or number == len(texts) - 1:
                mirror.write()
                writing += time.process_time() - middle if number else 0.0
    return taking, writing


def main() -> None:
    """Print how many events a second are followed, and the ratio to parsing them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=2_000, help="nodes of the Workflow (default: %(default)s)")
    parser.add_argument("--events", type=int, default=200, help="events (default: %(default)s)")
    parser.add_argument("--at-once", type=int, default=2, help="tasks that end in each event (default: %(default)s)")
    parser.add_argument("--every", type=int, default=50, help="events between two writes (default: %(default)s)")
    given = parser.parse_args()
    texts = events(given.nodes, given.events, given.at_once)
    with tempfile.TemporaryDirectory() as folder:
        taking, writing = followed(texts, Path(folder), given.every)
    start = time.process_time()
    for text in texts[1:]:
        json.loads(text)
    parsing = time.process_time() - start
    count = len(texts) - 1
    print(f"{len(texts[-1]) / 1e6:.1f} MB an event, {given.nodes:,} nodes, {4 * given.at_once} of which change")
    for title, seconds in (("read and taken", taking), ("with rows written", taking + writing)):
        ratio = parsing / seconds
        print(f"{title:17}{count / seconds:8,.0f} events a second; json.loads of them takes {ratio:.1f} times as long")


if __name__ == "__main__":
    main()
