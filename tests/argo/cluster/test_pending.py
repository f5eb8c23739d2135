"""Why pods wait is told by the pods themselves, else by the events about them, and counted by reason."""

from datetime import UTC, datetime
from typing import Any

import pytest

from eas_argo.cluster.connection import connect
from eas_argo.cluster.pending import grouped, refused, stuck
from eas_argo.cluster.profile import Profile
from tests.argo.cluster.fake import Answer, Asked, Fake

UNSCHEDULABLE = {
    "conditions": [
        {
            "type": "PodScheduled",
            "status": "False",
            "reason": "Unschedulable",
            "message": "0/1 nodes: 1 Insufficient cpu.",
        }
    ]
}


def pod(name: str, status: dict[str, Any], created: str = "2026-11-21T12:00:00Z") -> dict[str, Any]:
    """Return a pod that waits."""
    notes = {"workflows.argoproj.io/node-name": f"run.{name}"}
    metadata = {"name": name, "uid": name, "annotations": notes, "creationTimestamp": created}
    return {"metadata": metadata, "status": status}


def workflow(phase: str, created: str = "2026-11-21T12:00:00Z", **status: Any) -> dict[str, Any]:
    """Return the Workflow of a run."""
    metadata = {"name": "run", "uid": "7", "creationTimestamp": created}
    return {"metadata": metadata, "status": {"phase": phase, **status}}


def waiting(reason: str, message: str | None = None, kind: str = "containerStatuses") -> dict[str, Any]:
    """Return the status of a pod with a container that waits."""
    told = {"reason": reason} | ({"message": message} if message else {})
    return {
        "conditions": [{"type": "PodScheduled", "status": "True"}],
        kind: [{"image": "a:1", "state": {"waiting": told}}],
    }


def test_reasons_are_counted() -> None:
    """The most frequent comes first, with an example and what may be done."""
    pods = [
        pod("a", waiting("ImagePullBackOff", 'Back-off pulling image "x:1"')),
        pod("b", UNSCHEDULABLE),
        pod("c", UNSCHEDULABLE),
    ]
    first, second = grouped(pods, [])
    assert str(first) == "2 pods cannot begin: Unschedulable: 0/1 nodes: 1 Insufficient cpu."
    assert first.example == "run.b"
    assert str(second) == (
        '1 pod cannot begin: ImagePullBackOff: Back-off pulling image "x:1"; is the image there, under this name, and '
        "may the nodes pull it?"
    )


@pytest.mark.parametrize("kind", ["initContainerStatuses", "containerStatuses"])
def test_any_container(kind: str) -> None:
    """It may be Argo's own container that waits; without a message its image is told."""
    (one,) = grouped([pod("a", waiting("ErrImageNeverPull", None, kind))], [])
    assert (one.reason, one.message) == ("ErrImageNeverPull", "a:1")


def test_events() -> None:
    """A pod that says nothing is explained by the last event about it; usual events explain nothing."""
    events = [
        {"involvedObject": {"uid": "a"}, "reason": "Scheduled", "message": "assigned"},
        {"involvedObject": {"uid": "a"}, "reason": "FailedMount", "message": 'secret "s3"\nnot found\x1b[2J'},
        {"involvedObject": {"uid": "a"}, "reason": "Pulled", "message": "there already"},
    ]
    (one,) = grouped([pod("a", waiting("PodInitializing"))], events)
    assert (one.reason, one.message) == ("FailedMount", 'secret "s3" not found[2J')
    assert grouped([pod("a", waiting("ContainerCreating"))], events[:1]) == []


def test_asking(fake: Fake) -> None:
    """Only pods that have waited for some time are told of, and events are asked for when these are silent."""
    soon = datetime.now(UTC).isoformat()
    pods = [pod("a", waiting("PodInitializing")), pod("new", UNSCHEDULABLE, soon)]
    event = {"involvedObject": {"uid": "a"}, "reason": "FailedMount", "message": "no secret", "lastTimestamp": None}

    def answer(asked: Asked) -> Answer:
        children = [{"metadata": {"name": "run-1"}}] if "/workflows?" in asked.path else pods
        return Answer(200, {"items": [event] if "/events?" in asked.path else children})

    fake.answer = answer
    (one,) = stuck(connect(Profile("cluster")), workflow("Running"))
    assert (one.reason, one.pods) == ("FailedMount", 1)
    (asked,) = [one.path for one in fake.asked if "/pods?" in one.path]
    assert "workflow+in+%28run%2Crun-1%29" in asked
    assert "status.phase%3DPending" in asked


def test_nothing_waits(fake: Fake) -> None:
    """Without such pods there is nothing to say, and no event is asked for."""
    fake.answer = lambda _: Answer(200, {"items": None})
    assert stuck(connect(Profile("cluster")), workflow("Running")) == []
    assert not any("/events?" in one.path for one in fake.asked)


def test_no_controller(fake: Fake) -> None:
    """A Workflow that nobody has taken up is told of after a while, without asking for pods."""
    now = datetime.now(UTC).isoformat()
    assert stuck(connect(Profile("cluster")), workflow("", created=now)) == []
    (one,) = stuck(connect(Profile("cluster")), workflow(""))
    assert str(one).startswith("it has not begun: no controller has taken it up; does Argo's workflow controller run")
    assert fake.asked == []


def test_put_off(fake: Fake) -> None:
    """A controller that has enough to do says so."""
    (one,) = stuck(connect(Profile("cluster")), workflow("Pending", message="too many workflows are already running"))
    assert str(one) == "the controller has put it off: too many workflows are already running"
    assert fake.asked == []


def test_an_exceeded_quota() -> None:
    """Nodes whose pods are refused are counted by the quota, however much of it is used."""
    nodes = {
        name: {
            "id": name,
            "name": f"run.{name}",
            "phase": phase,
            "message": f'pods "run-{name}" is forbidden: exceeded quota: q, requested: cpu=1, used: cpu={name}, '
            "limited: cpu=4",
        }
        for name, phase in (("1", "Pending"), ("2", "Pending"), ("3", "Failed"))
    }
    nodes["4"] = {"id": "4", "name": "run.4", "phase": "Pending", "message": "ContainerCreating"}
    (one,) = refused([workflow("Running", nodes=nodes), workflow("Running")])
    assert str(one).startswith("2 pods cannot begin: exceeded quota: q: asked for cpu=1, of cpu=4; they begin when")
    assert one.example == "run.1"
