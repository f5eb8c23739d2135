"""The chains that the property tests are made of hold every construct, and the reference interpreter ends on them."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.property.chains import BUDGET, REGISTRY, Case, cases
from tests.reference.interpreter import interpret, lines_by_path

QUICK = settings(
    max_examples=250,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def nodes(task_list: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Give all tasks and flow-control tasks of a list, however deep."""
    for node in task_list:
        yield node
        yield from nodes(node.get("task_list", []))
        yield from nodes(node.get("else_task_list", []))


def says(text: str) -> Callable[[Case], bool]:
    """Look for a piece of text in the chain."""
    return lambda case: text in json.dumps(case.chain)


def has_line(**wanted: Any) -> Callable[[Case], bool]:
    """Look for a line of the outcome."""
    return lambda case: any(all(line[key] == value for key, value in wanted.items()) for line in case.outcome.lines)


def has_node(kind: str, *fields: str) -> Callable[[Case], bool]:
    """Look for a task of a type that has some fields."""
    return lambda case: any(
        node["task"] == kind and all(name in node for name in fields) for node in nodes(case.chain["task_list"])
    )


def has_key(test: Callable[[str], bool]) -> Callable[[Case], bool]:
    """Look for a key of the script."""
    return lambda case: any(map(test, case.script))


CONSTRUCTS: dict[str, Callable[[Case], bool]] = {
    "loop over values": has_node("execution_for_loop", "values"),
    "linear range": has_node("execution_for_loop", "linear_range"),
    "logarithmic range": has_node("execution_for_loop", "log_range"),
    "loop of zero iterations": says('"values": []'),
    "range of an outer index": says("_index'] + 1)\"]"),
    "late range": lambda case: any(
        "requested_metadata" in str(node.get(kind, ""))
        for node in nodes(case.chain["task_list"])
        for kind in ("values", "linear_range", "log_range")
    ),
    "conditional": has_node("execution_conditional", "task_list", "else_task_list"),
    "conditional without else": lambda case: any(
        node["task"] == "execution_conditional" and "else_task_list" not in node
        for node in nodes(case.chain["task_list"])
    ),
    "conditional without then": lambda case: any(
        node["task"] == "execution_conditional" and "task_list" not in node for node in nodes(case.chain["task_list"])
    ),
    "late criterion": says('"criterion": "(requested_metadata['),
    "indexed criterion": says('"criterion": "(metadata['),
    "do-while": has_node("execution_do_while_loop"),
    "second iteration": lambda case: any("#2" in line["path"] for line in case.outcome.lines),
    "repetition by metadata": has_node("execution_do_while_loop", "requires_metadata_from_child"),
    "max_iterations": has_node("execution_do_while_loop", "max_iterations"),
    "file of the iteration before": says("_index'] - 1"),
    "execution_chain": has_node("execution_chain"),
    "file of both branches is read": lambda case: any(
        "?" in before and not line["path"].startswith(before.rpartition("?")[0])
        for line in case.outcome.lines
        for before in line["after"]
    ),
    "name of an outer task": lambda case: any(
        count > 1
        for count in Counter(node.get("name") for node in nodes(case.chain["task_list"]) if "name" in node).values()
    ),
    "request of a loop": has_node("execution_for_loop", "name"),
    "request of a conditional": has_node("execution_conditional", "requires_metadata_from"),
    "directory override": says('"working_directory": "else'),
    "job name override": says("job_{"),
    "file of another directory": says("repo://./"),
    "external input": says("external.gz"),
    "gathered family": says('"files": "'),
    "gathered list": says('"files": ["'),
    "too few gathered": has_line(task="join", verdict="error"),
    "blocked gather": has_line(task="join", state="blocked"),
    "gather that passes": has_line(task="join", verdict="pass"),
    "dynamic type": has_line(task="make_y"),
    "second output": says('"extra"'),
    "second input": says('"two"'),
    "late setting": lambda case: any(
        "requested_metadata" in str(node.get(key)) for node in nodes(case.chain["task_list"]) for key in "abcd"
    ),
    "random": says("random."),
    "warning": has_line(verdict="warn"),
    "failure": has_line(verdict="fail"),
    "error": has_line(verdict="error"),
    "no work": has_line(verdict="no_work"),
    "blocked": has_line(state="blocked"),
    "failed run": lambda case: case.outcome.failed,
    "blocked run that succeeds": lambda case: (
        not case.outcome.failed and any(line["state"] == "blocked" for line in case.outcome.lines)
    ),
    "failed flow control": lambda case: (
        case.outcome.failed and not any(line["state"] in {"failed", "error"} for line in case.outcome.lines)
    ),
    "script by path": has_key(lambda key: key.startswith("/") and "*" not in key),
    "script by pattern": has_key(lambda key: "*" in key),
    "script by name": has_key(lambda key: key.startswith("a")),
    "script by type": has_key(lambda key: key in {"make", "use", "lazy", "null"}),
    "list of metadata": lambda case: any(isinstance(entry.get("metadata"), list) for entry in case.script.values()),
}


@pytest.fixture(scope="module")
def made() -> list[Case]:
    """Make some hundred chains, once for all tests."""
    collected: list[Case] = []

    @given(cases())
    @QUICK
    def collect(case: Case) -> None:
        collected.append(case)

    collect()
    return collected


@pytest.mark.parametrize("construct", CONSTRUCTS)
def test_every_construct_is_made(made: list[Case], construct: str) -> None:
    """Some hundred chains hold every construct of the language."""
    assert any(map(CONSTRUCTS[construct], made))


def test_interpreter_ends(made: list[Case]) -> None:
    """The interpreter gives every task a state that fits its verdict and what it has waited for."""
    assert len(made) >= 200
    for case in made:
        assert len(case.outcome.lines) <= 4 * BUDGET
        assert interpret(case.chain, case.script, REGISTRY) == case.outcome
        lines = lines_by_path(case.outcome.lines)
        for line in lines.values():
            waited_for = [lines[path] for path in line["after"] if path in lines]
            if line["state"] == "blocked":
                assert line["verdict"] is None
                assert line["after"] != []
            elif line["task"] == "join":  # it takes what there is, be it that something broke
                assert not waited_for or any(other["state"] != "blocked" for other in waited_for)
            else:
                assert all(other["verdict"] in {"pass", "warn"} for other in waited_for)


def test_chains_are_json(made: list[Case]) -> None:
    """A chain and its script survive being written and read."""
    for case in made:
        assert json.loads(json.dumps([case.chain, case.script], allow_nan=False)) == [case.chain, case.script]


def test_files_have_one_producer(made: list[Case]) -> None:
    """No two tasks of a run make one file."""
    for case in made:
        files = [file for line in case.outcome.lines for file in line["outputs"].values()]
        assert len(files) == len(set(files))
