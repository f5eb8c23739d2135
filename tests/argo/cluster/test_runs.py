"""Workflows are created, found, held back and ended; what is missing is told before anything is."""

import json
from typing import Any

import pytest

from eas_argo.cluster import runs
from eas_argo.cluster.again import Life, name_of
from eas_argo.cluster.connection import connect
from eas_argo.cluster.errors import ClusterError
from eas_argo.cluster.profile import Profile
from tests.argo.cluster.fake import Answer, Asked, Fake, status

PROFILE = Profile("cluster")
WORKFLOW: dict[str, Any] = {
    "metadata": {"generateName": "a-"},
    "spec": {"serviceAccountName": "runner", "templates": []},
}


def named(name: str, phase: str = "Running", uid: str = "1") -> dict[str, Any]:
    """Return a Workflow as the cluster has it."""
    return {"metadata": {"name": name, "uid": uid}, "status": {"phase": phase}}


def test_creating(fake: Fake) -> None:
    """A field that the cluster does not know is an error, and no loss in silence."""
    fake.answer = lambda asked: Answer(200, named("a-1"))
    assert runs.create(connect(PROFILE), WORKFLOW) == named("a-1")
    account, created = fake.asked
    assert account.path == "/api/v1/namespaces/eas/serviceaccounts/runner"
    assert (created.method, created.path.partition("?")[2]) == ("POST", "fieldValidation=Strict")
    assert created.body == WORKFLOW


def test_without_the_account(fake: Fake) -> None:
    """Nothing is created without the service account that all pods need."""
    fake.answer = lambda asked: status(404, "NotFound", 'serviceaccounts "runner" not found')
    with pytest.raises(ClusterError, match="the namespace eas has no service account 'runner'"):
        runs.create(connect(PROFILE), WORKFLOW)
    assert [asked.method for asked in fake.asked] == ["GET"]


def test_an_account_that_cannot_be_seen(fake: Fake) -> None:
    """Who may not look may create all the same."""

    def answer(asked: Asked) -> Answer:
        return status(403, "Forbidden", "no") if asked.method == "GET" else Answer(201, named("a-1"))

    fake.answer = answer
    assert runs.create(connect(PROFILE), WORKFLOW)["metadata"]["name"] == "a-1"


class Cluster:
    """A cluster on which some Workflows are: answers what asks for one, or for the metadata of all."""

    def __init__(self, *workflows: dict[str, Any]) -> None:
        self.workflows = {one["metadata"]["name"]: one for one in workflows}

    def __call__(self, asked: Asked) -> Answer:
        """Answer."""
        path, _, query = asked.path.partition("?")
        name = path.rpartition("/")[2]
        if name != "workflows":
            missing = status(404, "NotFound", f'workflows.argoproj.io "{name}" not found')
            return Answer(200, self.workflows[name]) if name in self.workflows else missing
        is_later = [name for name, one in self.workflows.items() if one["metadata"].get("labels")]
        wanted = is_later if "life-of%3D" in query else [name for name in self.workflows if name not in is_later]
        start = len(wanted) // 2 if "continue" in query else 0
        end, more = (len(wanted), {}) if start or len(wanted) < 2 else (len(wanted) // 2, {"continue": "x"})
        return Answer(200, {"metadata": more, "items": [{"metadata": {"name": one}} for one in wanted[start:end]]})


def later(run: str, life: int) -> dict[str, Any]:
    """Return the Workflow of a later life of a run."""
    workflow = named(f"{run}-{life}", uid=f"uid-{life}")
    told = f'{{"run": "{run}", "uid": "1", "life": {life}, "tries": 1}}'
    workflow["metadata"] |= {"labels": {"eas/life-of": "1"}, "annotations": {"eas/life": told}}
    return workflow


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("dem-1", "the namespace eas has no run 'dem-1'; did you mean 'demo-1'"),
        ("mars", "the namespace eas has no run 'mars'; its Workflow was deleted, or never was there"),
        ("demo", "several runs are called so: 'demo'; which one[?] demo-1, demo-2"),
        ("A/b", "the namespace eas has no run 'A/b'"),
    ],
)
def test_an_unknown_run(fake: Fake, asked: str, message: str) -> None:
    """It is told, with what may have been meant."""
    fake.answer = Cluster(named("demo-1"), named("demo-2"), named("other"))
    with pytest.raises(ClusterError, match=message):
        runs.find(connect(PROFILE), asked)


@pytest.mark.parametrize("asked", ["demo-1", "dem"])
def test_the_run_that_is_meant(fake: Fake, asked: str) -> None:
    """It has the name, or its name alone begins so; its metadata alone are read to find out."""
    fake.answer = Cluster(named("demo-1"), named("other"))
    assert runs.find(connect(PROFILE), asked)["metadata"]["name"] == "demo-1"
    listing = [one for one in fake.asked if "limit=" in one.path]
    assert all("PartialObjectMetadataList" in one.headers["accept"] for one in listing)


def test_the_life_that_is_meant(fake: Fake) -> None:
    """A run is where it lives now, by the order of its lives."""
    fake.answer = Cluster(named("demo"), later("demo", 9), later("demo", 10), named("other"))
    assert runs.find(connect(PROFILE), "demo")["metadata"]["name"] == "demo-10"


def test_the_family(fake: Fake) -> None:
    """A run is its Workflow, and those children that have not ended."""
    fake.answer = lambda _: Answer(200, {"items": [named("a-1"), named("a-3", "")]})
    assert list(runs.family(connect(PROFILE), named("a", uid="7"))) == ["a", "a-1", "a-3"]
    assert "labelSelector=eas%2Frun%3D7%2Cworkflows.argoproj.io%2Fcompleted%21%3Dtrue" in fake.asked[0].path
    assert "PartialObjectMetadataList" in fake.asked[0].headers["accept"]


def test_pods_of_many_workflows(fake: Fake) -> None:
    """No question has an address that a server might find too long."""
    fake.answer = lambda _: Answer(200, {"items": [named("pod")]})
    names = [f"{number:02d}{'a' * 61}" for number in range(51)]
    assert len(list(runs.pods(connect(PROFILE), names, {"limit": 5}))) == 2
    assert all("limit=5" in one.path and len(one.path) < 4_000 for one in fake.asked)


def test_ending(fake: Fake) -> None:
    """What is held back begins nothing new; what is shut down ends, also when it had been held back."""
    fake.answer = lambda _: Answer(200, {})
    there = connect(PROFILE)
    runs.hold_back(there, "a")
    runs.shut_down(there, "a")
    assert [one.body["spec"] for one in fake.asked] == [{"suspend": True}, {"suspend": None, "shutdown": "Terminate"}]


@pytest.mark.parametrize(("name", "good"), [("a-1", True), ("A", False), ("-a", False), ("", False), ("a" * 64, False)])
def test_names(name: str, *, good: bool) -> None:
    """A name is one that pods can carry as a label."""
    assert runs.is_name(name) == good


def test_phases() -> None:
    """One that no controller has seen is pending."""
    assert runs.phase({"metadata": {}}) == "Pending"
    assert not runs.has_ended({"metadata": {}})
    assert runs.has_ended(named("a", "Error"))


def test_accounts_of_all_pods(fake: Fake) -> None:
    """Also those of templates, and of child workflows, must be there."""
    inner = {"spec": {"serviceAccountName": "inner", "templates": []}}
    shard = {"name": "s", "serviceAccountName": "parent", "resource": {"manifest": json.dumps(inner)}}
    fake.answer = lambda asked: Answer(200, named("a-1"))
    runs.create(connect(PROFILE), {"metadata": {}, "spec": {"serviceAccountName": "runner", "templates": [shard]}})
    asked = [one.path.rpartition("/")[2] for one in fake.asked if "serviceaccounts" in one.path]
    assert asked == ["inner", "parent", "runner"]


def test_a_life_that_does_not_fit(fake: Fake) -> None:
    """A Workflow that claims to be the next life of a run, and is called or made otherwise, is not it."""
    other = later("demo", 3)
    other["spec"] = {"templates": [{"name": "evil", "container": {}}]}
    odd = later("demo", 4)
    odd["metadata"]["name"] = "evil"
    fake.answer = Cluster(named("demo"), later("demo", 2), other, odd)
    assert runs.find(connect(PROFILE), "demo")["metadata"]["name"] == "demo-2"


@pytest.mark.parametrize(
    "said",
    ["[" * 100_000, "{}", "3", '{"run": "../x", "uid": "1", "life": 2, "tries": 0}',
     '{"run": "demo", "uid": "1", "life": 7, "tries": 0}', '{"run": "demo", "uid": "1", "life": 2, "tries": -1}',
     '{"run": "demo", "uid": "1,x", "life": 2, "tries": 1}', '{"run": "demo", "uid": "1", "life": true, "tries": 1}'],
)  # fmt: skip
def test_words_that_are_no_life(fake: Fake, said: str) -> None:
    """They are refused in one line."""
    workflow = later("demo", 2)
    workflow["metadata"]["annotations"]["eas/life"] = said
    fake.answer = Cluster(workflow)
    with pytest.raises(ClusterError, match=r"^demo-2 does not say which life of which run it is"):
        runs.find(connect(PROFILE), "demo-2")


def test_lives_of_long_names() -> None:
    """They have names as Kubernetes takes them, each run its own."""
    first, second = (name_of(Life("a" * 63, uid, 12)) for uid in "12")
    assert first != second
    assert all(runs.is_name(one) and one.endswith("-12") for one in (first, second))
    assert name_of(Life("a" * 60, "1", 12)) == "a" * 60 + "-12"
