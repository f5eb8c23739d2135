"""Criteria of conditionals and do-whiles: questions with the answers that indices alone can give."""

from __future__ import annotations

from typing import Any

from eas_compiler import document, evaluate
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.source import Node
from eas_compiler.tree import IndexTable, Question, Scope
from eas_worker import expressions
from eas_worker.expressions import Expression, ExpressionError


def resolve(
    kind: str, node: Node, scope: Scope, diagnostics: Diagnostics, last: tuple[str, int] | None = None
) -> Question | None:
    """Return a criterion as a question; None when it is wrong, which is reported.

    `last` is the loop of a do-while and its last iteration, after which true is an error.
    """
    if isinstance(node.value, bool):
        if last is None:
            return Question(kind, node, IndexTable((), {(): int(node.value)}), frozenset())
        node = node._replace(value=f"({node.value})")
    elif not isinstance(node.value, str) or not expressions.is_expression(node.value):
        _refuse(kind, node, diagnostics)
        return None
    expression = evaluate.parse(node, scope, diagnostics)
    if expression is None:
        return None
    when = evaluate.time(expression, scope)
    if when.is_late and not _may_be_bool(node, scope, diagnostics):
        return None
    if last is not None:
        when = when._replace(ids=when.ids | {last[0]})
    try:
        table = evaluate.index_table(expression, when, scope, lambda value: _as_answer(value, expression))
    except ExpressionError as error:
        diagnostics.expression(node, error, "criterion", evaluate.loops(expression, scope))
        return None
    if table is not None and last is not None:
        table = _ending(table, *last)
    return Question("repeat" if last else "criterion", node, table, frozenset(evaluate.requested(expression, scope)))


def _refuse(kind: str, node: Node, diagnostics: Diagnostics) -> None:
    if isinstance(node.value, str):
        hint = "write an expression in parentheses, as in \"(requested_metadata['search']['outcome'] == 'PASS')\""
        diagnostics.error("criterion", node, f"{kind} is a literal text", hint)
    else:
        diagnostics.error("criterion", node, f"{kind} must be a bool, not {document.kind(node)}")


def _may_be_bool(node: Node, scope: Scope, diagnostics: Diagnostics) -> bool:
    """Tell whether a criterion may be a bool, by what is known of metadata; report it when not."""
    from eas_compiler import kinds

    kind = kinds.known(node, scope.requested)
    if kind.name in ("any", "bool"):
        return True
    hint = "compare it with something, as in (… == 'PASS')" if kind.name == "text" else "compare it with something"
    diagnostics.error(
        "criterion", node, f"the criterion is {kind.words}, not a bool", hint, *kinds.as_related(kind.item)
    )
    return False


def _as_answer(value: Any, expression: Expression) -> int:
    if not isinstance(value, bool):
        raise ExpressionError(f"the criterion is {value!r}, not a bool", *expressions.place_of(expression))
    return int(value)


def _ending(table: IndexTable, loop: str, last: int) -> IndexTable:
    """Return the answers of a do-while, of which a true one in the last iteration is an error."""
    at = table.ids.index(loop)
    entries = {key: -1 if key[at] >= last and one else one for key, one in table.entries.items()}
    return IndexTable(table.ids, entries)
