"""Families of names: what the automata say is what writing all names out would say."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from eas_compiler import names
from eas_compiler.names import Domain, Domains, Index, Pattern, Table

LOOPS = ("i", "j")
DOMAINS = st.fixed_dictionaries(
    {
        name: st.builds(lambda first, size: Domain(first, first + size - 1), st.integers(0, 2), st.integers(0, 12))
        for name in LOOPS
    }
)


@st.composite
def patterns(draw: st.DrawFn, domains: Domains) -> Pattern:
    """Make a name of literals, indices and tables."""
    pieces: list[names.Piece] = []
    for kind in draw(st.lists(st.sampled_from("lit"), max_size=4)):
        loop = draw(st.sampled_from(LOOPS))
        if kind == "l":
            pieces.append(draw(st.sampled_from(["_", "1", "0", "-", "a"])))
        elif kind == "i":
            pieces.append(Index(loop, draw(st.integers(-2, 9))))
        else:
            first, last = domains[loop]
            entries: dict[tuple[int, ...], str] = {
                (at,): draw(st.sampled_from(["", "1", "a", "1_", "12"])) for at in range(first, (last or 0) + 1)
            }
            pieces.append(Table((loop,), entries))
    return names.join(tuple(pieces))


@st.composite
def families(draw: st.DrawFn) -> tuple[Pattern, Domains]:
    """Make a name and the loops around it."""
    domains = draw(DOMAINS)
    return draw(patterns(domains)), domains


def written_out(pattern: Pattern, domains: Domains) -> list[str]:
    """Return the name of every iteration."""
    ranges = [range(domain.first, (domain.last or 0) + 1) for domain in domains.values()]
    return [names.text(pattern, dict(zip(domains, at, strict=True))) for at in product(*ranges)]


@given(families(), families())
def test_overlap_is_that_of_the_texts(one: tuple[Pattern, Domains], two: tuple[Pattern, Domains]) -> None:
    """Two families overlap exactly when some text belongs to both."""
    expected = not set(written_out(*one)).isdisjoint(written_out(*two))
    used = [names.variables(pattern) for pattern, _ in (one, two)]
    if all(
        domains[name].size
        for (_, domains), ids in zip((one, two), used, strict=True)
        for name in LOOPS
        if name not in ids
    ):
        assert names.overlap(*one, *two) == expected


@given(families())
def test_repetition_is_that_of_the_texts(family: tuple[Pattern, Domains]) -> None:
    """A name is repeated exactly when two iterations give the same text."""
    texts = written_out(*family)
    found = names.repetition(*family)
    if len(set(texts)) == len(texts) and texts:
        assert found is None
    elif texts:
        assert found is not None


@given(families(), st.data())
def test_fix_holds_a_loop(family: tuple[Pattern, Domains], data: st.DataObject) -> None:
    """Fixing one loop after another gives the text of the iteration."""
    pattern, domains = family
    if all(domain.size for domain in domains.values()):
        at = {name: data.draw(st.integers(domain.first, domain.last or 0)) for name, domain in domains.items()}
        half = names.fix(pattern, {"i": at["i"]})
        assert "i" not in names.variables(half)
        assert names.text(half, at) == names.text(pattern, at)


@given(families())
def test_no_text_is_longer_than_the_example(family: tuple[Pattern, Domains]) -> None:
    """The bytes of a name are checked on an example that is as long as any."""
    pattern, domains = family
    texts = written_out(pattern, domains)
    if texts:
        longest = max(len(text) for text in names.examples(pattern, domains))
        signs = sum(isinstance(piece, Index) and piece.offset < 0 for piece in pattern)
        assert longest + signs >= max(map(len, texts))


def test_shift_goes_back_in_a_loop() -> None:
    """`f_{n}` one iteration earlier is `f_{n-1}`; a table is looked up one entry before."""
    table = Table(("n",), {(1,): "a", (2,): "b"})
    assert names.shift(("f_", Index("n", 0), table), "n", 1) == (
        "f_",
        Index("n", -1),
        Table(("n",), {(2,): "a", (3,): "b"}),
    )


def test_without_end_costs_no_more() -> None:
    """A loop of which only the run knows the end is compared like any other."""
    endless = {"i": Domain(0, None)}
    assert names.overlap(("f_", Index("i", 0)), endless, ("f_12",), {})
    assert not names.overlap(("f_", Index("i", 0)), endless, ("f_012",), {})
    assert names.repetition(("f_", Index("i", 0)), endless) is None


def test_unused_loop_is_named() -> None:
    """When a loop's index is missing in a name, the loop is said."""
    found = names.repetition(("f",), {"i": Domain(0, 1)})
    assert found is not None
    assert found.unused == "i"


def test_neighbouring_indices_are_told_apart() -> None:
    """`{i}{j}` gives `111` twice; with a character between them all names differ."""
    loops = {"i": Domain(0, 20), "j": Domain(0, 20)}
    assert names.repetition((Index("i", 0), Index("j", 0)), loops) is not None
    assert names.repetition((Index("i", 0), "_", Index("j", 0)), loops) is None
