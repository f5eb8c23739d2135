"""The expression language: what it means is Python's, what it may do is bounded."""

import contextlib
import math
import time
import warnings
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_worker.expressions import ExpressionError, evaluate, parse
from tests.reference.expressions import GLOBALS, as_json

SCOPE: dict[str, Any] = {
    "metadata": {"size": 0.5, "size_index": 3},
    "parameters": {"a": 2, "t": "text", "l": [1, 2.5, 3], "d": {"k": "v"}},
    "requested_metadata": {"search": {"period": 12.5, "outcome": "PASS"}},
}

NUMBERS = st.sampled_from(
    [
        "0",
        "1",
        "7",
        "2.5",
        "-3",
        "1e2",
        "pi",
        "constants.year",
        "parameters['a']",
        "metadata['size']",
        "metadata['size_index']",
    ]
)
TEXTS = st.sampled_from(
    [
        "'a'",
        "'b c'",
        "''",
        "parameters['t']",
        "requested_metadata['search']['outcome']",
        "'{size_index}.gz'.format(**metadata)",
    ]
)
LISTS = st.sampled_from(["[1, 2]", "[]", "parameters['l']", "(1, 'a')", "range(3)", "['x', 'y']"])
LEAVES = NUMBERS | TEXTS | LISTS | st.sampled_from(["True", "False", "None", "parameters['d']"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Make expressions of expressions."""
    binary = st.sampled_from("+ - * / // % ** == != < <= > >= and or in".split()) | st.sampled_from(["not in"])
    calls = st.sampled_from("abs min max round int float str bool len sum sorted sqrt exp floor ceil log10".split())
    methods = st.sampled_from(
        ["upper()", "split('b')", "startswith('a')", "replace('a', 'bb')", "zfill(4)", "title()", "find('b')"]
    )
    return st.one_of(
        st.builds("({} {} {})".format, inner, binary, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
        st.builds("{}({})".format, calls, inner),
        st.builds("({}).{}".format, inner, methods),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("({})[{}:{}]".format, inner, NUMBERS, NUMBERS),
        st.builds("[{}, {}]".format, inner, inner),
        st.builds("({}, {})".format, inner, inner),
        st.builds("{{'k': {}}}".format, inner),
        st.builds("[x * 2 for x in {} if {}]".format, inner, inner),
        st.builds("sum(x for x in {})".format, inner),
        st.builds("{{str(x): y for x, y in enumerate({})}}".format, inner),
        st.builds("(not {})".format, inner),
        st.builds("({} is None)".format, inner),
        st.builds("'{{}}-{{:>5}}'.format({}, {})".format, inner, inner),
        st.builds("('%s|%d' % ({}, {}))".format, inner, inner),
        st.builds('f"{{{}}}_{{{}!r}}"'.format, NUMBERS, TEXTS.map(lambda text: text.replace('"', ""))),
    )


@given(st.recursive(LEAVES, grown, max_leaves=6))
def test_means_what_python_means(text: str) -> None:
    """An expression has the value that Python gives it, or fails where Python fails or gives what JSON lacks."""
    try:
        with warnings.catch_warnings(action="ignore"):  # of `0 is None`, which is odd but has a value
            expected = as_json(_plain(eval(text, GLOBALS | SCOPE)))  # noqa: S307 - made above
        is_json = _is_json(expected)
    except Exception:  # noqa: BLE001 - whatever Python raises
        is_json = False
    try:
        got = evaluate(parse(f"({text})"), SCOPE)
    except ExpressionError:
        assert not is_json
    else:
        assert is_json
        assert got == expected
        assert repr(got) == repr(expected)


def _plain(value: Any) -> Any:
    if isinstance(value, (list, tuple, range)):
        return [_plain(item) for item in value]
    return {key: _plain(item) for key, item in value.items()} if isinstance(value, dict) else value


def _is_json(value: Any) -> bool:
    if isinstance(value, list):
        return all(map(_is_json, value))
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or isinstance(value, (bool, str)) or (isinstance(value, int) and value.bit_length() <= 4096)


HOSTILE = [
    "(9 ** 9 ** 9)",
    "(2 ** 100000)",
    "(10 ** -10 ** 10)",
    "('a' * 10 ** 9)",
    "([0] * 10 ** 9)",
    "(sum(range(10 ** 12)))",
    "(list(range(10)))",
    "([x for x in range(10 ** 7)])",
    "([x for x in range(1000) for y in range(1000)])",
    "('{:999999999}'.format(1))",
    "('{:.999999999f}'.format(1.0))",
    "('%999999999d' % 1)",
    "('%.*f' % (10 ** 9, 1.0))",
    "('a'.ljust(10 ** 9))",
    "('a'.zfill(10 ** 9))",
    "('\\t'.expandtabs(10 ** 9))",
    "('a' * 1000000).replace('a', 'b' * 1000000)",
    "(('a' * 999999).join(['b'] * 99999))",
    "(str([['a' * 1000] * 1000] * 1000))",
    "('{0}{0}{0}{0}'.format('a' * 999999))",
    "('a' * 500000 + 'a' * 500001)",
    "([[[[0] * 99] * 99] * 99] * 99)",
    "(round(1.5, 10 ** 9))",
    "(pow(2, 10 ** 9))",
    "(int('9' * 100000))",
    "(10 ** 9 in [x for x in range(99999)] or [1] * 99999 == [1] * 99999)",
    "(max('a' * 1000000 for x in range(100000)))",
    "(zip(range(10 ** 9)))",
    "(sorted(range(10 ** 8)))",
    "(range(10 ** 15))",
    "(" + "1 + " * 5000 + "1)",
    "(" + "(" * 300 + "1" + ")" * 300 + ")",
    "(" + "-" * 5000 + "1)",
    "([" * 90 + "1" + "])" * 90,
    "('" + "x" * 70000 + "')",
    "('{:{}}'.format(1, 10 ** 9))",
    "('x' in ['y' * 1000000] * 1000)",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_expressions_end_at_a_bound(text: str) -> None:
    """Nothing runs long, and nothing large is made: there is an error, or a small result, at once."""
    start = time.process_time()
    size = 0
    try:
        size = len(repr(evaluate(parse(text), SCOPE)))
    except ExpressionError as error:
        size = len(error.message) * 10_000
    assert size < 5_000_000
    assert time.process_time() - start < 2


FORBIDDEN = [
    "(__import__('os'))",
    "(().__class__)",
    "('a'.__class__)",
    "('{0.__class__}'.format(1))",
    "('{0[__class__]}'.format(1))",
    "(lambda: 1)",
    "((x := 1))",
    "({1, 2})",
    "(b'a')",
    "(1j)",
    "(1 << 2)",
    "(1 | 2)",
    "(~1)",
    "(print(*[1]))",
    "(eval('1'))",
    "(open('x'))",
    "(metadata.keys())",
    "(parameters['d'].items())",
    "('a'.encode())",
    "('a'.format_map({}))",
    "(1 is 1)",
    "([*[1]])",
    "({**metadata})",
    "(x for x in [1])",
    "(...)",
    "(await x)",
    "(constants)",
    "(random)",
    "(sqrt)",
    "(random.seed(1))",
    "(constants.__class__)",
]


@pytest.mark.parametrize("text", FORBIDDEN)
def test_rest_of_python_is_refused(text: str) -> None:
    """What is not in the language is an error, wherever it stands."""
    with pytest.raises(ExpressionError):
        evaluate(parse(text), SCOPE)


@pytest.mark.parametrize(
    ("text", "start", "length", "hint"),
    [
        ("(1 + metdata['a'])", 5, 7, "did you mean 'metadata'?"),
        ("  (sqr(2))", 3, 3, "did you mean 'sqrt'?"),
        ("(constants.dya)", 1, 13, "did you mean 'day'?"),
        ("('ä'.uper())", 1, 8, "did you mean 'upper'?"),
        ("(1 / 0)", 1, 5, None),
        ("(requested_metadata['search']['perod'])", 1, 37, "did you mean 'period'?"),
        ("(1 +\n x)", 6, 1, None),
    ],
)
def test_mistakes_know_their_place(text: str, start: int, length: int, hint: str | None) -> None:
    """An error says which part of the text is wrong, and what was meant perhaps."""
    with pytest.raises(ExpressionError) as caught:
        evaluate(parse(text), SCOPE)
    assert (caught.value.start, caught.value.length, caught.value.hint) == (start, length, hint)


@given(st.text(alphabet="()[]{}'\"+-*/%.,:=<>!abcmetadrof0123 \n\\", max_size=25))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """No text makes an exception other than the one for mistakes."""
    with contextlib.suppress(ExpressionError):
        evaluate(parse(f"({text})"), SCOPE)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("(1 / 0 + sqrt(-1))", ["division by zero", "math domain error"]),
        ("([1 / 0, [int('x')], {'k': ('a' + 1)}])", ["division by zero", "invalid literal", "can only concatenate"]),
        ("(1 / 0 if 1 / 0 > 1 else int('x'))", ["division by zero"]),
        ("((1 / 0) or int('x'))", ["division by zero"]),
        ("('{} {}'.format(1 / 0))", ["division by zero"]),
        ("([1 / x + int('a') for x in range(1000)])", ["division by zero", "invalid literal"]),
        ("([x for x in [1 / 0] if x] + [y for y in 5])", ["division by zero", "a number has no entries"]),
        ("(1 / 0 + sum(x for x in range(10 ** 5) for y in range(10)) + 1 / 0)", ["division by zero", "takes too long"]),
        ("('%s' % (1 / 0) + str(5)[2])", ["division by zero", "string index out of range"]),
    ],
)
def test_all_that_fails_is_told(text: str, expected: list[str]) -> None:
    """Parts that do not need each other fail each on their own; what needs a part that failed does not fail again."""
    with pytest.raises(ExpressionError) as caught:
        evaluate(parse(text), SCOPE)
    found = [caught.value, *caught.value.more]
    assert len(found) == len(expected)
    assert all(words in one.message for one, words in zip(found, expected, strict=True))
    assert all(text[one.start :][: one.length] for one in found)


@given(st.lists(st.sampled_from(["1 / 0", "int('x')", "2", "['a'][1]", "[1, 2][0]"]), min_size=1, max_size=8))
def test_as_many_failures_as_there_are(parts: list[str]) -> None:
    """Of independent parts each that fails is told, at its place."""
    text = f"([{', '.join(parts)}])"
    places = [3 + sum(len(part) + 2 for part in parts[:at]) - 1 for at in range(len(parts))]
    failing = [place for place, part in zip(places, parts, strict=True) if part not in ("2", "[1, 2][0]")]
    try:
        evaluate(parse(text), {})
        found = []
    except ExpressionError as error:
        found = [one.start for one in (error, *error.more)]
    assert found == failing
