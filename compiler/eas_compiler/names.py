"""Names that depend on loop indices: families of files, with cost that does not grow with the number of iterations.

A `Pattern` is a text with holes. A hole is an index of a loop plus a constant, or an entry of a table over indices.
Questions about families (does any text belong to both? do two iterations give the same text?) are answered on the
product of two automata that read the text, never by writing the texts out.
"""

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import cached_property
from itertools import product
from typing import NamedTuple

MAX_TABLE = 1_000
"""The most entries of a table over indices."""
_MAX_LISTED = 20_000
"""The most texts that are written out to settle what the automata leave open: a loop used twice in one name."""

Indices = dict[str, int]


class Index(NamedTuple):
    """The index of the loop `id` plus `offset`, in decimal."""

    id: str
    offset: int


class _Entries(NamedTuple):
    ids: tuple[str, ...]
    entries: dict[tuple[int, ...], str]


class Table(_Entries):
    """A text for each combination of the indices of the loops `ids`."""

    @cached_property
    def texts(self) -> frozenset[str]:
        """All texts."""
        return frozenset(self.entries.values())

    @cached_property
    def _hash(self) -> int:
        return hash((self.ids, frozenset(self.entries.items())))

    def __hash__(self) -> int:
        """Return a hash, which a dict does not give."""
        return self._hash


class Domain(NamedTuple):
    """The indices that a loop can take: `first` to `last`, without end when only the run can tell."""

    first: int
    last: int | None

    @property
    def size(self) -> int | None:
        """How many indices there are; None when only the run can tell."""
        return None if self.last is None else self.last - self.first + 1


class Wild(NamedTuple):
    """A wildcard of a glob: `*` for any text, `?` or `[...]` for one character."""

    text: str


Piece = str | Index | Table
Pattern = tuple[Piece, ...]
Domains = dict[str, Domain]


def join(*patterns: Pattern) -> Pattern:
    """Return the concatenation; neighbouring literals become one."""
    pieces: list[Piece] = []
    for pattern in patterns:
        for piece in pattern:
            if isinstance(piece, str) and pieces and isinstance(pieces[-1], str):
                pieces[-1] += piece
            elif piece != "":
                pieces.append(piece)
    return tuple(pieces)


def is_literal(pattern: Pattern) -> bool:
    """Tell whether a pattern is one text, the same in all iterations."""
    return len(pattern) == 1 and isinstance(pattern[0], str)


def core(pattern: Pattern) -> Pattern:
    """Return a name without the texts that it begins and ends with."""
    start = 1 if pattern and isinstance(pattern[0], str) else 0
    end = len(pattern) - (1 if len(pattern) > start and isinstance(pattern[-1], str) else 0)
    return pattern[start:end]


def variables(pattern: Pattern) -> set[str]:
    """Return the loops that the pattern depends on."""
    found: set[str] = set()
    for piece in pattern:
        if isinstance(piece, Index):
            found.add(piece.id)
        elif isinstance(piece, Table):
            found.update(piece.ids)
    return found


def text(pattern: Pattern, indices: Indices) -> str:
    """Return the text at the given indices."""
    (result,) = fix(pattern, indices) or ("",)
    assert isinstance(result, str), "an index is missing"
    return result


def fix(pattern: Pattern, indices: Indices) -> Pattern:
    """Return the pattern with some loops held at an index."""
    if is_literal(pattern):
        return pattern if pattern != ("",) else ()
    return join(tuple(_fixed(piece, indices) for piece in pattern))


def _fixed(piece: Piece, indices: Indices) -> Piece:
    if isinstance(piece, Index) and piece.id in indices:
        return str(indices[piece.id] + piece.offset)
    if not isinstance(piece, Table) or not indices.keys() & set(piece.ids):
        return piece
    if indices.keys() >= set(piece.ids):
        return piece.entries[tuple(indices[name] for name in piece.ids)]
    kept = tuple(name for name in piece.ids if name not in indices)
    entries = {}
    for at, entry in piece.entries.items():
        where = dict(zip(piece.ids, at, strict=True))
        if all(where[name] == indices[name] for name in where.keys() & indices.keys()):
            entries[tuple(where[name] for name in kept)] = entry
    return Table(kept, entries)


def shift(pattern: Pattern, loop: str, distance: int) -> Pattern:
    """Return the pattern as it was `distance` iterations of `loop` earlier."""

    def shifted(piece: Piece) -> Piece:
        if isinstance(piece, Index) and piece.id == loop:
            return piece._replace(offset=piece.offset - distance)
        if isinstance(piece, Table) and loop in piece.ids:
            at = piece.ids.index(loop)
            moved = {(*key[:at], key[at] + distance, *key[at + 1 :]): entry for key, entry in piece.entries.items()}
            return Table(piece.ids, moved)
        return piece

    return tuple(shifted(piece) for piece in pattern)


def replace(pattern: Pattern, change: Callable[[str], str]) -> Pattern:
    """Return the pattern with every literal text changed."""
    return tuple(
        change(piece)
        if isinstance(piece, str)
        else piece._replace(entries={at: change(entry) for at, entry in piece.entries.items()})
        if isinstance(piece, Table)
        else piece
        for piece in pattern
    )


def combinations(ids: list[str], domains: Domains) -> Iterator[Indices]:
    """Yield every combination of indices; the domains must be finite."""
    ranges = [range(domains[name].first, (domains[name].last or 0) + 1) for name in ids]
    return (dict(zip(ids, at, strict=True)) for at in product(*ranges))


def size(ids: set[str], domains: Domains) -> int | None:
    """Return how many combinations of indices there are; None when only the run can tell."""
    total = 1
    for name in ids:
        count = domains[name].size
        if count is None:
            return None
        total *= count
    return total


def examples(pattern: Pattern, domains: Domains) -> Iterator[str]:
    """Yield texts of the family that show the shortest and the longest entry of every hole."""
    longest: list[str] = []
    for piece in pattern:
        if isinstance(piece, Table):
            longest.append(max(piece.entries.values(), key=len, default=""))
        elif isinstance(piece, Index):
            last = domains[piece.id].last
            longest.append(str((last if last is not None else 999_999) + piece.offset))
        else:
            longest.append(piece)
    yield "".join(longest)


# --------------------------------------------------------------------------------------------------------------------
# Globs

_WILD = re.compile(r"\*|\?|\[!?\]?[^\]]*\]")


def has_wildcards(pattern: Pattern) -> bool:
    """Tell whether a name is a glob: whether any text in it has a wildcard."""
    texts = [piece for piece in pattern if isinstance(piece, str)]
    for piece in pattern:
        if isinstance(piece, Table):
            texts += piece.entries.values()
    return any(_WILD.search(text) for text in texts)


def _glob(pattern: Pattern) -> tuple["Piece | Wild", ...]:
    """Return the pieces of a glob with its wildcards apart; one in a table stands for any text in all of it."""
    pieces: list[Piece | Wild] = []
    for piece in pattern:
        if isinstance(piece, str):
            end = 0
            for match in _WILD.finditer(piece):
                pieces += [one for one in (piece[end : match.start()], Wild(match[0])) if one]
                end = match.end()
            pieces += [piece[end:]] if piece[end:] else []
        elif isinstance(piece, Table) and has_wildcards((piece,)):
            pieces.append(Wild("*"))
        else:
            pieces.append(piece)
    return tuple(pieces)


def matches(glob: Pattern, glob_domains: Domains, made: Pattern, domains: Domains) -> bool:
    """Tell whether a glob, at some indices, can match a text of a family. When in doubt: yes."""
    return _search(_Automaton(_glob(glob), glob_domains), _Automaton(made, domains), apart=False)


def may_meet(one: Pattern, two: Pattern) -> bool:
    """Tell whether two globs may match the same text, as far as their beginnings and ends tell. When in doubt: yes."""
    heads = [_WILD.split(_literal(pattern, 0))[0] for pattern in (one, two)]
    tails = [_WILD.split(_literal(pattern, -1))[-1] for pattern in (one, two)]
    begin = heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])
    return begin and (tails[0].endswith(tails[1]) or tails[1].endswith(tails[0]))


# --------------------------------------------------------------------------------------------------------------------
# Automata: a state is (number of the piece, progress in the piece)

_State = tuple[int, object]
_START = None


class _Number(NamedTuple):
    """Progress in a number: how many digits, and whether they are below (-1), at (0) or above (1) the bounds'."""

    length: int
    low: int
    high: int
    is_zero: bool


class _Automaton:
    """Reads the texts of a family character by character. Loops are taken as independent of each other."""

    def __init__(self, pattern: tuple[Piece | Wild, ...], domains: Domains) -> None:
        self.pieces, self.domains = pattern, domains
        self._prefixes: dict[int, dict[str, str]] = {}

    def ready(self, state: _State) -> Iterator[_State]:
        """Yield the state and those reached without reading: at the ends of pieces."""
        yield state
        while state[0] < len(self.pieces) and self._may_end(*state):
            state = (state[0] + 1, _START)
            yield state

    def is_end(self, state: _State) -> bool:
        return state[0] == len(self.pieces)

    def steps(self, state: _State) -> dict[str, _State]:
        """Return the characters that can be read, and the states they lead to."""
        number, progress = state
        if number == len(self.pieces):
            return {}
        piece = self.pieces[number]
        assert not isinstance(piece, Wild), "only one of two families is a glob"
        if isinstance(piece, str):
            at = progress if isinstance(progress, int) else 0
            return {piece[at]: (number, at + 1)} if at < len(piece) else {}
        if isinstance(piece, Table):
            prefix = progress if isinstance(progress, str) else ""
            return {
                character: (number, prefix + character) for character in self._following(number, piece).get(prefix, "")
            }
        return {digit: (number, after) for digit, after in self._digits(piece, progress)}

    def step(self, state: _State, character: str) -> _State | None:
        """Return the state that a character leads to; None when it cannot be read."""
        number, progress = state
        piece = self.pieces[number] if number < len(self.pieces) else ""
        if not isinstance(piece, Wild):
            return self.steps(state).get(character)
        if piece.text == "*":
            return state
        return (number, 1) if progress is _START and fnmatchcase(character, piece.text) else None

    def _may_end(self, number: int, progress: object) -> bool:
        piece = self.pieces[number]
        if isinstance(piece, Wild):
            return piece.text == "*" or progress is not _START
        if isinstance(piece, str):
            return progress == len(piece)
        if isinstance(piece, Table):
            return (progress if isinstance(progress, str) else "") in piece.entries.values()
        low, high = self._bounds(piece)
        if isinstance(progress, str):
            return progress in self._negative(piece)
        if not isinstance(progress, _Number):
            return False
        above = (progress.length, progress.low) >= (len(low), 0)
        return above and (high is None or (progress.length, progress.high) <= (len(high), 0))

    def _following(self, number: int, piece: Table) -> dict[str, str]:
        if number not in self._prefixes:
            found: dict[str, set[str]] = {}
            for entry in set(piece.entries.values()):
                for at, character in enumerate(entry):
                    found.setdefault(entry[:at], set()).add(character)
            self._prefixes[number] = {prefix: "".join(characters) for prefix, characters in found.items()}
        return self._prefixes[number]

    def _bounds(self, piece: Index) -> tuple[str, str | None]:
        """Return the digits of the least and the greatest value that is not negative."""
        first, last = self.domains[piece.id]
        return str(max(0, first + piece.offset)), None if last is None else str(last + piece.offset)

    def _negative(self, piece: Index) -> set[str]:
        first, last = self.domains[piece.id]
        return {str(value) for value in range(first + piece.offset, 0) if last is None or value <= last + piece.offset}

    def _digits(self, piece: Index, progress: object) -> Iterator[tuple[str, object]]:
        if progress is _START or isinstance(progress, str):
            prefix = progress if isinstance(progress, str) else ""
            following = {
                entry[len(prefix)] for entry in self._negative(piece) if entry.startswith(prefix) and entry != prefix
            }
            yield from ((character, prefix + character) for character in following)
        if isinstance(progress, str):
            return
        now = progress if isinstance(progress, _Number) else _Number(0, 0, 0, False)
        low, high = self._bounds(piece)
        if now.is_zero or now.length >= (len(high) if high is not None else _LONGEST) or str(high).startswith("-"):
            return
        for digit in "0123456789":
            sides = (_side(digit, low, now.length, now.low), _side(digit, high or "", now.length, now.high))
            yield digit, _Number(now.length + 1, *sides, digit == "0" and now.length == 0)


_LONGEST = 12


def _side(digit: str, bound: str, at: int, before: int) -> int:
    if before or at >= len(bound):
        return before
    return (digit > bound[at]) - (digit < bound[at])


def _search(one: _Automaton, two: _Automaton, *, apart: bool) -> bool:
    """Tell whether both read a common text; with `apart`, by ways that are not the same all along.

    The first may be a glob.
    """
    start: tuple[_State, _State, bool] = ((0, _START), (0, _START), False)
    seen = {start}
    todo = [start]
    while todo:
        left, right, differ = todo.pop()
        for a, b in product(one.ready(left), two.ready(right)):
            different = differ or a != b
            if one.is_end(a) and two.is_end(b) and (different or not apart):
                return True
            for character, other in two.steps(b).items():
                after = one.step(a, character)
                if after is not None and (state := (after, other, different)) not in seen:
                    seen.add(state)
                    todo.append(state)
    return False


def _twice(pattern: Pattern) -> bool:
    """Tell whether some loop stands in several holes, which the automata take for independent."""
    ids = [
        name
        for piece in pattern
        for name in (piece.ids if isinstance(piece, Table) else piece[:1] if isinstance(piece, Index) else ())
    ]
    return len(ids) != len(set(ids))


def overlap(one: Pattern, one_domains: Domains, two: Pattern, two_domains: Domains) -> bool:
    """Tell whether some text belongs to both families, each at any indices. When in doubt: yes."""
    if not (variables(one) or variables(two)):
        return one == two
    if _are_apart(one, two):
        return False
    parts = _around_table(one), _around_table(two)
    if parts[0] is not None and parts[1] is not None:
        return _have_common(parts[0], parts[1])
    if not _search(_Automaton(one, one_domains), _Automaton(two, two_domains), apart=False):
        return False
    if not (_twice(one) or _twice(two)):
        return True
    sizes = size(variables(one), one_domains), size(variables(two), two_domains)
    if any(count is None or count > _MAX_LISTED for count in sizes):
        return True
    return bool(_listed(one, one_domains) & _listed(two, two_domains))


def _are_apart(one: Pattern, two: Pattern) -> bool:
    """Tell whether what two names begin or end with shows that they differ."""
    heads, tails = ([_literal(pattern, at) for pattern in (one, two)] for at in (0, -1))
    begin = heads[0].startswith(heads[1]) or heads[1].startswith(heads[0])
    return not begin or not (tails[0].endswith(tails[1]) or tails[1].endswith(tails[0]))


def _literal(pattern: Pattern, at: int) -> str:
    piece = pattern[at] if pattern else ""
    return piece if isinstance(piece, str) else ""


class _Around(NamedTuple):
    """A name with one table and no index: what stands before the table, its texts, and what stands behind."""

    head: str
    texts: frozenset[str]
    tail: str


def _around_table(pattern: Pattern) -> _Around | None:
    """Return the parts of a name with at most one table and no index; None for any other."""
    tables = [at for at, piece in enumerate(pattern) if not isinstance(piece, str)]
    if not tables:
        return _Around("".join(map(str, pattern)), frozenset(("",)), "")
    table = pattern[tables[0]]
    if len(tables) > 1 or not isinstance(table, Table):
        return None
    before, behind = pattern[: tables[0]], pattern[tables[0] + 1 :]
    return _Around("".join(map(str, before)), table.texts, "".join(map(str, behind)))


def _have_common(one: _Around, two: _Around) -> bool:
    """Tell whether some text belongs to both."""
    if (one.head, one.tail) == (two.head, two.tail):
        return not one.texts.isdisjoint(two.texts)
    less, more = sorted((one, two), key=lambda part: len(part.texts))
    texts = (f"{less.head}{text}{less.tail}" for text in less.texts)
    ends = len(more.head) + len(more.tail)
    return any(
        text.startswith(more.head)
        and text.endswith(more.tail)
        and len(text) >= ends
        and text[len(more.head) : len(text) - len(more.tail)] in more.texts
        for text in texts
    )


def _listed(pattern: Pattern, domains: Domains) -> set[str]:
    return {text(pattern, at) for at in _existing(pattern, sorted(variables(pattern)), domains)}


def _existing(pattern: Pattern, ids: list[str], domains: Domains) -> Iterator[Indices]:
    """Yield the combinations that all tables know: an inner loop may be shorter for some indices of an outer one."""
    tables = [piece for piece in pattern if isinstance(piece, Table)]
    for at in combinations(ids, domains):
        if all(tuple(at[name] for name in table.ids) in table.entries for table in tables):
            yield at


class Repetition(NamedTuple):
    """Two iterations that give the same text, or why that cannot be excluded."""

    unused: str | None
    message: str


def repetition(pattern: Pattern, loops: Domains) -> Repetition | None:
    """Return why two combinations of the indices of `loops` give the same text; None when all texts differ."""
    if not loops:
        return None
    used = variables(pattern)
    for name, domain in loops.items():
        if name not in used and domain.size not in {0, 1}:
            return Repetition(name, "every iteration would write the same file")
    if any(domain.size == 0 for domain in loops.values()):
        return None
    if _all_differ(pattern, loops):
        return None
    total = size(used, loops)
    if total is None or total > _MAX_LISTED:
        return Repetition(None, "two iterations may give the same name")
    seen: dict[str, Indices] = {}
    for at in _existing(pattern, sorted(used), loops):
        name = text(pattern, at)
        if name in seen:
            return Repetition(None, f"{_shown(seen[name])} and {_shown(at)} both give {name!r}")
        seen[name] = at
    return None


def _all_differ(pattern: Pattern, loops: Domains) -> bool:
    """Tell whether all texts of a family are sure to differ."""
    tables = [piece for piece in pattern if isinstance(piece, Table)]
    if tables and _around_table(pattern) is not None:
        return len(tables[0].texts) == len(tables[0].entries)
    is_ambiguous = _search(_Automaton(pattern, loops), _Automaton(pattern, loops), apart=True)
    return not is_ambiguous and _tables_differ(pattern, loops)


def _shown(indices: Indices) -> str:
    return " ".join(f"{name}={index}" for name, index in indices.items())


def _tables_differ(pattern: Pattern, domains: Domains) -> bool:
    """Tell whether the tables tell apart all loops of which no index stands in the pattern."""
    indexed = {piece.id for piece in pattern if isinstance(piece, Index)}
    tables = [piece for piece in pattern if isinstance(piece, Table)]
    ids = sorted({name for table in tables for name in table.ids} - indexed)
    if not ids:
        return True
    total = size(set(ids), domains)
    if total is None or total > _MAX_LISTED or any(set(table.ids) & indexed for table in tables):
        return False
    seen = [tuple(text((table,), at) for table in tables) for at in _existing(tuple(tables), ids, domains)]
    return len(set(seen)) == len(seen)
