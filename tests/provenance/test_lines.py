"""A line tells what a task was given, what it waited for, and what it came to."""

import json
from typing import Any

from eas_provenance.lines import Lines, record_key
from eas_provenance.states import States
from tests.provenance.nodes import LOOP, Json, described, node, root, workflow

FILE = {"name": "f", "type": "data"}


def lines(records: Json, *updates: Json, descriptions: list[Json]) -> list[Json]:
    """Return the lines after some updates."""
    states = States(workflow(*descriptions))
    for update in (root("Running"), *updates):
        states.update(update)
    return Lines("run", states, "7", {key: json.dumps(one).encode() for key, one in records.items()}.get).all()


def ran(number: int, **parameters: Any) -> list[Json]:
    """Write the updates of a task that passes."""
    return [node(f"t{number}", "Succeeded", **parameters), node(f"t{number}-qc", "Succeeded", "pass: ok", **parameters)]


def test_a_line() -> None:
    """It has all that the author wrote, evaluated, in the order of its keys."""
    description = described(
        "/t0[i]/t0", loops=[LOOP], name="a", settings={"n": "(metadata['i'] + '!')"}, outputs={"file": FILE}
    )
    record = {"metadata": {"n": 1}}
    (line,) = lines({"run/.records/t0[i]/t0/1/qc.json": record}, *ran(0, i=1), descriptions=[description])
    assert list(line) == sorted(line)
    assert line == {
        "path": "/t0[i=1]/t0", "task": "null", "name": "a", "state": "succeeded", "verdict": "pass", "after": [],
        "job_name": "j", "working_directory": "d", "settings": {"n": "b!"}, "metadata": {"i": "b", "i_index": 1},
        "inputs": {}, "outputs": {"file": "d/f"}, "emitted": {"n": 1},
    }  # fmt: skip


def test_who_is_waited_for() -> None:
    """Those that were named, and the makers of files: as they ran, or, where none did, as the manifest knows them."""
    made, unmade = FILE | {"makers": ["/t9"]}, FILE | {"name": "g", "makers": ["/t7", "/t8"]}
    descriptions = [
        described("/t0", outputs={"file": FILE}),
        described("/t1", after=["/t10", "/t2"], inputs={"one": made, "two": unmade}),
    ]
    assert lines({}, *ran(0), *ran(1), descriptions=descriptions)[1]["after"] == ["/t0", "/t2", "/t7", "/t8", "/t10"]


def test_settings_that_nobody_can_work_out() -> None:
    """A blocked task that asks for what was not made has no settings, and all else."""
    asking = described(
        "/t1", settings={"n": "(requested_metadata['a']['n'])"}, request={"a": 0},
        records=[{"kind": "task", "k": 0, "path": "/t0"}],
    )  # fmt: skip
    (line,) = lines({}, node("t0", "Omitted"), descriptions=[asking])
    assert "settings" not in line
    assert (line["state"], line["emitted"], line["job_name"]) == ("blocked", {}, "j")
    (line,) = lines({"run/.records/t0/qc.json": {"metadata": {"n": 3}}}, *ran(0), descriptions=[asking])
    assert line["settings"] == {"n": 3}


def test_a_range_that_nobody_can_work_out() -> None:
    """Metadata of a loop whose range has failed are nothing; those of others are there all the same."""
    loop = LOOP | {"at": "/t1", "range": "(requested_metadata['a']['items'])", "request": {"a": 0}}
    inner = [["b", {"kind": "task", "k": 1, "path": "/t1[i]/t0"}]]
    sources = [
        {"kind": "task", "k": 0, "path": "/t0"},
        {"kind": "loop", "loop": loop, "depth": 0, "body": inner, "needs": {}},
    ]
    settings = {"n": "(requested_metadata['a']['n'])"}
    asking = described("/t2", settings=settings, request={"a": 0, "l": 1}, records=sources)
    (line,) = lines({"run/.records/t0/qc.json": {"metadata": {"n": 3}}}, node("t0", "Omitted"), descriptions=[asking])
    assert line["settings"] == {"n": 3}


def test_keys_of_records() -> None:
    """Records of a loop's tasks are one prefix, below which each iteration has its own."""
    states = States(workflow(described("/t0[i]/t0", loops=[LOOP]), described("/t1")))
    for update in (root("Running"), node("t0", "Running", i=1), node("t1", "Running")):
        states.update(update)
    assert [record_key("run", task) for task in states.tasks.values()] == ["run/.records/t0[i]/t0/1", "run/.records/t1"]
