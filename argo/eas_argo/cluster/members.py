"""Objects of JSON with many members that come again and again, of which few are not as they were.

What stands there word for word as it did is not read once more. Members are compared in blocks, so that a text with
some thousand of them, a few of which have changed, takes some hundred comparisons: most blocks are as they were, and
only those that are not are looked at member by member.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

_string = json.decoder.scanstring  # type: ignore[attr-defined]
_value = json.JSONDecoder().raw_decode
_SIZE = 16
"""How many members a block has at least, if there are so many; one of twice as many is cut."""
_ENDS = ",}"


class _Block(NamedTuple):
    """Members that stand side by side: their text, and where in it each begins, its value begins, and it ends."""

    text: str
    spans: dict[str, tuple[int, int, int]]


class Members:
    """The members of an object as they were read last: name and text of each."""

    def __init__(self, blocks: Iterable[_Block] = ()) -> None:
        self.blocks: dict[str, _Block] = {}
        self._of: dict[str, _Block] = {}
        for block in blocks:
            self.blocks[next(iter(block.spans))] = block
            self._of |= dict.fromkeys(block.spans, block)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield name and text of each member."""
        return ((name, _text(block, name)) for name, block in self._of.items())

    def __len__(self) -> int:
        return len(self._of)

    def text(self, name: str) -> str | None:
        """Return the text of the value of a member."""
        block = self._of.get(name)
        return _text(block, name) if block is not None else None

    def lacking(self, others: Members) -> frozenset[str]:
        """Return the names that others have, and these do not."""
        return frozenset(others._of.keys() - self._of.keys())


def _text(block: _Block, name: str) -> str:
    _, begin, end = block.spans[name]
    return block.text[begin:end]


def read(text: str, at: int, known: Members) -> tuple[Members, dict[str, Any], int]:
    """Read the object at a position of compact JSON; return its members, the values that are new, and where it ends.

    Raises
    ------
    ValueError, IndexError
        When it is no object of compact JSON.
    """
    if text[at] != "{":
        raise ValueError("not an object")
    if text[at + 1] == "}":
        return Members(), {}, at + 2
    reading = _Reading(text, known)
    end = reading.members(at + 1)
    found = Members(reading.blocks)
    # Of a name that is there twice the last value counts, as everywhere in JSON.
    return found, {name: value for name, value in reading.fresh.items() if found.text(name) != known.text(name)}, end


class _Reading:
    """One reading of an object."""

    def __init__(self, text: str, known: Members) -> None:
        self._all, self._known = text, known
        self.blocks: list[_Block] = []
        self.fresh: dict[str, Any] = {}
        self._single: list[tuple[str, int, int, int]] = []
        self._last = 0

    def members(self, at: int) -> int:
        """Read members from the first on; return where the object ends."""
        text, blocks, end = self._all, self._known.blocks, ","
        while end != "}":
            if text[at] != '"':
                raise ValueError("not compact")
            name, after = _string(text, at + 1)
            block = blocks.get(name)
            if block is not None and self._is_here(block.text, at):
                if self._single:
                    self._close()
                self.blocks.append(block)
                self._last = at
                at += len(block.text)
            else:
                at = self._member(name, at, after)
            end = text[at]
            at += 1
        if self._single:
            self._close()
        return at

    def _is_here(self, expected: str, at: int) -> bool:
        return self._all.startswith(expected, at) and self._all[at + len(expected)] in _ENDS

    def _member(self, name: str, begin: int, at: int) -> int:
        """Read a member, whose name ends at a position, for itself, and return where it ends."""
        if self._all[at] != ":":
            raise ValueError("not compact")
        at += 1
        before = self._known.text(name)
        if before is not None and self._is_here(before, at):
            end = at + len(before)
        else:
            self.fresh[name], end = _value(self._all, at)
            if self._all[end] not in _ENDS:
                raise ValueError("not compact")
        self._single.append((name, begin, at, end))
        return end

    def _close(self) -> None:
        """Make blocks of the members that were read for themselves since the last one that is as it was.

        Few of them go into one with it, lest an object that grows one by one ends as blocks of one member each.
        """
        some, self._single = self._single, []
        if len(some) < _SIZE and self.blocks:
            last, by = self.blocks.pop().spans, self._last
            some = [(name, start + by, at + by, end + by) for name, (start, at, end) in last.items()] + some
        count = max(1, len(some) // _SIZE)
        cuts = [len(some) * number // count for number in range(count + 1)]
        for first, after in itertools.pairwise(cuts):
            begin, end = some[first][1], some[after - 1][3]
            spans = {name: (start - begin, at - begin, there - begin) for name, start, at, there in some[first:after]}
            self.blocks.append(_Block(self._all[begin:end], spans))
            self._last = begin
