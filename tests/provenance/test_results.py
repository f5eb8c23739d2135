"""What a run found is a table of the tasks that say `outcome`."""

import json
from pathlib import Path

import pytest

from eas_provenance.repository import Directory
from eas_provenance.results import Table, outcomes
from eas_provenance.states import States
from tests.provenance.nodes import LOOP, Json, described, node, root, workflow

METADATA = {"period": {"unit": "d"}, "mes": {}, "outcome": {}, "extra": {}}


@pytest.fixture
def files(tmp_path: Path) -> Directory:
    """Return an empty repository."""
    return Directory(tmp_path)


def write(files: Directory, key: str, record: Json) -> None:
    """Write a record."""
    path = files.path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record), encoding="utf-8")


def test_a_table(files: Directory) -> None:
    """Loop variables come first, then the verdict, the outcome, and all else that somebody said, with its unit."""
    states = States(workflow(described("/t0[i]/t0", loops=[LOOP], metadata=METADATA)))
    for index in (1, 0):
        states.update(root("Running", i=index))
        states.update(node("t0", "Succeeded", i=index))
        states.update(node("t0-qc", "Succeeded", "warn: noisy", i=index))
    write(files, "run/.records/t0[i]/t0/0/attempt-0/run.json", {"loop_variables": {"i": "a", "i_index": 0}})
    write(files, "run/.records/t0[i]/t0/0/qc.json", {"metadata": {"outcome": "PASS", "period": 1.5, "mes": None}})
    assert outcomes(files, "run", states) == {
        "null": Table(
            ("i", "verdict", "outcome", "period"),
            ("", "", "", "d"),
            (("a", "warn", "PASS", 1.5), (None, "warn", None, None)),
        )
    }


def test_tasks_without_an_outcome(files: Directory) -> None:
    """A type that does not declare an outcome has no table; a task that did not run shows its state."""
    states = States(workflow(described("/t0", metadata={"period": {}}), described("/t1", metadata={"outcome": {}})))
    states.update(root("Running"))
    states.update(node("t0", "Succeeded"))
    states.update(node("t1", "Omitted"))
    assert outcomes(files, "run", states) == {"null": Table(("verdict",), ("",), (("blocked",),))}
