"""JSON that is nested too deeply is read without what lies too deep."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_argo.cluster import depth
from eas_argo.cluster.depth import MOST_NESTED, flat, loads

VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a"\\[]{},:'),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(alphabet='k"\\[{', max_size=2), inner, max_size=3)
    ),
    max_leaves=10,
)


def cut(value: Any, left: int) -> Any:
    """Return a value with nothing in the place of what lies too deep."""
    if not isinstance(value, dict | list):
        return value
    if left == 0:
        return None
    if isinstance(value, list):
        return [cut(one, left - 1) for one in value]
    return {key: cut(one, left - 1) for key, one in value.items()}


@given(VALUES, st.integers(0, 4))
def test_what_lies_too_deep_is_left_out(value: Any, most: int) -> None:
    """All else stays, whatever brackets and quotes stand in texts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(depth, "MOST_NESTED", most)
        assert json.loads(flat(json.dumps(value))) == cut(value, most)


def test_far_too_deep() -> None:
    """A neighbour of thousands of lists is read; a text that ends in them is no JSON."""
    deep = "[" * 50_000 + "]" * 50_000
    for text in (f'{{"a": {deep}, "b": 1}}', f'{{"a": {deep}, "b": 1}}'.encode()):
        found = loads(text)
        assert found["b"] == 1
        assert json.dumps(found["a"]).count("[") == MOST_NESTED - 1
    with pytest.raises(ValueError, match="Expecting"):
        loads('{"a": ' + "[" * 50_000)
