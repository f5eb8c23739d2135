"""What expressions compute with."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_worker import functions
from eas_worker.functions import Budget, ExpressionError


def test_constants_have_their_values() -> None:
    """The constants are those of the language's document."""
    assert functions.CONSTANTS["year"] == 365.25
    assert math.isclose(
        functions.CONSTANTS["Rearth"] * functions.CONSTANTS["jupiter_radius"],
        functions.CONSTANTS["earth_radius"],
        rel_tol=1e-4,
    )


@given(st.text(max_size=15))
def test_fields_of_a_format_are_those_of_python(template: str) -> None:
    """A template is read as `str.format` reads it, or refused."""
    try:
        names = functions.field_names(template)
    except ExpressionError:
        return
    assert all(isinstance(name, str) for name in names)


@given(st.integers(-9, 9), st.sampled_from(["", "3", ">5", "+", "05d", "x", ",", "e"]))
def test_formatted_numbers_are_pythons(value: int, specification: str) -> None:
    """A specification does what it does in Python."""
    assert functions.formatted(value, specification, Budget()) == format(value, specification)


def test_budget_ends() -> None:
    """A budget is spent once."""
    budget = Budget()
    budget.spend(functions.MAX_STEPS)
    with pytest.raises(ExpressionError, match="takes too long"):
        budget.spend(1)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "a bool"),
        (1, "a number"),
        (1.5, "a number"),
        ("", "a text"),
        (None, "null"),
        ({}, "an object"),
        ([], "a list"),
    ],
)
def test_kinds_are_named_in_the_words_of_the_language(value: object, kind: str) -> None:
    """Authors read of numbers and texts, not of int and str."""
    assert functions.kind(value) == kind


@pytest.mark.parametrize("value", [math.nan, math.inf, {1: 2}, [math.nan]])
def test_what_json_lacks_does_not_leave(value: object) -> None:
    """NaN, infinity and keys that are no text stay inside."""
    with pytest.raises(ExpressionError):
        functions.leave(value)


def test_tuples_leave_as_lists() -> None:
    """JSON has lists only."""
    assert functions.leave((1, range(2), {"a": (3,)})) == [1, [0, 1], {"a": [3]}]


@given(st.text(max_size=6), st.lists(st.text(max_size=6)))
def test_hint_is_a_known_word(word: str, known: list[str]) -> None:
    """Did-you-mean names nothing that is not there."""
    hint = functions.did_you_mean(word, known)
    assert hint is None or any(repr(one) in hint for one in known)
