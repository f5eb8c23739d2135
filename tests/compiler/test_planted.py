"""Documents in which mistakes are planted: all of them are found, and nothing else."""

import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from eas_compiler.compile import check
from tests.compiler.compiling import OPTIONS, told

PARTS = {
    "2": 0,
    "len('abc')": 0,
    "constants.day": 0,
    "sqr(2)": 1,
    "sqr(foo)": 2,
    "constants.dya": 1,
    "metadata['nobody']": 1,
    "parameters['nothing']": 1,
    "(1 << 2)": 1,
    "'a'.uper()": 1,
}
"""Parts of expressions, and how many mistakes are in each."""
EXPRESSIONS = st.lists(st.sampled_from(sorted(PARTS)), min_size=1, max_size=5).map(
    lambda parts: ("([" + ", ".join(parts) + "])", sum(PARTS[part] for part in parts))
)
ENTRIES = {"1": 0, '"a"': 0, '"(2 - 1)"': 0, "null": 1, "[1]": 1, '"(1 / 0)"': 1, '"(sqr(2) + foo)"': 2, '"([])"': 1}
VALUES = st.lists(st.sampled_from(sorted(ENTRIES)), min_size=1, max_size=5)
TASKS = {
    '{"task": "null"}': 0,
    '{"task": "nul"}': 1,
    '{"task": "null", "second": 1}': 1,
    '{"task": "null", "seconds": "(1 / 0 + sqrt(-1))"}': 2,
    '{"task": "null", "seconds": true, "requires_metadata_from": ["nobody"]}': 2,
    '{"task": "use", "inputs": {"one": "a/b", "twoo": ""}}': 3,
    '{"task": "execution_conditional", "criterion": "(sqr(1) or foo)", "task_list": []}': 2,
    '{"task": "execution_do_while_loop", "task_list": [], "max_iterations": 0}': 3,
    '{"task": "execution_chain", "tasklist": [], "task_list": [{"task": 3}, 4]}': 3,
}


@st.composite
def lists(draw: st.DrawFn, depth: int = 2) -> tuple[list[Any], int]:
    """Return a list of tasks, and how many mistakes are in it."""
    tasks: list[Any] = []
    planted = 0
    for kind in draw(st.lists(st.sampled_from(["task", "expression", "loop"]), max_size=4)):
        if kind == "task":
            text = draw(st.sampled_from(sorted(TASKS)))
            tasks.append(json.loads(text))
            planted += TASKS[text]
        elif kind == "expression":
            text, count = draw(EXPRESSIONS)
            tasks.append({"task": "lazy", "c": text})
            planted += count
        elif depth:
            entries = draw(VALUES)
            inside, count = draw(lists(depth - 1))
            values = [json.loads(entry) for entry in entries]
            tasks.append({"task": "execution_for_loop", "parameter": "i", "values": values, "task_list": inside})
            planted += count + sum(ENTRIES[entry] for entry in entries)
    return tasks, planted


LARGE = [
    '{"task": "nul"}',
    '{"task": "null", "secnods": 1}',
    '{"task": "null", "seconds": -1}',
    '{"task": "null", "seconds": "(sqr(2))"}',
    '{"task": "null", "seconds": "(1 / 0)"}',
    '{"task": "null", "requires_metadata_from": ["nobody"]}',
    '{"task": "null", "seconds": "two"}',
    '{"task": "use", "inputs": {"two": "f"}}',
    '{"task": "use", "inputs": {"one": "a/b"}}',
    '{"task": "use", "inputs": {"one": "outside", "three": "f"}}',
    '{"task": "make", "outputs": {"file": "same"}}',
    '{"task": "lazy", "requires_metadata_from": ["maker"], "c": "(requested_metadata[\'maker\'][\'txet\'])"}',
    '{"task": "lazy", "requires_metadata_from": ["maker"], "a": "(requested_metadata[\'maker\'][\'text\'])"}',
    '{"task": "lazy", "requires_metadata_from": ["maker"], "c": "(requested_metadata[\'maker\'][\'text\'] < 1)"}',
    '{"task": "execution_for_loop", "parameter": "1i", "values": [1], "task_list": [{"task": "null"}]}',
    '{"task": "execution_for_loop", "parameter": "i", "linear_range": [1, 2, 0], "task_list": [{"task": "null"}]}',
    '{"task": "execution_conditional", "criterion": "yes", "task_list": [{"task": "null"}]}',
    '{"task": "execution_conditional", "criterion": "(1)", "task_list": [{"task": "null"}]}',
    '{"task": "tune", "count": 1, "mode": "fats"}',
    '{"task": "tune"}',
    '{"task": "null", "retry": {"limits": 1}}',
    '{"task": "null", "cache": 1}',
]
"""Tasks with one mistake each, of all kinds."""
GOOD = '{"task": "null", "seconds": 1}'


@given(st.lists(st.sampled_from(LARGE), min_size=50, max_size=50), st.randoms(use_true_random=False))
@settings(max_examples=5)
def test_fifty_mistakes_are_fifty_diagnostics(planted: list[str], chance: Random) -> None:
    """A long chain shows each of its mistakes once, in the order of the text, at the task that has it."""
    texts = ['{"task": "make", "outputs": {"file": "same"}, "name": "maker"}']
    for text in planted:
        texts += [GOOD] * chance.randrange(3) + [text]
    source = '{"task_list": [\n' + ",\n".join(texts) + "\n]}"
    found = [one for one in check("x.json", source.encode(), OPTIONS).diagnostics if one.severity == "error"]
    lines = [number for number, text in enumerate(texts, 2) if text in planted]
    assert [one.source.location(one.start)[0] for one in found] == lines, [one.message for one in found]


@given(lists())
def test_every_planted_mistake_is_found(planted: tuple[list[Any], int]) -> None:
    """A document with k mistakes that do not depend on each other has k errors."""
    tasks, count = planted
    found = check("x.json", json.dumps({"task_list": tasks}, indent=1).encode(), OPTIONS).diagnostics
    assert found.errors == count, told(found)
