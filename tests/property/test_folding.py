"""What the compiler evaluates early is what the run would find late: the same values, the same mistakes."""

import copy
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from eas_compiler import criteria, evaluate, names
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.names import Domain, Indices
from eas_compiler.tree import Scope, Variable
from eas_worker import expressions
from eas_worker.expressions import ExpressionError
from tests.compiler.compiling import node
from tests.property.chains import Case, cases
from tests.reference.comparing import differing_fields, simulate
from tests.reference.interpreter import lines_by_path
from tests.worker.test_expressions import LEAVES, SCOPE, grown

FAILS = "fails"
"""Stands for the value of an expression that has none, or one that its place does not take."""
LOOPS: dict[str, list[Any]] = {"size": [0.5, "a b", 3], "k": [True, -1]}
VARIABLES = tuple(
    Variable(
        name,
        name,
        Domain(0, len(values) - 1),
        {"var": name, "id": name, "at": "/t0", "form": "values", "range": values},
        frozenset(),
        is_late=False,
        requested={},
    )
    for name, values in LOOPS.items()
)
SEEN = Scope(VARIABLES, SCOPE["parameters"], {})
INDICES: list[Indices] = [{"size": size, "k": k} for size in range(3) for k in range(2)]
LEAF = LEAVES | st.sampled_from(["metadata['k']", "metadata['k_index']", "'{size}_{k}'.format(**metadata)"])
ANY = st.recursive(LEAF, grown, max_leaves=5).filter(lambda text: "requested" not in text)
HOLES = st.sampled_from(["metadata['size_index']", "metadata['k_index'] + 1", "2 + metadata['k_index']"])
PART = (HOLES | LEAF | ANY).filter(lambda text: "requested" not in text)
TEXTS = st.one_of(
    ANY,
    st.builds("('f_' + str({}) + str({}))".format, PART, PART),
    st.builds("'{{}}_{{:>4}}.gz'.format({}, {})".format, PART, PART),
    st.builds("'{{1}}{{0}}-{{size_index}}'.format({}, {}, **metadata)".format, PART, PART),
    st.builds("('%s/%d' % ({}, {}))".format, PART, HOLES),
    st.builds('f"{{{}}}-{{{}!r}}"'.format, HOLES, HOLES),
)


def late(text: str, wanted: type) -> list[Any]:
    """Evaluate an expression in each iteration, as a worker does."""
    return [_late(text, wanted, at) for at in INDICES]


def _late(text: str, wanted: type, at: Indices) -> Any:
    variables = {name: values[at[name]] for name, values in LOOPS.items()}
    metadata = variables | {f"{name}_index": index for name, index in at.items()}
    try:
        value = expressions.evaluate(expressions.parse(text), {"metadata": metadata, "parameters": SCOPE["parameters"]})
    except ExpressionError:
        return FAILS
    return value if isinstance(value, wanted) else FAILS


def _same(found: Any, text: str, wanted: list[Any], diagnostics: Diagnostics) -> None:
    """Compare the values of all iterations with those found late: without any, some iteration fails."""
    event("fails" if found is None else "has values")
    if found is None:
        assert FAILS in wanted, text
        assert diagnostics.errors
    else:
        assert found == wanted, text
        assert not diagnostics.errors


@given(TEXTS.map(lambda text: f"({text})"))
def test_names_are_what_the_run_would_find(text: str) -> None:
    """A name made of pieces and tables is in each iteration the text that its expression gives there, or is refused."""
    diagnostics = Diagnostics()
    pattern = evaluate.pattern(node(text), SEEN, diagnostics, "a name")
    found = None if pattern is None else [names.text(pattern, at) for at in INDICES]
    _same(found, text, late(text, str), diagnostics)


@given(st.one_of(ANY, st.builds("not {}".format, ANY), st.builds("({} == {})".format, ANY, ANY)).map("({})".format))
def test_answers_are_what_the_run_would_find(text: str) -> None:
    """The answers of a criterion, found early, are those that a gate would give."""
    diagnostics = Diagnostics()
    question = criteria.resolve("criterion", node(text), SEEN, diagnostics)
    table = question.table if question is not None else None
    found = None if table is None else [bool(table.entries[tuple(at[name] for name in table.ids)]) for at in INDICES]
    _same(found, text, late(text, bool), diagnostics)


# --------------------------------------------------------------------------------------------------------------------
# Whole chains

ASKED = "criterion", "repeat_criterion", "values", "linear_range", "log_range", "shards"
EARLY = re.compile(r"'make_|\['x', 'y'|\{v\d+\}")
"""A type of task that a loop variable chooses, so that the range of its loop cannot be late."""


def postponed(given: Any) -> Any:
    """Write an expression, or a plain value, so that only the run can evaluate it."""
    if isinstance(given, list):
        return [postponed(entry) for entry in given]
    if isinstance(given, str) and not expressions.is_expression(given):
        given = repr(given)
    return f"([{given}][0 if random.random() < 2 else 1])"


def questions(chain: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield each place of a chain that holds a question which can be asked late: a task, and the key of its field."""
    for task in chain.get("task_list", []) + chain.get("else_task_list", []):
        is_loop = task["task"] == "execution_for_loop" or "shards" in task
        if not is_loop or not EARLY.search(str({key: task[key] for key in task if key not in ASKED})):
            yield from ((task, key) for key in ASKED if key in task and "random" not in str(task[key]))
        yield from questions(task)


@given(cases(budget=12), st.integers(0, 3))
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_chains_do_the_same_early_and_late(case: Case, kept: int) -> None:
    """A chain of which every question, or some, is asked in the run does what it does when the compiler answers."""
    chain = copy.deepcopy(case.chain)
    asked = [one for number, one in enumerate(questions(chain)) if kept == 0 or number % 4 != kept]
    assume(asked)
    for task, key in asked:
        task[key] = postponed(task[key])
    early, run = simulate(case.chain, case.script), simulate(chain, case.script)
    event(f"{min(len(asked), 3)} questions or more")
    wanted, found = lines_by_path(early.lines()), lines_by_path(run.lines())
    assert wanted.keys() == found.keys()
    assert [path for path in wanted if differing_fields(wanted[path], found[path])] == []
    assert (early.is_failed, early.phase) == (run.is_failed, run.phase)
