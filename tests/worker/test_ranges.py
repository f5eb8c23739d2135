"""The values that a loop goes through."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_worker import ranges
from eas_worker.functions import ExpressionError

BOUNDS = st.floats(1e-6, 1e6)


@given(BOUNDS, BOUNDS, st.integers(2, 60))
def test_linear_range_is_numpys(first: float, last: float, number: int) -> None:
    """`linear_range` gives numpy's linspace, both ends exact."""
    values = [ranges.value("linear_range", [first, last, number], index) for index in range(number)]
    assert values[1:-1] == np.linspace(first, last, number).tolist()[1:-1]
    assert (values[0], values[-1]) == (first, last)


@given(BOUNDS, BOUNDS, st.integers(2, 60))
def test_log_range_is_numpys(first: float, last: float, number: int) -> None:
    """`log_range` gives numpy's logspace, both ends exact."""
    values = [ranges.value("log_range", [first, last, number], index) for index in range(number)]
    expected = np.logspace(math.log10(first), math.log10(last), number).tolist()
    assert values[1:-1] == pytest.approx(expected[1:-1], rel=1e-14)
    assert (values[0], values[-1]) == (first, last)


def test_one_value_is_the_first() -> None:
    """n = 1 gives a alone, as a float."""
    assert repr(ranges.value("linear_range", [1, 5, 1], 0)) == "1.0"


def test_values_keep_their_type() -> None:
    """`values` are given as they are written."""
    assert [ranges.value("values", [1, "a", True], index) for index in range(3)] == [1, "a", True]


def test_shards_go_over_their_ranks() -> None:
    """The range of shards is their number, and the value of each its rank."""
    assert [ranges.count("shards", number) for number in (0, 1, 3)] == [0, 1, 3]
    assert [ranges.value("shards", 3, index) for index in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("form", "given", "message"),
    [
        ("values", "abc", "values must be a list, not a text"),
        ("values", [None], "value 0 of the loop is null"),
        ("linear_range", [0, 1], r"takes \[first, last, number\], not 2 entries"),
        ("linear_range", [0, True, 2], "bounds of linear_range must be numbers, not a bool"),
        ("log_range", [0, 1, 2], "must be positive, not 0"),
        ("linear_range", [0, 1, 0], "integer of at least 1, not 0"),
        ("linear_range", [0, 1, 2.0], r"integer of at least 1, not 2\.0"),
        ("linear_range", [0, 1, 10**9], "iterations; at most"),
        ("shards", -1, "integer of at least 0, not -1"),
        ("shards", 2.0, r"integer of at least 0, not 2\.0"),
        ("shards", True, "integer of at least 0, not a bool"),
        ("shards", [2], "integer of at least 0, not a list"),
        ("shards", 10**9, "shards; at most"),
    ],
)
def test_what_is_no_range_is_refused(form: str, given: Any, message: str) -> None:
    """A range that is none says what it lacks."""
    with pytest.raises(ExpressionError, match=message):
        ranges.count(form, given)


@pytest.mark.parametrize(
    ("form", "given", "wrong"),
    [
        ("values", [None, 1, [2]], [0, 2]),
        ("linear_range", ["a", 2, 0], [0, 2]),
        ("log_range", [0, -1, 2.5], [0, 1, 2]),
        ("log_range", [1, 10, 3], []),
    ],
)
def test_entries_are_judged_one_by_one(form: str, given: list[Any], wrong: list[int]) -> None:
    """Each bad entry is one, whatever the others are."""
    assert ranges.problem(form, given) is None
    assert [at for at, entry in enumerate(given) if ranges.problem_of_entry(form, at, entry)] == wrong
