"""`eas doctor`: this machine, the bucket of a cluster, and how findings are told."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from sqlalchemy import insert

from eas import doctor
from eas.cli import main
from eas_argo.cluster.checks import Finding
from eas_argo.cluster.profile import Bucket, Profile
from eas_provenance.database import Database

BUCKET = Bucket("files", "http://s3:9000")


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """Return what was written as JSON, by subject."""
    return {one["subject"]: one for one in json.loads(capsys.readouterr().out)}


def test_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A machine on which the tests run has what runs need; a store need not be there yet."""
    assert main(["doctor", "--site", "laptop", "--store", str(tmp_path / "store"), "--json"]) == 0
    found = told(capsys)
    assert {found[one]["level"] for one in ("Python", "disk", "database", "programs of eas_base")} == {"ok"}
    assert "is not there yet" in found["database"]["message"]
    assert float(found["cores"]["message"]) > 0


def test_lines_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line says how a thing is; what to do stands below it."""
    database = tmp_path / "eas.db"
    Database.open(database).close()
    assert main(["doctor", "--site", "laptop", "--store", str(tmp_path), "--db", str(database)]) == 0
    assert f"ok       database: database {database}: schema " in capsys.readouterr().out
    line = doctor._line(Finding("disk", "warning", "1.0 GB free in /x", "make room"))
    assert line == "warning  disk: 1.0 GB free in /x\n         → make room"


def test_broken_database_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A database that cannot be used makes the exit status 3."""
    broken = tmp_path / "eas.db"
    broken.write_text("no database", "utf-8")
    assert main(["doctor", "--site", "laptop", "--db", str(broken), "--json"]) == 3
    assert told(capsys)["database"]["level"] == "error"


def test_programs_that_lack_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a program imports and is not installed is told, for each container."""
    folder = tmp_path / "eas_base/task_implementations"
    folder.mkdir(parents=True)
    (folder / "x.py").write_text("import json, not_there.x\nfrom nor_this import y\nfrom . import z\n", "utf-8")
    monkeypatch.setattr("eas.local.containers_beside", lambda _: (tmp_path,))
    (found,) = doctor._programs(doctor_registry())
    assert (found.subject, found.level, found.message) == (
        "programs of eas_base",
        "warning",
        "lack nor_this, not_there",
    )


def doctor_registry() -> Any:
    """Return the registry of the project."""
    from eas_compiler.compile import read_registry
    from eas_compiler.diagnostics import Diagnostics

    return read_registry(Path(__file__).parents[2] / "registry.yaml", Diagnostics())


def test_no_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a kubeconfig there is one error, which says so."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "nowhere"))
    assert main(["doctor", "--site", "cluster"]) == 3
    said = capsys.readouterr().out
    assert "error    API: there is no kubeconfig" in said
    assert "→ set KUBECONFIG" in said


class S3:
    """A bucket in memory that fails in one step, if it is told to."""

    def __init__(self, failing: str = "", problem: Exception | None = None, content: bytes | None = None) -> None:
        self.failing, self.problem, self.content, self.kept = failing, problem, content, dict[str, bytes]()

    def _step(self, name: str) -> None:
        if name == self.failing and self.problem is not None:
            raise self.problem

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> Any:  # noqa: N803 - names of boto3
        """Keep an object."""
        self._step("put")
        self.kept[Key] = Body if self.content is None else self.content
        return {"ResponseMetadata": {"HTTPHeaders": {}}}

    def get_object(self, Bucket: str, Key: str) -> Any:  # noqa: N803 - names of boto3
        """Return an object."""
        from io import BytesIO

        self._step("get")
        return {"Body": BytesIO(self.kept[Key])}

    def delete_object(self, Bucket: str, Key: str) -> None:  # noqa: N803 - names of boto3
        """Forget an object."""
        self._step("delete")
        del self.kept[Key]


def looked_at(s3: S3, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    """Return what is found of a bucket."""
    monkeypatch.setattr(boto3, "client", lambda *_, **__: s3)
    return list(doctor._bucket(BUCKET))


def test_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket is well when an object can be written, read and deleted; nothing is left in it."""
    s3 = S3()
    found = looked_at(s3, monkeypatch)
    assert [(one.subject, one.level) for one in found] == [("bucket", "ok"), ("clock of S3", "warning")]
    assert not s3.kept


@pytest.mark.parametrize(("failing", "step"), [("put", "written"), ("get", "read"), ("delete", "deleted")])
def test_bucket_that_denies(monkeypatch: pytest.MonkeyPatch, failing: str, step: str) -> None:
    """What the bucket denies is told in its words."""
    problem = ClientError({"Error": {"Code": "AccessDenied", "Message": "not you"}}, "x")
    (found,) = looked_at(S3(failing, problem), monkeypatch)
    assert (found.level, found.message) == ("error", f"files at http://s3:9000: nothing can be {step}: not you")


def test_bucket_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """An endpoint that does not answer is an error that says how it is named."""
    (found,) = looked_at(S3("put", EndpointConnectionError(endpoint_url="http://s3:9000")), monkeypatch)
    assert found.level == "error"
    assert found.hint is not None
    assert "EAS_S3_ENDPOINT" in found.hint


def test_bucket_that_changes_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bucket that gives back something else is broken."""
    found = looked_at(S3(content=b"else"), monkeypatch)
    assert (found[0].level, found[0].message) == (
        "error",
        "files at http://s3:9000: what is read is not what was written",
    )


def test_no_bucket() -> None:
    """A site without a bucket can run chains, but nobody can read what they made."""
    assert [one.level for one in doctor._bucket(None)] == ["warning"]


class Space:
    """A connection to a namespace, of which only the uid is asked."""

    profile = Profile("hpc")

    def place(self) -> str:
        """Return the uid."""
        return "uid"


def following(database: Path, seen: str, **changes: Any) -> Finding:
    """Return what is found of a site whose follower has left this in the database."""
    from eas_provenance.tables import Following

    row = {"place": "uid", "site": "hpc", "owner": "me", "turn": 1, "seen": seen, "lag_s": 1.0, "message": ""} | changes
    with Database.open(database) as opened, opened.writing() as batch:
        batch.execute(insert(Following).values(**row))
    (found,) = doctor._following(str(database), Space())  # type: ignore[arg-type] # as much as is asked of one
    return found


@pytest.mark.parametrize(
    ("changes", "level", "message"),
    [
        ({}, "ok", "me, 1.0 s late, last heard NOW"),
        ({"lag_s": None}, "ok", "me, last heard NOW"),
        ({"lag_s": 90.0}, "warning", "me is 90 s late; last heard NOW"),
        ({"seen": "2020-01-01T00:00:00Z"}, "warning", "me is silent; last heard 2020-01-01T00:00:00Z"),
        ({"seen": None}, "warning", "me is silent; last heard never"),
        ({"owner": ""}, "warning", "nobody follows this site now; last heard NOW"),
        ({"message": "no bucket"}, "error", "me: no bucket"),
        ({"message": "Workflows set aside: 1"}, "warning", "me: Workflows set aside: 1"),
        ({"site": "other"}, "ok", "me, 1.0 s late, last heard NOW"),
        ({"place": "other"}, "warning", "nobody has followed this site yet"),
    ],
    ids=["follows", "begins", "late", "silent", "never", "nobody", "trouble", "aside", "other name", "other"],
)
def test_sync(tmp_path: Path, changes: dict[str, Any], level: str, message: str) -> None:
    """Who follows a site must be heard, and not be late."""
    now = datetime.now(UTC).isoformat()
    found = following(tmp_path / "eas.db", **{"seen": now} | changes)
    assert (found.level, found.message) == (level, message.replace("NOW", now))
