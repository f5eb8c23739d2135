"""The fast reader of YAML agrees with PyYAML, or gives up."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eas_compiler import plain_yaml, yaml_reader
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.source import Node, Source

ROOT = Path(__file__).parents[2]
WORDS = st.sampled_from(
    "a b_c d-e yes no null true on ~ 1 -2 0.5 1e3 012 0x1 1_0 2001-01-01 .inf = << 'q' \"r\"".split()
)
PLAIN = st.sampled_from(
    [
        "a text",
        "As in specs.",
        "[s]",
        "b, c",
        "x: y",
        "a #b",
        "a#b",
        "(1 + 1)",
        "*x",
        "&x 1",
        "-m",
        "- m",
        "${x}",
        "/eas",
        "%",
        "@",
    ]
)
LINES = st.lists(
    st.builds(
        lambda indent, key, value, tail: f"{' ' * indent}{key}{value}{tail}",
        st.sampled_from([0, 2, 4]),
        st.sampled_from(
            ["k:", "l: ", "m: ", "- ", "- n: ", '"o": ', "p: &x ", "q: *x", "# ", "", "r: >-", "s: {", "t: ["]
        ),
        WORDS | PLAIN | st.sampled_from(["", "{a: 1, b: [x, y]}", "{a: 1", "]", "}", "{a: {b: c}}"]),
        st.sampled_from(["", "", " # why", " ", "}", "]"]),
    ),
    max_size=7,
)


def assert_same(one: Node, two: Node) -> None:
    """Assert that two nodes have the same values at the same places."""
    assert (one.start, one.key_start, one.key_end) == (two.start, two.key_start, two.key_end)
    assert type(one.value) is type(two.value)
    if isinstance(one.value, dict):
        assert list(one.value) == list(two.value)
    elif not isinstance(one.value, list):
        assert (one.value, one.end) == (two.value, two.end)
    for (_, child), (_, other) in zip(one.children(), two.children(), strict=True):
        assert_same(child, other)


def with_pyyaml(text: str) -> tuple[Node | None, Diagnostics]:
    """Read a text with PyYAML."""
    diagnostics = Diagnostics()
    return yaml_reader._read_with_pyyaml(Source("x.yaml", text), diagnostics), diagnostics


@pytest.mark.parametrize(
    "path",
    [ROOT / "registry.yaml", ROOT / "tests/property/registry.yaml", *(ROOT / "templates").glob("*.yaml")],
    ids=lambda path: path.stem,
)
def test_reads_what_the_project_ships(path: Path) -> None:
    """Registry and templates need no PyYAML: it would take longer to load than a chain to compile."""
    text = path.read_text(encoding="utf-8")
    root = plain_yaml.read(Source(str(path), text))
    expected, _ = with_pyyaml(text)
    assert root is not None
    assert expected is not None
    assert_same(root, expected)


@given(LINES)
def test_agrees_or_gives_up(lines: list[str]) -> None:
    """Whatever is read without PyYAML has the values and places that PyYAML gives it, and no mistakes."""
    text = "".join(f"{line}\n" for line in lines)
    root = plain_yaml.read(Source("x.yaml", text))
    if root is not None:
        expected, diagnostics = with_pyyaml(text)
        assert not list(diagnostics)
        assert expected is not None
        assert_same(root, expected)


SCALARS = st.text() | st.integers() | st.booleans() | st.none() | st.floats(allow_nan=False)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10)


@given(st.dictionaries(st.sampled_from("abcde"), VALUES, min_size=1), st.sampled_from([True, False, None]))
def test_agrees_on_what_pyyaml_writes(value: Any, style: bool | None) -> None:  # noqa: FBT001 - drawn
    """Documents that PyYAML has written are read as PyYAML reads them, or not at all."""
    text = yaml.safe_dump(value, default_flow_style=style)
    root = plain_yaml.read(Source("x.yaml", text))
    assert root is None or root.plain() == yaml.safe_load(text)


def test_aliases_cannot_fill_the_memory() -> None:
    """Each alias counts with all that it stands for, so that a billion of laughs end at the bound."""
    lines = ["a0: &a0 {x: 1}"] + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    text = "\n".join(lines) + "\n"
    assert plain_yaml.read(Source("x.yaml", text)) is None
    _, diagnostics = with_pyyaml(text)
    assert [one.message for one in diagnostics] == ["the document is too large"]
