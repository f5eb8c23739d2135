"""Settings of a task type: types, bounds, choices and defaults, as the registry declares them.

A specification is an object with `type` (float, int, bool, text, list, object, any) and, all optional, `default`,
`required`, `minimum`, `maximum`, `choices`, `unit`, `doc` and, for an object, `fields` (specifications by name).
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

from eas_worker.functions import did_you_mean, kind

Specification = dict[str, Any]

_LARGEST = 1.7e308
"""About the largest float."""
_TYPES: dict[str, tuple[type, ...]] = {
    "float": (int, float),
    "int": (int,),
    "bool": (bool,),
    "text": (str,),
    "list": (list,),
    "object": (dict,),
}
_NAMES = {
    "float": "a number",
    "int": "an integer",
    "bool": "a bool",
    "text": "a text",
    "list": "a list",
    "object": "an object",
}


class Problem(NamedTuple):
    """What is wrong with a setting: where in the settings (keys from the outside in), and a hint."""

    keys: tuple[str, ...]
    message: str
    hint: str | None = None


def complete(specifications: dict[str, Specification], given: dict[str, Any]) -> dict[str, Any]:
    """Return the settings in their types, with the defaults of what was not given.

    What `problems` refuses must not come here. An optional setting without a default is None.
    """
    settings: dict[str, Any] = {}
    for name, specification in specifications.items():
        value = given.get(name)
        value = specification.get("default") if value is None else value
        if specification["type"] == "object" and "fields" in specification:
            value = complete(specification["fields"], value or {})
        settings[name] = _typed(specification["type"], value)
    return settings


def _typed(type_name: str, value: Any) -> Any:
    if type_name == "bool" and value is not None:
        return bool(value)
    if type_name == "float" and value is not None:
        return float(value)
    return value


def problems(specifications: dict[str, Specification], given: dict[str, Any]) -> Iterator[Problem]:
    """Yield everything that is wrong with evaluated settings."""
    yield from missing(specifications, given)
    for name, value in given.items():
        yield from unknown(specifications, name)
        if name in specifications and value is not None:
            for problem in of_value(specifications[name], value):
                yield problem._replace(keys=(name, *problem.keys))


def missing(specifications: dict[str, Specification], given: dict[str, Any]) -> Iterator[Problem]:
    """Yield the required settings that are not there."""
    for name, specification in specifications.items():
        if specification.get("required") and given.get(name) is None:
            yield Problem((), f"the setting {name!r} is missing", specification.get("doc"))


def unknown(specifications: dict[str, Specification], name: str) -> Iterator[Problem]:
    """Yield a problem when no setting has this name."""
    if name not in specifications:
        known = ", ".join(specifications) or "none"
        hint = did_you_mean(name, specifications) or f"known settings: {known}"
        yield Problem((name,), f"unknown setting {name!r}", hint)


def of_value(specification: Specification, value: Any) -> Iterator[Problem]:
    """Yield what is wrong with one value, which is not None."""
    type_name = specification["type"]
    if not _is(type_name, value):
        yield Problem((), f"must be {_NAMES[type_name]}, not {kind(value)}", specification.get("doc"))
        return
    if type_name == "float" and abs(value) > _LARGEST:
        yield Problem((), f"must not be larger than {_LARGEST:g}")
        return
    if "choices" in specification and value not in specification["choices"]:
        choices = ", ".join(map(repr, specification["choices"]))
        yield Problem(
            (),
            f"{value!r} is not one of the choices",
            did_you_mean(str(value), map(str, specification["choices"])) or f"choices: {choices}",
        )
    unit = f" {specification['unit']}" if "unit" in specification else ""
    if "minimum" in specification and value < specification["minimum"]:
        yield Problem((), f"{value} is below the minimum of {specification['minimum']}{unit}")
    if "maximum" in specification and value > specification["maximum"]:
        yield Problem((), f"{value} is above the maximum of {specification['maximum']}{unit}")
    if type_name == "object" and "fields" in specification:
        yield from problems(specification["fields"], value)


def _is(type_name: str, value: Any) -> bool:
    if type_name == "any":
        return True
    if type_name == "bool":
        return isinstance(value, bool) or (isinstance(value, (int, float)) and value in (0, 1))
    return isinstance(value, _TYPES[type_name]) and not isinstance(value, bool)
