"""Fields of documents, and the chain's parameters."""

from eas_compiler.diagnostics import Diagnostics
from eas_compiler.document import Parameters, members, static
from tests.compiler.compiling import checked, codes, make, node, told


def test_unknown_key_is_an_error_with_a_hint() -> None:
    """A key that nothing knows is reported, with the one that was meant perhaps."""
    diagnostics = Diagnostics()
    assert list(members(node({"task_lits": []}), {"task_list": list}, diagnostics, "a chain")) == []
    assert [one.hint for one in diagnostics] == ["did you mean 'task_list'?"]


def test_wrong_type_is_an_error() -> None:
    """A value of another type is reported and left out."""
    diagnostics = Diagnostics()
    assert members(node({"tags": "a"}), {"tags": list}, diagnostics, "a chain") == {}
    assert told(diagnostics) == ["type: tags must be a list, not a text"]


def test_parameters_refer_to_each_other_in_any_order() -> None:
    """A parameter may use one that is written after it, at any depth."""
    given = {"a": node(["(parameters['b'] + 1)"]), "b": node(1)}
    assert Parameters(given, {}, Diagnostics()).all() == {"a": [2], "b": 1}


def test_override_stands_for_the_parameter_everywhere() -> None:
    """What `--set` gives is seen by the parameters that use it."""
    given = {"a": node("(parameters['b'] + 1)"), "b": node(1)}
    assert Parameters(given, {"b": 5}, Diagnostics()).all() == {"a": 6, "b": 5}


def test_circle_of_parameters_is_shown_whole() -> None:
    """Parameters that need each other are reported once, with the way round."""
    diagnostics = Diagnostics()
    Parameters({"a": node("(parameters['b'])"), "b": node("(parameters['a'])")}, {}, diagnostics).all()
    assert told(diagnostics) == ["parameter-circle: parameters refer to each other in a circle: a → b → a"]


def test_broken_parameter_is_reported_where_it_is_defined_only() -> None:
    """Whoever uses a broken parameter is not blamed for it."""
    found = checked(make("f", a="(parameters['p'])"), parameters={"p": "(1 / 0)"})
    assert codes(found.diagnostics) == ["expression"]


def test_parameters_know_no_loops() -> None:
    """Parameters are static."""
    diagnostics = Diagnostics()
    Parameters({"a": node("(metadata['i'])")}, {}, diagnostics).all()
    assert told(diagnostics) == ["expression: metadata is not known in `parameters`"]


def test_static_folds_at_any_depth() -> None:
    """Expressions in lists and objects are replaced by their values, keys are not."""
    given = node({"(k)": ["(1 + parameters['a'])"]})
    assert static(given, {"a": 1}, Diagnostics()) == {"(k)": [2]}
