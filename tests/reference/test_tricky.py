"""The reference interpreter agrees with what was written by hand from the language."""

from pathlib import Path

import pytest

from tests.reference.interpreter import Registry, interpret, lines_by_path
from tests.reference.tricky import TRICKY, Tricky

REGISTRY = Registry.read(Path(__file__).parents[1] / "property/registry.yaml")


@pytest.mark.parametrize("tricky", TRICKY, ids=lambda tricky: tricky.name)
def test_interpreter_agrees_with_the_rule(tricky: Tricky) -> None:
    """Every task has the state, the verdict and the order that the rule gives it."""
    outcome = interpret(tricky.chain, tricky.script, REGISTRY)
    got = {
        path: (line["state"], line["verdict"], sorted(line["after"]))
        for path, line in lines_by_path(outcome.lines).items()
    }
    assert got == tricky.expected, tricky.rule
    assert outcome.failed == tricky.failed, tricky.rule


def test_names_are_unique() -> None:
    """A name leads to one chain."""
    assert len({tricky.name for tricky in TRICKY}) == len(TRICKY) >= 60
