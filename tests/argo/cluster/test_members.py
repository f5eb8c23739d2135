"""Tests of reading objects with many members again and again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_argo.cluster import members
from eas_argo.cluster.members import Members


def compact(value: Any) -> str:
    """Return JSON without spaces, as servers write it."""
    return json.dumps(value, separators=(",", ":"))


def values(found: Members) -> dict[str, Any]:
    """Return what members say."""
    return {name: json.loads(text) for name, text in found}


NAMES = st.integers(0, 60).map(str) | st.text(max_size=3)
CHANGES = st.dictionaries(
    NAMES, st.none() | st.integers(0, 120) | st.text(max_size=3) | st.lists(st.booleans(), max_size=2)
)


@given(changes=st.lists(CHANGES, max_size=8), are_sorted=st.booleans())
def test_as_if_read_at_once(changes: list[dict[str, Any]], *, are_sorted: bool) -> None:
    """Whatever comes, goes and changes, the members are those of the text, and new is what is not as it was."""
    known, now = Members(), {str(number): number for number in range(50)}
    for change in [{}, *changes]:
        before = values(known)
        now = {name: value for name, value in (now | change).items() if value is not None}
        now = dict(sorted(now.items())) if are_sorted else now
        found, fresh, end = members.read(text := f"[{compact(now)}]", 1, known)
        assert values(found) == now
        assert end == len(text) - 1
        assert fresh == {name: value for name, value in now.items() if name not in before or before[name] != value}
        assert found.lacking(known) == before.keys() - now.keys()
        known = found


def test_blocks() -> None:
    """Blocks stay neither small nor large while an object grows by one member after another."""
    known = Members()
    for count in range(1, 600):
        now = {str(7919 * number % 1000): number for number in range(count)}
        known, fresh, _ = members.read(compact(dict(sorted(now.items()))), 0, known)
        assert len(fresh) == 1
    assert 600 / 32 <= len(known.blocks) <= 600 / 8


@pytest.mark.parametrize(
    "text", ["[]", '{"a" :1}', '{"a":1 }', '{"a":1,}', '{"a":1', '{"a"', "{", "{a:1}", '{"a":12x}']
)
def test_what_is_not_compact(text: str) -> None:
    """What is no object, laid out in another way, or not whole is refused, also behind what is as it was."""
    known, _, _ = members.read('{"a":1}', 0, Members())
    for before in (Members(), known):
        with pytest.raises((ValueError, IndexError)):
            members.read(text, 0, before)


def test_a_name_that_is_there_twice() -> None:
    """Of a name that is there twice, the last value counts."""
    known, fresh, _ = members.read('{"a":1,"b":2,"a":3}', 0, Members())
    assert fresh == {"a": 3, "b": 2} == values(known)
    known, fresh, _ = members.read('{"a":4,"a":3,"b":2}', 0, known)
    assert fresh == {}
    assert values(known) == {"a": 3, "b": 2}
