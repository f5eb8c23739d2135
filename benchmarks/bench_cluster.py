"""What a task costs on the cluster that KUBECONFIG names: time, pods, objects in S3, requests to the API.

It runs the stubs of the cluster's tests, whose image has to be there (`make test-cluster` brings it), and reads from
`EAS_BENCH_METRICS` how many requests the controller has sent, by default where one on this machine tells it. The ratio
is to a bare pod: one that starts, does nothing and ends, made by kubectl alone.

    python benchmarks/bench_cluster.py [hops] [tasks side by side]
"""

from __future__ import annotations

import json
import os
import re
import ssl
import subprocess
import sys
import time
import urllib.request
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

import boto3

from tests.cluster.sites import compiled
from tests.cluster.stubs import IMAGE, REGISTRY_FILE, Node
from tests.cluster.workflows import delete, kubectl, submit, wait

METRICS = os.environ.get("EAS_BENCH_METRICS", "https://127.0.0.1:9090/metrics")
BARE = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"generateName": "bench-bare-"},
    "spec": {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "main", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["true"],
                        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}}],
    },
}  # fmt: skip


class Cost(NamedTuple):
    """What a workflow took [s], and how many pods, objects, bytes, requests and bytes of status it made."""

    seconds: float
    pods: int
    objects: int
    bytes: int
    requests: int | None
    status_bytes: int


def main(hops: int = 5, width: int = 20) -> None:
    """Measure a chain of tasks one after the other, and tasks side by side."""
    if "KUBECONFIG" not in os.environ:
        print("KUBECONFIG names no cluster: nothing to measure")
        return
    bare = min(bare_pod() for _ in range(3))
    print(f"a bare pod                      {bare:8.1f} s")
    row = [{"task": "make", "outputs": {"file": "f0"}}]
    row += [{"task": "use", "inputs": {"one": f"f{n - 1}"}, "outputs": {"file": f"f{n}"}} for n in range(1, hops)]
    deep = cost("deep", row)
    hop = deep.seconds / deep.pods
    print(f"a hop: a task or a gate         {hop:8.1f} s   {hop / bare:.2f} x a bare pod")
    wide = cost("wide", [{"task": "make", "outputs": {"file": f"f{n}"}} for n in range(width)])
    print(f"side by side                    {60 * wide.pods / wide.seconds:8.1f} pods a minute")
    for name, value in per_task(wide, width).items():
        print(f"{name:32}{value:8.1f}")


def per_task(found: Cost, tasks: int) -> dict[str, float]:
    """Return what each of some tasks costs."""
    costs = {
        "objects in S3 a task": found.objects,
        "bytes in S3 a task": found.bytes,
        "bytes of status a task": found.status_bytes,
    }
    if found.requests is not None:
        costs["requests of the controller a task"] = found.requests
    return {name: value / tasks for name, value in costs.items()}


def bare_pod() -> float:
    """Return how long a pod takes that does nothing, from its making to its end as kubectl sees it [s]."""
    begun = time.monotonic()
    name = kubectl("create", "--filename", "-", "--output", "name", given=json.dumps(BARE)).strip()
    try:
        kubectl("wait", "--for", "jsonpath={.status.phase}=Succeeded", "--timeout=120s", name)
        return time.monotonic() - begun
    finally:
        kubectl("delete", name, "--wait=false")


def cost(name: str, tasks: list[Node]) -> Cost:
    """Run a chain and count what it took."""
    request = compiled(name, json.dumps({"task_list": tasks}).encode(), REGISTRY_FILE)
    before = requests()
    workflow = submit(json.dumps(request.sources.workflow))
    try:
        status = wait(workflow)
    finally:
        delete(workflow)
    after = requests()
    assert status["status"]["phase"] == "Succeeded", status["status"]
    nodes: dict[str, Any] = status["status"]["nodes"]
    objects, size = stored(f"{workflow}-{status['metadata']['uid']}/")
    begun, ended = (datetime.fromisoformat(status["status"][key]) for key in ("startedAt", "finishedAt"))
    return Cost(
        (ended - begun).total_seconds(),
        sum(node["type"] == "Pod" for node in nodes.values()),
        objects,
        size,
        None if before is None or after is None else after - before,
        len(json.dumps(nodes, separators=(",", ":"))),
    )


def stored(prefix: str) -> tuple[int, int]:
    """Return how many objects there are beneath a prefix, and their size [bytes]."""
    client = boto3.client("s3", endpoint_url=os.environ.get("EAS_S3_ENDPOINT"))
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=os.environ["EAS_S3_BUCKET"], Prefix=prefix)
    sizes = [one["Size"] for page in pages for one in page.get("Contents", [])]
    return len(sizes), sum(sizes)


def requests() -> int | None:
    """Return how many requests the controller has sent to the API, None where it does not say."""
    unchecked = ssl._create_unverified_context()  # noqa: S323, SLF001 - the controller signs its certificate itself
    try:
        with urllib.request.urlopen(METRICS, timeout=10, context=unchecked) as found:  # noqa: S310 - as the user says
            text = found.read().decode()
    except OSError:
        return None
    return sum(map(int, re.findall(r"^argo_workflows_k8s_request_duration_count\{.*\} (\d+)$", text, re.MULTILINE)))


if __name__ == "__main__":
    try:
        main(*map(int, sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error.cmd}: {error.stderr}")
