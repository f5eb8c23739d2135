"""Chains in one layout."""

import json
import re
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from eas_compiler.compile import Options, compile_chain
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.layout import laid_out
from eas_compiler.read import read
from tests.compiler.compiling import OPTIONS
from tests.property.chains import Case, cases

ROOT = Path(__file__).parents[2]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def formatted(text: str) -> str:
    """Return the layout of a text that is JSON."""
    diagnostics = Diagnostics()
    root = read("x.json", text, diagnostics)
    assert root is not None
    assert not diagnostics.errors
    return laid_out(root)


def manifest(text: str, options: Options) -> str:
    """Return what a chain is compiled to, without the places in its text."""
    workflow, _ = compile_chain("x.json", text.encode("utf-8", "surrogatepass"), options)
    assert workflow is not None
    return re.sub(r"\b\d+:\d+\b", "", json.dumps(workflow))


@given(VALUES)
def test_values_are_kept(value: Any) -> None:
    """Whatever JSON can say is the same afterwards, and is not changed again."""
    text = formatted(json.dumps(value))
    assert json.loads(text) == value
    assert formatted(text) == text


@given(cases())
@settings(max_examples=10)
def test_manifests_are_kept(case: Case) -> None:
    """A chain means the same in the layout, and the layout is that of itself."""
    text = json.dumps(case.chain)
    after = formatted(text)
    assert manifest(after, OPTIONS) == manifest(text, OPTIONS)
    assert formatted(after) == after


def test_demo_chains_mean_the_same() -> None:
    """The chains that come with EAS compile to the same manifest."""
    options = Options(registry=ROOT / "registry.yaml", seed="1")
    for chain in (ROOT / "chains").glob("*.json"):
        text = chain.read_text(encoding="utf-8")
        assert manifest(formatted(text), options) == manifest(text, options)


def test_layout() -> None:
    """The language's keys have an order, others keep theirs; what is flat stands on a line."""
    given_text = (
        '{"task_list":[{"seconds":1e0,"b":"\\u00e9","name":"n","task":"null","inputs":{"z":"f","a":"g"}},'
        '{"task":"null"}],"tags":["a","b"],"job_name":"j","parameters":{}}'
    )
    assert formatted(given_text) == (
        "{\n"
        '  "job_name": "j",\n'
        '  "tags": ["a", "b"],\n'
        '  "parameters": {},\n'
        '  "task_list": [\n'
        "    {\n"
        '      "task": "null",\n'
        '      "name": "n",\n'
        '      "seconds": 1e0,\n'
        '      "b": "é",\n'
        '      "inputs": {"z": "f", "a": "g"}\n'
        "    },\n"
        '    {"task": "null"}\n'
        "  ]\n"
        "}\n"
    )


def test_what_cannot_be_seen_is_escaped() -> None:
    """Control characters, marks of direction and halves of pairs do not hide in a laid out text."""
    text = formatted('["a\\u202eb\\u0000\\ud800\u200b\U0001f52d"]')
    assert text == '["a\\u202eb\\u0000\\ud800\\u200b\U0001f52d"]\n'
