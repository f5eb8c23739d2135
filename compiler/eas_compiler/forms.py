"""The few forms of Argo expressions that manifests use; the embedded engine knows these and no others.

What an author writes never becomes part of one: names in keys are percent-encoded, everything else travels in the
description.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from eas_compiler.names import Domain, Domains, Index, Pattern, Piece, Table
from eas_compiler.tree import IndexTable, Scope


def parameter(name: str) -> str:
    """Return the reference to an input parameter."""
    return f"{{{{inputs.parameters.{name}}}}}"


def lookup(table: IndexTable, scope: Scope) -> str:
    """Return the expression of a table's entry: `[1,0][asInt(inputs.parameters.tda)]`, or a number for a constant."""
    if table.constant is not None:
        return str(table.constant)
    return nested({at: str(entry) for at, entry in table.entries.items()}, table.ids, scope.domains, "0")


def nested(entries: dict[tuple[int, ...], str], ids: tuple[str, ...], domains: Domains, missing: str) -> str:
    """Return a look-up in nested lists by one index after the other."""
    firsts = [domains[name].first for name in ids]

    def level(prefix: tuple[int, ...]) -> str:
        if len(prefix) == len(ids):
            return entries.get(prefix, missing)
        domain = domains[ids[len(prefix)]]
        last = domain.last if domain.last is not None else domain.first
        return "[" + ",".join(level((*prefix, index)) for index in range(domain.first, last + 1)) + "]"

    steps = [f"[{_integer(name)}{f' - {first}' if first else ''}]" for name, first in zip(ids, firsts, strict=True)]
    return level(()) + "".join(steps)


def _integer(name: str) -> str:
    return f"asInt(inputs.parameters.{name})" if "-" not in name else f"asInt(inputs.parameters['{name}'])"


def answer(steps: list[str], question: str) -> str:
    """Return the expression of what one of some steps answered; those that did not run have no answers."""
    if len(steps) == 1:
        return f"fromJSON(tasks['{steps[0]}'].outputs.parameters.answers)['{question}']"
    return f"fromJSON({given_answers(steps)})['{question}']"


def given_answers(steps: Iterable[str]) -> str:
    """Return the expression of the answers of that one of some steps which ran; nil when it had no work."""
    return " ?? ".join(f"tasks['{step}'].outputs?.parameters?.['answers']" for step in steps)


def unset(step: str, output: str) -> str:
    """Return a `when` that is true unless a step said `true` in an output parameter."""
    return f"{{{{=(tasks['{step}'].outputs?.parameters?.['{output}'] ?? 'false') != 'true'}}}}"


def equals(expression: str, value: int) -> str:
    """Return a `when` that is true where an expression has a value."""
    return f"{{{{={expression} == {value}}}}}"


def count(expression: str) -> str:
    """Return the number of iterations for `withSequence`."""
    return expression if expression.isdigit() else f"{{{{=string({expression})}}}}"


def plus_one(name: str) -> str:
    """Return the next index of a do-while."""
    return f"{{{{={_integer(name)} + 1}}}}"


def key(pattern: Pattern, scope: Scope) -> str:
    """Return an artifact key of a file whose name depends on indices; every part of the path is percent-encoded."""
    return "".join([_key_piece(piece, scope) for piece in pattern])


def _key_piece(piece: Piece, scope: Scope) -> str:
    if isinstance(piece, str):
        return encoded(piece)
    if isinstance(piece, Index):
        if not piece.offset:
            return parameter(piece.id)
        sign = "+" if piece.offset > 0 else "-"
        return f"{{{{={_integer(piece.id)} {sign} {abs(piece.offset)}}}}}"
    assert isinstance(piece, Table)
    return _table_key(piece, tuple((name, scope.domains[name]) for name in piece.ids))


@lru_cache(maxsize=256)
def _table_key(table: Table, domains: tuple[tuple[str, Domain], ...]) -> str:
    entries = {at: f"'{encoded(entry)}'" for at, entry in table.entries.items()}
    return f"{{{{={nested(entries, table.ids, dict(domains), quote_empty)}}}}}"


quote_empty = "''"


def encoded(text: str) -> str:
    """Percent-encode a path; letters, digits and `_.-~` and the slashes between its parts stay."""
    if _PLAIN(text):
        return text
    return "".join(chr(byte) if byte in _KEPT else f"%{byte:02X}" for byte in text.encode())


_PLAIN = re.compile("[A-Za-z0-9_.~/-]*").fullmatch
_KEPT = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-~/"


def escaped(json_text: str) -> str:
    r"""Return JSON that neither Argo nor the kubelet changes: `{{` would be a tag, and `$(NAME)` a variable.

    In valid JSON both stand in strings only, where `\u007b` and `\u0024` mean the same.
    """
    return json_text.replace("{{", "{\\u007b").replace("$", "\\u0024")


def records(path: str, scope: Scope) -> str:
    """Return the folder of one iteration's records."""
    return f"{RUN}/{record_names(path, scope)}"


def record_names(path: str, scope: Scope) -> str:
    """Return where these are in a run: the path's pattern, then the indices."""
    indices = ".".join([parameter(variable.id) for variable in scope.variables])
    return f".records{path}/{indices}" if indices else f".records{path}"


RUN = "{{workflow.name}}-{{workflow.uid}}"
"""The prefix of everything that a run keeps."""
