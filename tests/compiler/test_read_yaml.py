"""Chains in YAML: the same as in JSON, with the same places, and nothing that readers of YAML take in two ways."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings

from eas_compiler.compile import check, compile_chain
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.fit import Limits
from eas_compiler.read import read
from tests.compiler.compiling import OPTIONS, REGISTRY, told
from tests.property.chains import Case, cases

CHAINS = sorted((REGISTRY.parents[2] / "chains").glob("*.json"))


def without_places(value: Any) -> Any:
    """Return a manifest without the places in the author's file."""
    if isinstance(value, dict):
        kept = {key: without_places(one) for key, one in value.items() if key not in {"eas/source", "source", "place"}}
        return {key: one for key, one in kept.items() if key != "places"}
    if isinstance(value, list):
        return [without_places(one) for one in value]
    if isinstance(value, str) and value.startswith("{"):
        try:
            return without_places(json.loads(value))
        except ValueError:
            return value
    return value


@given(cases(budget=8))
@settings(max_examples=25, deadline=None)
def test_yaml_and_json_give_the_same_manifest(case: Case) -> None:
    """The same chain in both gives the same manifest, but for the places in the file."""
    texts = {"chain.json": json.dumps(case.chain), "chain.yaml": yaml.safe_dump(case.chain, sort_keys=False)}
    whole = OPTIONS._replace(limits=Limits(*[10**9] * 3))  # what is cut says once what its parts share, places and all
    found = [compile_chain(name, text.encode(), whole)[0] for name, text in texts.items()]
    assert found[0] is not None
    assert without_places(found[0]) == without_places(found[1])


@pytest.mark.parametrize("path", CHAINS, ids=lambda path: path.stem)
def test_demo_chains_are_the_same_in_yaml(path: Path) -> None:
    """A chain that is written by hand says the same in YAML."""
    document = json.loads(path.read_text(encoding="utf-8"))
    root = read("chain.yml", yaml.safe_dump(document, allow_unicode=True), Diagnostics())
    assert root is not None
    assert root.plain() == document


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("yes", "YAML 1.1 takes this for a bool; only true and false are"),
        ("No", "YAML 1.1 takes this for a bool; only true and false are"),
        ("010", "YAML 1.1 takes this for a number of another base or with signs between digits"),
        ("1_000", "YAML 1.1 takes this for a number of another base or with signs between digits"),
        ("1:30", "YAML 1.1 takes this for a number of another base or with signs between digits"),
        ("1e3", "readers of YAML do not agree whether this is a number"),
        (".inf", "this is no number of JSON: 0.5, 1e-3 and 12 are"),
        ("2026-11-21", "YAML 1.1 takes this for a date"),
        ("~", "this is null to YAML, which is written null"),
        ("!!binary aGk=", "the tag tag:yaml.org,2002:binary means nothing in a chain"),
    ],
)
def test_words_that_are_two_things_are_refused(value: str, message: str) -> None:
    """What YAML takes for something else than it looks like has to be quoted, and is a text then."""
    text = "task_list:\n- {task: lazy, c: %s}\n"
    found = check("chain.yaml", (text % value).encode(), OPTIONS)
    assert told(found.diagnostics)[0] == f"yaml: {message}"
    (first, *_) = found.diagnostics
    assert first.source.location(first.start) == (2, 19)
    quoted = check("chain.yaml", (text % f'"{value}"').encode(), OPTIONS)
    assert not quoted.diagnostics.errors


def test_values_of_json_are_taken() -> None:
    """Numbers, words, texts in all styles, comments and anchors are as in JSON."""
    text = """\
a: [1, -0.5, 1.0e+3, true, null, plain text, 'it''s', "\\x41"]  # a comment
b: &x {c: 1}
d: *x
e: |
  two
  lines
"""
    root = read("c.yaml", text, Diagnostics())
    assert root is not None
    assert root.plain() == {
        "a": [1, -0.5, 1000.0, True, None, "plain text", "it's", "A"],
        "b": {"c": 1},
        "d": {"c": 1},
        "e": "two\nlines\n",
    }


@pytest.mark.parametrize("text", ["\"(metadata['x'])\"", "'(metadata[''x''])'", "(metadata['x'])"])
def test_places_in_expressions_are_right(text: str) -> None:
    """The place of a mistake in an expression is found in each style of texts."""
    found = check("c.yaml", f"task_list:\n- task: lazy\n  a: {text}\n".encode(), OPTIONS)
    (first,) = found.diagnostics
    assert first.message == "unknown loop variable 'x'"
    assert first.source.text[first.start : first.end].replace("''", "'") == "metadata['x']"


def test_standard_input_is_sniffed() -> None:
    """What comes without a name is JSON when it begins as JSON does."""
    for text in (b"task_list:\n- task: lazy\n", b'\n{"task_list": [{"task": "lazy"}]}'):
        assert not check("<stdin>", text, OPTIONS).diagnostics.errors


@pytest.mark.parametrize(
    ("text", "told_first"),
    [
        ("a: 1\na: 2\n", "duplicate-key: the key 'a' is there twice"),
        ("<<: {a: 1}\n", "yaml: keys of others are not merged"),
        ("1: 2\n", "yaml: a key must be a text"),
        ("a: !thing {b: 1}\n", "yaml: the tag !thing means nothing in a chain"),
        ("a: 1\n---\nb: 2\n", "yaml: expected a single document in the stream, but found another document"),
        ("", "json: the document ends here; expected a value"),
    ],
)
def test_what_json_cannot_say_is_refused(text: str, told_first: str) -> None:
    """Keys that are no texts, merges, tags and several documents are mistakes."""
    diagnostics = Diagnostics()
    read("c.yaml" if text else "c.json", text, diagnostics)
    assert told(diagnostics)[0] == told_first


def test_bombs_of_aliases_end() -> None:
    """Aliases that grow without end are refused at a bound."""
    levels = "".join(f"l{at}: &l{at} [{', '.join([f'*l{at - 1}'] * 9)}]\n" for at in range(1, 9))
    diagnostics = Diagnostics()
    read("c.yaml", f"l0: &l0 [1, 1]\n{levels}", diagnostics)
    assert "the document is too large" in "".join(told(diagnostics))


@pytest.mark.parametrize("text", ["!celsius 3", "!!set [a]", "!!python/object/apply:os.system {a: 1}", "!!bool 3"])
def test_tags_mean_nothing(text: str) -> None:
    """A tag is refused, whatever stands behind it, and told once."""
    found = check("c.yaml", f"task_list:\n- task: lazy\n  a: {text}\n".encode(), OPTIONS)
    assert {one.code for one in found.diagnostics} == {"yaml"}


def test_the_tag_of_texts() -> None:
    """What is said to be a text is one."""
    found = check("c.yaml", b"task_list:\n- task: !!str null\n- task: lazy\n  name: !!str 12\n", OPTIONS)
    assert not found.diagnostics.errors


def test_what_is_refused_is_told_once() -> None:
    """That a scalar is no text follows from that it is refused."""
    found = check("c.yaml", b"task_list:\n- task: lazy\n  name: yes\n", OPTIONS)
    assert [one.code for one in found.diagnostics] == ["yaml"]
