"""One manifest on both sites comes to the same: tasks, states, verdicts, metadata, messages and file hashes."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from eas.local import Request
from eas_compiler.fit import Limits
from eas_provenance.database import Database
from eas_provenance.store import Store
from tests.cluster.sites import LIMITS, compiled, differences, on_cluster, on_laptop
from tests.cluster.stubs import SHAPES, scripted, write_programs
from tests.cluster.workflows import delete, submit, told, wait
from tests.property.chains import Case, cases

pytestmark = pytest.mark.cluster

CHAINS = 24
TRIED = 250
MOST_TASKS = 9
DIVIDED = (LIMITS, Limits(steps=8))
"""Every second chain is compiled with its longer lists divided into stretches."""
ODD = {"n": int, "flag": bool, "items": list}
"""What the types declare, and the scripts of some cases do not keep to: a program that does so has broken."""


def chosen() -> list[Case]:
    """Return generated chains of some tasks each, no two of which show the same."""
    found: list[Case] = []

    @settings(
        max_examples=TRIED,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases(budget=10))
    def collect(case: Case) -> None:
        if 3 <= len(case.outcome.lines) <= MOST_TASKS and "external.gz" not in json.dumps(case.chain) and is_kept(case):
            found.append(case)

    collect()
    return varied(found)


def is_kept(case: Case) -> bool:
    """Return whether all metadata of a script are of the types that are declared."""
    said = [entry["metadata"] for entry in case.script.values() if "metadata" in entry]
    values = itertools.chain.from_iterable(one if isinstance(one, list) else [one] for one in said)
    return all(type(value) is ODD.get(key, type(value)) for one in values for key, value in one.items())


def varied(found: list[Case]) -> list[Case]:
    """Return as many as are wanted, those first that have most that none before them has."""
    taken: list[Case] = []
    seen: set[str] = set()
    left = {number: features(case) for number, case in enumerate(found)}
    while left and len(taken) < CHAINS:
        best = max(left, key=lambda number: len(left[number] - seen))
        if not left[best] - seen:
            seen = set()  # every feature is there: begin to collect them a second time
            continue
        seen |= left.pop(best)
        taken.append(found[best])
    return taken


def features(case: Case) -> set[str]:
    """Return what a chain shows: constructs in constructs, and how tasks of each type end."""
    ends = {f"{line['task']} {line['state']} {line['verdict']}" for line in case.outcome.lines}
    return ends | set(_constructs(case.chain, ""))


def _constructs(node: dict[str, Any], around: str) -> Iterator[str]:
    for branch in ("task_list", "else_task_list"):
        for inner in node.get(branch, []):
            named = sorted(key for key in inner if key not in ("task", "name", "task_list", "else_task_list"))
            yield f"{around} > {inner['task']}"
            yield f"{inner['task']}: {' '.join(named)}"
            yield from _constructs(inner, f"{inner['task']} {branch}")


class Submitted:
    """Chains on the cluster: some are submitted ahead of the one that is asked for, as many as a small one can take."""

    AHEAD = 3

    def __init__(self, requests: list[Request]) -> None:
        self.requests = requests
        self.workflows: list[str] = []

    def workflow(self, number: int) -> str:
        """Return the name of the workflow of a chain."""
        for request in self.requests[len(self.workflows) : number + 1 + self.AHEAD]:
            self.workflows.append(submit(json.dumps(request.sources.workflow)))
        return self.workflows[number]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the registry of generated chains."""
    file = tmp_path_factory.mktemp("registry") / "registry.json"
    file.write_text(json.dumps(SHAPES), "utf-8")
    return file


@pytest.fixture(scope="module")
def submitted(image: None, registry: Path) -> Iterator[Submitted]:
    """Compile all chains, and delete what was submitted of them when the tests are done."""
    chains = [json.dumps(scripted(case.chain, case.script)).encode() for case in chosen()]
    found = Submitted(
        [compiled(f"chain{number}", chain, registry, DIVIDED[number % 2]) for number, chain in enumerate(chains)]
    )
    try:
        yield found
    finally:
        delete(*found.workflows)


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the programs of the image to a folder."""
    folder = tmp_path_factory.mktemp("laptop")
    write_programs(folder / "containers" / "stubs", SHAPES["tasks"])
    return folder


@pytest.mark.parametrize("number", range(CHAINS))
def test_both_sites_come_to_the_same(
    number: int, submitted: Submitted, laptop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a chain says and its tasks do, the database knows the same of it."""
    monkeypatch.setenv("PYTHONPATH", str(laptop / "containers" / "stubs"))
    request, name = submitted.requests[number], submitted.workflow(number)
    here = on_laptop(request, Store(tmp_path / "store"), laptop / "containers")
    workflow = wait(name)
    with Database.open(tmp_path / "cluster.db") as database:
        there = on_cluster(request, workflow, database)
    assert list(differences(here, there)) == [], f"{told(workflow)}\n{request.sources.chain!r}"
