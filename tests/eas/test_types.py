"""A task type is told with all that its author has to know."""

import json

from eas import types
from eas_compiler.compile import read_registry
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.registry import TaskType
from tests.reference.comparing import REGISTRY


def known(name: str) -> TaskType:
    """Return a type of the tests' registry."""
    diagnostics = Diagnostics()
    registry = read_registry(REGISTRY, diagnostics)
    assert registry is not None
    found = registry.task(name, diagnostics)
    assert found is not None
    return found


def test_all_about_a_type() -> None:
    """Ports with their types and flags, settings with what they take, metadata."""
    shown = types.about(known("use"))
    assert "  one (data): " in shown
    assert "  two (data, optional): " in shown
    assert "  n: A whole number." in shown
    settings = types.about(known("tune"))
    assert "  count (int, required): How many." in settings
    assert "  level (float, 0 to 1): How loud." in settings
    assert "  mode (text, one of fast, thorough): In which way." in settings
    assert "    depth (float): How deep." in settings


def test_a_list_of_types() -> None:
    """One line for each."""
    lines = types.listing([known("make"), known("null")]).splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["make", "null"]


def test_as_data() -> None:
    """It is JSON, whatever it holds."""
    assert json.loads(json.dumps(types.as_data(known("tune"))))["container"]["name"] == "eas_base"
