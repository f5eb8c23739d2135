"""Settings of a task type."""

from typing import Any

import pytest

from eas_worker import settings

TYPES: dict[str, Any] = {
    "count": {"type": "int", "required": True, "doc": "How many."},
    "level": {"type": "float", "minimum": 0, "maximum": 1, "unit": "dB", "default": 0.5},
    "mode": {"type": "text", "choices": ["fast", "thorough"]},
    "flag": {"type": "bool"},
    "specs": {"type": "object", "fields": {"depth": {"type": "float", "default": 2}}},
    "free": {"type": "any"},
}


def told(**given: Any) -> list[str]:
    """Return what is wrong with settings."""
    return [f"{'.'.join(one.keys)}: {one.message}" for one in settings.problems(TYPES, given)]


def test_defaults_and_types_are_filled_in() -> None:
    """A program sees all settings of its type, numbers as floats, bools as bools; what is not there is None."""
    assert settings.complete(TYPES, {"count": 3, "level": 1, "flag": 0}) == {
        "count": 3,
        "level": 1.0,
        "mode": None,
        "flag": False,
        "specs": {"depth": 2.0},
        "free": None,
    }


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"count": 1, "level": 2}, "level: 2 is above the maximum of 1 dB"),
        ({"count": 1, "level": -1}, "level: -1 is below the minimum of 0 dB"),
        ({"count": True}, "count: must be an integer, not a bool"),
        ({"count": 1.0}, "count: must be an integer, not a number"),
        ({"count": 1, "flag": 2}, "flag: must be a bool, not a number"),
        ({"count": 1, "mode": "fats"}, "mode: 'fats' is not one of the choices"),
        ({"count": 1, "specs": {"depht": 1}}, "specs.depht: unknown setting 'depht'"),
        ({"count": 1, "specs": {"depth": "1"}}, "specs.depth: must be a number, not a text"),
        ({"count": 1, "lvel": 1}, "lvel: unknown setting 'lvel'"),
        ({"count": None}, ": the setting 'count' is missing"),
    ],
)
def test_what_does_not_fit_is_told(given: dict[str, Any], problem: str) -> None:
    """Types, bounds, choices, unknown and missing settings are told with their place."""
    assert told(**given) == [problem]


def test_what_fits_is_not_told() -> None:
    """0 and 1 may stand for a bool, an integer for a float, null for the default, anything for any."""
    assert told(count=1, level=None, flag=1, free=[{}], specs={"depth": 1}) == []
