"""From a description to what one attempt has to do."""

from pathlib import Path
from typing import Any

import pytest

from eas_worker import assignment
from eas_worker.expressions import ExpressionError

LOOPS = [
    {"var": "kind", "id": "kind", "form": "values", "range": ["x", "y"]},
    {"var": "size", "id": "size", "form": "linear_range", "range": [0, 1, "(parameters['n'])"]},
]
DESCRIPTION: dict[str, Any] = {
    "path": "/t0[kind]/t1[size]/t2",
    "source": "chain.json:1:1",
    "task": "make",
    "job_name": "job",
    "working_directory": ["d_", {"table": ["x", "y"], "of": [["kind", 0]]}],
    "outputs": {"file": {"name": ["f_", {"index": "size", "plus": -1}], "type": "data"}},
    "settings": {"a": "(metadata['size'])", "b": ["'{kind}'.format(**metadata)"]},
    "setting_types": {"a": {"type": "float", "maximum": 0.5}, "b": {"type": "list"}},
    "places": {"settings/a": "chain.json:3:4"},
    "loops": LOOPS,
    "parameters": {"n": 3},
}


def assign(kind: int, size: int, **changes: Any) -> assignment.Assignment:
    """Evaluate the description at an iteration."""
    return assignment.assign({**DESCRIPTION, **changes}, {"kind": kind, "size": size}, "1", [])


def test_everything_is_evaluated_at_the_indices() -> None:
    """Path, files, loop variables and settings are those of the iteration."""
    given = assign(1, 1)
    assert given.path == "/t0[kind=1]/t1[size=1]/t2"
    assert (given.outputs["file"].directory, given.outputs["file"].name) == ("d_y", "f_0")
    assert given.metadata == {"kind": "y", "kind_index": 1, "size": 0.5, "size_index": 1}
    assert given.given == {"a": 0.5, "b": ["y"]}


def test_late_values_are_checked_with_their_place() -> None:
    """A value that only the run knows is checked when it is there; the author is told where it was written."""
    with pytest.raises(ExpressionError, match=r"a: 1.0 is above the maximum of 0.5 \(chain.json:3:4\)"):
        assign(0, 2)


def test_random_numbers_belong_to_the_path() -> None:
    """A task has the same random numbers each time, and no two tasks the same."""
    settings = {"settings": {"a": None, "b": ["(random.random())"]}}
    drawn = [assign(kind, size, **settings).given["b"] for kind, size in ((0, 0), (0, 0), (0, 1), (1, 0))]
    assert drawn[0] == drawn[1]
    assert len({one[0] for one in drawn}) == 3


def test_random_range_is_the_same_in_all_tasks_of_the_loop() -> None:
    """What a loop runs over is drawn from the path of the loop, not of the tasks in it."""
    loop = {"var": "i", "id": "i", "form": "linear_range", "range": ["(random.random())", 5, 3]}
    values = [
        assignment.assign(
            {**DESCRIPTION, "path": path, "settings": {}, "loops": [loop], "working_directory": "d", "outputs": {}},
            {"i": 0},
            "1",
            [],
        ).metadata["i"]
        for path in ("/t0[i]/t0", "/t0[i]/t1", "/t1[i]/t0")
    ]
    assert values[0] == values[1] != values[2]


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("/t0", "/t0"), ("/t0[i]/t1", "/t0[i=4]/t1"), ("/t0[i]/t1#/t2?then/t3", "/t0[i=4]/t1#2/t2?then/t3")],
)
def test_paths_name_the_iteration(pattern: str, path: str) -> None:
    """Indices stand in a path where its loops are."""
    loops = [{"id": "i", "var": "i"}, {"id": "n", "var": "n"}]
    assert assignment.path_of(pattern, loops, {"i": 4, "n": 2}) == path


def test_indices_are_parsed() -> None:
    """The text of Argo's parameters is read back."""
    assert assignment.parse_indices("tda=1 size=7") == {"tda": 1, "size": 7}
    assert assignment.parse_indices("") == {}


def test_answers_are_small_integers() -> None:
    """A gate answers true, false and counts; -1 says that the expression failed, with its place."""
    question = {"kind": "criterion", "at": "/t1", "place": "chain.json:2:2", "request": {"a": "self"}}
    description = {
        "path": "/t0",
        "loops": [],
        "questions": {
            "t1": {**question, "expression": "(requested_metadata['a']['x'] > 1)"},
            "t2": {**question, "expression": "(requested_metadata['a']['y'])"},
            "t3": {
                **question,
                "kind": "count",
                "loop": {
                    "var": "i",
                    "id": "i",
                    "at": "/t3",
                    "form": "values",
                    "range": "(requested_metadata['a']['l'])",
                    "request": {"a": "self"},
                },
            },
            "t4": {**question, "expression": "(1)"},
        },
    }
    answers = assignment.answer(description, {}, "1", [], {"x": 2, "l": [1, 2, 3]})
    assert answers.values == {"t1": 1, "t2": -1, "t3": 3, "t4": -1}
    assert [problem.partition(": ")[0] for problem in answers.problems] == ["chain.json:2:2"] * 2


def test_requested_metadata_is_read_from_records(tmp_path: Path) -> None:
    """The record of a task is a file; those of a loop's tasks lie in a folder, by iteration."""
    folder = tmp_path / "in/.requested"
    (folder / "1/0").mkdir(parents=True)
    (folder / "1/1").mkdir()
    (folder / "0").write_text('{"metadata": {"x": 1}}')
    (folder / "1/0/qc.json").write_text('{"metadata": {"y": 2}}')
    loop = {"var": "i", "id": "i", "at": "/t1", "form": "values", "range": [5, 6]}
    source = {"kind": "task", "path": "/t1[i]/t0", "k": 1}
    records = [
        {"kind": "task", "path": "/t0", "k": 0},
        {"kind": "loop", "loop": loop, "depth": 0, "needs": {}, "body": [["inner", source]]},
    ]
    description = {"path": "/t2", "loops": [], "records": records}
    assert assignment.read_requested(description, {}, "1", tmp_path) == [{"x": 1}, [{"inner": {"y": 2}}, {}]]


def test_a_loop_that_never_ran_has_no_metadata(tmp_path: Path) -> None:
    """When what its range needs was never made, as in a branch that was not taken, there is nothing of it."""
    loop = {"var": "i", "id": "i", "form": "linear_range", "range": [0, 1, "(requested_metadata['a']['n'])"]}
    task = {"kind": "task", "path": "/t0?then/t0", "k": 0}
    body = [["inner", {"kind": "task", "path": "/t0?then/t1[i]/t0", "k": 1}]]
    source = {"kind": "loop", "loop": loop, "depth": 0, "needs": {"a": task}, "body": body}
    records = [{"kind": "branch", "of": [[["a", task], ["loop", source]]]}]
    description = {"path": "/t2", "loops": [], "records": records}
    assert assignment.read_requested(description, {}, "1", tmp_path) == [{}]
