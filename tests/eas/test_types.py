"""A task type is told with all that its author has to know."""

import json
from pathlib import Path

import pytest

from eas import types
from eas_compiler.compile import read_registry
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.registry import TaskType
from tests.reference.comparing import REGISTRY

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "types.md"


@pytest.fixture(scope="module")
def packaged() -> list[TaskType]:
    """Return the types that come with EAS."""
    diagnostics = Diagnostics()
    registry = read_registry(ROOT / "registry.yaml", diagnostics)
    assert registry is not None
    found = [registry.task(name, diagnostics) for name in registry.tasks]
    assert not list(diagnostics)
    return [one for one in found if one is not None]


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
    assert "  n (int): A whole number." in shown
    settings = types.about(known("tune"))
    assert "  count (int, required): How many." in settings
    assert "  level (float, 0 to 1): How loud." in settings
    assert "  mode (text, one of fast, thorough): In which way." in settings
    assert "    depth (float): How deep." in settings


def test_what_it_gets_and_what_to_read(packaged: list[TaskType]) -> None:
    """Resources, how memory grows, metadata with units and types, and references are told."""
    shown = types.about(next(one for one in packaged if one.name == "transit_search_tls"))
    assert "container  eas_worker_tls (20 cores, 0 gpu, 16 GB)\n" in shown
    assert "memory     after it was killed for it, 2 times as much, up to 64 GB\n" in shown
    assert "\n  lc_duration [d] (float, required, at least 0): " in shown
    assert "\n  period [d] (float): " in shown
    assert shown.endswith("references:\n  Hippke & Heller 2019, A&A 623, A39, doi:10.1051/0004-6361/201834672")


def test_the_page_of_all_types(packaged: list[TaskType], remake: bool) -> None:  # noqa: FBT001 - a fixture
    """The documentation says of every type what the command line says; `--remake` writes it anew."""
    if remake:
        PAGE.write_text(types.page(packaged), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == types.page(packaged)


def test_a_list_of_types() -> None:
    """One line for each."""
    lines = types.listing([known("make"), known("null")]).splitlines()
    assert [line.split()[0] for line in lines[2:]] == ["make", "null"]


def test_as_data() -> None:
    """It is JSON, whatever it holds."""
    assert json.loads(json.dumps(types.as_data(known("tune"))))["container"]["name"] == "eas_base"
