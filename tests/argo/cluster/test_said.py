"""What running pods say is found by the steps of the tasks that they are."""

import json

from eas_argo.cluster.connection import connect
from eas_argo.cluster.profile import Profile
from eas_argo.cluster.said import Speaker, speakers
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
