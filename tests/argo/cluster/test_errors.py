"""What a cluster says when it refuses becomes a sentence, with what to do."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_argo.cluster.errors import ClusterError, refused

WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/eas/workflows"
FORBIDDEN = (
    'workflows.argoproj.io is forbidden: User "system:serviceaccount:eas:x" cannot create resource "workflows" in API '
    'group "argoproj.io" in the namespace "eas"'
)
NODES = 'nodes is forbidden: User "ada" cannot list resource "nodes" in API group "" at the cluster scope'
QUOTA = (
    'workflows.argoproj.io "a" is forbidden: exceeded quota: few, requested: count/workflows.argoproj.io=1, used: '
    "count/workflows.argoproj.io=2, limited: count/workflows.argoproj.io=2"
)


def told(status: int, message: str, reason: str = "Invalid", **details: str) -> ClusterError:
    """Return what is understood of an answer."""
    body = {"kind": "Status", "message": message, "reason": reason, "details": details}
    return refused(status, json.dumps(body).encode(), WORKFLOWS)


@pytest.mark.parametrize(
    ("error", "message", "hint"),
    [
        (
            told(403, FORBIDDEN, "Forbidden"),
            "system:serviceaccount:eas:x may not create workflows.argoproj.io in the namespace eas",
            "for that right; `kubectl auth can-i create workflows.argoproj.io -n eas` tests it",
        ),
        (told(403, NODES, "Forbidden"), "ada may not list nodes", "right; `kubectl auth can-i list nodes` tests it"),
        (
            told(403, QUOTA, "Forbidden"),
            "the quota few is exhausted: asked for count/workflows.argoproj.io=1, of count/workflows.argoproj.io=2",
            "wait until runs have ended, delete old ones, or ask",
        ),
        (told(403, "no\x1b[2J\nway", "Forbidden"), "the cluster forbids it: no[2J way", ""),
        (told(401, "Unauthorized", "Unauthorized"), "the cluster does not know who is asking", "log in again: the"),
        (
            told(404, 'namespaces "nope" not found', "NotFound"),
            "the cluster has no namespace 'nope'",
            "name one that is there",
        ),
        (
            refused(404, b"404 page not found\n", WORKFLOWS),
            "the cluster does not know Argo Workflows: its definitions (CRDs) are missing",
            "install Argo Workflows 4",
        ),
        (told(404, 'workflows.argoproj.io "a" not found', "NotFound"), 'workflows.argoproj.io "a" not found', ""),
        (
            told(409, "it is there", "AlreadyExists", name="a", kind="workflows"),
            "there is a workflow 'a' already",
            "choose another name",
        ),
        (told(409, "it has been modified", "Conflict"), "the cluster refuses (409): it has been modified", ""),
        (
            told(400, 'strict decoding error: unknown field "spec.artifactGC"', "BadRequest"),
            "the cluster's definition of Argo's objects knows no field 'spec.artifactGC'",
            "EAS needs Argo Workflows 4 with its full definitions (CRDs)",
        ),
        (
            told(500, "etcdserver: request is too large", "InternalError"),
            "this object is too large for the cluster: etcdserver: request is too large",
            "make the chain smaller",
        ),
        (
            refused(502, b"<html>Bad Gateway</html>", WORKFLOWS),
            "something before the cluster, or instead of it, refuses (502): <html>Bad Gateway</html>",
            "is this the address of a Kubernetes API?",
        ),
        (told(422, "spec.templates: too many"), "the cluster refuses (422): spec.templates: too many", ""),
        (told(500, "", "InternalError"), "the cluster refuses (500): it says no reason", ""),
    ],
)
def test_what_is_told(error: ClusterError, message: str, hint: str) -> None:
    """Each has a message and, where something can be done, a hint."""
    assert error.message == message
    assert hint in (error.hint or "")
    assert str(error) == (f"{message}; {error.hint}" if hint else message)


def test_the_status_is_kept() -> None:
    """Whoever watches has to tell an old version from other refusals."""
    assert told(410, "too old resource version", "Expired").status == 410


@given(st.binary(max_size=200), st.sampled_from([400, 401, 403, 404, 409, 413, 422, 500]))
def test_any_answer_is_understood(body: bytes, status: int) -> None:
    """Whatever comes back, it is one line that a terminal can show."""
    assert str(refused(status, body, WORKFLOWS)).isprintable()
