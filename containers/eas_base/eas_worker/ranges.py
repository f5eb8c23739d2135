"""The values that a loop goes through: a list, or a range of numpy's `linspace` or `logspace`, end points included.

The copies of a task with `shards` are a loop over their ranks, from 0.
"""

from __future__ import annotations

import math
from typing import Any

from eas_worker.functions import ExpressionError, kind

MAX_ITERATIONS = 10_000_000
SHARDS = "shards"
"""The form of which the whole range is the number of copies."""
_LARGEST = 8e307
"""Half of the largest float, so that the difference of two bounds is a float."""


def count(form: str, given: Any) -> int:
    """Return the number of values of an evaluated range; raise `ExpressionError` when it is none.

    Parameters
    ----------
    form : {"values", "linear_range", "log_range", "shards"}
    given : list or int
        The values themselves; first value, last value and number of values; or the number of shards.
    """
    wrong = problem(form, given)
    if wrong is None and form != SHARDS:
        wrong = next(filter(None, (problem_of_entry(form, index, entry) for index, entry in enumerate(given))), None)
    if wrong is not None:
        raise ExpressionError(wrong)
    if form == SHARDS:
        return int(given)
    return len(given) if form == "values" else int(given[2])


def problem(form: str, given: Any) -> str | None:
    """Return what is wrong with a range as a whole."""
    if form == SHARDS:
        return _problem_of_shards(given)
    if not isinstance(given, list):
        return f"{form} must be a list, not {kind(given)}"
    if form != "values" and len(given) != 3:
        return f"{form} takes [first, last, number], not {len(given)} entries"
    return None


def problem_of_entry(form: str, index: int, entry: Any) -> str | None:
    """Return what is wrong with one entry of a range."""
    if form == "values":
        is_good = isinstance(entry, (bool, int, float, str))
        return None if is_good else f"value {index} of the loop is {kind(entry)}; it must be a number, a text or a bool"
    return _problem_of_number(form, entry) if index == 2 else _problem_of_bound(form, entry)


def _problem_of_shards(number: Any) -> str | None:
    if isinstance(number, bool) or not isinstance(number, int):
        what = repr(number) if isinstance(number, (float, str)) else kind(number)
        return f"shards must be an integer of at least 0, not {what}"
    if number < 0:
        return f"shards must be an integer of at least 0, not {number}"
    return f"{number} shards; at most {MAX_ITERATIONS} are possible" if number > MAX_ITERATIONS else None


def _problem_of_number(form: str, number: Any) -> str | None:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        return f"the number of values of {form} must be an integer of at least 1, not {number!r}"
    return f"{number} iterations; at most {MAX_ITERATIONS} are possible" if number > MAX_ITERATIONS else None


def _problem_of_bound(form: str, bound: Any) -> str | None:
    if isinstance(bound, bool) or not isinstance(bound, (int, float)):
        return f"the bounds of {form} must be numbers, not {kind(bound)}"
    if abs(bound) > _LARGEST:
        return f"the bounds of {form} must not be larger than {_LARGEST:g}"
    if form == "log_range" and bound <= 0:
        return f"the bounds of log_range must be positive, not {bound}"
    return None


def element(value: Any, index: int) -> Any:
    """Return one of `values`, which must be a number, a text or a bool."""
    wrong = problem_of_entry("values", index, value)
    if wrong is not None:
        raise ExpressionError(wrong)
    return value


def value(form: str, given: Any, index: int) -> Any:
    """Return value number `index` (from 0) of an evaluated range that `count` has accepted."""
    if form == SHARDS:
        return index
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
