"""JSON from a cluster, however deep it is nested: what lies deeper than anything that is looked for is left out.

Fields of a Workflow that Argo's definitions do not describe take whatever somebody writes there, thousands of lists in
each other, too. Python's reader gives up on such a text as a whole, which may be the list of all Workflows of a site.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

MOST_NESTED = 200
"""How deep a value may lie: the lists of a chain are in each other up to half as deep."""
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]')


def loads(text: str | bytes) -> Any:
    """Return what a JSON text says; raise `ValueError` when it is none."""
    try:
        return json.loads(text)
    except RecursionError:
        return json.loads(flat(text.decode("utf-8", "replace") if isinstance(text, bytes) else text))


def flat(text: str) -> str:
    """Return a JSON text in which a null stands for what lies too deep."""
    return "".join(_kept(text))


def _kept(text: str) -> Iterator[str]:
    depth = start = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "[{":
            depth += 1
            if depth == MOST_NESTED + 1:
                yield text[start : token.start()]
        elif mark in "]}":
            depth -= 1
            if depth == MOST_NESTED:
                yield "null"
                start = token.end()
    if depth <= MOST_NESTED:
        yield text[start:]
