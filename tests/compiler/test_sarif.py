"""Diagnostics as SARIF."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from eas_compiler.compile import check
from eas_compiler.sarif import as_sarif
from tests.compiler.compiling import OPTIONS, checked
from tests.reference.broken import BROKEN

SCHEMA = json.loads((Path(__file__).parents[1] / "fixtures/sarif-schema-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft4Validator(SCHEMA)


def written(name: str, source: str) -> Any:
    """Return the log of a document's check."""
    found = check(name, source.encode("utf-8", "surrogatepass"), OPTIONS)
    return json.loads(json.dumps(as_sarif(found.diagnostics, found.root, "1.2.3")))


@pytest.mark.parametrize("name", ["chain.json", "ein Ordner/größe #1?.json", "<stdin>", "/tmp/a%20b.json"])
def test_logs_keep_to_the_schema(name: str) -> None:
    """What is written of all kinds of mistakes is valid by the schema of OASIS, whatever the file is called."""
    for broken in BROKEN[:: 4 if name == "chain.json" else 40]:
        log = written(name, broken.source)
        VALIDATOR.validate(log)
        assert log["runs"][0]["results"]


def test_result_has_place_and_rule() -> None:
    """A result leads to its rule, its place, its member of the document, and the second place where there is one."""
    found = checked({"task": "null", "name": "a"}, {"task": "null", "name": "a"})
    log = as_sarif(found.diagnostics, found.root, "1.2.3")
    (run,) = log["runs"]
    assert run["tool"]["driver"]["semanticVersion"] == "1.2.3"
    (one,) = run["results"]
    assert run["tool"]["driver"]["rules"][one["ruleIndex"]]["id"] == one["ruleId"] == "duplicate-name"
    (place,) = one["locations"]
    region = place["physicalLocation"]["region"]
    assert region == {"startLine": 1, "startColumn": 72, "endLine": 1, "endColumn": 75}
    assert place["logicalLocations"][0]["fullyQualifiedName"] == "/task_list/1/name"
    (second,) = one["relatedLocations"]
    assert (second["message"]["text"], second["physicalLocation"]["region"]["startColumn"]) == ("first here", 41)


def test_hint_is_part_of_the_message() -> None:
    """Readers of SARIF show no hints, so that they stand below the message."""
    found = checked({"task": "null", "secnods": 1})
    (one,) = as_sarif(found.diagnostics, found.root, "1")["runs"][0]["results"]
    assert one["message"]["text"] == "null: unknown setting 'secnods'\ndid you mean 'seconds'?"


def test_nothing_wrong_is_a_log_without_results() -> None:
    """A good chain has an empty list, which tells that it was looked at."""
    log = written("chain.json", '{"task_list": [{"task": "null"}]}')
    VALIDATOR.validate(log)
    assert log["runs"][0]["results"] == []
