"""What a run came to is told so that it fits, and that nothing hides what matters."""

from pathlib import Path

import pytest

from eas import summary
from eas.local import Finished
from eas_provenance.queries import OutcomeRow, OutcomeTable
from eas_provenance.states import States
from eas_provenance.store import Store
from tests.provenance.nodes import described, node, root, workflow


@pytest.fixture
def finished(tmp_path: Path) -> Finished:
    """Return a run of 31 tasks: one passed, thirty failed, in any order."""
    states = States(workflow(*(described(f"/t{number}") for number in range(31))))
    states.update(root("Running"))
    for number in reversed(range(31)):
        states.update(node(f"t{number}", "Succeeded"))
        said = ("Succeeded", "pass: ok") if not number else ("Failed", "fail: too faint\nand more")
        states.update(node(f"t{number}-qc", *said))
    states.update(root("Failed"))
    columns = ("size", "verdict", "period")
    rows = (OutcomeRow("/t0", "c:1:1", (1, "pass", 1.23456)), OutcomeRow("/t1", "c:1:1", (2, "fail", None)))
    table = OutcomeTable("search", columns, ("", "", "d"), 1, {}, rows, 2)
    return Finished("run-1", states, 61.5, (table,), "run-1-2", Store(tmp_path))


def test_for_people(finished: Finished) -> None:
    """What was found, what went wrong in path order, and at the end what it comes to."""
    parts = summary.run_as_text(finished, 100).split("\n\n")
    assert parts[0].splitlines()[1] == "size  verdict  period [d]"
    wrong = parts[1].splitlines()
    assert wrong[:3] == [
        "what went wrong:",
        "  /t1 (null, chain.json:1:1) failed: fail: too faint",
        "  /t2 (null, chain.json:1:1) failed: fail: too faint",
    ]
    assert (len(wrong), wrong[-1]) == (22, "  and 10 more: with --json")
    assert parts[2].splitlines()[0] == "run run-1 failed after 1:02: 30 failed, 1 succeeded"


def test_a_narrow_terminal(finished: Finished) -> None:
    """Columns that do not fit are left out and named."""
    part = summary.run_as_text(finished, 15).split("\n\n")[0]
    assert part.splitlines()[1:3] == ["size  verdict", "────  ───────"]
    assert part.splitlines()[-1] == "(1 more column: with --json)"
    assert "size" in summary.run_as_text(finished, 1)


def test_flow_control_and_what_it_blocks(finished: Finished) -> None:
    """Conditions that nobody could answer have a part of their own, as have blocked tasks."""
    finished.states.update(node("t9-ask", "Failed", "no bool"))
    finished.states.update(node("t0", "Omitted"))
    shown = summary.run_as_text(finished, 100)
    assert "flow control that could not go on:\n  /t9: no bool" in shown
    assert "blocked, because what they need is not there:\n  /t0\n" in shown


def test_for_programs(finished: Finished) -> None:
    """All tasks are there, in path order, and the tables by column."""
    data = summary.run_as_data(finished)
    assert [task["path"] for task in data["tasks"]] == [f"/t{number}" for number in range(31)]
    assert data["outcomes"]["search"][0] == {"size": 1, "verdict": "pass", "period": 1.23456}
    assert (data["phase"], data["seconds"]) == ("Failed", 61.5)
    finished.states.update(root("Failed") | {"message": "workflow shutdown with strategy: Terminate"})
    assert summary.run_as_data(finished)["phase"] == "Cancelled"


def test_nothing_to_simulate() -> None:
    """A simulation of nothing says so."""
    assert summary.simulated([]) == "no task runs"
