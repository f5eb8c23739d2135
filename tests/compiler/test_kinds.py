"""What tasks emit is known to whoever uses it: names, types and units."""

import json
from pathlib import Path
from typing import Any

import pytest

from eas_compiler.compile import Options, check
from tests.compiler.compiling import checked, choose, codes, loop, make, repeat, told

SEARCH = {
    "task": "transit_search_bls_reference",
    "name": "search",
    "inputs": {"lightcurve": "star.gz"},
    "lc_duration": 90,
}
REGISTRY = Path(__file__).parents[2] / "registry.yaml"


def asked(expression: str, **fields: Any) -> list[str]:
    """Return what is found when a task asks for the metadata of another one."""
    task = {"task": "make", "outputs": {"file": "g"}, "requires_metadata_from": ["a"], **fields, "c": expression}
    return codes(checked(make("f", "a"), task).diagnostics)


@pytest.mark.parametrize(
    "expression",
    [
        "a['text'] + 1",
        "1 + a['text']",
        "a['n'] == 'x'",
        "'x' != a['flag']",
        "a['n'] < 'x'",
        "1 < a['n'] <= a['text']",
        "sqrt(a['text'])",
        "abs(a['items'])",
        "a['n'].upper()",
        "a['n'][0]",
        "-a['text']",
        "len(a['x'])",
        "'a' in a['x']",
        "a['n'] in a['text']",
        "a['text'] / 2",
        "a['text'] - a['text']",
        "(1 if a['flag'] else 2) + a['text']",
        "[1 for one in a['items'] if a['text'] > 2]",
        "'{}'.format(a['text'] * a['x'] - 'x')",
    ],
)
def test_types_that_do_not_go_together(expression: str) -> None:
    """What Python would refuse when the chain runs, or what can never be equal, is found beforehand."""
    assert asked(f"({expression})".replace("a[", "requested_metadata['a'][")) == ["metadata-type"]


@pytest.mark.parametrize(
    "expression",
    [
        "a['text'] + 'x'",
        "a['n'] + a['x'] * 2 - True",
        "a['text'] * 2",
        "'%s %d' % (a['text'], a['n'])",
        "a['text'] == None or a['text'] is None",
        "a['n'] == a['x'] == a['flag']",
        "a['items'][0] + 'anything'",
        "a['items'] + [1]",
        "a['text'] in a['items']",
        "a['text'][0].upper()",
        "len(a['text'])",
        "[one['key'] for one in a['items']]",
        "{a['text']: a['n']}[a['text']]",
        "(a['text'] if a['flag'] else a['n']) + 1",
        "sum(a['items'])",
        "round(a['x'], 2) < 3",
        "[a for a in [[1], [2]]][0][0]",
    ],
)
def test_types_that_may_go_together(expression: str) -> None:
    """Nothing is said of what may be meant."""
    assert asked(f"({expression})".replace("a['", "requested_metadata['a']['")) == []


@pytest.mark.parametrize(
    ("setting", "key", "good"),
    [
        ("a", "x", True),
        ("a", "n", True),
        ("a", "text", False),
        ("a", "flag", False),
        ("b", "text", True),
        ("b", "n", False),
        ("c", "items", True),
    ],
)
def test_settings_take_metadata_of_their_type(setting: str, key: str, good: bool) -> None:  # noqa: FBT001 - of a table
    """A setting that is made of metadata must be of its type, as far as that is certain."""
    expression = f"(requested_metadata['a']['{key}'])"
    task = {"task": "make", "outputs": {"file": "g"}, "requires_metadata_from": ["a"], setting: expression}
    assert codes(checked(make("f", "a"), task).diagnostics) == ([] if good else ["setting"])


@pytest.mark.parametrize(
    ("count", "found"),
    [
        ("a['n']", []),
        ("a['n'] * 2 + 1", []),
        ("round(a['x'])", []),
        ("a['x']", ["setting"]),
        ("a['n'] / 2", ["setting"]),
    ],
)
def test_integers_are_no_floats(count: str, found: list[str]) -> None:
    """A number that may have a fraction is no integer; rounded it is one."""
    expression = f"({count})".replace("a['", "requested_metadata['a']['")
    task = {"task": "tune", "requires_metadata_from": ["a"], "count": expression}
    assert codes(checked(make("f", "a"), task).diagnostics) == found


def test_criteria_are_bools() -> None:
    """A criterion that gives a text or number is told so before the chain runs."""
    for key, found in (("flag", []), ("text", ["criterion"]), ("x", ["criterion"])):
        one = choose(f"(requested_metadata['a']['{key}'])", [{"task": "null"}], requires_metadata_from=["a"])
        assert codes(checked(make("f", "a"), one).diagnostics) == found
    again = repeat(
        "n",
        "(requested_metadata['b']['text'])",
        make("'g_{n_index}'.format(**metadata)", "b"),
        requires_metadata_from_child=["b"],
    )
    assert codes(checked(again).diagnostics) == ["criterion"]


def test_ranges_are_lists_of_values() -> None:
    """A loop over metadata goes over a list, and its ends are numbers."""
    for field, value, found in (
        ("values", "(requested_metadata['a']['items'])", []),
        ("values", "(requested_metadata['a']['n'])", ["loop-range"]),
        ("values", ["(requested_metadata['a']['text'])"], []),
        ("values", ["(requested_metadata['a']['items'])"], ["loop-range"]),
        ("linear_range", [0, "(requested_metadata['a']['x'])", 3], []),
        ("linear_range", [0, "(requested_metadata['a']['text'])", 3], ["loop-range"]),
    ):
        body = [{"task": "null", "seconds": "(metadata['i'])"}]
        one = {"task": "execution_for_loop", "parameter": "i", field: value, "task_list": body}
        assert codes(checked(make("f", "a"), {**one, "requires_metadata_from": ["a"]}).diagnostics) == found


def test_metadata_of_flow_control() -> None:
    """A loop gives a list of its iterations, other flow control an object, each with its tasks by name."""
    inside = make("'f_{i_index}'.format(**metadata)", "one")
    ask = {"task": "lazy", "requires_metadata_from": ["all"]}
    for text, found in (
        ("all[0]['one']['n']", []),
        ("max(each['one']['n'] for each in all)", []),
        ("max(each['one']['m'] for each in all)", ["unknown-metadata"]),
        ("all[-1]['two']['n']", ["unknown-metadata"]),
        ("all['one']['n']", ["metadata-type"]),
        ("len(all)", []),
    ):
        task = {**ask, "c": f"({text.replace('all', 'requested_metadata[' + repr('all') + ']')})"}
        assert codes(checked(loop("i", [1, 2], inside, name="all"), task).diagnostics) == found, text


def test_unknown_metadata_shows_both_places() -> None:
    """Who asks for what nobody emits is told who does not, and what that task emits."""
    task = {"task": "lazy", "requires_metadata_from": ["a"], "c": "(requested_metadata['a']['txet'])"}
    (one,) = checked(make("f", "a"), task).diagnostics
    assert (one.message, one.hint) == ("'a' emits no 'txet'", "did you mean 'text'?")
    assert one.source.text[one.start : one.end] == "'txet'"
    (second,) = one.related
    assert second.source.text[second.start : second.end] == '"a"'


@pytest.mark.parametrize(
    ("field", "expression", "found"),
    [
        ("seconds", "(search['duration'])", ["metadata-unit"]),
        ("seconds", "(search['duration'] * 86400)", []),
        ("seconds", "(abs(search['period'] - search['duration']))", ["metadata-unit"]),
        ("seconds", "(search['power'])", []),
        ("seconds", "(search['period'] + search['power'])", ["metadata-unit"]),
    ],
)
def test_units_are_not_mixed_up(field: str, expression: str, found: list[str]) -> None:
    """A quantity that is handed on as it is has the unit of the setting."""
    task = {
        "task": "null",
        "requires_metadata_from": ["search"],
        field: expression.replace("search[", "requested_metadata['search']["),
    }
    data = json.dumps({"task_list": [SEARCH, task]}).encode()
    result = check("x.json", data, Options(registry=REGISTRY)).diagnostics
    assert codes(result) == found, told(result)


def test_units_are_not_compared() -> None:
    """Days and seconds are neither compared nor added."""
    made = {"task": "synthesis_batman", "name": "made", "outputs": {"lightcurve": "star.gz"}}
    search = {**SEARCH, "requires_metadata_from": ["made"]}
    for text in ("search['duration'] > made['sampling_cadence']", "search['period'] + made['sampling_cadence'] > 1"):
        for name in ("search", "made"):
            text = text.replace(f"{name}[", f"requested_metadata['{name}'][")  # noqa: PLW2901 - it becomes longer
        one = choose(f"({text})", [{"task": "null"}], requires_metadata_from=["search", "made"])
        data = json.dumps({"task_list": [made, search, one]}).encode()
        assert codes(check("x.json", data, Options(registry=REGISTRY)).diagnostics) == ["metadata-unit"]
