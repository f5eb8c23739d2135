"""The values that a loop goes through: a list, or a range of numpy's `linspace` or `logspace`, end points included."""

from __future__ import annotations

import math
from typing import Any

from eas_worker.functions import ExpressionError, kind

MAX_ITERATIONS = 10_000_000
_LARGEST = 8e307
"""Half of the largest float, so that the difference of two bounds is a float."""


def count(form: str, given: Any) -> int:
    """Return the number of values of an evaluated range; raise `ExpressionError` when it is none.

    Parameters
    ----------
    form : {"values", "linear_range", "log_range"}
    given : list
        The values themselves, or first value, last value and number of values.
    """
    if not isinstance(given, list):
        raise ExpressionError(f"{form} must be a list, not {kind(given)}")
    if form == "values":
        for index, value in enumerate(given):
            element(value, index)
        return len(given)
    if len(given) != 3:
        raise ExpressionError(f"{form} takes [first, last, number], not {len(given)} entries")
    for bound in given[:2]:
        _check_bound(form, bound)
    number = given[2]
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise ExpressionError(f"the number of values of {form} must be an integer of at least 1, not {number!r}")
    if number > MAX_ITERATIONS:
        raise ExpressionError(f"{number} iterations; at most {MAX_ITERATIONS} are possible")
    return number


def _check_bound(form: str, bound: Any) -> None:
    if isinstance(bound, bool) or not isinstance(bound, (int, float)):
        raise ExpressionError(f"the bounds of {form} must be numbers, not {kind(bound)}")
    if abs(bound) > _LARGEST:
        raise ExpressionError(f"the bounds of {form} must not be larger than {_LARGEST:g}")
    if form == "log_range" and bound <= 0:
        raise ExpressionError(f"the bounds of log_range must be positive, not {bound}")


def element(value: Any, index: int) -> Any:
    """Return one of `values`, which must be a number, a text or a bool."""
    if not isinstance(value, (bool, int, float, str)):
        raise ExpressionError(f"value {index} of the loop is {kind(value)}; it must be a number, a text or a bool")
    return value


def value(form: str, given: list[Any], index: int) -> Any:
    """Return value number `index` (from 0) of an evaluated range that `count` has accepted."""
    if form == "values":
        return element(given[index], index)
    first, last, number = float(given[0]), float(given[1]), given[2]
    if not 0 <= index < number:
        raise IndexError(f"the loop has no iteration {index}")
    if index == 0:
        return first
    if index == number - 1:
        return last
    if form == "linear_range":
        return _between(first, last, number, index)
    return float(10.0 ** _between(math.log10(first), math.log10(last), number, index))


def _between(first: float, last: float, number: int, index: int) -> float:
    step = (last - first) / (number - 1)
    return index * step + first if step else index / (number - 1) * (last - first) + first
