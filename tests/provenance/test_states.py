"""The states of tasks follow from the updates of nodes, as sites and controllers write them."""

import itertools

import pytest

from eas_provenance.states import Problem, States, path_order
from tests.provenance.nodes import LOOP, Json, described, node, root, workflow


def after(*updates: Json, description: Json | None = None) -> States:
    """Return the states after some updates."""
    states = States(workflow(description or described("/t0")))
    for update in [root("Running"), *updates]:
        states.update(update)
    return states


def attempt(phase: str) -> Json:
    """Write an update of one try of the program."""
    return node("t0", phase) | {"id": "run.t0(0)", "name": "run.t0(0)", "type": "Pod", "nodeFlag": {"retried": True}}


RAN = [node("t0", "Running"), node("t0", "Succeeded")]


@pytest.mark.parametrize(
    ("updates", "state", "verdict"),
    [
        ([node("t0", "Pending")], "waiting", None),
        ([node("t0", "Running")], "running", None),
        ([node("t0", "Running"), attempt("Pending")], "waiting", None),
        ([node("t0", "Running"), attempt("Running")], "running", None),
        ([node("t0", "Running"), attempt("Failed")], "running", None),
        (RAN, "running", None),
        ([*RAN, node("t0-qc", "Running")], "running", None),
        ([*RAN, node("t0-qc", "Succeeded", "pass: 2 criteria")], "succeeded", "pass"),
        ([*RAN, node("t0-qc", "Succeeded", "warn: noisy")], "succeeded", "warn"),
        ([*RAN, node("t0-qc", "Succeeded")], "succeeded", "pass"),
        ([*RAN, node("t0-qc", "Failed", "fail: too faint")], "failed", "fail"),
        ([*RAN, node("t0-qc", "Failed", "main: Error (exit code 1): fail: too faint")], "failed", "fail"),
        ([*RAN, node("t0-qc", "Failed", "main: Error (exit code 1)")], "error", "error"),
        ([*RAN, node("t0-qc", "Error", "pod deleted")], "error", "error"),
        ([*RAN, node("t0-qc", "Skipped")], "skipped", "no_work"),
        ([node("t0", "Omitted"), node("t0-qc", "Omitted")], "blocked", None),
        ([node("t0", "Failed", "workflow shutdown with strategy:  Terminate")], "cancelled", None),
        ([*RAN, node("t0-qc", "Failed", "workflow shutdown with strategy: Terminate")], "cancelled", None),
        ([*RAN, root("Failed")], "cancelled", None),
        ([node("t0", "Pending"), root("Failed")], "cancelled", None),
        ([*RAN, node("t0-qc", "Succeeded"), root("Succeeded")], "succeeded", "pass"),
    ],
)
def test_states(updates: list[Json], state: str, verdict: str | None) -> None:
    """A task is what its program and its gate are."""
    (task,) = after(*updates).tasks.values()
    assert (task.state, task.verdict) == (state, verdict)


@pytest.mark.parametrize(
    ("program", "gate", "message"),
    [
        (("Failed", "killed by SIGKILL"), ("Failed", "error: it was killed"), "killed by SIGKILL"),
        (("Failed", ""), ("Failed", "error: it was killed"), "error: it was killed"),
        (("Succeeded", ""), ("Failed", "error: quality control: boom"), "error: quality control: boom"),
        (("Failed", "half way"), ("Succeeded", "pass: 0 criteria"), "pass: 0 criteria"),
    ],
)
def test_reasons(program: tuple[str, str], gate: tuple[str, str], message: str) -> None:
    """The program knows best why it broke, and the gate all else."""
    (task,) = after(node("t0", *program), node("t0-qc", *gate)).tasks.values()
    assert task.message == message


def ended(phase: str, message: str = "", exit_code: int = 0, **said: str) -> Json:
    """Write the end of a program that is judged where it ran."""
    parameters = [{"name": name.replace("_", "-"), "value": value} for name, value in said.items()]
    return node("t0", phase, message) | {"outputs": {"parameters": parameters, "exitCode": str(exit_code)}}


CLOSED = ended("Failed", "main: Error (exit code 12): fail: too faint", 12, closed="true")
BROKEN = ended("Failed", "ValueError: x", 1, closed="false")
SKIPPED, RESCUED = node("t0-rescue", "Skipped"), node("t0-rescue", "Failed", "error: ValueError: x")


@pytest.mark.parametrize(
    ("updates", "state", "verdict", "message", "exit_code"),
    [
        ([node("t0", "Running")], "running", None, "", None),
        (
            [ended("Succeeded", "pass: 2 criteria"), node("t0-rescue", "Omitted")],
            "succeeded",
            "pass",
            "pass: 2 criteria",
            0,
        ),
        ([ended("Succeeded", "warn: noisy")], "succeeded", "warn", "warn: noisy", 0),
        ([ended("Succeeded", no_work="true"), node("t0-rescue", "Omitted")], "skipped", "no_work", "", 0),
        ([CLOSED], "failed", "fail", "fail: too faint", 0),
        ([CLOSED, SKIPPED], "failed", "fail", "fail: too faint", 0),
        ([node("t0", "Running"), SKIPPED, CLOSED], "failed", "fail", "fail: too faint", 0),
        (
            [ended("Failed", "error: quality control: x", 12, closed="true")],
            "error",
            "error",
            "error: quality control: x",
            0,
        ),
        ([BROKEN], "running", None, "ValueError: x", 1),
        ([BROKEN, node("t0-rescue", "Running")], "running", None, "ValueError: x", 1),
        ([BROKEN, RESCUED], "error", "error", "ValueError: x", 1),
        ([ended("Error", "pod deleted", -1), RESCUED], "error", "error", "pod deleted", -1),
        ([ended("Failed", "", 137), RESCUED], "error", "error", "error: ValueError: x", 137),
        ([node("t0", "Omitted"), node("t0-rescue", "Omitted")], "blocked", None, "", None),
        ([ended("Failed", "workflow shutdown with strategy:  Terminate")], "cancelled", None, None, 0),
        ([BROKEN, root("Failed")], "cancelled", None, "ValueError: x", 1),
    ],
)
def test_inline(
    updates: list[Json], state: str, verdict: str | None, message: str | None, exit_code: int | None
) -> None:
    """A program that is judged where it ran is its own gate, unless it ended without a verdict."""
    states = States(workflow(described("/t0"), verbs=("inline", "rescue")))
    for update in [root("Running"), *updates]:
        states.update(update)
    (task,) = states.tasks.values()
    assert (task.state, task.verdict, task.exit_code) == (state, verdict, exit_code)
    assert message is None or task.message == message


def test_exit_codes() -> None:
    """The exit status is that of the program."""
    states = after(
        node("t0", "Failed") | {"outputs": {"exitCode": "137"}},
        node("t0-qc", "Failed") | {"outputs": {"exitCode": "1"}},
    )
    assert states.tasks["/t0"].exit_code == 137


def test_the_same_update_twice() -> None:
    """Updates that come again change nothing."""
    once = after(*RAN, node("t0-qc", "Succeeded", "warn: noisy"))
    twice = after(*RAN, *RAN, *[node("t0-qc", "Succeeded", "warn: noisy")] * 2)
    for states in (once, twice):
        assert [(task.state, task.message) for task in states.tasks.values()] == [("succeeded", "warn: noisy")]


def test_iterations() -> None:
    """Each iteration is a task of its own; one that did not run has the indices of the list in which it stands."""
    description = described("/t0[i]/t0", loops=[LOOP])
    states = after(node("t0", "Running", i=0), root("Running", i=1), node("t0", "Omitted"), description=description)
    assert {path: task.state for path, task in states.tasks.items()} == {
        "/t0[i=0]/t0": "running",
        "/t0[i=1]/t0": "blocked",
    }


def test_steps_of_other_types() -> None:
    """Of a task whose type depends on the iteration only the step of its type counts."""
    here = {"table": ["true", "false"], "of": [["i", 0]]}
    description = described("/t0[i]/t0", loops=[LOOP], here=here)
    assert list(after(node("t0", "Running", i=0), description=description).tasks) == ["/t0[i=0]/t0"]
    assert list(after(node("t0", "Running", i=1), description=description).tasks) == []


def test_questions_without_an_answer() -> None:
    """A step of flow control that fails is a problem of the run, and no task; one that was shut down is none."""
    states = after(node("t0-ask", "Running"), node("t0-ask", "Failed", "no bool"))
    assert states.problems == [Problem("/t0", "no bool")]
    assert (states.is_failed, states.tasks) == (True, {})
    assert not after(node("t0-ask", "Failed", "workflow shutdown with strategy: Stop")).problems


def test_why_a_question_has_no_answer() -> None:
    """The last try says it, in whatever order its updates come; an older try has nothing to say any more."""

    def asked(number: int, phase: str, message: str = "") -> Json:
        name = f"run.t0-ask({number})"
        return node("t0-ask", phase, message) | {"id": name, "name": name, "nodeFlag": {"retried": True}}

    around = node("t0-ask", "Failed", "No more retries left")
    updates = [asked(0, "Running"), asked(0, "Failed", "first"), asked(1, "Running"), asked(1, "Failed", "still true")]
    for order in itertools.permutations([*updates, around]):
        assert after(*order).problems == [Problem("/t0", "still true")]


def test_what_belongs_to_no_task() -> None:
    """Lists, loops and gates of tasks that were never told of change nothing but the phase."""
    states = after(node("chain", "Succeeded") | {"type": "TaskGroup"}, node("t0-qc", "Succeeded"), root("Failed"))
    assert (states.tasks, states.phase, states.is_failed) == ({}, "Failed", False)


def test_a_failed_run() -> None:
    """A run has failed when a task has; blocked ones add nothing."""
    assert after(*RAN, node("t0-qc", "Failed", "fail: x")).is_failed
    assert not after(node("t0", "Omitted")).is_failed


def test_the_order_of_paths() -> None:
    """Numbers are ordered by their size."""
    paths = ["/t2", "/t10", "/t2[i=9]/t0", "/t2[i=10]/t0"]
    assert sorted(paths, key=path_order) == ["/t2", "/t2[i=9]/t0", "/t2[i=10]/t0", "/t10"]
