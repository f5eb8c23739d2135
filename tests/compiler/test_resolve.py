"""A document becomes a typed chain: names, scopes, loops and questions."""

from typing import Any

import pytest

from eas_compiler.tree import Branch, Loop, Repeat, Task
from tests.compiler.compiling import checked, choose, codes, loop, make, repeat, told


def items(*tasks: Any) -> tuple[Any, ...]:
    """Return the resolved items of a chain without mistakes."""
    found = checked(*tasks)
    assert found.chain is not None
    assert not found.diagnostics.errors, told(found.diagnostics)
    return found.chain.body.items


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


@pytest.mark.parametrize(
    ("given", "count"),
    [
        ({"values": [1, "b", True]}, 3),
        ({"linear_range": [0, 1, 7]}, 7),
        ({"log_range": [1, 10, "(2 + 3)"]}, 5),
        ({"values": []}, 0),
    ],
)
def test_static_ranges_are_counted(given: dict[str, Any], count: int) -> None:
    """The number of iterations is known as soon as the range is."""
    (item,) = items({"task": "execution_for_loop", "parameter": "i", **given, "task_list": []})
    assert item.number.table.constant == count


def test_range_may_depend_on_the_outer_loop() -> None:
    """An inner loop's length may differ from one outer iteration to the next."""
    (outer,) = items(
        loop(
            "i",
            [1, 3],
            {
                "task": "execution_for_loop",
                "parameter": "j",
                "linear_range": [0, 1, "(metadata['i'])"],
                "task_list": [],
            },
        )
    )
    assert outer.body.items[0].number.table.entries == {(0,): 1, (1,): 3}


def test_indexed_criterion_is_a_table() -> None:
    """What indices alone decide is decided when compiling."""
    (outer,) = items(loop("i", [1, 2], choose("(metadata['i'] > 1)", [])))
    assert outer.body.items[0].criterion.table.entries == {(0,): 0, (1,): 1}


def test_do_while_that_never_ends_says_so() -> None:
    """A criterion that is still true after the last iteration is an error of that iteration."""
    (item,) = items(repeat("n", True, max_iterations=2))
    assert item.criterion.table.entries == {(1,): 1, (2,): -1}


@pytest.mark.parametrize("name", ["1x", "a b", "", "a" * 64, "é"])
def test_variables_are_identifiers(name: str) -> None:
    """A loop variable becomes the name of a parameter."""
    assert "variable-name" in codes(checked(loop(name, [1])).diagnostics)


def test_empty_list_is_a_warning() -> None:
    """An empty task list does nothing, which is suspicious but legal."""
    found = checked()
    assert codes(found.diagnostics) == ["empty-list"]
    assert found.is_good
