"""YAML documents, with all that is wrong in them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_compiler import yaml_reader
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.source import Source
from tests.compiler.compiling import told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", ["duplicate-key: the key 'a' is there twice"]),
        ("null: 1\n", ["registry: a key must be a text"]),
        ("", ["yaml: the document is empty"]),
        ("a: [1\n", ["yaml: while parsing a flow sequence, did not find expected ',' or ']'"]),
        ("a: *b\n", ["yaml: found undefined alias"]),
    ],
)
def test_mistakes_are_reported(text: str, expected: list[str]) -> None:
    """What is no YAML, or no document, is a diagnostic at its place."""
    diagnostics = Diagnostics()
    yaml_reader.read(Source("x.yaml", text), diagnostics)
    assert told(diagnostics) == expected


@given(st.text(alphabet="ab:-{}[],&*!|>'\"#%@ \n\t", max_size=30))
def test_any_text_is_read_or_reported(text: str) -> None:
    """No text makes an exception."""
    diagnostics = Diagnostics()
    root = yaml_reader.read(Source("x.yaml", text), diagnostics)
    assert root is not None or len(diagnostics) == 1


def test_all_of_yaml_is_known() -> None:
    """What the fast reader leaves alone is read all the same."""
    root = yaml_reader.read(Source("x.yaml", "a: |\n  x\n   y\nb: 0x1F\nc: yes\nd: 1e3\n"), Diagnostics())
    assert root is not None
    assert root.plain() == {"a": "x\n y\n", "b": 31, "c": True, "d": "1e3"}
