"""Criteria of conditionals and do-whiles."""

from tests.compiler.compiling import checked, choose, items, loop, repeat


def test_indexed_criterion_is_a_table() -> None:
    """What indices alone decide is decided when compiling."""
    (outer,) = items(loop("i", [1, 2], choose("(metadata['i'] > 1)", [])))
    assert outer.body.items[0].criterion.table.entries == {(0,): 0, (1,): 1}


def test_do_while_that_never_ends_says_so() -> None:
    """A criterion that is still true after the last iteration is an error of that iteration."""
    (item,) = items(repeat("n", True, max_iterations=2))
    assert item.criterion.table.entries == {(1,): 1, (2,): -1}


def test_criterion_is_a_bool() -> None:
    """A text, a number and an expression that makes one are no criteria."""
    for criterion in ("yes", 1, "(1)"):
        found = checked(choose(criterion, []))
        assert [one.code for one in found.diagnostics if one.severity == "error"] == ["criterion"]
