"""The forms of Argo expressions that manifests use."""

import json
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_argo.laptop import forms as engine
from eas_compiler import forms
from eas_compiler.names import Domain, Index, Table
from eas_compiler.tree import IndexTable, Scope, Variable

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def scope(**domains: Domain) -> Scope:
    """Return a scope with loops."""
    variables = (Variable(name, name, domain, {}, frozenset(), False, {}) for name, domain in domains.items())
    return Scope(tuple(variables), {}, {})


@given(TEXTS)
def test_keys_are_percent_encoded(text: str) -> None:
    """An author's name reaches the repository unchanged, and Argo sees nothing in it that it knows."""
    encoded = forms.encoded(text)
    assert encoded == quote(text, safe="/")
    assert unquote(encoded) == text
    assert not set("{}$'\"\\ ") & set(encoded)


@given(st.recursive(TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner), max_leaves=5))
def test_escaped_json_is_the_same_json(value: object) -> None:
    """In a description there is neither a tag of Argo nor a variable of the kubelet, and it means the same."""
    escaped = forms.escaped(json.dumps(value))
    assert "{{" not in escaped
    assert "$" not in escaped
    assert json.loads(escaped) == value


TABLE = IndexTable(("i", "j"), {(0, 1): 1, (0, 2): 0, (1, 1): 0})


@pytest.mark.parametrize(("i", "j", "answer"), [(0, 1, "1"), (0, 2, "0"), (1, 1, "0"), (1, 2, "0")])
def test_tables_are_looked_up_by_index(i: int, j: int, answer: str) -> None:
    """The engine looks up what the compiler wrote; entries of iterations that do not exist are 0."""
    text = "{{=" + forms.lookup(TABLE, scope(i=Domain(0, 1), j=Domain(1, 2))) + "}}"
    assert text == "{{=[[1,0],[0,0]][asInt(inputs.parameters.i)][asInt(inputs.parameters.j) - 1]}}"
    assert engine.text(text)(_values(i=str(i), j=str(j))) == answer


def test_constant_needs_no_table() -> None:
    """What is the same everywhere is written as it is."""
    assert forms.lookup(IndexTable((), {(): 5}), scope()) == "5"


def test_key_of_a_family() -> None:
    """Indices, offsets and tables each have their form."""
    pattern = ("d/f ", Index("i", 0), "_", Index("i", -1), Table(("i",), {(0,): "a'", (1,): "b"}))
    text = forms.key(pattern, scope(i=Domain(0, 1)))
    head = "d/f%20{{inputs.parameters.i}}_{{=asInt(inputs.parameters.i) - 1}}"
    assert text == head + "{{=['a%27','b'][asInt(inputs.parameters.i)]}}"
    assert engine.text(text)(_values(i="1")) == "d/f%201_0b"


def _values(**parameters: str) -> engine.Scope:
    return engine.Scope(workflow={}, parameters=parameters, tasks={})
