"""Expressions are classed by when they can be evaluated, and names become patterns."""

import pytest

from eas_compiler import evaluate, names
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.names import Domain, Index, Table
from eas_compiler.tree import Scope, Variable
from eas_worker import expressions
from tests.compiler.compiling import checked, node, told


def variable(name: str, values: list[object], *, late: bool = False) -> Variable:
    """Return a loop over values."""
    entry = {"var": name, "id": name, "at": "/t0", "form": "values", "range": values}
    return Variable(name, name, Domain(0, None if late else len(values) - 1), entry, frozenset(), late, {})


SCOPE = Scope((variable("size", ["a", "b"]), variable("n", [1, 2], late=True)), {"p": 3}, {})


@pytest.mark.parametrize(
    ("text", "ids", "is_late"),
    [
        ("(1 + parameters['p'])", set(), False),
        ("(metadata['size_index'])", {"size"}, False),
        ("(metadata['size'])", {"size"}, False),
        ("(metadata['n_index'])", {"n"}, False),
        ("(metadata['n'])", {"n"}, True),
        ("(random.random())", set(), True),
        ("'{size}_{n_index}'.format(**metadata)", {"size", "n"}, False),
    ],
)
def test_time_is_found_from_the_names(text: str, ids: set[str], is_late: bool) -> None:  # noqa: FBT001 - a case
    """Static, indexed or late: an author need not say."""
    when = evaluate.time(expressions.parse(text), SCOPE)
    assert (set(when.ids), when.is_late) == (ids, is_late)


TABLE = Table(("size",), {(0,): "a", (1,): "b"})


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("plain", ("plain",)),
        ("('f_' + 'g')", ("f_g",)),
        ("'f_{size_index}.gz'.format(**metadata)", ("f_", Index("size", 0), ".gz")),
        ("'f_{}.gz'.format(metadata['size_index'] - 1)", ("f_", Index("size", -1), ".gz")),
        ("('f_%d.gz' % (metadata['n_index'] + 2))", ("f_", Index("n", 2), ".gz")),
        ("(f\"f_{metadata['n_index']}\")", ("f_", Index("n", 0))),
        ("('f_' + str(1 + metadata['n_index']))", ("f_", Index("n", 1))),
        ("'f_{size}'.format(**metadata)", ("f_", TABLE)),
        ("('f_' + metadata['size'].upper())", ("f_", Table(("size",), {(0,): "A", (1,): "B"}))),
        ("'{:03d}'.format(metadata['size_index'])", (Table(("size",), {(0,): "000", (1,): "001"}),)),
    ],
)
def test_names_become_patterns(text: str, pattern: names.Pattern) -> None:
    """Every way to write an index gives the same hole; what is no index becomes a table."""
    assert evaluate.pattern(node(text), SCOPE, Diagnostics(), "a name") == pattern


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("'f_{n}'.format(**metadata)", "late-name"),
        ("'{:03d}'.format(metadata['n_index'])", "too-many-names"),
        ("(1 + 1)", "expression"),
        ("('{' + '}')", None),
        ("'{} {}'.format(1)", "expression"),
    ],
)
def test_what_no_name_can_be_is_reported(text: str, code: str | None) -> None:
    """A name must be a text, known before the run, and short enough as a table."""
    diagnostics = Diagnostics()
    evaluate.pattern(node(text), SCOPE, diagnostics, "a name")
    assert [one.code for one in diagnostics] == ([code] if code else [])


def test_unknown_names_have_hints() -> None:
    """A misspelled loop variable is answered with the one that was meant."""
    diagnostics = Diagnostics()
    assert evaluate.parse(node("(metadata['siez'])"), SCOPE, diagnostics) is None
    assert [(one.message, one.hint) for one in diagnostics] == [
        ("unknown loop variable 'siez'", "did you mean 'size'?")
    ]


def test_failure_of_one_iteration_is_told_with_it() -> None:
    """What fails at some indices only says at which."""
    found = checked(
        {
            "task": "execution_for_loop",
            "parameter": "i",
            "values": [1, 0],
            "task_list": [{"task": "null", "seconds": "(1 / metadata['i'])"}],
        }
    )
    assert told(found.diagnostics) == ["expression: division by zero (at i=1)"]
