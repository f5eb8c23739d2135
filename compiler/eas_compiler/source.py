"""Documents with the place of every key and value: what diagnostics point at."""

import errno
import os
import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

MAX_BYTES = 64 * 2**20
"""The largest document that is read; some files, as `/dev/zero`, have no end."""
_USUAL = 2**16


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return what is in a file; raise `OSError` when it cannot be read or is larger than `MAX_BYTES`."""
    with open(path, "rb") as file:
        return read_all(file)


def read_all(file: BinaryIO) -> bytes:
    """Return what is left in an open file; raise `OSError` when that is more than `MAX_BYTES`."""
    data = file.read(_USUAL)  # to ask for all that may be there takes the time of making room for it
    if len(data) == _USUAL:
        data += file.read(MAX_BYTES + 1 - _USUAL)
    if len(data) > MAX_BYTES:
        raise OSError(errno.EFBIG, f"it is larger than {MAX_BYTES // 2**20} MiB")
    return data


class Source:
    """The text of a document and the name by which its user knows it."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self._starts: list[int] = []

    def location(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both from 1; columns count characters."""
        starts = self._line_starts()
        line = bisect_right(starts, offset)
        return line, offset - starts[line - 1] + 1

    def line(self, number: int) -> str:
        """Return line `number`, from 1, without its end."""
        start = self._line_starts()[number - 1]
        end = self.text.find("\n", start)
        return self.text[start : end if end >= 0 else None].rstrip("\r")

    def _line_starts(self) -> list[int]:
        if not self._starts:
            self._starts = [0, *(end.end() for end in re.finditer("\n", self.text))]
        return self._starts

    def place(self, offset: int) -> str:
        """Return `file:line:column`."""
        line, column = self.location(offset)
        return f"{self.name}:{line}:{column}"


class Node(NamedTuple):
    """A JSON value with its place: offsets in the text of `source`; for a member of an object also those of its key.

    `value` is None, a bool, a number, a text, a list of nodes or a dict of nodes.
    """

    value: Any
    source: Source
    start: int
    end: int
    key_start: int = -1
    key_end: int = -1

    @property
    def place(self) -> str:
        """Where the value starts, as `file:line:column`."""
        return self.source.place(self.start)

    def plain(self) -> Any:
        """Return the value without places."""
        if isinstance(self.value, dict):
            return {key: member.plain() for key, member in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value

    def children(self) -> Iterator[tuple[str, "Node"]]:
        """Yield the members of an object or the items of a list with their keys."""
        if isinstance(self.value, dict):
            yield from self.value.items()
        elif isinstance(self.value, list):
            yield from ((str(index), item) for index, item in enumerate(self.value))

    def pointer(self, start: int) -> str:
        """Return the JSON pointer (RFC 6901) of the innermost value or key at the offset `start`."""
        if isinstance(self.value, list):  # which may be long
            near = bisect_right(self.value, start, key=lambda one: one.start) - 1
            if near >= 0 and self.value[near].start <= start < self.value[near].end:
                return f"/{near}{self.value[near].pointer(start)}"
        for key, child in self.children():
            if min(start, child.start) == start and child.key_start <= start < child.end and child.key_start >= 0:
                return f"/{_escaped(key)}{child.pointer(start)}"
            if child.start <= start < child.end:
                return f"/{_escaped(key)}{child.pointer(start)}"
        return ""

    def offset_in_text(self, index: int) -> int:
        """Return where character `index` of a text stands in the source, escapes taken into account.

        Of texts of YAML over several lines, the start.
        """
        text = self.source.text
        first = text[self.start : self.start + 1]
        if first in {"|", ">"} or "\n" in text[self.start : self.end]:
            return self.start
        if first == "'":
            doubled = str(self.value)[:index].count("'")
            return min(self.start + 1 + index + doubled, self.end - 1)
        if first != '"':
            return min(self.start + index, self.end - 1)
        offset = self.start + 1
        for _ in range(index):
            if offset >= self.end:
                break
            offset += _width(text, offset)
        return min(offset, self.end - 1)


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _width(text: str, offset: int) -> int:
    """Return how many characters of JSON text make the one that starts at `offset`."""
    if text[offset] != "\\":
        return 1
    if text[offset + 1] != "u":
        return 2
    high = text[offset + 2 : offset + 6].lower()
    is_pair = "d800" <= high <= "dbff" and text[offset + 6 : offset + 8] == "\\u"
    return 12 if is_pair and "dc00" <= text[offset + 8 : offset + 12].lower() <= "dfff" else 6
