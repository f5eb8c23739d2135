"""Ranges of loops: how many iterations there are, and what is wrong with one."""

from typing import Any

import pytest

from tests.compiler.compiling import checked, codes, items, loop, make, told


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


def test_range_of_the_index_of_a_late_loop_is_left_to_the_run() -> None:
    """How many iterations an inner loop has need not be known when the outer one is late."""
    inner = {"task": "execution_for_loop", "parameter": "j", "linear_range": [0, 1, "(1 + metadata['i_index'])"]}
    late = loop("i", "(requested_metadata['a']['items'])", {**inner, "task_list": []}, requires_metadata_from=["a"])
    _, outer = items(make("f", "a"), late)
    assert outer.body.items[0].number.table is None


def test_each_bad_entry_is_told() -> None:
    """An entry that is wrong hides neither others nor mistakes in their expressions."""
    found = checked(loop("i", [None, "(1 / 0 + int('x'))", 1, [2]]))
    assert [code for code in codes(found.diagnostics) if code != "empty-list"] == [
        "loop-range",
        "expression",
        "expression",
        "loop-range",
    ]


def test_entries_of_one_expression_are_told_at_it() -> None:
    """What an expression makes has no places of its own, but each of its entries is told."""
    found = checked(loop("i", "([None, 1, [2]])"))
    assert [one for one in told(found.diagnostics) if "empty" not in one] == [
        "loop-range: value 0 of the loop is null; it must be a number, a text or a bool",
        "loop-range: value 2 of the loop is a list; it must be a number, a text or a bool",
    ]


def test_wrong_length_hides_no_mistakes_in_expressions() -> None:
    """A range with too few entries is told so, and what is wrong with their expressions as well."""
    given = {"task": "execution_for_loop", "parameter": "i", "linear_range": [0, "(sqr(1))"], "task_list": []}
    assert {"loop-range", "expression"} <= set(codes(checked(given).diagnostics))


@pytest.mark.parametrize("given", [{"value": [1]}, {"vales": [1]}])
def test_misspelled_range_is_told_once(given: dict[str, Any]) -> None:
    """Who misspells `values` is not told in addition that there is no range."""
    found = checked({"task": "execution_for_loop", "parameter": "i", **given, "task_list": []})
    assert [one.hint for one in found.diagnostics if one.severity == "error"] == ["did you mean 'values'?"]
