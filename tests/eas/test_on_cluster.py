"""Chains are handed to a cluster, runs there are ended and done again; what cannot be is said before that."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eas import remote
from eas.cli import main
from eas_argo.cluster.profile import Profile
from eas_provenance.errors import RepositoryError
from eas_provenance.states import Task, Told
from eas_worker import manifests
from tests.argo.cluster.fake import Answer, Asked, Fake, kubeconfig, serving, status

CHAIN = {"job_name": "small", "task_list": [{"task": "null"}]}
NODES = {
    "small-1": {"id": "small-1", "name": "small-1", "type": "DAG", "phase": "Succeeded", "templateName": "chain"},
}


class Kept:
    """A bucket that remembers what was put into it."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}
        self.is_full = False

    def put_bytes(self, key: str, content: bytes) -> None:
        """Keep a text."""
        self.texts[key] = content

    def put(self, key: str, source: Path, sha256: str | None = None) -> None:
        """Keep a file whose checksum is known, and none of a full bucket."""
        if self.is_full:
            raise RepositoryError("it is full")
        self.texts[key] = source.read_bytes()
        assert sha256 in (None, hashlib.sha256(self.texts[key]).hexdigest())


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Kept:
    """Give the bucket of the site."""
    found = Kept()
    monkeypatch.setattr(remote, "bucket", lambda _: found)
    return found


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bucket: Kept) -> Iterator[Fake]:
    """Give a cluster that takes whatever it is given, in a folder with a chain."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in [one for one in os.environ if one.startswith(("AWS_", "EAS_S3_"))]:
        monkeypatch.delenv(name)  # of a real cluster, which somebody has for other tests
    monkeypatch.chdir(tmp_path)
    Path("small.json").write_text(json.dumps(CHAIN), "utf-8")
    with serving() as server:
        kubeconfig(tmp_path / "kubeconfig", server.address, monkeypatch)
        server.answer = accepting
        yield server


def accepting(asked: Asked) -> Answer:
    """Answer as a cluster on which all goes well, and has one run, which has ended."""
    if asked.method == "POST":
        return Answer(201, {**asked.body, "metadata": {**asked.body["metadata"], "name": "small-x", "uid": "u"}})
    if "/workflows/small-1" in asked.path:
        about = {"name": "small-1", "uid": "1", "namespace": "eas"}
        spec: dict[str, Any] = {"templates": []}
        return Answer(200, {"metadata": about, "spec": spec, "status": {"phase": "Succeeded", "nodes": NODES}})
    return Answer(200, {"metadata": {}, "items": []})


def posted(cluster: Fake) -> list[Any]:
    """Return what was created."""
    return [asked.body for asked in cluster.asked if asked.method == "POST"]


def test_submitting(cluster: Fake, bucket: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    """The Workflow says what it was made from; the texts are in the bucket; how to follow the run is said."""
    assert main(["submit", "small.json", "--site", "cluster"]) == 0
    (workflow,) = posted(cluster)
    told = json.loads(workflow["metadata"]["annotations"]["eas/submitted"])
    assert bucket.texts[f".sources/{told['chain']}"] == Path("small.json").read_bytes()
    assert f".sources/{told['registry']}" in bucket.texts
    assert (told["file"], told["types"]) == ("small.json", {"null": [1, 1]})
    assert workflow["metadata"]["namespace"] == "eas"
    assert "eas cancel small-x --site cluster" in capsys.readouterr().out


READING = {"job_name": "small", "task_list": [{"task": "verify", "inputs": {"lightcurve": "planet.gz"}}]}
CHANGES = ("PATCH", "DELETE")


def test_files_from_outside(cluster: Fake, bucket: Kept) -> None:
    """A run waits for its files from outside until they are under its keys, which only then are known."""
    Path("small.json").write_text(json.dumps(READING), "utf-8")
    assert main(["submit", "small.json", "--site", "cluster", "--input", "planet.gz=small.json"]) == 0
    (workflow,) = posted(cluster)
    assert workflow["spec"]["suspend"] is True
    assert bucket.texts["small-x-u/small/planet.gz"] == Path("small.json").read_bytes()
    record = json.loads(bucket.texts["small-x-u/.products/small/planet.gz.json"])
    assert record["producer"] == {"file": str(Path("small.json").absolute())}
    (let_go,) = [asked for asked in cluster.asked if asked.method in CHANGES]
    assert (let_go.path.rpartition("/")[2], let_go.body) == ("small-x", {"spec": {"suspend": None}})


def test_files_from_outside_that_cannot_be_kept(
    cluster: Fake, bucket: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run whose files cannot be brought is deleted; one whose files are nowhere is not submitted."""
    Path("small.json").write_text(json.dumps(READING), "utf-8")
    bucket.is_full = True
    assert main(["submit", "small.json", "--site", "cluster", "--input", "planet.gz=small.json"]) == 3
    assert [asked.method for asked in cluster.asked if asked.method in CHANGES] == ["DELETE"]
    created = len(posted(cluster))
    assert main(["submit", "small.json", "--site", "cluster"]) == 1
    assert "[missing-file]" in capsys.readouterr().err
    assert len(posted(cluster)) == created


def test_for_programs(cluster: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    """Name, uid and place are there as JSON; a name can be chosen."""
    assert main(["submit", "small.json", "--site", "cluster", "--name", "mine", "--json"]) == 0
    expected = {"run": "small-x", "uid": "u", "namespace": "eas", "site": "cluster"}
    assert json.loads(capsys.readouterr().out) == expected
    (workflow,) = posted(cluster)
    assert workflow["metadata"]["name"] == "mine"
    assert "generateName" not in workflow["metadata"]


@pytest.mark.parametrize(
    ("sites", "arguments", "code", "said"),
    [
        ("{}", ["--site", "laptop"], 2, "laptop is no cluster: `eas submit --site SITE`, or `eas run` here"),
        ("{}", ["--site", "mars"], 2, "there is no site 'mars'; known: laptop, cluster"),
        (
            "{a: {kind: cluster, caps: {memory_gb: 0.1}}}",
            ["--site", "a"],
            3,
            "GB of memory; a pod of this site has at most 0.1",
        ),
        ("{a: {kind: cluster, nmespace: b}}", ["--site", "a"], 1, "unknown field 'nmespace'"),
        ("{a: {kind: cluster, context: ther}}", ["--site", "a"], 3, "no context 'ther'; did you mean 'there'"),
    ],
)
def test_refused(  # noqa: PLR0913, PLR0917 - what is parametrized
    cluster: Fake, capsys: pytest.CaptureFixture[str], sites: str, arguments: list[str], code: int, said: str
) -> None:
    """Nothing is submitted when that cannot be, and the reason is said."""
    Path("eas.yaml").write_text(f"sites: {sites}", "utf-8")
    assert main(["submit", "small.json", *arguments]) == code
    assert said in capsys.readouterr().err
    assert posted(cluster) == []


def test_a_clash(cluster: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is taken is told."""
    taken = status(409, "AlreadyExists", "it is there", name="mine", kind="workflows")
    cluster.answer = lambda asked: taken if asked.method == "POST" else accepting(asked)
    assert main(["submit", "small.json", "--site", "cluster", "--name", "mine"]) == 3
    assert "there is a workflow 'mine' already; choose another name" in capsys.readouterr().err


def test_a_name_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused at once."""
    with pytest.raises(SystemExit) as left:
        main(["submit", "small.json", "--name", "Mine"])
    assert left.value.code == 2
    assert "a name is up to 63 of a-z, 0-9 and -, not 'Mine'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["cancel", "small-1"], 1, "small-1 has ended already: succeeded"),
        (["rerun", "small-1", "--failed"], 1, "nothing to do again in small-1: no task of it failed"),
        (["rerun", "small-1", "--from", "/t9"], 1, "nothing to do again in small-1: it has no task at /t9"),
        (["run", "--resume", "small-1"], 2, "goes on by `eas rerun small-1 --failed --site cluster`"),
        (["run"], 2, "which chain? `eas run CHAIN --site cluster`"),
    ],
)
def test_nothing_to_do(
    cluster: Fake, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, said: str
) -> None:
    """It is said why, and nothing changes."""
    assert main([*arguments, "--site", "cluster"]) == code
    assert said in capsys.readouterr().err
    assert {asked.method for asked in cluster.asked} <= {"GET"}


class Keeping:
    """A cluster that keeps what it is given; `silent` says how often it does not answer a creation that it makes."""

    def __init__(self) -> None:
        self.there: dict[str, Any] = {}
        self.created = 0
        self.silent = 0

    def __call__(self, asked: Asked) -> Answer:
        """Answer."""
        path = asked.path.partition("?")[0]
        name = path.rpartition("/")[2]
        if asked.method == "POST":
            name = asked.body["metadata"]["name"]
            if name in self.there:
                return status(409, "AlreadyExists", "it is there", name=name, kind="workflows")
            self.created += 1
            self.there[name] = {**asked.body, "metadata": {**asked.body["metadata"], "uid": f"uid-{name}"}}
            if self.silent:
                self.silent -= 1
                return Answer(200, "cut off")
            return Answer(201, self.there[name])
        if "/workflows/" in path:
            missing = status(404, "NotFound", f'workflows.argoproj.io "{name}" not found')
            return Answer(200, self.there[name]) if name in self.there else missing
        return Answer(200, {"metadata": {}, "items": []})


def test_submitting_again(cluster: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    """Under the same name, the same chain is the run that is there; another one is a clash."""
    cluster.answer = keeping = Keeping()
    submit = ["submit", "small.json", "--site", "cluster", "--name", "mine", "--json"]
    assert main(submit) == 0
    first = capsys.readouterr()
    assert main(submit) == 0
    again = capsys.readouterr()
    assert again.out == first.out
    assert "mine was submitted before, and is to do the same: it is the one" in again.err
    assert keeping.created == 1
    Path("small.json").write_text(json.dumps(CHAIN | {"job_name": "other"}), "utf-8")
    assert main(submit) == 3
    assert "there is a workflow 'mine' already" in capsys.readouterr().err


def test_submitting_without_an_answer(cluster: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that was created, of which the cluster did not tell, is the one that was asked for."""
    cluster.answer = keeping = Keeping()
    keeping.silent = 1
    assert main(["submit", "small.json", "--site", "cluster", "--json"]) == 0
    assert keeping.created == 1
    assert json.loads(capsys.readouterr().out)["run"] == next(iter(keeping.there))


def test_ending_children_that_are_being_made(cluster: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that comes while its run is being ended is ended, too, and waited for."""
    monkeypatch.setattr(remote, "_LOOK_S", 0.0)
    told: list[str] = []
    looks = 0

    def answer(asked: Asked) -> Answer:
        nonlocal looks
        path, _, query = asked.path.partition("?")
        if asked.method == "PATCH":
            told.append(path.rpartition("/")[2])
            return Answer(200, {})
        if "/workflows/run" in path:
            phase = "Failed" if "run" in told else "Running"
            about = {"name": "run", "uid": "1", "namespace": "eas"}
            return Answer(200, {"metadata": about, "spec": {"templates": []}, "status": {"phase": phase}})
        if "eas%2Frun" in query:
            looks += 1
            children = {1: ["run-1"], 2: ["run-1", "run-1-1"], 3: ["run-1-1"]}.get(looks, [])
            return Answer(200, {"metadata": {}, "items": [{"metadata": {"name": one}} for one in children]})
        return Answer(200, {"metadata": {}, "items": []})

    cluster.answer = answer
    assert main(["cancel", "run", "--now", "--site", "cluster"]) == 0
    assert told == ["run", "run-1", "run-1-1"]
    assert looks == 4


def test_what_was_cut(cluster: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    """A run with child workflows is not done again in part, which its end says, too; its name has to leave room."""
    shard = {"name": "shard", "resource": {"manifest": json.dumps({"spec": {"templates": []}})}}
    phase = "Running"

    def answer(asked: Asked) -> Answer:
        nonlocal phase
        if asked.method == "PATCH":
            phase = "Failed"
            return Answer(200, {})
        if "/workflows/big" in asked.path:
            about = {"name": "big", "uid": "1", "namespace": "eas"}
            spec = {"entrypoint": "c", "templates": [shard]}
            return Answer(200, {"metadata": about, "spec": spec, "status": {"phase": phase}})
        return Answer(200, {"metadata": {}, "items": []})

    cluster.answer = answer
    assert main(["cancel", "big", "--now", "--site", "cluster"]) == 0
    assert "big has ended; cut as it was, it can only be submitted anew" in capsys.readouterr().err
    assert main(["rerun", "big", "--failed", "--site", "cluster"]) == 3
    assert "cannot be done again in part; submit the chain anew" in capsys.readouterr().err


def test_room_for_the_names_of_children() -> None:
    """They are called after the run, with indices behind its name."""
    child = {"metadata": {"name": "{{workflow.name}}-1-{{inputs.parameters.a}}"}, "spec": {"templates": []}}
    shard = {"name": "s", "resource": {"manifest": json.dumps(child)}}
    assert manifests.behind_name({"spec": {"templates": [shard]}}) == len("-1-000000")
    assert manifests.behind_name({"spec": {"templates": []}}) == 0


def test_files_of_tasks_to_be_done_again_do_not_count(bucket: Kept) -> None:
    """Before a next life begins, what is gathered of tasks that are to be done again is noted to be worth nothing."""
    family = {"name": "f", "type": "data", "family": "{f}/"}
    described = {"path": "/t0", "loops": [], "working_directory": "d", "outputs": {"file": family}}
    tasks = {}
    for name in ("again", "stays"):
        task = tasks[name] = Task(f"/{name}", "t0", described | {"path": f"/{name}"}, {})
        task.nodes["run"] = Told(f"id-{name}", 0, "Succeeded", "", "", "", None, {})
    nodes = {f"id-{name}": {"id": f"id-{name}", "name": f"run.{name}"} for name in tasks}
    workflow = {"metadata": {"name": "run", "uid": "1"}, "status": {"nodes": nodes}}
    stays = {"id": "other", "name": "run-2.stays"}
    next_life = {"metadata": {"name": "run-2"}, "status": {"nodes": {"other": stays}}}
    remote._set_aside(Profile("there"), workflow, next_life, tasks.values())
    (key,) = bucket.texts
    assert key == "run-1/d/{f}/{verdicts}/f"
    assert json.loads(bucket.texts[key])["path"] == "/again"
    assert json.loads(bucket.texts[key])["verdict"] == "blocked"
