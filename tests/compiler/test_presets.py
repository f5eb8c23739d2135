"""Presets: sets of values for the parameters of a chain."""

import json

import pytest

from eas_compiler.compile import UnknownParameterError, check, compile_chain
from tests.compiler.compiling import OPTIONS, checked, description, told

CHAIN = {
    "parameters": {"a": 1, "b": "(parameters['a'] + 1)"},
    "presets": {"large": {"a": 10}, "both": {"a": 2, "b": "(parameters['a'] * 100)"}},
    "task_list": [{"task": "make", "outputs": {"file": "f"}, "a": "(parameters['b'])"}],
}


def value(preset: str | None, **given: int) -> float:
    """Return the value of the parameter b with a preset."""
    workflow, found = compile_chain(
        "c.json", json.dumps(CHAIN).encode(), OPTIONS._replace(preset=preset, parameters=dict(given))
    )
    assert workflow is not None, told(found.diagnostics)
    return float(description(workflow, "t0")["parameters"]["b"])


def test_a_preset_gives_other_values() -> None:
    """What a preset does not name is as ever; its expressions may use other parameters; `--set` wins."""
    assert (value(None), value("large"), value("both")) == (2, 11, 200)
    assert value("both", a=3) == 300


def test_unknown_presets_are_refused() -> None:
    """A preset that the chain does not have is told with what may have been meant."""
    with pytest.raises(UnknownParameterError, match="no preset 'larg'; did you mean 'large'"):
        check("c.json", json.dumps(CHAIN).encode(), OPTIONS._replace(preset="larg"))


def test_all_presets_are_checked() -> None:
    """A mistake in a preset is told at its place, once, whichever preset is taken."""
    presets = {"p": {"c": 1}, "q": [], "r": {"a": "(1 / 0)"}, "s": {"a": "(parameters['a'])"}}
    found = checked({"task": "null"}, parameters={"a": 1}, presets=presets)
    assert [one for one in told(found.diagnostics) if not one.startswith("unused")] == [
        "unknown-name: the preset 'p' is for a parameter 'c', which the chain does not have",
        "type: the preset 'q' must be an object, not a list",
        "expression: division by zero",
        "parameter-circle: parameters refer to each other in a circle: a → a",
    ]
