"""Warnings: legal, but most often not what is meant."""

from pathlib import Path
from typing import Any

import pytest

from eas_compiler.compile import Options, check
from tests.compiler.compiling import checked, choose, codes, loop, make, repeat, use

ROOT = Path(__file__).parents[2]
SECONDS = {"task": "null", "seconds": "(metadata['i'])"}


def told(*tasks: dict[str, Any], **fields: Any) -> list[str]:
    """Return the codes of what is found, which are no errors."""
    found = checked(*tasks, **fields).diagnostics
    assert not found.errors
    return codes(found)


def test_unused_names() -> None:
    """Parameters and loop variables have to be used, in whatever way."""
    assert told({"task": "null"}, parameters={"p": 1}) == ["unused-name"]
    assert told({"task": "null", "seconds": "(parameters['p'])"}, parameters={"p": 1}) == []
    assert told({"task": "null"}, parameters={"p": 1, "q": "(parameters['p'])"}) == ["unused-name"]
    assert told({"task": "lazy", "c": "(parameters)"}, parameters={"p": 1}) == []
    assert told(loop("i", [1, 2], {"task": "null"})) == ["unused-name"]
    assert told(loop("i", [1, 2], {"task": "null", "seconds": "(random.random())"})) == []
    assert told(loop("i", [1, 2], SECONDS)) == []
    assert told(loop("i", [1, 2], loop("j", [1, 2], {"task": "lazy", "c": "(metadata)"}))) == []
    assert told(loop("i", [1, 2], make("'f_{i_index}'.format(**metadata)"))) == []


def test_names_of_tasks_may_be_mere_labels() -> None:
    """A name that nobody asks for stands in reports."""
    assert told({"task": "null", "name": "label"}) == []


def test_loops_of_one() -> None:
    """A range of one ignores its end; a list of one value that is used may grow."""
    one = {"task": "execution_for_loop", "parameter": "i", "task_list": [SECONDS]}
    assert told({**one, "linear_range": [1, 2, 1]}) == ["loop-of-one"]
    assert told({**one, "log_range": [1, 1, 1]}) == []
    assert told(loop("i", [1], SECONDS)) == []
    assert told(loop("i", [1], {"task": "null"})) == ["loop-of-one"]
    assert told({"task": "null", "shards": 1}) == ["loop-of-one"]
    assert told({"task": "null", "shards": "(parameters['n'])"}, parameters={"n": 1}) == []


def test_constant_criteria() -> None:
    """A criterion without any name in it decides nothing; a parameter is a switch."""
    one = [{"task": "null"}]
    assert told(choose(True, one)) == ["constant-criterion"]
    assert told(choose("(1 < 2)", one)) == ["constant-criterion"]
    assert told(choose("(parameters['p'])", one), parameters={"p": True}) == []
    assert told(loop("i", [1, 2], choose("(metadata['i'] > 0)", one))) == []
    assert told(repeat("n", False, *one)) == ["constant-criterion"]
    assert told(repeat("n", "(metadata['n_index'] < 2)", *one)) == []


def test_outputs_that_nobody_reads() -> None:
    """A file at the start of a chain is for somebody, where there are readers of its type."""
    assert told(make("f")) == []
    assert told(make("f"), use("f", outputs={"file": "g"})) == []
    assert told(make("f"), use("other")) == ["unused-output"]
    assert told(make("f"), make("g"), use("f")) == ["unused-output"]
    assert told(make("f", "a"), use("other"), {"task": "null", "requires_metadata_from": ["a"]}) == []
    assert told(make("f", outputs={"file": "f", "extra": "e"}), use("f")) == []
    assert (
        told(loop("i", [1, 2], make("'f_{i_index}'.format(**metadata)"), use("'f_{i_index}'.format(**metadata)"))) == []
    )


def test_misspelled_file_is_shown_with_the_one_that_is_meant() -> None:
    """The warning leads to the file that is read and that nobody makes."""
    (one,) = checked(make("planet.gz"), use("plamet.gz")).diagnostics
    (second,) = one.related
    assert second.source.text[second.start : second.end] == '"plamet.gz"'


def test_many_tasks() -> None:
    """From a hundred thousand tasks on, the author may want to think again."""
    for count, found in ((99_999, []), (100_000, ["many-tasks"])):
        one = {"task": "execution_for_loop", "parameter": "i", "linear_range": [0, 1, count], "task_list": [SECONDS]}
        assert told(one) == found


def test_errors_come_first() -> None:
    """Where something is wrong, warnings that may come of it are not shown."""
    assert codes(checked({"task": "nul"}, parameters={"p": 1}).diagnostics) == ["unknown-task-type"]


@pytest.mark.parametrize("chain", sorted((ROOT / "chains").glob("*.json")), ids=lambda path: path.stem)
def test_demo_chains_give_no_warning_that_says_nothing(chain: Path) -> None:
    """Of the demos only the grid of 103,680 tasks is warned of, because it is large indeed."""
    found = codes(check(chain.name, chain.read_bytes(), Options(registry=ROOT / "registry.yaml")).diagnostics)
    assert found == (["many-tasks"] if chain.stem == "detection_grid_2d" else [])
