"""Stubs do what the script says of them."""

import json
from typing import Any

import pytest

from eas_argo.laptop.manifest import Pod, Result, Retry
from eas_argo.laptop.stubs import Entry, Script, Stubs
from eas_argo.laptop.work import Work
from eas_worker.records import CLOSED

DESCRIPTION: dict[str, Any] = {
    "path": "/t0[i]/t1#/t2", "task": "null", "name": "a", "job_name": "j", "working_directory": "d", "settings": {},
    "loops": [{"var": "i", "id": "i", "form": "values", "range": [1, 2]}, {"var": "n", "id": "n", "repeat": 5}],
}  # fmt: skip
KEY = "run/.records/t0[i]/t1#/t2/0.2"


def work(verb: str, **fields: Any) -> Work:
    """Write a try of the program or of its gate in the second iteration of the innermost loop."""
    results = {
        "run": (Result("no-work", "x", "false"),),
        "qc": (Result("answers", "x", None),),
        "inline": (Result("no-work", "x", "false"), Result("closed", "x", "false"), Result("answers", "x", None)),
    }.get(verb, ())
    description = DESCRIPTION | fields
    task = Pod("p", verb, "i", "", description, (), (), (), results, Retry(0, 0), 1, 0, 1, 1)
    environment = {"EAS_INDICES": "i=0 n=2", "EAS_SEED": "1", "EAS_STATUS": "Succeeded"}
    run, qc = ("records", f"{KEY}/attempt-0", True), f"{KEY}/qc.json"
    outputs = {"run": (run,), "inline": (run, ("qc/qc.json", qc, True))}
    outputs |= dict.fromkeys(("qc", "rescue"), (("records/qc.json", qc, True),))
    return Work(verb, task, 0, environment, (("in/.attempts", KEY, True),), outputs.get(verb, ()))


def judged(entry: Entry, **fields: Any) -> tuple[Any, Any, dict[str, Any]]:
    """Run a stub and its gate; return how both ended, and the record of the latter."""
    stubs = Stubs(Script({"a": entry}))
    stubs.start(work("run"))
    stubs.start(work("qc", **fields))
    (_, program), (_, gate) = stubs.wait(1)
    return program, gate, stubs.records[f"{KEY}/qc.json"]


@pytest.mark.parametrize(
    ("verdict", "program", "gate"),
    [
        ("pass", "Succeeded", "Succeeded"),
        ("warn", "Succeeded", "Succeeded"),
        ("fail", "Succeeded", "Failed"),
        ("error", "Failed", "Failed"),
    ],
)
def test_verdicts(verdict: str, program: str, gate: str) -> None:
    """A gate opens for pass and warn, and says the verdict first; a program fails only for an error."""
    ran, said, record = judged(Entry({"n": 1}, verdict))
    assert (ran.phase, said.phase) == (program, gate)
    assert said.message.partition(":")[0] == record["verdict"] == verdict
    assert record["metadata"] == {"n": 1}


def test_no_work() -> None:
    """A task without work says so in its output parameter."""
    ran, _, _ = judged(Entry({}, "no_work"))
    assert (ran.phase, ran.parameters) == ("Succeeded", {"no-work": "true"})


@pytest.mark.parametrize(
    ("verdict", "phase", "exit_code", "parameters"),
    [
        ("pass", "Succeeded", 0, {"no-work": "false", "closed": "false", "answers": "{}"}),
        ("warn", "Succeeded", 0, {"no-work": "false", "closed": "false", "answers": "{}"}),
        ("no_work", "Succeeded", 0, {"no-work": "true", "closed": "false", "answers": "{}"}),
        ("fail", "Failed", CLOSED, {"no-work": "false", "closed": "true"}),
        ("error", "Failed", 1, {}),
    ],
)
def test_inline(verdict: str, phase: str, exit_code: int, parameters: dict[str, str]) -> None:
    """What is judged where it ran has one end; the record of what broke is left to the rescue."""
    stubs = Stubs(Script({"a": Entry({"n": 1}, verdict)}))
    stubs.start(work("inline"))
    ((_, ended),) = stubs.wait(1)
    assert (ended.phase, ended.exit_code, ended.parameters) == (phase, exit_code, parameters)
    assert (f"{KEY}/qc.json" in stubs.records) is (verdict in {"pass", "warn", "fail"})
    if verdict == "error":
        stubs.start(work("rescue"))
        ((_, rescued),) = stubs.wait(1)
        assert (rescued.phase, stubs.records[f"{KEY}/qc.json"]["verdict"]) == ("Failed", "error")


def test_metadata_by_iteration() -> None:
    """Of a list the innermost do-while takes its entry, and later iterations the last."""
    series = [{"n": 1}, {"n": 2}, {"n": 3}]
    assert judged(Entry(series, "pass"))[2]["metadata"] == {"n": 2}
    assert judged(Entry(series[:1], "pass"))[2]["metadata"] == {"n": 1}
    assert judged(Entry([], "pass"))[2]["metadata"] == {}


def test_a_gate_answers() -> None:
    """What the chain asks is worked out as on any site."""
    question = {"kind": "bool", "at": DESCRIPTION["path"], "request": {"a": "self"}, "place": "x"}
    question["expression"] = "(requested_metadata['a']['n'] > 1)"
    _, gate, _ = judged(Entry({"n": 2}, "pass"), questions={"q0": question})
    assert json.loads(gate.parameters["answers"]) == {"q0": 1}


def test_a_setting_that_fails_is_an_error() -> None:
    """A stub evaluates its settings as a program would."""
    stubs = Stubs(Script({}))
    stubs.start(work("run", settings={"a": "(1 / 0)"}))
    ((_, ended),) = stubs.wait(1)
    assert (ended.phase, ended.exit_code) == ("Failed", 1)
    assert "division" in ended.message


def test_a_gate_without_any_try() -> None:
    """A gate of a program that never ran says error."""
    stubs = Stubs(Script({}))
    stubs.start(work("qc"))
    ((_, ended),) = stubs.wait(1)
    assert ended.message == "error: it never ran"


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        (["null", "a", "/t?", "/t1"], "/t1"),
        (["null", "a", "/t?"], "/t?"),
        (["null", "a"], "a"),
        (["null"], "null"),
        (["/t?", "*"], "/t?"),
        (["*", "/t?"], "*"),
        (["/t[1]"], None),
        (["t1", "/t"], None),
    ],
)
def test_who_is_meant(keys: list[str], found: str | None) -> None:
    """Path, pattern, name, type, in this order; of patterns the first; brackets stand for themselves."""
    script = Script({key: Entry({"key": key}, "pass") for key in keys})
    entry = script.find("/t1", "a", "null")
    assert entry.metadata == ({"key": found} if found else {})
