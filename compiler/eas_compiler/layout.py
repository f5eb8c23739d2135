"""Chains laid out in one way: what `eas fmt` writes.

Keys of the language stand in one order, all others and the entries of lists in their author's. What is flat and fits a
line stands on one. Numbers are written as their author did.
"""

from __future__ import annotations

import json
from typing import Any

from eas_compiler.source import Node

WIDTH = 120
_INDENT = "  "
_FIRST = (
    "$schema task description job_name working_directory tags subject name parameter iteration_name "
    "shards values linear_range log_range requires_metadata_from criterion max_iterations "
    "requires_metadata_from_child repeat_criterion"
).split()
_LAST = "qc retry resources cache parameters presets task_list else_task_list".split()
_ORDER = {key: number for number, key in enumerate(_FIRST)} | {key: 1000 + number for number, key in enumerate(_LAST)}
_MIDDLE = 999


def laid_out(root: Node) -> str:
    """Return the text of a document."""
    return _lines(root, "", 0, is_task=True) + "\n"


def _lines(node: Node, indent: str, used: int, *, is_task: bool) -> str:
    """Return a value that begins behind `used` characters of a line; `is_task` when keys are the language's."""
    value = node.value
    if not isinstance(value, (dict, list)) or not value:
        return _scalar(node)
    if _is_flat(node):
        line = _line(node, is_task=is_task)
        if used + len(line) < WIDTH:
            return line
    inner = indent + _INDENT
    if isinstance(value, list):
        items = [_lines(item, inner, len(inner), is_task=is_task) for item in value]
        return _block("[", [inner + item for item in items], "]", indent)
    members = []
    for key, member in _ordered(value, is_task=is_task):
        head = f"{inner}{_text(key)}: "
        inside = is_task and key in ("task_list", "else_task_list")
        members.append(head + _lines(member, inner, len(head), is_task=inside))
    return _block("{", members, "}", indent)


def _block(opening: str, lines: list[str], closing: str, indent: str) -> str:
    return opening + "\n" + ",\n".join(lines) + f"\n{indent}{closing}"


def _is_flat(node: Node) -> bool:
    """Tell whether a value holds no object, and is no list of lists."""
    children = [child for _, child in node.children()]
    if isinstance(node.value, list):
        return not any(isinstance(child.value, (dict, list)) for child in children)
    return all(not child.value or not isinstance(child.value, (dict, list)) or _is_list(child) for child in children)


def _is_list(node: Node) -> bool:
    return isinstance(node.value, list) and _is_flat(node)


def _line(node: Node, *, is_task: bool = False) -> str:
    if isinstance(node.value, list):
        return "[" + ", ".join(_line(item) for item in node.value) + "]"
    if isinstance(node.value, dict):
        members = (f"{_text(key)}: {_line(member)}" for key, member in _ordered(node.value, is_task=is_task))
        return "{" + ", ".join(members) + "}"
    return _scalar(node)


def _ordered(members: dict[str, Node], *, is_task: bool) -> list[tuple[str, Node]]:
    if not is_task:
        return list(members.items())
    return sorted(members.items(), key=lambda one: _ORDER.get(one[0], _MIDDLE))


def _scalar(node: Node) -> str:
    value: Any = node.value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (dict, list)):
        return "{}" if isinstance(value, dict) else "[]"
    return node.source.text[node.start : node.end]


def _text(text: str) -> str:
    """Return a JSON string in which what can be seen stands as it is, and what cannot is escaped."""
    if text.isascii() or text.isprintable():
        return json.dumps(text, ensure_ascii=False) if text.isprintable() else json.dumps(text)
    return '"' + "".join(_character(one) for one in text) + '"'


def _character(one: str) -> str:
    return json.dumps(one, ensure_ascii=not one.isprintable())[1:-1]
