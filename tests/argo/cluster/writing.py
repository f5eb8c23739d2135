"""A short way to write Workflow objects, and the events of a watch, as a server does."""

import json
from typing import Any

Json = dict[str, Any]


def node(name: str, **fields: Any) -> Json:
    """Write a node of the Workflow `w`; `w` itself is its root."""
    given = {"boundaryID": "w", "displayName": name, "id": f"w-{name}", "name": f"w.{name}", "phase": "Running"}
    return given | {"templateName": "t", "type": "Pod"} | fields


def workflow(version: str, nodes: list[Json], *, uid: str = "u", name: str = "w", phase: str = "Running") -> Json:
    """Write a Workflow with its nodes and a root."""
    root = {"displayName": name, "id": name, "name": name, "phase": phase, "templateName": "chain", "type": "DAG"}
    managed = [{"fieldsV1": {"f:status": {}, 'k:{"name":"x"}': {}}, "manager": "workflow-controller"}]
    metadata = {"labels": {"eas/managed": "true"}, "managedFields": managed, "name": name, "namespace": "eas"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": metadata | {"resourceVersion": version, "uid": uid},
        "spec": {"entrypoint": "chain", "templates": []},
        "status": {"nodes": {one["id"]: one for one in (root, *nodes)}, "phase": phase},
    }


def as_event(one: Json, kind: str = "MODIFIED") -> str:
    """Write the line of a watch."""
    return json.dumps({"type": kind, "object": one}, separators=(",", ":"))
