"""The compiler and the engine together agree with the reference interpreter on chains that were written by hand."""

import pytest

from tests.reference.comparing import REGISTRY, differences, simulate
from tests.reference.interpreter import Registry, interpret
from tests.reference.tricky import TRICKY, Tricky
from tests.reference.tricky_inline import inline

LATER = {
    "repo_of_another_run": "files of other runs come in a later version",
}
KNOWN = Registry.read(REGISTRY)
NOW = pytest.mark.parametrize(
    "tricky", [one for one in TRICKY if one.name not in LATER], ids=lambda tricky: tricky.name
)


@NOW
def test_engine_agrees_with_the_reference(tricky: Tricky) -> None:
    """Every task has the line, and the run the end, that the reference interpreter gives it."""
    want = interpret(tricky.chain, tricky.script, KNOWN)
    assert list(differences(want, simulate(tricky.chain, tricky.script))) == [], tricky.rule


@NOW
def test_where_a_task_is_judged_makes_no_difference(tricky: Tricky) -> None:
    """The same becomes of a chain all of whose tasks are judged in the pod of their program."""
    want = interpret(tricky.chain, tricky.script, KNOWN)
    assert list(differences(want, simulate(inline(tricky.chain), tricky.script))) == [], tricky.rule


def test_what_is_left_out_is_there() -> None:
    """A chain that is left out still has its name."""
    assert LATER.keys() <= {one.name for one in TRICKY}
