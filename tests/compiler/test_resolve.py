"""A document becomes a typed chain: names, scopes, loops and questions."""

from typing import Any

import pytest

from eas_compiler.tree import Branch, Loop, Repeat, Task
from tests.compiler.compiling import checked, choose, codes, items, loop, make, repeat


def test_paths_count_from_zero() -> None:
    """A path names the place in each list, and the loops and branches around it."""
    (outer,) = items(loop("i", [1], choose(True, [make("f")], [repeat("n", False, {"task": "null"})])))
    branch = outer.body.items[0]
    assert branch.then.items[0].common.path == "/t0[i]/t0?then/t0"
    assert branch.otherwise.items[0].body.items[0].common.path == "/t0[i]/t0?else/t0#/t0"


def test_flow_control_becomes_its_kind() -> None:
    """Each word of flow control has a type of its own."""
    kinds = [type(item) for item in items(make("f"), loop("i", [1]), choose(True, []), repeat("n", False))]
    assert kinds == [Task, Loop, Branch, Repeat]


def test_names_are_seen_from_inside() -> None:
    """A task may ask for the metadata of earlier ones of its own list and of those around it."""
    wanting = {"task": "null", "requires_metadata_from": ["a"]}
    items(make("f", "a"), loop("i", [1], wanting))
    assert codes(checked(wanting, make("f", "a")).diagnostics) == ["later-name"]
    assert codes(checked(loop("i", [1], {"task": "null", "name": "a"}), wanting).diagnostics) == ["unknown-name"]


def test_inner_variable_shadows_the_outer_one() -> None:
    """Of two loops over one name the inner one counts, and gets an index of its own in the manifest."""
    (outer,) = items(loop("i", [1, 2], loop("i", [3], {"task": "null", "seconds": "(metadata['i'])"})))
    inner = outer.body.items[0]
    assert (outer.variable.id, inner.variable.id, inner.variable.name) == ("i", "i-2", "i")


@pytest.mark.parametrize("name", ["1x", "a b", "", "a" * 64, "é"])
def test_variables_are_identifiers(name: str) -> None:
    """A loop variable becomes the name of a parameter."""
    assert "variable-name" in codes(checked(loop(name, [1])).diagnostics)


def test_paths_have_an_end() -> None:
    """Databases find tasks by their paths, which are as long as the names of the loops around them are."""
    task = {"task": "null"}
    for number in range(25):
        task = loop(f"{'x' * 50}_{number:02}", [1], task)
    (found,) = checked(task).diagnostics
    assert (found.code, found.message) == ("too-large", "the path of this task may take 1728 bytes; 1200 are possible")


def test_empty_list_is_a_warning() -> None:
    """An empty task list does nothing, which is suspicious but legal."""
    found = checked()
    assert codes(found.diagnostics) == ["empty-list"]
    assert found.is_good


@pytest.mark.parametrize(
    "loop",
    [
        {"parameter": "i", "values": [None]},
        {"parameter": "i", "values": ["(1 / 0)"]},
        {"parameter": "1i", "values": [1]},
        {"values": [1]},
        {"parameter": "i"},
    ],
)
def test_broken_loop_is_reported_once(loop: dict[str, Any]) -> None:
    """Tasks that use the variable of a loop that is wrong are not wrong because of that."""
    inside = make("'f_{i}_{i_index}'.format(**metadata)", c="(metadata['i'] + 1)")
    chosen = choose("(metadata['i'] > 1)", [])
    found = checked({"task": "execution_for_loop", **loop, "task_list": [inside, chosen]})
    assert found.diagnostics.errors == 1


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        (
            [{"task": "lazy", "requires_metadata_from": ["v"], "a": "(requested_metadata['v']['x'])"}],
            ["unknown-name"],
        ),
        ([{"task": "execution_chain", "tasklist": []}], ["unknown-key"]),
        ([{"task": "lazy", "job_name": 7}], ["type"]),
    ],
)
def test_a_mistake_is_told_once(tasks: list[dict[str, Any]], said: list[str]) -> None:
    """What only follows from a mistake is no other one."""
    assert [one.code for one in checked(*tasks).diagnostics if one.severity == "error"] == said
