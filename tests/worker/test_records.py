"""Records: what metadata may be, and that nothing is lost or half written."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_worker.records import (
    METADATA_LIMIT_BYTES,
    MetadataError,
    Product,
    check_metadata,
    check_size,
    read_json,
    read_product,
    to_json,
    write_json,
)

KEYS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]*", fullmatch=True)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
METADATA = st.dictionaries(KEYS, SCALARS | st.lists(SCALARS))


@given(METADATA)
def test_metadata_round_trip(metadata: dict[str, object]) -> None:
    """Metadata come back from JSON as they were, each value in its type."""
    back = json.loads(json.dumps(to_json(check_metadata(metadata)), allow_nan=False))
    assert back == metadata
    assert json.dumps(back) == json.dumps(metadata)


@pytest.mark.parametrize("key", ["", "1a", "a-b", "a b", "é", "a\n", "a" * 256, 3])
def test_bad_keys(key: object) -> None:
    """A key is letters, digits and underscores, no digit first, and not endless."""
    with pytest.raises(MetadataError, match="letters, digits and underscores"):
        check_metadata({key: 1})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    "value", [math.nan, math.inf, -math.inf, [1.0, math.nan], np.float64("nan"), np.array([np.inf])]
)
def test_only_finite_numbers(value: object) -> None:
    """NaN and infinity are refused with the key's name."""
    with pytest.raises(MetadataError, match=r"'depth' is .*finite"):
        check_metadata({"depth": value})


@pytest.mark.parametrize("value", [{}, {"a": 1}, [[1]], object(), b"x", 1j, {1}, np.zeros((2, 2))])
def test_only_flat_values(value: object) -> None:
    """Metadata are flat."""
    with pytest.raises(MetadataError, match="'x' must be a number, text, bool, null or a list of these"):
        check_metadata({"x": value})


def test_numpy_becomes_plain() -> None:
    """Numbers and arrays of numpy become Python's own."""
    given = {"a": np.float64(1.5), "b": np.int32(2), "c": np.bool_(True), "d": np.arange(3), "e": [np.float32(0.5)]}
    plain = check_metadata(given)
    assert plain == {"a": 1.5, "b": 2, "c": True, "d": [0, 1, 2], "e": [0.5]}
    assert [type(value) for value in plain.values()] == [float, int, bool, list, list]


def test_size_limit() -> None:
    """A megabyte of JSON is just allowed."""
    check_size({"x": "x" * (METADATA_LIMIT_BYTES - 9)})
    with pytest.raises(MetadataError, match="write such things into a file"):
        check_size({"x": "x" * (METADATA_LIMIT_BYTES - 8)})


def test_product_round_trip(tmp_path: Path) -> None:
    """The record of a product is read as it was written."""
    product = Product("d", "n", "lightcurve", 3, "ab", {"a": [1, None]}, {"run": "r", "path": "/t0", "attempt": 1})
    write_json(tmp_path / "record", product)
    assert read_product(tmp_path / "record") == product


def test_written_whole(tmp_path: Path) -> None:
    """A record that cannot be written leaves the one before, and no draft."""
    write_json(tmp_path / "record", {"a": 1})
    with pytest.raises(TypeError):
        write_json(tmp_path / "record", {"a": object()})
    assert read_json(tmp_path / "record") == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["record"]


def test_no_number_in_a_record(tmp_path: Path) -> None:
    """A number that JSON cannot hold is kept as text rather than losing the record."""
    write_json(tmp_path / "record", {"settings": {"a": math.inf, "b": [math.nan]}})
    assert read_json(tmp_path / "record") == {"settings": {"a": "inf", "b": ["nan"]}}


def test_no_object(tmp_path: Path) -> None:
    """A record is an object."""
    (tmp_path / "record").write_text("[]")
    with pytest.raises(TypeError, match="record is no JSON object"):
        read_json(tmp_path / "record")
