"""The JSON Schema of chains."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings

from eas_compiler import document, leaf, resolve, schema
from eas_compiler import registry as registries
from eas_compiler.compile import read_registry
from eas_compiler.diagnostics import Diagnostics
from tests.compiler.compiling import REGISTRY
from tests.property.chains import Case, cases
from tests.reference.broken_documents import DOCUMENT, LOOPS, TASKS

ROOT = Path(__file__).parents[2]
MEANT_FOR_THE_COMPILER = {
    "duplicate_key",
    "duplicate_key_in_a_task",
    "duplicate_port",
    "duplicate_key_in_a_setting",
    "directory_goes_up",
    "directory_is_absolute",
    "directory_with_empty_name",
    "directory_is_empty",
    "unknown_dynamic_type",
    "folded_setting_of_wrong_type",
    "more_than_a_program_can_be_told",
    "folded_values_is_a_text",
    "range_of_none",
    "range_of_a_fraction",
    "logarithm_of_zero",
    "folded_range_of_none",
    "folded_criterion_is_no_bool",
    "indexed_criterion_is_no_bool",
    "max_iterations_over_the_limit",
    "max_iterations_add_up",
    "unknown_child",
    "child_outside_of_the_body",
}
"""Mistakes that are none of structure."""


@cache
def rules(path: Path) -> Any:
    """Return the schema of the chains of a registry."""
    registry = read_registry(path, Diagnostics())
    assert registry is not None
    return json.loads(json.dumps(schema.of_chains(registry)))


@cache
def validator(path: Path) -> jsonschema.Draft7Validator:
    """Return a validator of chains for a registry."""
    made = rules(path)
    jsonschema.Draft7Validator.check_schema(made)
    return jsonschema.Draft7Validator(made)


@pytest.mark.parametrize("chain", sorted((ROOT / "chains").glob("*.json")), ids=lambda path: path.stem)
def test_demo_chains_are_valid(chain: Path) -> None:
    """Editors show nothing wrong in the chains that come with EAS."""
    validator(ROOT / "registry.yaml").validate(json.loads(chain.read_text(encoding="utf-8")))


@given(cases())
@settings(max_examples=10)
def test_generated_chains_are_valid(case: Case) -> None:
    """Whatever the language allows, the schema allows."""
    validator(REGISTRY).validate(json.loads(json.dumps(case.chain)))


@pytest.mark.parametrize("broken", [*DOCUMENT, *TASKS, *LOOPS], ids=lambda broken: broken.name)
def test_mistakes_of_structure_are_found(broken: Any) -> None:
    """Keys, ports, settings and types that are wrong are marked while one writes."""
    is_valid = validator(REGISTRY).is_valid(json.loads(broken.source))
    assert is_valid == (broken.name in MEANT_FOR_THE_COMPILER)


def test_settings_have_words_units_and_defaults() -> None:
    """An editor can show what a setting means."""
    made = rules(ROOT / "registry.yaml")["definitions"]["synthesis_batman"]["properties"]
    fields = made["specs"]["anyOf"][0]["properties"]
    assert fields["duration"]["description"] == "Length of the light curve. [d]"
    assert fields["duration"]["default"] == 730
    assert made["outputs"]["properties"]["lightcurve"]["description"] == "The light curve. (lightcurve)"


def test_every_field_of_the_language_is_described() -> None:
    """A field that is added to the language gets words here as well."""
    fields = {*document.TOP, *leaf.FIELDS}.union(*resolve.FIELDS.values()) - {"task"}
    assert fields == set(schema._DOCS)


def test_open_registries_allow_anything() -> None:
    """The prototype's XML knows names alone, so that ports and settings are free."""
    resources = "<resourceRequirements><cpu>1</cpu><memory_gb>1</memory_gb></resourceRequirements>"
    containers = f"<containers><container><name>c</name>{resources}</container></containers>"
    tasks = "<tasks><task><name>t</name><container>c</container></task></tasks>"
    text = f"<task_type_registry>{containers}{tasks}</task_type_registry>"
    registry = registries.load("r.xml", text.encode(), Diagnostics())
    assert registry is not None
    open_rules = jsonschema.Draft7Validator(schema.of_chains(registry))
    assert open_rules.is_valid({"task_list": [{"task": "t", "inputs": {"x": "f"}, "anything": 1}]})
    assert not open_rules.is_valid({"task_list": [{"task": "u"}]})
