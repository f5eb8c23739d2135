"""JSON text becomes a document with places, or a diagnostic."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_compiler.diagnostics import Diagnostics
from eas_compiler.read import MAX_DEPTH, read
from tests.compiler.compiling import codes, told

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


@given(VALUES, st.sampled_from([None, 1, 3]), st.booleans())
def test_reads_what_python_reads(value: Any, indent: int | None, is_ascii: bool) -> None:  # noqa: FBT001 - drawn
    """Every JSON text has the value that `json.loads` gives it."""
    text = json.dumps(value, indent=indent, ensure_ascii=is_ascii)
    diagnostics = Diagnostics()
    root = read("x.json", text.encode("utf-8", "surrogatepass") if is_ascii else text, diagnostics)
    assert root is not None
    assert root.plain() == json.loads(text)
    assert not len(diagnostics)


@given(st.text(alphabet='{}[]",:0123456789.eE+-truefalsn\\ \n/', max_size=30))
def test_refuses_what_python_refuses(text: str) -> None:
    """A text is read exactly when `json.loads` reads it, duplicate keys and infinite numbers apart."""
    diagnostics = Diagnostics()
    root = read("x.json", text, diagnostics)
    try:
        expected = json.loads(text, parse_constant=lambda _: 1 / 0)
    except (ValueError, ZeroDivisionError):
        assert root is None
        assert codes(diagnostics) == ["json"]
    else:
        infinite = "too large" in str(told(diagnostics))
        assert infinite or (root is not None and (root.plain() == expected or "duplicate-key" in codes(diagnostics)))


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_reported(data: bytes) -> None:
    """No bytes make an exception; what cannot be read is reported once."""
    diagnostics = Diagnostics()
    root = read("x.json", data, diagnostics)
    assert root is not None or len(diagnostics) == 1


def test_every_value_knows_its_place() -> None:
    """Values and keys know where they start and end."""
    text = '{"a": [1, {"b": "x"}]}'
    root = read("x.json", text, Diagnostics())
    assert root is not None
    inner = root.value["a"].value[1].value["b"]
    assert text[inner.start : inner.end] == '"x"'
    assert text[inner.key_start : inner.key_end] == '"b"'


def test_duplicate_keys_are_errors() -> None:
    """A key that is there twice is reported at its second place, with the first beside it; the first value counts."""
    diagnostics = Diagnostics()
    root = read("x.json", '{"a": 1, "a": 2}', diagnostics)
    (one,) = diagnostics
    assert (one.code, one.start, one.related[0].start) == ("duplicate-key", 9, 1)
    assert root is not None
    assert root.plain() == {"a": 1}


def test_byte_order_mark_is_accepted() -> None:
    """A byte order mark before the document is no part of it."""
    root = read("x.json", b"\xef\xbb\xbf{}", Diagnostics())
    assert root is not None
    assert root.start == 0


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ('{"a": True}', "JSON writes true"),
        ("{'a': 1}", None),
        ("{\"a\": 'b'}", "JSON takes double quotes"),
        ('{"a": 1, // why\n}', "JSON has no comments; `description` is free text"),
        ('{"a": [1,]}', "JSON allows no comma after the last entry"),
        ('{"a": "b\nc"}', "write line breaks as \\n"),
    ],
)
def test_usual_slips_have_hints(text: str, hint: str | None) -> None:
    """What authors take for JSON is answered with what JSON wants."""
    diagnostics = Diagnostics()
    assert read("x.json", text, diagnostics) is None
    assert [one.hint for one in diagnostics] == [hint]


def test_depth_is_bounded() -> None:
    """A document may not be nested so deeply that reading it ends in a traceback."""
    diagnostics = Diagnostics()
    assert read("x.json", "[" * 100_000, diagnostics) is None
    assert told(diagnostics) == [f"json: nested more than {MAX_DEPTH} deep"]


def test_not_utf_8_is_reported_at_its_byte() -> None:
    """Bytes that are no UTF-8 are shown where they stand."""
    diagnostics = Diagnostics()
    assert read("x.json", b'{"a": "\xff"}', diagnostics) is None
    (one,) = diagnostics
    assert (one.code, one.start, one.message) == ("encoding", 7, "not UTF-8: byte 0xff")


def test_numbers_that_nothing_can_hold() -> None:
    """Each is reported with all of its digits, and what follows is read all the same."""
    diagnostics = Diagnostics()
    read("c.json", '{"a": 1e400, "b": ' + "9" * 5000 + ', "c": tru}', diagnostics)
    found = sorted(diagnostics, key=lambda one: one.start)
    assert [one.end - one.start for one in found[:2]] == [5, 5000]
    assert len(found) == 3
