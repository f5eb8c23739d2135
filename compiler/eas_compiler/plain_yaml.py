"""The part of YAML that registries and templates are written in, read in less time than PyYAML takes to load.

A text that needs more of YAML, or in which anything is wrong, is left to PyYAML, which also says what is wrong. So this
reader knows no mistakes: what it returns is what PyYAML would return, with the same places; in any doubt it gives up.

It knows mappings and lists in both styles, texts with and without quotes, numbers in decimal, `true`, `false`, `null`,
folded texts (`>-`) of one paragraph, anchors, aliases and comments.
"""

from __future__ import annotations

import re
from typing import Any, NoReturn

from eas_compiler.source import Node, Source

MAX_NODES = 200_000
"""The most nodes of a document, aliases being expanded."""

_TO_CONTENT = re.compile(r"(?:[ ]*(?:#.*)?\n)*([ ]*)")
"""From the start of a line: blank lines and comments, then the indentation of the first line that has content."""
_LINE_END = re.compile(r"(?:[ ]+#.*|[ ]*)(?:\n|\Z)")
_BLANK = re.compile(r"[ \n]*")
_KEY = re.compile(r"""([A-Za-z_][\w./-]*|"[^"\\\n]*"|'[^'\n]*'):(?=[ \n])""")
_NAME = re.compile(r"[&*](\w+)(?=[ \n,\]}])")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?(?=[ \n,\]}]|\Z)")
_QUOTED = re.compile(r""""[^"\\\n]*"|'[^'\n]*'""")
_PLAIN_IN_FLOW = re.compile(r"(?:[A-Za-z_($/]|-(?=[A-Za-z]))(?:[^\n:#,\[\]{}]|(?<! )#)*")
_PLAIN = re.compile(r"(?:[A-Za-z_($/]|-(?=[A-Za-z]))(?:[^\n:#]|:(?![ \n])|(?<! )#)*")
_FOLDED = re.compile(r">-[ ]*\n([ ]+)")
_WORDS = {"true": True, "false": False, "null": None}
_DOUBTFUL = frozenset("y n yes no on off true false null".split())
"""What readers of YAML 1.1 take for something else than a text, in any case."""


class _DoubtError(Exception):
    """The text may need more of YAML than this reader knows."""


def read(source: Source) -> Node | None:
    """Return a document with its places; None when PyYAML has to read it."""
    text = source.text
    if not text.replace("\n", "").isprintable():
        return None
    reader = _Reader(source)
    try:
        return reader.document()
    except (_DoubtError, RecursionError):
        return None


def _doubt() -> NoReturn:
    raise _DoubtError


class _Reader:
    """A recursive descent over the text. Methods take the offset at which something starts and set `at` behind it."""

    def __init__(self, source: Source) -> None:
        self.source, self.text = source, source.text
        self.at = 0
        self.nodes = 0
        self._anchors: dict[str, tuple[Node, int]] = {}

    def document(self) -> Node:
        start, indent = self._content(0)
        if indent or not _KEY.match(self.text, start):
            _doubt()
        node = self._mapping(start, 0, -1, -1)
        if node.end < len(self.text) and self.at < len(self.text):
            _doubt()
        return node

    # ---- lines

    def _content(self, at: int) -> tuple[int, int]:
        """Return where the next content stands, from the start of a line, and its indentation; -1 at the end."""
        match = _TO_CONTENT.match(self.text, at)
        assert match is not None
        if match.end() == len(self.text) or self.text.startswith("#", match.end()):
            self.at = len(self.text)
            return len(self.text), -1
        return match.end(), len(match[1])

    def _end_line(self) -> None:
        match = _LINE_END.match(self.text, self.at)
        if match is None:
            _doubt()
        self.at = match.end()

    def _mapping(self, start: int, indent: int, key_start: int, key_end: int) -> Node:
        """Read the members of a block mapping that begins at `start` and is indented by `indent`."""
        members: dict[str, Node] = {}
        at, end = start, start
        while True:
            key = _KEY.match(self.text, at)
            if key is None:
                _doubt()
            name = self._key(key[1], members)
            members[name] = member = self._block(key.end(), indent, *key.span(1))
            end = member.end
            at, here = self._content(self.at)
            if here != indent or self.text.startswith("- ", at):
                break
        self._leave(at, here, indent)
        return self._node(members, start, end, key_start, key_end)

    def _list(self, start: int, indent: int, key_start: int, key_end: int) -> Node:
        items: list[Node] = []
        at, end = start, start
        while True:
            key = _KEY.match(self.text, at + 2)
            if key is not None:
                items.append(self._mapping(at + 2, indent + 2, -1, -1))
            else:
                items.append(self._line_value(at + 2, -1, -1))
            end = items[-1].end
            at, here = self._content(self.at)
            if here != indent or not self.text.startswith("- ", at):
                break
        self._leave(at, here, indent)
        return self._node(items, start, end, key_start, key_end)

    def _leave(self, at: int, here: int, indent: int) -> None:
        """Go back to the start of the line behind a block of some indentation."""
        if here > indent:
            _doubt()
        self.at = at - max(here, 0)

    def _block(self, at: int, indent: int, key_start: int, key_end: int) -> Node:
        """Read the value of a key: on its line, or on the lines below."""
        self.at = at
        if _LINE_END.match(self.text, at) is None:
            return self._line_value(at + 1, key_start, key_end, indent)
        self._end_line()
        return self._below(indent, key_start, key_end)

    def _below(self, indent: int, key_start: int, key_end: int) -> Node:
        start, here = self._content(self.at)
        if self.text.startswith("- ", start) and here >= indent:
            return self._list(start, here, key_start, key_end)
        if here <= indent:
            _doubt()
        if _KEY.match(self.text, start):
            return self._mapping(start, here, key_start, key_end)
        return self._line_value(start, key_start, key_end)

    def _line_value(self, at: int, key_start: int, key_end: int, indent: int = -1) -> Node:
        """Read a value that starts on this line; an anchor of a block stands alone on it."""
        at = self._skip(at, "")
        name = _NAME.match(self.text, at) if self.text.startswith("&", at) else None
        if name is not None:
            before = self.nodes
            self.at = name.end()
            if indent >= 0 and _LINE_END.match(self.text, self.at):
                self._end_line()
                node = self._below(indent, key_start, key_end)
            else:
                node = self._line_value(name.end(), key_start, key_end, indent)
            return self._anchored(name[1], node, at, before)
        if self.text.startswith(">", at):
            return self._folded(at, indent, key_start, key_end)
        node = self._value(at, key_start, key_end, _PLAIN)
        self._end_line()
        return node

    def _folded(self, at: int, indent: int, key_start: int, key_end: int) -> Node:
        head = _FOLDED.match(self.text, at)
        if head is None or len(head[1]) <= indent or indent < 0:
            _doubt()
        margin, lines = head[1], []
        start = head.end() - len(margin)
        while self.text.startswith(margin, start):
            end = self.text.find("\n", start)
            end = len(self.text) if end < 0 else end
            line = self.text[start + len(margin) : end]
            if not line or line[0] == " " or line[-1] == " ":
                _doubt()
            lines.append(line)
            start = end + 1
        self.at = min(start, len(self.text))
        if self.text.startswith(("\n", " "), self.at) and self._content(self.at)[1] > indent:
            _doubt()
        self.at = min(start, len(self.text))
        return self._node(" ".join(lines), at, self.at, key_start, key_end)

    # ---- values

    def _value(self, at: int, key_start: int, key_end: int, plain: re.Pattern[str]) -> Node:
        """Read a scalar, an alias, or a mapping or list in braces; `plain` is what a text without quotes may hold."""
        first = self.text[at : at + 1]
        if first == "{":
            return self._members(at, key_start, key_end)
        if first == "[":
            return self._items(at, key_start, key_end)
        if first == "*":
            return self._alias(at, key_start, key_end)
        value, self.at = self._scalar(at, first, plain)
        return self._node(value, at, self.at, key_start, key_end)

    def _scalar(self, at: int, first: str, plain: re.Pattern[str]) -> tuple[Any, int]:
        if first in ('"', "'"):
            quoted = _QUOTED.match(self.text, at)
            if quoted is None or self.text.startswith("'", quoted.end()):
                _doubt()
            return quoted[0][1:-1], quoted.end()
        number = _NUMBER.match(self.text, at)
        if number is not None:
            return (float(number[0]) if number[1] else int(number[0])), number.end()
        match = plain.match(self.text, at)
        if match is None:
            _doubt()
        text = match[0].rstrip(" ")
        if text in _WORDS:
            return _WORDS[text], at + len(text)
        if text.lower() in _DOUBTFUL:
            _doubt()
        return text, at + len(text)

    def _members(self, start: int, key_start: int, key_end: int) -> Node:
        members: dict[str, Node] = {}
        at = self._skip(start + 1)
        while not self.text.startswith("}", at):
            key = _KEY.match(self.text, at)
            if key is None:
                _doubt()
            name = self._key(key[1], members)
            members[name] = self._flow(self._skip(key.end()), *key.span(1))
            at = self._comma("}")
        self.at = at + 1
        return self._node(members, start, self.at, key_start, key_end)

    def _items(self, start: int, key_start: int, key_end: int) -> Node:
        items: list[Node] = []
        at = self._skip(start + 1)
        while not self.text.startswith("]", at):
            items.append(self._flow(at, -1, -1))
            at = self._comma("]")
        self.at = at + 1
        return self._node(items, start, self.at, key_start, key_end)

    def _flow(self, at: int, key_start: int, key_end: int) -> Node:
        """Read a value inside braces."""
        if not self.text.startswith("&", at):
            return self._value(at, key_start, key_end, _PLAIN_IN_FLOW)
        name = _NAME.match(self.text, at)
        if name is None:
            _doubt()
        before = self.nodes
        node = self._value(self._skip(name.end()), key_start, key_end, _PLAIN_IN_FLOW)
        return self._anchored(name[1], node, at, before)

    def _key(self, written: str, members: dict[str, Node]) -> str:
        """Return the name that a key gives to a new member."""
        name = written[1:-1] if written[0] in "\"'" else written
        if name in members or written.lower() == "null":
            _doubt()
        return name

    def _comma(self, close: str) -> int:
        """Return where the next entry, or the end, stands."""
        at = self._skip(self.at)
        if self.text.startswith(close, at):
            return at
        if not self.text.startswith(",", at):
            _doubt()
        return self._skip(at + 1)

    def _skip(self, at: int, over: str = "\n") -> int:
        match = _BLANK.match(self.text, at)
        assert match is not None
        if not over and "\n" in match[0]:
            _doubt()
        return match.end()

    # ---- nodes

    def _anchored(self, name: str, node: Node, start: int, before: int) -> Node:
        if name in self._anchors:
            _doubt()
        node = node._replace(start=start)
        self._anchors[name] = (node, self.nodes - before)
        return node

    def _alias(self, at: int, key_start: int, key_end: int) -> Node:
        name = _NAME.match(self.text, at)
        if name is None or name[1] not in self._anchors:
            _doubt()
        node, size = self._anchors[name[1]]
        self._count(size)
        self.at = name.end()
        return node._replace(key_start=key_start, key_end=key_end)

    def _node(self, value: Any, start: int, end: int, key_start: int, key_end: int) -> Node:
        self._count(1)
        return Node(value, self.source, start, end, key_start, key_end)

    def _count(self, nodes: int) -> None:
        self.nodes += nodes
        if self.nodes >= MAX_NODES:
            _doubt()
