"""Offsets in a text lead to lines, columns and pointers."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_compiler.diagnostics import Diagnostics
from eas_compiler.read import read
from eas_compiler.source import Node, Source


@given(st.text(alphabet="ab\n", max_size=20), st.integers(0, 20))
def test_lines_and_columns_count_from_one(text: str, offset: int) -> None:
    """The line is one more than the line breaks before, the column one more than the characters since the last."""
    offset = min(offset, len(text))
    line, column = Source("x", text).location(offset)
    before = text[:offset]
    assert (line, column) == (before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1)


@pytest.mark.parametrize(
    ("start", "pointer"), [(0, ""), (1, "/a"), (6, "/a"), (7, "/a/0"), (10, "/a/1"), (15, "/b~1c")]
)
def test_pointer_names_the_innermost_value(start: int, pointer: str) -> None:
    """A JSON pointer leads to what stands at an offset; `/` and `~` in keys are escaped."""
    root = read("x", '{"a": [1, 22], "b/c": 3}', Diagnostics())
    assert root is not None
    assert root.pointer(start) == pointer


@given(st.text(max_size=12), st.booleans())
def test_offset_in_text_minds_escapes(text: str, is_ascii: bool) -> None:  # noqa: FBT001 - drawn
    """A character of a text is found behind all that is written with escapes before it."""
    written = json.dumps(text, ensure_ascii=is_ascii)
    node = Node(text, Source("x", written), 0, len(written))
    for index in range(len(text)):
        rest = written[node.offset_in_text(index) : -1]
        assert json.loads(f'"{rest}"') == text[index:]


def test_line_is_without_its_end() -> None:
    """A line is shown without its line break, of whatever kind."""
    source = Source("x", "a\r\nb\n")
    assert [source.line(number) for number in (1, 2, 3)] == ["a", "b", ""]
