"""The Workflows of runs on a cluster: they are created, found, held back and ended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from eas_argo.cluster.again import OF, is_continued, is_same, life_of, name_of
from eas_argo.cluster.connection import Connection
from eas_argo.cluster.errors import ClusterError
from eas_worker import manifests
from eas_worker.functions import did_you_mean

Json = dict[str, Any]
MANAGED = "eas/managed=true"
"""The label of all Workflows that the compiler wrote."""
CHILDREN = "eas/run"
"""The label of child workflows, with the uid of the Workflow that the run began with."""
WORKFLOW = "workflows.argoproj.io/workflow"
"""The label of pods with the name of their Workflow."""
_COMPLETED = "workflows.argoproj.io/completed"
ENDED = ("Succeeded", "Failed", "Error")
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SHOWN = 5
_DIGITS = 6
"""How many digits the number of a life may have."""
_TOGETHER = 50
"""Of how many Workflows the pods are asked for at once: the address of a question may not become too long."""


def is_name(text: str) -> bool:
    """Return whether a Workflow can have this name."""
    return _NAME.fullmatch(text) is not None


def create(connection: Connection, workflow: Json) -> Json:
    """Create a Workflow, and return it as the cluster has it: with its name and uid.

    Raises
    ------
    ClusterError
        When the cluster refuses it, or lacks a service account that its pods need.
    """
    for account in sorted(manifests.accounts(workflow)):
        _check_account(connection, account)
    found: Json = connection.ask("POST", connection.workflows, {"fieldValidation": "Strict"}, workflow)
    return found


def _check_account(connection: Connection, name: str) -> None:
    """Raise `ClusterError` when the service account is not there: pods would wait for it, or end in error."""
    try:
        connection.get(f"/api/v1/namespaces/{connection.namespace}/serviceaccounts/{name}")
    except ClusterError as error:
        if error.status == 404 and "namespace" not in error.message:
            message = f"the namespace {connection.namespace} has no service account {name!r}, as which pods are to run"
            raise ClusterError(message, "docs/cluster.md says what must be installed", 404) from error
        if error.status != 403:  # who may not look may submit all the same
            raise


def is_there(connection: Connection, workflow: Json) -> Json | None:
    """Return the Workflow that a cluster has under the name of another one, if it is to do the same.

    Raises
    ------
    ClusterError
        When the cluster does not tell.
    """
    found = _exact(connection, workflow["metadata"]["name"])
    return found if found is not None and is_same(found.get("spec") or {}, workflow["spec"]) else None


def names(connection: Connection) -> list[str]:
    """Return the names of the runs that are there: those of the Workflows that they began with."""
    query = {"labelSelector": f"{MANAGED},!{OF},!{CHILDREN}"}
    return [one["name"] for one in connection.about(connection.workflows, query)]


def find(connection: Connection, name: str) -> Json:
    """Return the Workflow in which a run, given by its name or by how that alone begins, lives now.

    Raises
    ------
    ClusterError
        When there is none, or several; the hint says what may have been meant.
    """
    found = _exact(connection, name)
    if found is None:
        known = names(connection)
        likely = [one for one in known if name and one.startswith(name)]
        if len(likely) != 1:
            raise _unknown(connection.namespace, name, known, likely)
        found = _exact(connection, likely[0])
        if found is None:
            raise _unknown(connection.namespace, name, known, [])
    return _newest(connection, found)


def _exact(connection: Connection, name: str) -> Json | None:
    if not is_name(name):
        return None
    try:
        found: Json = connection.get(f"{connection.workflows}/{name}")
    except ClusterError as error:
        if error.status != 404 or not error.message.startswith("workflows"):
            raise
        return None
    return found


def _unknown(namespace: str, name: str, known: list[str], likely: list[str]) -> ClusterError:
    if likely:
        shown = ", ".join(likely[:_SHOWN]) + (", …" if len(likely) > _SHOWN else "")
        return ClusterError(f"several runs are called so: {name!r}", f"which one? {shown}", 404)
    message = f"the namespace {namespace} has no run {name!r}"
    return ClusterError(message, did_you_mean(name, known) or "its Workflow was deleted, or never was there", 404)


def _newest(connection: Connection, workflow: Json) -> Json:
    """Return the Workflow of the newest life of a run."""
    life = life_of(workflow)
    later = [one["name"] for one in connection.about(connection.workflows, {"labelSelector": f"{OF}={life.uid}"})]
    numbers = {int(end) for name in later if (end := name.rpartition("-")[2]).isdecimal() and len(end) <= _DIGITS}
    for number in sorted((one for one in numbers if one > life.number), reverse=True):
        wanted = life._replace(number=number)
        if (name := name_of(wanted)) not in later:
            continue
        found: Json = connection.get(f"{connection.workflows}/{name}")
        told = life_of(found)
        if told[:3] == wanted[:3] and is_continued(workflow.get("spec") or {}, life, found.get("spec") or {}, told):
            return found
    return workflow


def family(connection: Connection, workflow: Json) -> Iterator[str]:
    """Yield the names of a run's Workflows that have not ended: its own, and those of its children."""
    yield workflow["metadata"]["name"]
    for child in connection.about(connection.workflows, {"labelSelector": going_on(workflow)}):
        yield child["name"]


def going_on(workflow: Json) -> str:
    """Return the label selector of a run's children that have not ended."""
    return f"{CHILDREN}={workflow['metadata']['uid']},{_COMPLETED}!=true"


def pods(connection: Connection, workflows: Iterable[str], query: Mapping[str, Any]) -> Iterator[Json]:
    """Yield the pods of Workflows, given by name, that a query asks for."""
    listed = list(workflows)
    for start in range(0, len(listed), _TOGETHER):
        selector = f"{WORKFLOW} in ({','.join(listed[start : start + _TOGETHER])})"
        yield from connection.get(connection.pods, {"labelSelector": selector, **query}).get("items") or ()


def running(connection: Connection, name: str) -> int:
    """Return how many pods of a Workflow are running."""
    query = {"labelSelector": f"{WORKFLOW}={name}", "fieldSelector": "status.phase=Running"}
    return sum(1 for _ in connection.about(connection.pods, query))


def hold_back(connection: Connection, name: str) -> None:
    """Let a Workflow begin nothing new; what runs goes on."""
    connection.ask("PATCH", f"{connection.workflows}/{name}", body={"spec": {"suspend": True}})


def let_go(connection: Connection, name: str) -> None:
    """Let a Workflow begin that was held back."""
    connection.ask("PATCH", f"{connection.workflows}/{name}", body={"spec": {"suspend": None}})


def delete(connection: Connection, name: str) -> None:
    """Delete a Workflow."""
    connection.ask("DELETE", f"{connection.workflows}/{name}")


def shut_down(connection: Connection, name: str) -> None:
    """End a Workflow, and what of it runs, at once."""
    changes = {"suspend": None, "shutdown": "Terminate"}
    connection.ask("PATCH", f"{connection.workflows}/{name}", body={"spec": changes})


def is_completed(connection: Connection, name: str) -> bool:
    """Return whether a Workflow has ended, without reading what is in it.

    Raises
    ------
    ClusterError
        When the cluster does not tell, or the Workflow was deleted.
    """
    for one in connection.about(connection.workflows, {"fieldSelector": f"metadata.name={name}"}):
        return bool((one.get("labels") or {}).get(_COMPLETED) == "true")
    message = f"the Workflow {name} was deleted while it was followed"
    raise ClusterError(message, "what is known of it is in the database", 404)


def phase(workflow: Json) -> str:
    """Return the phase of a Workflow; Pending as long as the controller has not seen it."""
    return str((workflow.get("status") or {}).get("phase") or "Pending")


def has_ended(workflow: Json) -> bool:
    """Return whether a Workflow has ended."""
    return phase(workflow) in ENDED
