"""Ranges of loops: over what a loop goes, how often, and when that is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from eas_compiler import document, evaluate
from eas_compiler.diagnostics import Diagnostics, did_you_mean, related
from eas_compiler.evaluate import Time, TooLargeError
from eas_compiler.names import Domain
from eas_compiler.source import Node
from eas_compiler.tree import Common, IndexTable, Question, Scope
from eas_worker import expressions, ranges
from eas_worker.assignment import loop_count
from eas_worker.expressions import ExpressionError

FORMS = ("values", "linear_range", "log_range")
"""How a loop may say what it goes over."""


class Range(NamedTuple):
    """The range of a loop.

    `number` is that of iterations, None when the range is wrong; `entry` is the range as descriptions carry it;
    `when` says when the values are known.
    """

    number: Question | None
    domain: Domain
    entry: dict[str, Any]
    when: Time


_UNKNOWN = Range(None, Domain(0, 0), {"form": "values", "range": [0]}, Time(frozenset(), is_late=False))


def resolve(common: Common, fields: dict[str, Node], scope: Scope, diagnostics: Diagnostics) -> Range:
    """Return the range of a loop; everything that is wrong with it is reported, each entry at its place."""
    given = [form for form in FORMS if form in fields]
    if len(given) != 1:
        _not_one(given, common.node, fields, diagnostics)
        for form in given:
            _times(fields[form], scope, diagnostics)
        return _UNKNOWN
    form, node = given[0], fields[given[0]]
    if not isinstance(node.value, list) and not _is_expression(node):
        diagnostics.error("loop-range", node, f"{form} must be a list, not {document.kind(node)}")
        return _UNKNOWN
    return of_form(form, node, common, scope, diagnostics)


def of_form(form: str, node: Node, common: Common, scope: Scope, diagnostics: Diagnostics) -> Range:
    """Return the range that is written in one form, or the ranks of a task's shards; what is wrong is reported."""
    before = diagnostics.errors
    when, used = _times(node, scope, diagnostics)
    entry = {"form": form, "range": node.plain()}
    counts = None
    if when is None or when.is_late:
        _check(form, node, scope, diagnostics)
        _check_kinds(form, node, scope, diagnostics)
    else:
        try:
            counts = _counts({"at": common.path, **entry}, when, scope)
        except TooLargeError:
            counts = None  # the run will tell
        except ExpressionError:
            _check(form, node, scope, diagnostics)
    if when is None or diagnostics.errors > before:
        return _UNKNOWN
    last = max(counts.entries.values(), default=0) - 1 if counts is not None else None
    return Range(Question("count", node, counts, frozenset(used)), Domain(0, last), entry, when)


def _is_expression(node: Node) -> bool:
    return isinstance(node.value, str) and expressions.is_expression(node.value)


def _not_one(given: list[str], loop: Node, fields: dict[str, Node], diagnostics: Diagnostics) -> None:
    """Report that a loop has no range, unless the name of one is misspelled, or that it has several."""
    one = "one of values, linear_range and log_range"
    if given:
        message = f"a loop takes {one}, not {' and '.join(given)}"
        places = (related(fields[form], "this is one") for form in given if form != given[1])
        diagnostics.error("loop-range", fields[given[1]], message, None, *places)
    elif not any(did_you_mean(key, FORMS) for key in loop.value if key not in fields):
        diagnostics.error("loop-range", loop.value["task"], f"the loop needs {one}")


def _times(node: Node, scope: Scope, diagnostics: Diagnostics) -> tuple[Time | None, set[str]]:
    """Return when all expressions in a range are known, None when one is wrong, and the requested names they use."""
    if isinstance(node.value, (list, dict)):
        open_ = (child for _, child in node.children() if isinstance(child.value, (str, list, dict)))
        parts = [_times(child, scope, diagnostics) for child in open_]  # a loop may have very many numbers
        good = [when for when, _ in parts if when is not None]
        used = set[str]().union(*(names for _, names in parts))
        if len(good) < len(parts):
            return None, used
        ids = frozenset[str]().union(*(when.ids for when in good))
        return Time(ids, any(when.is_late for when in good)), used
    if not _is_expression(node):
        return Time(frozenset(), is_late=False), set()
    expression = evaluate.parse(node, scope, diagnostics)
    if expression is None:
        return None, set()
    return evaluate.time(expression, scope), evaluate.requested(expression, scope)


def _counts(entry: dict[str, Any], when: Time, scope: Scope) -> IndexTable:
    """Return the number of iterations for each combination of outer indices; raise when it is wrong or too many."""
    entries = {}
    for indices in evaluate.combinations(when.ids, scope):
        metadata = evaluate.metadata(scope, indices)
        entries[tuple(indices.values())] = loop_count(entry, metadata, scope.parameters)
    return IndexTable(evaluate.ordered(when.ids, scope), entries)


def _check(form: str, node: Node, scope: Scope, diagnostics: Diagnostics) -> None:
    """Report every entry of a range that is wrong, as far as it is known before the chain runs."""
    if not isinstance(node.value, list):
        for value in evaluate.known(node, scope, diagnostics):
            for message in _problems(form, value):
                diagnostics.error(_code(form), node, message)
        return
    whole = ranges.problem(form, node.value)
    if whole is not None:
        diagnostics.error(_code(form), node, whole)
    for index, child in enumerate(node.value):
        for value in evaluate.known(child, scope, diagnostics):
            problem = ranges.problem_of_entry(form, index, value) if whole is None else None
            if problem is not None:
                diagnostics.error("loop-range", child, problem)
                break


def _code(form: str) -> str:
    return "shards" if form == ranges.SHARDS else "loop-range"


def _check_kinds(form: str, node: Node, scope: Scope, diagnostics: Diagnostics) -> None:
    """Report what is made of metadata of another type than a range takes."""
    from eas_compiler import kinds

    if form == ranges.SHARDS:
        kind = kinds.known(node, scope.requested)
        if kind.name not in ("any", "int"):
            hint = "int(…) makes it one" if kind.name == "float" else None
            message = f"shards must be an integer of at least 0, not {kind.words}"
            diagnostics.error("shards", node, message, hint, *kinds.as_related(kind.item))
        return
    takes = ("any", "list") if not isinstance(node.value, list) else ("any", *kinds.NUMBERS)
    takes = (*takes, "text") if form == "values" and isinstance(node.value, list) else takes
    for child in node.value if isinstance(node.value, list) else [node]:
        kind = kinds.known(child, scope.requested)
        if kind.name not in takes:
            what = "must be a list" if child is node else "must be a number" + (" or text" if "text" in takes else "")
            message = f"{form} {what}, not {kind.words}"
            diagnostics.error("loop-range", child, message, None, *kinds.as_related(kind.item))


def _problems(form: str, given: Any) -> Iterator[str]:
    """Yield everything that is wrong with a range whose entries have no places of their own."""
    whole = ranges.problem(form, given)
    if whole is not None:
        yield whole
        return
    found = (ranges.problem_of_entry(form, index, entry) for index, entry in enumerate(given))
    yield from (problem for problem in found if problem is not None)
