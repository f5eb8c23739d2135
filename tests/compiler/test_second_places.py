"""Where two places are involved in a mistake, both are shown: in text, in JSON and in SARIF."""

import json
from typing import Any

import pytest

from eas_compiler import render, sarif
from eas_compiler.compile import check
from tests.compiler.compiling import OPTIONS, choose, loop, make, repeat, text_of, use

Json = dict[str, Any]
LATE: Json = {"requires_metadata_from": ["a"]}
A = make("g", "a")
JOIN = {"task": "join", "inputs": {"files": "f_*"}}
INDEX = "'f_{i_index}'.format(**metadata)"
ASKS = {"task": "lazy", "requires_metadata_from": ["a", "b"]}
TWO = "(requested_metadata['a']['n'] + requested_metadata['b']['text'])"


def ranged(name: str, **forms: Any) -> Json:
    """Write a loop over ranges."""
    return {"task": "execution_for_loop", "parameter": name, **forms, "task_list": [{"task": "null"}]}


CHAINS: dict[str, tuple[Any, str, list[tuple[str, str]]]] = {
    "two tasks make a file": ([make("f"), make("f")], "two-producers", [('"f"', "the first makes it here")]),
    "a loop makes a file again": ([loop("i", [1, 2], make("f"))], "two-producers", [('"i"', "the loop over 'i'")]),
    "a do-while makes a file again": (
        [repeat("n", "(metadata['n_index'] < 2)", make("f"))],
        "two-producers",
        [('"n"', "the do-while over 'n'")],
    ),
    "shards make a file again": ([make("f", shards=2)], "two-producers", [("2", "the shards are said here")]),
    "a loop hides another": (
        [loop("i", [1, 2], loop("i", [3, 4], make(INDEX)))],
        "two-producers",
        [('"i"', "the loop over 'i'"), ('"i"', "the loop over 'i'")],
    ),
    "loops make one name": (
        [loop("i", [1, 2], loop("j", [1, 2], make("'f_{}'.format(metadata['i_index'] * metadata['j_index'])")))],
        "two-producers",
        [('"i"', "the loop over 'i'"), ('"j"', "the loop over 'j'")],
    ),
    "a name is there twice": ([make("f", "a"), make("g", "a")], "duplicate-name", [('"a"', "first here")]),
    "a name is there later": ([make("f", **LATE), A], "later-name", [('"a"', "it is here")]),
    "a file in a loop": (
        [loop("i", [1, 2], make(INDEX)), use("f_0")],
        "out-of-reach",
        [(f'"{INDEX}"', "it is made here")],
    ),
    "files of other iterations": (
        [loop("i", [1, 2], make(INDEX), JOIN)],
        "out-of-reach",
        [(f'"{INDEX}"', "they are made here"), ('"i"', "the loop over 'i'")],
    ),
    "a glob that nearly matches": (
        [make("found_1"), {"task": "join", "inputs": {"files": "fuond_?"}}],
        "nothing-to-gather",
        [('"found_1"', "this one is made here")],
    ),
    "two ranges": (
        [ranged("i", values=[1, 2], linear_range=[1, 2, 3])],
        "loop-range",
        [("[1, 2]", "this is one")],
    ),
    "a late value in a name": (
        [A, loop("i", "(requested_metadata['a']['items'])", make("'f_{i}'.format(**metadata)"), **LATE)],
        "late-name",
        [('"i"', "the loop over 'i'")],
    ),
    "do-whiles that add up": (
        [repeat("n", "(metadata['n_index'] < 2)", repeat("m", "(metadata['m_index'] < 2)", {"task": "null"}))],
        "max-iterations",
        [('"n"', "the do-while over 'n'")],
    ),
    "what one of two tasks emits": (
        [A, make("h", "b"), {**ASKS, "a": TWO}],
        "metadata-type",
        [('"b"', "the metadata is that of this task")],
    ),
    "what two tasks emit": (
        [A, make("h", "b"), choose(TWO.replace(" + ", " < "), [], **LATE | {"requires_metadata_from": ["a", "b"]})],
        "metadata-type",
        [('"a"', "the metadata is that of this task"), ('"b"', "the metadata is that of this task")],
    ),
    "a list without keys": (
        [loop("i", [1], make(INDEX, "b"), name="a"), make("g", **LATE, a="(requested_metadata['a']['b'])")],
        "metadata-type",
        [('"a"', "the metadata is that of this task")],
    ),
    "a value out of range": (
        [loop("i", [1, 2], {"task": "null", "seconds": "(1 - metadata['i'])"})],
        "setting",
        [('"i"', "the loop over 'i'")],
    ),
    "an expression that fails in an iteration": (
        [loop("i", [1, 0], {"task": "null", "seconds": "(1 / metadata['i'])"})],
        "expression",
        [('"i"', "the loop over 'i'")],
    ),
    "a criterion that is none in an iteration": (
        [loop("i", [True, 0], choose("(metadata['i'])", [{"task": "null"}]))],
        "criterion",
        [('"i"', "the loop over 'i'")],
    ),
    "tasks in a circle": (
        [use("f", outputs={"file": "g"}), use("g", outputs={"file": "f"})],
        "circle",
        [('"use"', "use (/t1) is here")],
    ),
}  # fmt: skip
KEYS = {
    "chain.json": '{"task_list": [], "task_list": []}',
    "chain.yaml": "task_list: []\ntask_list: []\n",
}


def found(name: str, data: bytes, code: str) -> tuple[str, Json, Json, str]:
    """Return the text, the data and the SARIF of the one mistake with a code, and the document."""
    checked = check(name, data, OPTIONS)
    one = next(one for one in checked.diagnostics if one.code == code)
    (result,) = sarif.as_sarif([one], checked.root, "1.0.0")["runs"][0]["results"]
    return render.as_text(one), render.as_data(one, checked.root), result, one.source.text


@pytest.mark.parametrize("case", CHAINS.values(), ids=list(CHAINS))
def test_both_places_are_shown(case: tuple[Any, str, list[tuple[str, str]]]) -> None:
    """Each second place has its words and its part of the document, the same in all three forms."""
    tasks, code, expected = case
    text, data, result, document = found("chain.json", text_of({"task_list": tasks}), code)
    assert [one["message"] for one in data["related"]] == [message for _, message in expected]
    assert [one["message"]["text"] for one in result["relatedLocations"]] == [message for _, message in expected]
    for (part, message), one, location in zip(expected, data["related"], result["relatedLocations"], strict=True):
        region = location["physicalLocation"]["region"]
        assert json.loads(document[one["column"] - 1 : region["endColumn"] - 1]) == json.loads(part)
        assert (region["startLine"], region["startColumn"]) == (one["line"], one["column"])
        assert f"chain.json:{one['line']}:{one['column']}: {message}" in text
    places = [(one["line"], one["column"]) for one in (data, *data["related"])]
    assert len(set(places)) == len(places)


@pytest.mark.parametrize("name", KEYS)
def test_both_keys_are_shown(name: str) -> None:
    """A key that is there twice is shown twice, in JSON and in YAML."""
    text, data, result, document = found(name, KEYS[name].encode(), "duplicate-key")
    (one,), (location,) = data["related"], result["relatedLocations"]
    assert (one["line"], one["column"]) < (data["line"], data["column"])
    region = location["physicalLocation"]["region"]
    line = document.splitlines()[one["line"] - 1]
    assert line[one["column"] - 1 : region["endColumn"] - 1].strip('"') == "task_list"
    assert f"{name}:{one['line']}:{one['column']}: first here" in text
