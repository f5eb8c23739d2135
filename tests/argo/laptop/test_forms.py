"""The texts of manifests mean what they mean to Argo; all others are refused by name."""

from typing import Any

import pytest

from eas_argo.laptop.forms import FormError, Scope, UnsupportedError, expression, text
from eas_argo.laptop.nodes import State

SCOPE = Scope(
    {"workflow.name": "run-1", "workflow.parameters.seed": "7"},
    {"i": "2", "answers": '{"q0": 1}'},
    {"x": State("Succeeded", {"n": "3", "answers": '{"q0": 0}'}, 1), "y": State("Skipped", {}, 1)},
    item="4",
    retries=1,
)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("plain", "plain"),
        ("", ""),
        ("{{item}}", "4"),
        ("attempt-{{retries}}", "attempt-1"),
        ("{{workflow.name}}/{{workflow.parameters.seed}}", "run-1/7"),
        ("{{inputs.parameters.i}}", "2"),
        ("{{tasks.x.status}}", "Succeeded"),
        ("{{tasks.x.outputs.parameters.n}}", "3"),
        ("{{=asInt(inputs.parameters.i) + 1}}-{{=asInt(inputs.parameters.i) - 1}}", "3-1"),
        ("{{=['a', 'b', 'c'][asInt(inputs.parameters.i)]}}", "c"),
        ("{{=[[1, 2], [3, 4]][0][1]}}", "2"),
        ("{{=asInt(inputs.parameters.i) == 2}}", "true"),
        ("{{=inputs.parameters.i == 2}}", "false"),  # a parameter is a text
        ("{{=inputs.parameters.i != '2'}}", "false"),
        ("{{=fromJSON(tasks['x'].outputs.parameters.answers)['q0'] == 0}}", "true"),
        ("{{=tasks['y'].outputs?.parameters?.['n'] ?? 'none'}}", "none"),
        ("{{=tasks['x'].outputs?.parameters?.['n'] ?? 'none'}}", "3"),
        ("{{=tasks['x'].status == 'Succeeded' && (false || true) ? 'yes' : 'no'}}", "yes"),
        ("{{=string(-1)}}", "-1"),
        ("{{=1 + 2 * 3}}", "7"),
        ("{{=string(int((asInt(inputs.parameters.i) + 5) / 3))}}", "2"),
        ("{{=min(3, asInt(inputs.parameters['i']) - 1)}}", "1"),
        ("{ lone } braces", "{ lone } braces"),
    ],
)
def test_texts(form: str, value: str) -> None:
    """Tags and expressions are replaced by their values, in JSON where these are no texts."""
    assert text(form)(SCOPE) == value


@pytest.mark.parametrize(
    "form",
    [
        "{{inputs.parameters.none}}",
        "{{tasks.z.status}}",
        "{{tasks.x.outputs.parameters.none}}",
        "{{=tasks['y'].outputs.parameters.n}}",
        "{{=fromJSON(tasks['y'].outputs.parameters.n)}}",
        "{{=fromJSON('{')}}",
        "{{=asInt('0.5')}}",
        "{{=1 / 0}}",
        "{{=2 * '2'}}",
        "{{=min(1, '2')}}",
        "{{=['a'][1]}}",
        "{{=['a'][0 - 1]}}",
        "{{=['a']['0']}}",
        "{{=tasks['x'].none}}",
        "{{=tasks['z'].outputs}}",
        "{{=fromJSON('null')}}",
        "{{=fromJSON('3')['a']}}",
        "{{='a' + 1}}",
        "{{='a' - 'b'}}",
        "{{=1 ? 2 : 3}}",
        "{{='' || true}}",
        "{{=inputs[['a']]}}",
    ],
)
def test_what_has_no_value(form: str) -> None:
    """What is not there, or is of another kind, ends the node in error instead of the engine."""
    with pytest.raises(FormError):
        text(form)(SCOPE)


@pytest.mark.parametrize(
    "form",
    [
        "{{pod.name}}",
        "{{=sprig.upper('a')}}",
        "{{=len('a')}}",
        "{{=1 % 2}}",
        "{{=min(1)}}",
        "{{=asInt('1', '2')}}",
        "{{=1 +}}",
        "{{=}}",
        "{{=(1}}",
        "{{=1)}}",
        "{{=[1}}",
        "{{=[1 2]}}",
        "{{=-'a'}}",
        "{{=inputs.}}",
        "{{=inputs.5}}",
        "{{=1 ? 2}}",
        '{{="a"}}',
        "{{=a = b}}",
    ],
)
def test_what_is_not_known(form: str) -> None:
    """Any other form is refused before something runs, by name."""
    with pytest.raises(UnsupportedError, match="is not known to the embedded engine"):
        text(form)


def test_a_branch_that_is_not_taken_is_not_worked_out() -> None:
    """Operators and choices look at no more than they need."""
    for form in ("true ? true : ['a'][1]", "true || ['a'][1]", "true ?? ['a'][1]", "(false && ['a'][1]) == false"):
        assert expression(form)(SCOPE) is True


def test_expressions_without_braces() -> None:
    """An output of a list is an expression as it stands, and keeps its kind."""
    value: Any = expression("fromJSON(tasks['x'].outputs.parameters.answers)")(SCOPE)
    assert value == {"q0": 0}
