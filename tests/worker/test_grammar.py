"""The grammar of expressions: what is in the language, what an expression uses, and all that is wrong with one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_worker.functions import ExpressionError
from eas_worker.grammar import MAX_MISTAKES, examine, is_expression, parse, place_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [("(1)", True), (" 'a'", True), ('"a"', True), ("a (b)", False), ("", False), ("[1]", False), ("\n(", True)],
)
def test_first_character_makes_an_expression(text: str, expected: bool) -> None:  # noqa: FBT001 - a case
    """A quote or a round bracket at the start makes a text an expression."""
    assert is_expression(text) is expected


def test_uses_are_noted() -> None:
    """An expression says which names it takes from outside, so that it can be put off until they are there."""
    parsed = parse("(metadata['i'] + requested_metadata['a']['x'] + sum(parameters['l']) + random.random())")
    assert [(use.name, use.key) for use in parsed.uses] == [
        ("metadata", "i"),
        ("requested_metadata", "a"),
        ("parameters", "l"),
        ("random", "random"),
    ]
    assert parsed.is_late


def test_format_uses_what_its_fields_name() -> None:
    """`.format(**metadata)` uses the keys in the template alone."""
    assert parse("'{a}_{b[0]}_{c!r:>{d}}'.format(**metadata)").keys("metadata") == {"a", "b", "c", "d"}
    assert parse("'{}'.format(metadata)").keys("metadata") == {None}


def test_variables_of_comprehensions_hide_names() -> None:
    """A comprehension's variable is no name from outside."""
    parsed = parse("([metadata for metadata in [1, 2]])")
    assert parsed.uses == ()


def test_part_is_an_expression_of_its_own() -> None:
    """A part of an expression knows its uses and its place."""
    whole = parse("('a' + str(metadata['i']))")
    part = whole.part(whole.body.right)  # type: ignore[attr-defined]
    assert part.keys("metadata") == {"i"}
    assert place_of(part) == (7, 18)


@pytest.mark.parametrize("text", ["(f'{'a'}')", "(f'{parameters[\\'t\\']}')"])
def test_grammar_is_that_of_python_3_11(text: str) -> None:
    """An f-string that only a later Python can read is refused by every Python."""
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("(metdata['a'] + sqr(2) * constants.dya)", ["metdata", "sqr", "constants.dya"]),
        ("({1, sqr(2)})", ["{1, sqr(2)}", "sqr"]),
        ("((x := sqr(1)) + x)", ["x := sqr(1)", "sqr"]),
        ("(x + (y for y in z))", ["x", "(y for y in z)", "z"]),
        ("(lambda a: a + b)", ["lambda a: a + b"]),
        ("(().__class__.__bases__[0].__subclasses__())", ["().__class__"]),
        ("('a'.uper(b'x') + {**metadata, 'k': 1j})", ["'a'.uper", "b'x'", "{**metadata, 'k': 1j}", "1j"]),
        ("([x for x, y in sqr(2)] + [*range(q)])", ["sqr", "*range(q)", "q"]),
        ("([a.b for a.b in [1]])", ["a.b", "a.b"]),
        ("(1 << sqr(2))", ["1 << sqr(2)", "sqr"]),
        ("(1 is 1 is x)", ["1 is 1 is x", "x"]),
        ("(str(**metadata) + 'a'.format(**q))", ["str(**metadata)", "q"]),
    ],
)
def test_all_that_is_not_in_the_language_is_found(text: str, places: list[str]) -> None:
    """Every part that is wrong has a place of its own, and nothing is wrong because a part of it is."""
    assert [text[one.start :][: one.length] for one in examine(text).mistakes] == places


def test_good_parts_of_a_wrong_expression_have_uses() -> None:
    """What an expression uses is known also when some of it is wrong."""
    examined = examine("(metadata['i'] + sqr(parameters['p']))")
    assert [use.key for use in examined.uses] == ["i", "p"]
    assert len(examined.mistakes) == 1


@pytest.mark.parametrize("text", [f"([{'a, ' * 20_000}])", "(" + "[" * 200 + "b, c" + "]" * 150 + ")"])
def test_mistakes_of_one_expression_are_bounded(text: str) -> None:
    """Of an expression that is wrong all over, the first mistakes are told."""
    assert 0 < len(examine(text).mistakes) <= MAX_MISTAKES


PARTS = ["sqr(1)", "1", "'a'", "foo", "1 << 2", "pi", "constants.nay", "b'a'", "random.seed(1)", "len('a')"]


@given(st.lists(st.sampled_from(PARTS), min_size=1, max_size=10), st.sampled_from([", ", " + ", " if 1 else "]))
def test_as_many_mistakes_as_there_are(parts: list[str], between: str) -> None:
    """Each wrong part of a larger expression is found, and nothing else."""
    wrong = [part for part in parts if part not in ("1", "'a'", "pi", "len('a')")]
    assert len(examine(f"([{between.join(f'({part})' for part in parts)}])").mistakes) == len(wrong)


@pytest.mark.parametrize(("text", "at"), [("(1 +\n 2 + +)", 11), ("'a' 'b' + ", 9), ("(1 + )", 5)])
def test_where_an_expression_breaks_off(text: str, at: int) -> None:
    """A mistake of grammar is where Python sees it, also in later lines."""
    with pytest.raises(ExpressionError) as caught:
        parse(text)
    assert caught.value.start == at
