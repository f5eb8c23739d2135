"""Chains are handed to a cluster, runs there are ended and done again; what cannot be is said before that."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eas import remote
from eas.cli import main
from eas_provenance.errors import RepositoryError
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
