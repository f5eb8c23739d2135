"""Tasks with shards: a loop over ranks around one task, its places, and what is wrong with them."""

from typing import Any

import pytest

from eas_compiler import schema
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.layout import laid_out
from eas_compiler.read import read
from eas_compiler.registry import Registry, load
from tests.compiler.compiling import REGISTRY, checked, compiled, description, items, loop, make, steps, told

PART = "'f_{shard}'.format(**metadata)"
JOIN = {"task": "join", "inputs": {"files": "f_*"}}


def part(shards: Any, **fields: Any) -> dict[str, Any]:
    """Write a task with shards."""
    return make(PART, shards=shards, **fields)


def test_shards_are_a_loop_around_a_task() -> None:
    """The loop has the name and waits; the task has everything else, and the rank is the index of its copies."""
    _, item = items(
        make("g", "a"), part(3, name="b", requires_metadata_from=["a"], job_name="(str(metadata['shard']))")
    )
    (task,) = item.body.items
    assert (item.common.path, task.common.path) == ("/t1", "/t1[shard]/t0")
    assert ([one.text for one in item.common.requires], task.common.requires) == (["a"], ())
    assert item.common.name == task.common.name == ("b",)
    assert item.number.table.constant == 3
    assert task.common.job_name[0].id == "shard"


def test_the_manifest_has_a_loop() -> None:
    """The number of shards is that of a loop, and programs learn it from the loop around them."""
    workflow = compiled(part(3), JOIN)
    assert steps(workflow)["t0"]["withSequence"] == {"count": "3"}
    (own,) = description(workflow, "t0-t0")["loops"]
    assert own == {"var": "shard", "id": "shard", "form": "shards", "range": 3}


def test_shards_may_depend_on_loops_and_be_late() -> None:
    """The number may differ from iteration to iteration, and be known only when the chain runs."""
    name = "'f_{i_index}_{shard}'.format(**metadata)"
    (outer,) = items(loop("i", [2, 0], make(name, shards="(metadata['i'])")))
    assert outer.body.items[0].number.table.entries == {(0,): 2, (1,): 0}
    late = part("(requested_metadata['a']['n'])", requires_metadata_from=["a"])
    workflow = compiled(make("g", "a"), late)
    assert "answers" in steps(workflow)["t1"]["withSequence"]["count"]
    assert description(workflow, "t1-t0")["loops"][0]["request"] == {"a": 0}


def test_no_shards_are_no_copies() -> None:
    """With 0 nothing is run, as with an empty list."""
    assert steps(compiled(part(0)))["t0"]["withSequence"] == {"count": "0"}


@pytest.mark.parametrize(
    ("shards", "error"),
    [
        (2.0, "shards: shards must be an integer of at least 0, not 2.0"),
        ("2", "shards: shards must be an integer of at least 0, not '2'"),
        (None, "shards: shards must be an integer of at least 0, not null"),
        (True, "shards: shards must be an integer of at least 0, not a bool"),
        (-1, "shards: shards must be an integer of at least 0, not -1"),
        ([2], "shards: shards must be an integer of at least 0, not a list"),
        (10**8, "shards: 100000000 shards; at most 10000000 are possible"),
        ("(1 / 2)", "shards: shards must be an integer of at least 0, not 0.5"),
        ("(metadata['shard'])", "unknown-name: unknown loop variable 'shard'"),
        ("(requested_metadata['a']['x'])", "shards: shards must be an integer of at least 0, not a number"),
        ("(requested_metadata['a']['y'])", "unknown-metadata: 'a' emits no 'y'"),
    ],
)
def test_what_is_no_number_of_shards(shards: Any, error: str) -> None:
    """It is told where it stands, once, and nothing else is."""
    found = checked(make("g", "a"), part(shards, requires_metadata_from=["a"]))
    assert told(found.diagnostics) == [error]
    (one,) = found.diagnostics
    at = one.source.text.index('"shards": ')
    assert at < one.start < one.source.text.index('"requires')


def test_every_copy_needs_a_file_of_its_own() -> None:
    """A name without the rank is an error, whose hint shows how to put it there."""
    (one,) = checked(make("f", shards=2)).diagnostics
    assert one.code == "two-producers"
    assert one.hint == "put the rank of the shard in the name, as in 'f_{shard}.gz'.format(**metadata)"


def test_files_of_shards_are_gathered() -> None:
    """As those of a loop, they are out of reach otherwise."""
    assert told(checked(part(2), JOIN).diagnostics) == []
    (one,) = told(checked(part(2), {"task": "use", "inputs": {"one": "f_0"}}).diagnostics)
    assert one.startswith("out-of-reach")


def test_metadata_of_shards_are_a_list() -> None:
    """By rank, each with what the type emits."""

    def asking(what: str) -> list[str]:
        return told(checked(part(2, name="a"), make("g", requires_metadata_from=["a"], a=f"({what})")).diagnostics)

    assert asking("requested_metadata['a'][1]['x']") == []
    assert asking("sum(one['x'] for one in requested_metadata['a'])") == []
    assert asking("requested_metadata['a'][0]['y']") == ["unknown-metadata: 'a' emits no 'y'"]
    assert asking("requested_metadata['a']['x']") == [
        "metadata-type: requested_metadata['a'] is a list, which has no 'x'"
    ]


@pytest.mark.parametrize("key", ["shard", "Shards"])
def test_misspelled_shards(key: str) -> None:
    """A setting that is nearly a key of the language is taken for it."""
    (one,) = checked({"task": "make", "outputs": {"file": "f"}, key: 2}).diagnostics
    assert (one.code, one.hint) == ("unknown-setting", "did you mean 'shards'?")


def test_editors_and_layout_know_shards() -> None:
    """The schema of a type has them, and `eas fmt` puts them in front of what depends on them."""
    registry = load(str(REGISTRY), REGISTRY.read_bytes(), Diagnostics())
    assert isinstance(registry, Registry)
    assert "shards" in schema.of_chains(registry)["definitions"]["make"]["properties"]
    root = read("chain.json", '[{"outputs": {"file": "f"}, "shards": 2, "task": "make"}]', Diagnostics())
    assert root is not None
    assert laid_out(root) == '[\n  {\n    "task": "make",\n    "shards": 2,\n    "outputs": {"file": "f"}\n  }\n]\n'
