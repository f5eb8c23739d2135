"""Manifests as text that every reader takes for the same."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from eas_compiler.emit import to_json, to_yaml

NASTY = st.sampled_from(
    [
        "",
        " ",
        "yes",
        "No",
        "ON",
        "y",
        "n",
        "null",
        "~",
        "1",
        "1.0",
        "0x1",
        "1e3",
        ".5",
        "-",
        "- a",
        "a: b",
        "a #b",
        "*a",
        "&a",
        "!a",
        "|",
        ">",
        "%",
        "@",
        "`",
        "'",
        "''",
        '"',
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        "a\nb",
        "\t",
        "\x7f",
        "\x85",
        "\xa0",
        "\u2028",
        "\ufeff",
        "\u202e",
        "😀",
        "é",
        "---",
        "...",
        "?",
        "2001-01-01",
        "12:30:45",
        "=",
        "<<",
        "{{x}}",
        "/eas/x",
        "a/b.c-d",
        "x" * 300,
        "'\" both",
        "trailing ",
        ": ",
    ]
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | NASTY
SCALARS = TEXTS | st.integers() | st.booleans() | st.none() | st.floats(-1e6, 1e6)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=20
)
OBJECTS = st.dictionaries(TEXTS, VALUES, min_size=1, max_size=5)


@given(OBJECTS)
def test_yaml_is_read_back(value: dict[str, Any]) -> None:
    """What is written as YAML is read as it was, however nasty its texts."""
    assert yaml.safe_load(to_yaml(value)) == value


@given(st.dictionaries(st.text(), VALUES))
def test_json_is_read_back(value: dict[str, Any]) -> None:
    """What is written as JSON is read as it was, and is ASCII."""
    text = to_json(value)
    assert json.loads(text) == value
    assert text.isascii()


@given(TEXTS)
def test_no_reader_of_yaml_1_1_sees_anything_but_text(text: str) -> None:
    """A text without quotes begins with a letter or a slash and is none of the words of YAML 1.1."""
    written = to_yaml({"k": text}).removeprefix("k: ")
    if written[0] not in "\"'":
        assert written[0].isalpha() or written[0] == "/"
        assert text.lower() not in {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"}


@given(TEXTS)
def test_nothing_is_hidden_from_who_reads(text: str) -> None:
    """No control character, invisible space or mark of direction stands in a manifest as it is."""
    written = to_yaml({"k": text})[:-1]
    hidden = {
        *map(chr, range(32)),
        *map(chr, range(127, 161)),
        *"\u200e\u200f\u2028\u2029\u202a\u202b\u202c\u202d\u202e\ufeff",
    }
    assert not hidden & set(written)


@pytest.mark.parametrize("word", ["y", "N", "yes", "off", "True", "NULL"])
def test_words_of_yaml_1_1_are_quoted(word: str) -> None:
    """A parameter named `n` must not become a bool."""
    assert to_yaml({word: word}) == f'"{word}": "{word}"\n'


def test_short_things_stand_on_one_line() -> None:
    """What fits a line is written on it; only the last text in it may be longer."""
    value = {"a": [{"name": "x", "value": "y" * 200}, {"b": {"c": []}}], "d": {}, "e": "it's"}
    long = "y" * 200
    assert to_yaml(value) == f"""a:\n- {{name: x, value: {long}}}\n- {{b: {{c: []}}}}\nd: {{}}\ne: "it's"\n"""


def test_json_in_texts_can_be_read() -> None:
    """A description stands in single quotes, in which its own need no escape."""
    assert to_yaml({"v": '{"a":"it\'s"}'}) == """v: '{"a":"it''s"}'\n"""


def test_lists_in_lists_are_blocks() -> None:
    """Whatever is too long for a line is read back all the same."""
    value = {"a": [[{"b": "x" * 90, "c": ["y" * 90, {"d": "z" * 90, "e": [1, [2]]}]}]]}
    assert yaml.safe_load(to_yaml(value)) == value


def test_long_lists_are_lines_of_json() -> None:
    """What nobody reads by eye is written fast, and every reader of YAML takes it for the same."""
    entry = {"x": 'a\u202eb\x00\x7f\x85\U0001f52d"\\ {{=x}} ü', "n": None, "t": True, "i": 3, "k y": [1, {}, "\n"]}
    workflow = {"spec": {"templates": [{**entry, "number": number} for number in range(500)]}}
    text = to_yaml(workflow)
    assert yaml.safe_load(text) == workflow
    assert len(text.splitlines()) == 502
