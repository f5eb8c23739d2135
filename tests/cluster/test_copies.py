"""Shards, and outputs of many files, come to the same on both sites."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from eas.local import Request
from eas_provenance.database import Database
from eas_provenance.store import Store
from tests.cluster.sites import compiled, differences, on_cluster, on_laptop
from tests.cluster.stubs import REGISTRY, REGISTRY_FILE, Node, scripted, write_programs
from tests.cluster.workflows import submitted, told, wait
from tests.reference.writing import emits, task

pytestmark = pytest.mark.cluster

MANY = ["1", "10 a", "é%", "2"]
CHAINS: dict[str, tuple[list[Node], Node]] = {
    "many": (
        [
            task("scatter", "made", outputs={"files": "s_*.gz"}),
            task("scatter", "one", outputs={"files": "t_*"}),
            task("scatter", "bad", outputs={"files": "u_*"}),
            task("join", "all", inputs={"files": ["s_*.gz", "t_*"]}, outputs={"file": "all"}),
            task("join", "some", inputs={"files": "s_1*"}),
            task("join", "good", inputs={"files": ["s_*.gz", "u_*"]}),
        ],
        {
            "made": emits(n=4) | {"files": MANY},
            "one": {"files": ["x"]},
            "bad": {"files": ["y"], "verdict": "fail"},
            "all": {"gathers": [*(f"s_{text}.gz" for text in sorted(MANY)), "t_x"]},
            "some": {"gathers": ["s_1.gz", "s_10 a.gz"]},
        },
    ),
    "none": (
        [task("scatter", "made", outputs={"files": "s_*.gz"}), task("join", "all", inputs={"files": "s_*.gz"})],
        {"made": {"files": []}},
    ),
    "shards": (
        [
            task("make", "made", shards=3, outputs={"file": "'part_{shard}'.format(**metadata)"}),
            task("join", "all", inputs={"files": "part_*"}, outputs={"file": "all"}),
            task("make", "late", "made", shards="(requested_metadata['made'][-1]['n'])"),
        ],
        {"made": emits(n=2), "all": {"gathers": ["part_0", "part_1", "part_2"]}},
    ),
}


@pytest.fixture(scope="module")
def requests() -> dict[str, Request]:
    """Compile the chains."""
    chains = {name: scripted({"task_list": tasks}, script) for name, (tasks, script) in CHAINS.items()}
    return {
        name: compiled(f"copies-{name}", json.dumps(chain).encode(), REGISTRY_FILE) for name, chain in chains.items()
    }


@pytest.fixture(scope="module")
def workflows(image: None, requests: dict[str, Request]) -> Iterator[dict[str, str]]:
    """Submit all chains at once, and delete them when the tests are done."""
    manifests = {name: json.dumps(one.sources.workflow) for name, one in requests.items()}
    with submitted(manifests) as names:
        yield names


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the programs of the image to a folder."""
    folder = tmp_path_factory.mktemp("laptop")
    write_programs(folder / "containers" / "stubs", REGISTRY["tasks"])
    return folder


@pytest.mark.parametrize("name", CHAINS)
def test_both_sites_come_to_the_same(  # noqa: PLR0913, PLR0917 - fixtures
    name: str,
    requests: dict[str, Request],
    workflows: dict[str, str],
    laptop: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The database knows the same of every copy and of every file."""
    monkeypatch.setenv("PYTHONPATH", str(laptop / "containers" / "stubs"))
    here = on_laptop(requests[name], Store(tmp_path / "store"), laptop / "containers")
    workflow = wait(workflows[name])
    with Database.open(tmp_path / "cluster.db") as database:
        there = on_cluster(requests[name], workflow, database)
    assert list(differences(here, there)) == [], told(workflow)
    assert len(here["Version"]) == {"many": 7, "none": 0, "shards": 4}[name]
