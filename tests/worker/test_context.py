"""What programs get into their hands: which shard they are, and their part of a list."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_worker.assignment import ALONE, Shard
from eas_worker.attempt import read_attempt
from eas_worker.content import content_of
from eas_worker.context import BaseContext
from tests.worker.harness import Site, described


def context(shard: Shard) -> BaseContext:
    """Return what a shard has, as far as it has to do with shards."""
    made = object.__new__(BaseContext)
    made.shard = shard
    return made


@given(st.lists(st.integers()), st.integers(1, 40))
def test_parts_are_a_partition(items: list[int], size: int) -> None:
    """The parts of all shards, one behind the other, are the list, and differ in size by one at most."""
    parts = [context(Shard(rank, size)).split(items) for rank in range(size)]
    assert [item for part in parts for item in part] == items
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_one_shard_has_all() -> None:
    """A task without shards is the only one; what it splits keeps its type."""
    assert ALONE == (0, 1)
    assert context(ALONE).split(range(3)) == range(3)
    assert context(Shard(1, 2)).split("abcd") == "cd"


@pytest.mark.parametrize(
    "items", [{1, 2}, {"a": 1}, (n for n in "ab"), 7, {}.keys()], ids=lambda one: type(one).__name__
)
def test_what_has_no_order_is_not_split(items: Any) -> None:
    """Each shard might see another order, so that items would be lost."""
    with pytest.raises(TypeError, match="only what has an order and a length can be split, as a list, not a "):
        context(Shard(0, 2)).split(items)


LOOPS: list[dict[str, Any]] = [
    {"id": "P", "var": "P", "form": "values", "range": [2, 3], "at": "/t0"},
    {"id": "shard", "var": "shard", "form": "shards", "range": "(metadata['P'] * 2)", "at": "/t0[P]/t1"},
]


def test_programs_and_gates_know_their_shard(site: Site) -> None:
    """The rank is the index of the innermost loop, the size how many of them there are here; both verbs have them."""
    site.write("ctx.emit(shard=list(ctx.shard), part=ctx.split([1, 2, 3, 4, 5, 6, 7]), n=ctx.loop_variables.shard)")
    site.write("ctx.check('same', list(ctx.shard) == ctx.metadata['shard'])", "qc")
    description = described(path="/t0[P]/t1[shard]/t0", loops=LOOPS)
    tried = site.run(description, EAS_INDICES="P=1 shard=4")
    assert tried.run["message"] == ""
    assert tried.run["metadata"] == {"shard": [4, 6], "part": [5], "n": 4}
    assert tried.run["path"] == "/t0[P=1]/t1[shard=4]/t0"
    assert site.judge(description, tried, EAS_INDICES="P=1 shard=4").qc["verdict"] == "pass"


def test_outer_shards_are_no_own(site: Site) -> None:
    """A loop of the same name is none."""
    loops = [LOOPS[0] | {"id": "shard", "var": "shard"}]
    site.write("ctx.emit(shard=list(ctx.shard))")
    tried = site.run(described(path="/t0[shard]/t0", loops=loops), EAS_INDICES="shard=1")
    assert tried.run["metadata"] == {"shard": [0, 1]}


def test_contents_of_shards_differ(site: Site) -> None:
    """A result is that of a rank and a size; a task without shards has the content that it had before."""

    def content(loops: list[Any], indices: str) -> str:
        description = described(path="/t0[shard]/t0" if loops else "/t0", loops=loops)
        environment = site.environment(site.new(), description, EAS_INDICES=indices)
        return content_of(read_attempt(description, environment), {})

    two, three = ([LOOPS[1] | {"range": size}] for size in (2, 3))
    found = [content(two, "shard=0"), content(two, "shard=1"), content(three, "shard=1"), content([], "")]
    assert len(set(found)) == len(found)
