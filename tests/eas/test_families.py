"""Which Workflows make which run: what they say of themselves is believed when it fits, and harms nobody else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from eas.families import Families
from eas_argo.cluster.again import again, nodes_of
from eas_argo.cluster.reading import Reader, Update
from eas_compiler.fit import Limits
from eas_provenance.database import Database
from eas_provenance.errors import LeaseError
from eas_provenance.mirror import Mirror, Place
from eas_provenance.tables import Run, Task
from eas_worker import manifests
from tests.provenance.recorded import Recorded
from tests.provenance.test_shards import LOOP, apart, told
from tests.reference.comparing import compiled

Json = dict[str, Any]


class Site:
    """Families that are told of Workflows, as a site does."""

    def __init__(self, database: Database, records: Callable[[str], bytes | None]) -> None:
        self.said: list[str] = []
        self.reader = Reader()
        self.families = Families(Place(database, records, "cluster", "p"), self.said.append, lambda _name, _task: None)
        self.there: dict[str, Json] = {}
        self.version = 0

    def put(self, one: Json) -> None:
        """Have a Workflow be as it is given."""
        self.version += 1
        one = {**one, "metadata": {**one["metadata"], "resourceVersion": str(self.version)}}
        self.there[one["metadata"]["uid"]] = one
        update = self.read(one)
        assert update is not None
        self.families.take(update)

    def read(self, one: Json) -> Update | None:
        """Return what is new of a Workflow."""
        return self.reader.read(json.dumps(one, separators=(",", ":")))

    def write(self) -> None:
        """Complete what is incomplete, and write."""
        for uid in self.families.incomplete():
            found = []
            for one in self.there.values():
                labels = one["metadata"].get("labels") or {}
                if uid in (one["metadata"]["uid"], labels.get("eas/run"), labels.get("eas/life-of")):
                    self.reader.drop(one["metadata"]["uid"])
                    found.append(self.read(one))
            self.families.complete(uid, [one for one in found if one is not None])
        for uid in self.families.write().over:
            self.reader.forget(uid)


@pytest.fixture
def run() -> Recorded:
    """Return a recorded run."""
    return Recorded("lost")


@pytest.fixture
def database(tmp_path: Path) -> Any:
    """Return an empty database."""
    with Database.open(tmp_path / "eas.db") as opened:
        yield opened


def renamed(one: Json, name: str) -> Json:
    """Return a Workflow as another one."""
    found: Json = json.loads(json.dumps(one).replace(one["metadata"]["name"], name))
    found["metadata"]["uid"] = f"uid-{name}"
    return found


def states(database: Database) -> dict[str, str]:
    """Return the states of runs by name."""
    with database.session() as session:
        return {one.name: one.state for one in session.exec(select(Run))}


def tasks(database: Database, name: str) -> dict[str, str]:
    """Return the states of a run's tasks by path."""
    with database.session() as session:
        found = session.exec(select(Task).where(Task.run_id == database.run_id(name)))
        return {one.path: one.state for one in found}


# ---------------------------------------------------------------------------------------------------------------------
# Workflows that are damaged, or were made to do damage


def deep(levels: int) -> Any:
    """Return lists in each other."""
    found: list[Any] = []
    for _ in range(levels):
        found = [found]
    return found


def _life(bad: Json) -> None:
    bad["metadata"]["annotations"]["eas/life"] = "[" * 120_000


def _boundaries(bad: Json) -> None:
    for each in bad["status"]["nodes"].values():
        if each["type"] == "DAG":
            each["boundaryID"] = each["id"]


def _chain_of_boundaries(bad: Json) -> None:
    for number in range(3_000):
        each = {"id": f"bad-{number}", "name": f"bad.{number}", "type": "DAG", "phase": "Running"}
        bad["status"]["nodes"][each["id"]] = each | {"boundaryID": f"bad-{number + 1}"}


def _manifest(bad: Json) -> None:
    bad["spec"]["templates"].append({"name": "deep", "resource": {"manifest": "[" * 120_000}})


def _time(bad: Json) -> None:
    for each in bad["status"]["nodes"].values():
        each["finishedAt"] = "2026-99-99T99:99:99Z"


def _index(bad: Json) -> None:
    for each in bad["status"]["nodes"].values():
        for parameter in (each.get("inputs") or {}).get("parameters") or ():
            parameter["value"] = "9" * 30


def _labels(bad: Json) -> None:
    bad["metadata"]["labels"] = "x"


def _parent(bad: Json) -> None:
    bad["metadata"]["labels"]["eas/run"] = "uid-nobody"


def _templates(bad: Json) -> None:
    bad["spec"]["templates"] = {"x": 3}


def _status(bad: Json) -> None:
    bad["status"]["conditions"] = deep(900)


HARMLESS = (_boundaries, _time, _index, _status)
"""Damage that is left out, so that all else of the Workflow can be followed."""


@pytest.mark.parametrize(
    "damage",
    [_life, _chain_of_boundaries, _manifest, _labels, _parent, _templates, *HARMLESS],
    ids=lambda one: one.__name__,
)
def test_a_damaged_workflow(database: Database, damage: Callable[[Json], None]) -> None:
    """One that cannot be understood is set aside, which is said once; all others go on, and so does the sync."""
    run = Recorded("open")  # which has a loop
    site = Site(database, run.records.get)
    site.families.is_live = True
    for one in (run.objects[-2], run.objects[-1]):
        bad = renamed(one, "bad")
        damage(bad)
        site.put(bad)
        site.put(one)
        site.write()
    assert states(database)[run.name] == "succeeded"
    aside = [line for line in site.said if line.startswith("bad is set aside: ")]
    is_harmless = damage in HARMLESS
    assert len(aside) == (0 if is_harmless else 1)
    assert site.families.aside == ("" if is_harmless else "Workflows set aside: 1 that cannot be followed: bad")
    site.families.delete("uid-bad")
    assert site.families.aside == ""


def test_rows_that_cannot_be_written(database: Database, run: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run whose rows break whoever writes them is set aside; that another process writes now is no fault of a run."""
    site = Site(database, run.records.get)
    site.put(renamed(run.objects[-1], "bad"))
    site.put(run.objects[-1])
    write = Mirror.write

    def broken(mirror: Mirror) -> str | None:
        if mirror.name == "bad":
            raise KeyError("what is this")
        return write(mirror)

    monkeypatch.setattr(Mirror, "write", broken)
    site.write()
    assert states(database) == {run.name: "failed"}
    assert [line for line in site.said if "bad" in line] == [
        "bad is set aside: it cannot be understood: KeyError('what is this')"
    ]
    site.put(renamed(run.objects[-2], "bad"))
    site.write()

    def lost(_: object) -> None:
        raise LeaseError("another process")

    monkeypatch.setattr(Mirror, "write", lost)
    site.put(renamed(run.objects[-2], "later"))
    with pytest.raises(LeaseError):
        site.write()


# ---------------------------------------------------------------------------------------------------------------------
# Claims


def next_life(one: Json, uid: str) -> Json:
    """Return the next life of a run that has ended, as a cluster has it."""
    made = again(one, nodes_of(one), [one["metadata"]["name"]])
    made["metadata"]["uid"] = uid
    made["status"] |= {"phase": "Running", "startedAt": "2026-12-01T00:00:00Z"}
    return made


def test_a_claim_that_does_not_fit(database: Database, run: Recorded) -> None:
    """A Workflow that says that it is a life of a run, and does something else, changes nothing of the run."""
    site = Site(database, run.records.get)
    first = run.objects[-1]
    claim = next_life(first, "uid-2")
    claim["spec"]["templates"] = claim["spec"]["templates"][:1]
    site.put(claim)  # first, as it likes
    site.put(first)
    site.write()
    assert states(database) == {run.name: "failed"}
    assert [line for line in site.said if "aside" in line] == [
        f"{run.name}-2 is set aside: it says that it is a life of {run.name}, and is to do something else"
    ]


def test_a_claim_that_fits(database: Database, run: Recorded) -> None:
    """The next life is the run from then on, whatever comes first, also when the first Workflow is gone."""
    first = run.objects[-1]
    site = Site(database, run.records.get)
    site.put(next_life(first, "uid-2"))
    site.put(first)
    site.write()
    assert states(database) == {run.name: "running"}
    alone = Site(database, run.records.get)
    alone.put(next_life(first, "uid-2"))
    alone.write()
    assert states(database) == {run.name: "running"}
    assert not any("aside" in line for line in site.said + alone.said)


def test_a_claim_on_a_run_that_is_gone(database: Database, run: Recorded) -> None:
    """What the run was to do is in the database: a Workflow that does something else is not its next life."""
    site = Site(database, run.records.get)
    site.put(run.objects[-1])
    site.write()
    before = tasks(database, run.name)
    claim = next_life(run.objects[-1], "uid-2")
    claim["spec"]["arguments"]["parameters"][0]["value"] = "666"
    other = Site(database, run.records.get)
    other.put(claim)
    other.write()
    assert len([line for line in other.said if "is to do something else" in line]) == 1
    assert states(database) == {run.name: "failed"}
    assert tasks(database, run.name) == before


def test_a_child_of_something_else(database: Database, run: Recorded) -> None:
    """A Workflow that says that it is a child of a run, with templates that the run has not, is none."""
    site = Site(database, run.records.get)
    site.put(run.objects[-1])
    child = renamed(run.objects[-1], "child")
    child["metadata"]["labels"]["eas/run"] = run.objects[-1]["metadata"]["uid"]
    child["spec"]["arguments"]["parameters"].append({"name": "eas-name", "value": run.name})
    child["spec"]["templates"].append({"name": "evil", "container": {"image": "evil", "command": ["x"]}})
    site.put(child)
    site.write()
    assert (
        f"child is set aside: it says that it is a child of {run.name}, whose manifest has no such child" in site.said
    )
    assert states(database) == {run.name: "failed"}


# ---------------------------------------------------------------------------------------------------------------------
# Children


def parts(database: Database) -> tuple[Site, list[Json]]:
    """Return a site, and the Workflows of a run that was cut, the first one first, as they are at the end."""
    workflow = compiled({"task_list": [LOOP]}, Limits(nodes=14))
    made = apart(workflow, told(workflow, {}))
    for number, one in enumerate(made):
        head = workflow if number == 0 else manifests.child(_resources(workflow)[0])
        one["metadata"] |= {"uid": f"uid-{number}", "annotations": {**(head["metadata"].get("annotations") or {})}}
        one["metadata"]["labels"] = {"eas/managed": "true"} | ({"eas/run": "uid-0"} if number else {})
        filled = {"{{workflow.name}}": "run", "{{workflow.parameters.eas-name}}": "run"}
        one["spec"] = json.loads(_filled(json.dumps(one["spec"]), filled)) if number else one["spec"]
        one["status"] |= {"phase": "Succeeded", "startedAt": "2026-01-01T00:00:00Z"}
        one["status"]["finishedAt"] = "2026-01-01T01:00:00Z"
        for node in one["status"]["nodes"].values():
            node |= {"id": node["id"] if node.get("boundaryID") else one["metadata"]["name"]}
        root = next(node for node in one["status"]["nodes"].values() if not node.get("boundaryID"))
        old = next(key for key, node in one["status"]["nodes"].items() if node is root)
        for node in one["status"]["nodes"].values():
            if node.get("boundaryID") == old:
                node["boundaryID"] = root["id"]
        one["status"]["nodes"][root["id"]] = one["status"]["nodes"].pop(old)
    return Site(database, lambda _: None), made


def _filled(text: str, tags: dict[str, str]) -> str:
    for tag, value in tags.items():
        text = text.replace(tag, value)
    return text


def _resources(workflow: Json) -> list[Json]:
    return [one for one in manifests.templates(workflow).values() if "resource" in one]


def going_on(one: Json) -> Json:
    """Return a Workflow as it was before its end."""
    found: Json = json.loads(json.dumps(one))
    found["status"] |= {"phase": "Running", "finishedAt": None}
    for node in found["status"]["nodes"].values():
        node |= {"phase": "Running", "finishedAt": None}
    return found


def test_a_child_that_ends_after_its_run(database: Database) -> None:
    """What a child tells when the run has ended, as when somebody ended it, is in the database, too."""
    site, made = parts(database)
    late = made[-1]
    for one in (*made[1:-1], going_on(late), made[0]):
        site.put(one)
    site.write()
    assert "running" in (before := tasks(database, "run")).values() or "cancelled" in before.values()
    site.put(late)
    site.write()
    assert set(tasks(database, "run").values()) == {"succeeded"}
    assert len(tasks(database, "run")) == 9


def test_a_child_that_is_seen_after_its_run(database: Database) -> None:
    """One that nobody had seen when the run was over is asked for with all others: no task is lost."""
    site, made = parts(database)
    for one in made[:-1]:
        site.put(one)
    site.write()
    assert 0 < len(tasks(database, "run")) < 9
    site.put(made[-1])
    site.write()
    assert set(tasks(database, "run").values()) == {"succeeded"}
    assert len(tasks(database, "run")) == 9
    site.put(made[0] | {"status": made[0]["status"] | {"message": "again"}})
    site.write()
    assert len(tasks(database, "run")) == 9


def test_children_of_nothing(database: Database) -> None:
    """What waits for a run that is not there does not wait for ever."""
    site, made = parts(database)
    for one in made[1:]:
        site.put(one)
    del site.there["uid-1"]
    site.families.delete("uid-1")
    assert site.families.incomplete() == {"uid-0": {"run"}}
    site.write()
    assert site.families.incomplete() == {}
    assert len([line for line in site.said if "is not there" in line]) == len(made) - 2
    for number in range(2, len(made)):
        site.families.delete(f"uid-{number}")
    assert site.families.aside == ""
