"""What running pods say is found by the steps of the tasks that they are."""

import json
from urllib.parse import parse_qs

import pytest

from eas_argo.cluster import said as speech
from eas_argo.cluster.connection import connect
from eas_argo.cluster.errors import ClusterError
from eas_argo.cluster.profile import Profile
from eas_argo.cluster.said import Speaker, Voice, speakers
from tests.argo.cluster.fake import Answer, Asked, Fake


def test_speakers_of_child_workflows(fake: Fake) -> None:
    """The steps of a run are in its own Workflow and in those that it was cut into; one that waits says nothing."""
    task = {"path": "/t0", "loops": [], "source": "task_list[0]"}
    main = {"name": "main", "command": ["eas", "run"], "env": [{"name": "EAS_TASK", "value": json.dumps(task)}]}
    notes = {"workflows.argoproj.io/node-name": "run-1.t0(1)"}
    pod = {"metadata": {"name": "run-1-t0", "annotations": notes}, "spec": {"containers": [main]}}
    pods = [{**pod, "status": {"phase": phase}} for phase in ("Running", "Pending")]

    def answer(asked: Asked) -> Answer:
        return Answer(
            200, {"items": pods if "in+%28run%2Crun-1%29" in asked.path else [{"metadata": {"name": "run-1"}}]}
        )

    fake.answer = answer
    run = {"metadata": {"name": "run", "uid": "7"}}
    assert speakers(connect(Profile("cluster")), run) == [Speaker("/t0", "task_list[0]", "run", 1, "run-1-t0")]


class Pod:
    """A pod that has said some lines, of which it gives a page at a time."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, asked: Asked) -> Answer:
        """Answer."""
        query = parse_qs(asked.path.partition("?")[2])
        since = query.get("sinceTime", [""])[0].rstrip("Z")
        text = "".join(f"{line}\n" for line in self.lines if line[:19] >= since)
        return Answer(200, text[: int(query["limitBytes"][0])])


def test_more_than_a_page(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much a pod says, and however fast, each line is given once."""
    monkeypatch.setattr(speech, "_MOST_BYTES", 400)
    fake.answer = pod = Pod()
    voice = Voice(connect(Profile("cluster")), "pod")
    told: list[str] = []
    for turn in range(4):
        for number in range(20):
            pod.lines.append(f"2026-01-01T00:0{turn}:{number // 4:02}.{number:02}Z info: {turn}-{number}")
        told += [line.text for line in voice.said()]
    assert told == [f"{turn}-{number}" for turn in range(4) for number in range(20)]
    assert voice.said() == []


def test_more_than_a_page_in_a_second(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a second has beyond a page is passed over, and what comes later is told."""
    monkeypatch.setattr(speech, "_MOST_BYTES", 400)
    fake.answer = pod = Pod()
    pod.lines = [f"2026-01-01T00:00:00.{number:03}Z info: {number}" for number in range(100)]
    pod.lines.append("2026-01-01T00:00:01Z warning: later")
    told = [line.text for line in Voice(connect(Profile("cluster")), "pod").said()]
    assert told[:5] == ["0", "1", "2", "3", "4"]
    assert told[-1] == "later"


def test_a_pod_that_is_gone(fake: Fake) -> None:
    """It says nothing; other refusals are told."""
    assert Voice(connect(Profile("cluster")), "pod").said() == []
    fake.answer = lambda _: Answer(500, "x")
    with pytest.raises(ClusterError):
        Voice(connect(Profile("cluster")), "pod").said()
