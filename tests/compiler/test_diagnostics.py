"""Diagnostics are collected, not raised."""

from eas_compiler.diagnostics import Diagnostics
from eas_worker.functions import ExpressionError
from tests.compiler.compiling import node


def test_same_mistake_is_kept_once() -> None:
    """What several passes find at one place is told once."""
    diagnostics = Diagnostics()
    place = node("x")
    diagnostics.error("type", place, "wrong")
    diagnostics.error("type", place, "wrong")
    diagnostics.warning("type", place, "odd")
    assert (len(diagnostics), diagnostics.errors) == (2, 1)


def test_order_is_that_of_the_text() -> None:
    """Diagnostics come in the order in which an author reads."""
    diagnostics = Diagnostics()
    place = node("x")
    for start in (5, 1, 3):
        diagnostics.error("type", place._replace(start=start, end=start + 1), "wrong")
    assert [one.start for one in diagnostics] == [1, 3, 5]


def test_expression_is_shown_at_its_part() -> None:
    """Of an expression the part that is wrong is marked, not all of its text."""
    diagnostics = Diagnostics()
    diagnostics.expression(node("(1 + x)"), ExpressionError("unknown name 'x'", 5, 1))
    (one,) = diagnostics
    assert (one.start, one.end) == (6, 7)


def test_key_is_marked_where_there_is_one() -> None:
    """A mistake in a key marks the key; an item of a list has none, and is marked itself."""
    diagnostics = Diagnostics()
    diagnostics.error_at_key("type", node("x")._replace(key_start=7, key_end=9), "wrong")
    diagnostics.error_at_key("type", node("x"), "wrong")
    assert [(one.start, one.end) for one in diagnostics] == [(0, 3), (7, 9)]
