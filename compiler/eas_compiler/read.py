"""Pass 1, read: JSON or YAML text to a document with the place of every key and value.

Invariant of the result: what JSON (RFC 8259) can say, no duplicate keys, finite numbers, at most `MAX_DEPTH` deep.
"""

from __future__ import annotations

import math
import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import Any

from eas_compiler.diagnostics import Diagnostic, Diagnostics, Related
from eas_compiler.source import Node, Source

MAX_DEPTH = 200
STDIN = "<stdin>"
YAML = (".yaml", ".yml")
"""How names of documents end that are YAML."""
_BLANKS = frozenset(" \t\n\r")
_BLANK = re.compile(r"[ \t\n\r]*")
_KEY = re.compile(r'"([^"\\\x00-\x1f]*)"[ \t\n\r]*:[ \t\n\r]*')
"""A key without escapes, with what is behind it up to the value."""
_TEXT = re.compile(r'"([^"\\\x00-\x1f]*)"')
"""A string without escapes."""
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None}


class _Broken(Exception):
    """The text is no JSON from here on."""

    def __init__(self, offset: int, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.offset, self.message, self.hint = offset, message, hint


def read(name: str, data: bytes | str, diagnostics: Diagnostics) -> Node | None:
    """Return the document in `data`, or None when it cannot be read at all."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8")
    except UnicodeDecodeError as error:
        source = Source(name, error.object[: error.start].decode("utf-8") + "\ufffd")
        message = f"not UTF-8: byte 0x{error.object[error.start]:02x}"
        end = len(source.text)
        diagnostics.add(Diagnostic("encoding", "error", message, source, end - 1, end, "save the file as UTF-8"))
        return None
    source = Source(name, text.removeprefix("\ufeff"))
    if _is_yaml(source):
        from eas_compiler import yaml_reader

        return yaml_reader.read(source, diagnostics, is_chain=True)
    reader = _Reader(source, diagnostics)
    try:
        return reader.document()
    except _Broken as error:
        at = min(error.offset, len(source.text))
        diagnostics.add(Diagnostic("json", "error", error.message, source, at, at + 1, error.hint))
        return None


def _is_yaml(source: Source) -> bool:
    """Tell whether a document is YAML: by its name or, where it has none, by its first character."""
    if source.name != STDIN:
        return source.name.endswith(YAML)
    return source.text.lstrip()[:1] not in {"", "{", "["}


class _Reader:
    """A recursive descent over the text: `document`, `value`, `object`, `array`, each from one offset to the next."""

    def __init__(self, source: Source, diagnostics: Diagnostics) -> None:
        self.source, self.text, self.diagnostics = source, source.text, diagnostics

    def document(self) -> Node:
        node = self.value(self._blank(0), 0)
        rest = self._blank(node.end)
        if rest < len(self.text):
            raise _Broken(rest, "there is text after the end of the document")
        return node

    def value(self, at: int, depth: int, key: tuple[int, int] = (-1, -1)) -> Node:
        """value = object | array | string | number | "true" | "false" | "null"."""
        value: Any
        first = self.text[at : at + 1]
        if depth > MAX_DEPTH:
            raise _Broken(at, f"nested more than {MAX_DEPTH} deep")
        if first == "{":
            value, end = self.object(at, depth)
        elif first == "[":
            value, end = self.array(at, depth)
        elif first == '"':
            value, end = self.string(at)
        else:
            value, end = self._scalar(at)
        return Node(value, self.source, at, end, *key)

    def object(self, at: int, depth: int) -> tuple[dict[str, Node], int]:
        """object = "{" [ string ":" value { "," string ":" value } ] "}"."""
        members: dict[str, Node] = {}
        at = self._blank(at + 1)
        if self.text[at : at + 1] == "}":
            return members, at + 1
        while True:
            plain = _KEY.match(self.text, at)
            key, end, start = (plain[1], plain.end(1) + 1, plain.end()) if plain is not None else self._key(at)
            member = self.value(start, depth + 1, (at, end))
            if key in members:
                self._report_twice(members[key], member, key)
            else:
                members[key] = member
            comma = self._blank(member.end)
            if self.text[comma : comma + 1] == "}":
                return members, comma + 1
            at = self._comma(comma, "}")

    def _key(self, at: int) -> tuple[str, int, int]:
        """Return a key, where it ends, and where its value starts."""
        if self.text[at : at + 1] != '"':
            raise self._expected(at, "a key in double quotes")
        key, end = self.string(at)
        colon = self._blank(end)
        if self.text[colon : colon + 1] != ":":
            raise self._expected(colon, "':' after the key")
        return key, end, self._blank(colon + 1)

    def array(self, at: int, depth: int) -> tuple[list[Node], int]:
        """array = "[" [ value { "," value } ] "]"."""
        items: list[Node] = []
        at = self._blank(at + 1)
        if self.text[at : at + 1] == "]":
            return items, at + 1
        while True:
            items.append(self.value(at, depth + 1))
            comma = self._blank(items[-1].end)
            if self.text[comma : comma + 1] == "]":
                return items, comma + 1
            at = self._comma(comma, "]")

    def string(self, at: int) -> tuple[str, int]:
        plain = _TEXT.match(self.text, at)
        if plain is not None:
            return plain[1], plain.end()
        try:
            text, end = scanstring(self.text, at + 1, True)
        except JSONDecodeError as error:
            message = error.msg[:1].lower() + error.msg[1:]
            hint = "write line breaks as \\n" if "control" in message else None
            raise _Broken(error.pos, message.removesuffix(" at"), hint) from None
        return text, end

    def _scalar(self, at: int) -> tuple[Any, int]:
        match = _NUMBER.match(self.text, at)
        if match:
            return self._number(at, match), match.end()
        word = re.compile(r"[A-Za-z_]*").match(self.text, at)
        assert word is not None
        if word[0] in _WORDS:
            return _WORDS[word[0]], word.end()
        hint = None
        if word[0] in ("True", "False", "None"):
            hint = f"JSON writes {({'True': 'true', 'False': 'false', 'None': 'null'})[word[0]]}"
        elif self.text[at : at + 1] == "'":
            hint = "JSON takes double quotes"
        raise self._expected(at, "a value", hint)

    def _number(self, at: int, match: re.Match[str]) -> int | float:
        try:
            number = float(match[0]) if match[1] or match[2] else int(match[0])
        except ValueError:
            return self._no_number(at, match, "an integer with too many digits")
        if isinstance(number, float) and math.isinf(number):
            return self._no_number(at, match, f"the number {match[0][:40]} is too large")
        if self.text[match.end() : match.end() + 1].isalnum():
            raise self._expected(match.end(), "',' or the end of the list or object after a number")
        return number

    def _no_number(self, at: int, match: re.Match[str], message: str) -> float:
        """Report a number that JSON can write and nothing can hold; what follows is read all the same."""
        self.diagnostics.add(Diagnostic("json", "error", message, self.source, at, match.end()))
        return 1.0

    def _report_twice(self, first: Node, member: Node, key: str) -> None:
        place = Related(self.source, first.key_start, first.key_end, "first here")
        self.diagnostics.error_at_key("duplicate-key", member, f"the key {key!r} is there twice", None, place)

    def _comma(self, at: int, close: str) -> int:
        if self.text[at : at + 1] != ",":
            raise self._expected(at, f"',' or '{close}'")
        after = self._blank(at + 1)
        if self.text[after : after + 1] == close:
            raise _Broken(at, f"a comma before '{close}'", "JSON allows no comma after the last entry")
        return after

    def _blank(self, at: int) -> int:
        if self.text[at : at + 1] not in _BLANKS:
            return at
        match = _BLANK.match(self.text, at)
        assert match is not None
        return match.end()

    def _expected(self, at: int, what: str, hint: str | None = None) -> _Broken:
        if at >= len(self.text):
            return _Broken(at, f"the document ends here; expected {what}", hint)
        if self.text.startswith(("//", "/*", "#"), at):
            hint = "JSON has no comments; `description` is free text"
        return _Broken(at, f"expected {what}, not {self.text[at]!r}", hint)
