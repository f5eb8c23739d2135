"""Evaluate what a chain says, with Python's own `eval` over plain namespaces: chains of the tests are trusted."""

import builtins
import math
import random
from collections.abc import Mapping
from functools import cache
from types import CodeType, SimpleNamespace
from typing import Any

import numpy as np

CONSTANTS = SimpleNamespace(
    day=1,
    month=28,
    year=365.25,
    sun_radius=695500e3,
    earth_radius=6371e3,
    jupiter_radius=71492e3,
    phy_AU=149597870700,
    Rearth=0.08911486,
    plato_noise=0.000315,
)
BUILTINS = ("abs min max round int float str bool len pow sum sorted range zip enumerate").split()
MATHEMATICS = "pi e sqrt log log10 log2 exp sin cos tan asin acos atan atan2 floor ceil".split()
GLOBALS = (
    {"__builtins__": {}}
    | {name: getattr(builtins, name) for name in BUILTINS}
    | {name: getattr(math, name) for name in MATHEMATICS}
    | {"constants": CONSTANTS}
)
# Not only a bound of the language: an index that stands for one yet unknown is far beyond it.
MOST_VALUES = 10_000_000

Json = Any


class ExpressionFailedError(Exception):
    """An expression gives no value, or one that its place cannot take."""


def is_expression(value: Json) -> bool:
    """An expression is text whose first non-blank character is a quote or a round bracket."""
    return isinstance(value, str) and value.lstrip()[:1] in {"'", '"', "("}


def evaluate(value: Json, names: Mapping[str, Any]) -> Json:
    """Evaluate a JSON value: texts by the rule above, containers element by element, keys not at all."""
    if isinstance(value, dict):
        return {key: evaluate(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [evaluate(inner, names) for inner in value]
    if not is_expression(value):
        return value
    try:
        return as_json(eval(compiled(value), GLOBALS | dict(names)))  # noqa: S307
    except Exception as error:
        raise ExpressionFailedError(f"{value}: {error!r}") from error


@cache
def compiled(text: str) -> CodeType:
    """Compile an expression once, however many iterations evaluate it."""
    return compile(text.strip(), "<expression>", "eval")


def as_json(value: Any) -> Json:
    """A tuple is a list in JSON; everything else keeps its type."""
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(inner) for inner in value]
    return value


def randomness(seed: int, path: str) -> random.Random:
    """`random` is seeded by the run's seed and the task's path."""
    return random.Random(f"{seed} {path}")


def criterion(value: Json, names: Mapping[str, Any]) -> bool:
    """A criterion is a bool, and nothing that merely counts as one."""
    result = evaluate(value, names)
    if not isinstance(result, bool):
        raise ExpressionFailedError(f"{value} gives {result!r}, no bool")
    return result


def loop_values(node: Mapping[str, Json], names: Mapping[str, Any]) -> list[Json]:
    """Give the values that a loop runs over: a list as it is, or a range with both its ends."""
    if "values" in node:
        values = evaluate(node["values"], names)
        if not isinstance(values, list) or not all(isinstance(value, int | float | str) for value in values):
            raise ExpressionFailedError(f"{values!r} is no list of numbers, texts and bools")
        return values
    if "shards" in node:
        size = evaluate(node["shards"], names)
        if isinstance(size, bool) or not isinstance(size, int) or not 0 <= size <= MOST_VALUES:
            raise ExpressionFailedError(f"{size!r} is no number of shards")
        return list(range(size))
    kind = "linear_range" if "linear_range" in node else "log_range"
    bounds = evaluate(node[kind], names)
    if not isinstance(bounds, list) or len(bounds) != 3 or not all(is_number(bound) for bound in bounds):
        raise ExpressionFailedError(f"{bounds!r} is no [first, last, count]")
    first, last, count = bounds
    if not isinstance(count, int) or not 1 <= count <= MOST_VALUES:
        raise ExpressionFailedError(f"{count!r} is no number of values")
    return linear(first, last, count) if kind == "linear_range" else logarithmic(first, last, count)


def is_number(value: Json) -> bool:
    """A bool never stands for a number."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def linear(first: float, last: float, count: int) -> list[float]:
    """numpy's `linspace`: floats, also when whole."""
    return with_ends(np.linspace(first, last, count).tolist(), first, last)


def logarithmic(first: float, last: float, count: int) -> list[float]:
    """numpy's `logspace` between the logarithms of two positive numbers."""
    if first <= 0 or last <= 0:
        raise ExpressionFailedError(f"a logarithmic range needs positive ends, not {first} and {last}")
    return with_ends(np.logspace(math.log10(first), math.log10(last), count).tolist(), first, last)


def with_ends(values: list[float], first: float, last: float) -> list[float]:
    """The ends are exact; of a single value it is the first end."""
    return [float(first)] if len(values) == 1 else [float(first), *values[1:-1], float(last)]
