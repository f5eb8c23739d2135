"""The three times of expressions: static ones are folded, indexed ones become patterns or tables, late ones stay."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterator
from typing import Any, NamedTuple

from eas_compiler import names
from eas_compiler.diagnostics import Diagnostics, Related
from eas_compiler.names import Index, Pattern, Table
from eas_compiler.source import Node
from eas_compiler.tree import IndexTable, Scope
from eas_worker import expressions
from eas_worker.assignment import loop_variables
from eas_worker.expressions import Expression, ExpressionError, Use

MAX_OFFSET = 1_000
"""The largest constant that is added to an index in a name; beyond, a table is made."""
STEPS_OF_EVALUATION = 8
"""What it takes to begin with an expression, in steps."""
MAX_FAILURES = 10
"""In how many iterations an expression may fail before the others are no longer looked at."""


class Time(NamedTuple):
    """When an expression can be evaluated: with the indices of the loops `ids`; if late, after tasks have run."""

    ids: frozenset[str]
    is_late: bool

    @property
    def is_static(self) -> bool:
        """Whether the compiler knows the value."""
        return not self.ids and not self.is_late


class TooLargeError(ExpressionError):
    """A table over indices would have too many entries."""


def parse(node: Node, scope: Scope, diagnostics: Diagnostics) -> Expression | None:
    """Return the expression in a text, its names checked; None when it is wrong, which is reported.

    Also None when it uses what is wrong elsewhere: a parameter, or the variable of a loop.
    """
    expression = expressions.examine(node.value)
    for mistake in expression.mistakes:
        diagnostics.expression(node, mistake)
    is_good = not expression.mistakes
    for use in expression.uses:
        if use.key is not None and use.name != "random":
            is_good &= _check_use(node, use, scope, diagnostics)
    if not expression.mistakes and any(use.name == "requested_metadata" for use in expression.uses):
        is_good &= _check_kinds(node, expression, scope, diagnostics)
    return expression if is_good and not any(_is_broken(use, scope) for use in expression.uses) else None


def _check_use(node: Node, use: Use, scope: Scope, diagnostics: Diagnostics) -> bool:
    """Report a name that nothing has; tell whether it is good."""
    assert use.key is not None
    known: Collection[str]
    if use.name == "metadata":
        known, what = scope.metadata(), "loop variable"
        hint = None if known else "no loop is around this task"
    elif use.name == "parameters":
        known, what = scope.parameters, "parameter"
        hint = None if known else "the chain has no `parameters`"
    else:
        known, what = scope.requested, "requested task"
        hint = f"add {use.key!r} to requires_metadata_from{'_child' if use.key in scope.children else ''}"
    if use.key in known or (use.name == "requested_metadata" and any(map(expressions.is_expression, known))):
        return True
    if use.name == "requested_metadata" and use.key in scope.missing:
        return False
    if use.name == "metadata" and any(not variable.name for variable in scope.variables):
        return False  # it may be the name that is wrong
    error = ExpressionError(
        f"unknown {what} {use.key!r}", use.start, use.end - use.start, diagnostics.did_you_mean(use.key, known) or hint
    )
    diagnostics.expression(node, error, "unknown-name")
    return False


def _check_kinds(node: Node, expression: Expression, scope: Scope, diagnostics: Diagnostics) -> bool:
    """Report what does not go together with the metadata that tasks emit; tell whether all does."""
    from eas_compiler import kinds

    found = kinds.infer(expression, scope.requested)
    for one in found.mistakes:
        error = ExpressionError(one.message, one.start, one.end - one.start, one.hint)
        diagnostics.expression(node, error, one.code, kinds.as_related(*one.items))
    return not found.mistakes


def _is_broken(use: Use, scope: Scope) -> bool:
    """Tell whether a name is that of something that is wrong, which has been reported where it is defined."""
    if use.name == "parameters":
        broken = getattr(scope.parameters, "broken", ())
        return use.key in broken if use.key is not None else bool(broken)
    if use.name == "metadata":
        known = scope.metadata()
        used = known.values() if use.key is None else [known[use.key]] if use.key in known else []
        return any(variable.is_broken and not is_index for variable, is_index in used)
    return False


def time(expression: Expression, scope: Scope) -> Time:
    """Return when an expression can be evaluated."""
    ids: set[str] = set()
    is_late = expression.is_late
    known = scope.metadata()
    for use in expression.uses:
        if use.name != "metadata":
            continue
        for key in [use.key] if use.key is not None else known:
            if key in known:
                variable, is_index = known[key]
                ids |= {variable.id} if is_index and not variable.aliases else {variable.id, *variable.depends}
                is_late = is_late or (variable.is_late and not is_index)
    return Time(frozenset(ids), is_late)


def loops(expression: Expression, scope: Scope) -> tuple[Related, ...]:
    """Return the places of the loops that an expression depends on: what is wrong may be so in some iterations only."""
    ids = time(expression, scope).ids
    return tuple(place for one in scope.variables if one.id in ids for place in one.as_related)


def value(expression: Expression, scope: Scope, indices: names.Indices) -> Any:
    """Return the value at the given indices; raise `ExpressionError` when it fails."""
    scope_names = {"metadata": metadata(scope, indices), "parameters": scope.parameters}
    effort = getattr(scope.parameters, "effort", None)
    if effort is not None:
        effort.left -= STEPS_OF_EVALUATION
    return expressions.evaluate(expression, scope_names)


def metadata(scope: Scope, indices: names.Indices) -> dict[str, Any]:
    """Return what `metadata` holds at some indices: values of loops only where all that they depend on is given."""
    known = getattr(scope.parameters, "metadata", None)
    if known is None:
        return _metadata(scope, indices)
    at = id(scope.variables), tuple(indices.items())
    if at not in known:
        known[at] = scope.variables, _metadata(scope, indices)  # which keeps their identity
    found: dict[str, Any] = known[at][1]
    return found


def _metadata(scope: Scope, indices: names.Indices) -> dict[str, Any]:
    given = [one for one in scope.variables if one.id in indices]
    whole = [one.entry for one in given if one.depends <= indices.keys() and not one.is_late]
    named = {f"{one.name}_index": indices[one.id] for one in given if not one.aliases}
    ranks = {one.name: indices[one.id] for one in given if one.is_shard}
    return loop_variables(whole, scope.parameters, indices) | named | ranks


def is_possible(scope: Scope, indices: names.Indices) -> bool:
    """Tell whether an iteration with these indices exists: an inner loop may be shorter for some of an outer one's."""
    try:
        metadata(scope, indices)
    except (ExpressionError, IndexError):
        return False
    return True


def combinations(ids: frozenset[str], scope: Scope) -> Iterator[names.Indices]:
    """Yield the combinations of indices that exist, and are no more than a table may have entries."""
    order = [variable.id for variable in scope.variables if variable.id in ids]
    total = names.size(set(order), scope.domains)
    if total is None:
        raise TooLargeError("the number of iterations is known only when the chain runs")
    if total > names.MAX_TABLE:
        raise TooLargeError(f"{total} combinations of loop values; tables have at most {names.MAX_TABLE}")
    uneven = any(variable.id in ids and variable.depends for variable in scope.variables)
    for indices in names.combinations(order, scope.domains):
        if not uneven or is_possible(scope, indices):
            yield indices


def table(expression: Expression, ids: frozenset[str], scope: Scope) -> dict[tuple[int, ...], Any] | None:
    """Return the values at all combinations of indices; None when there are too many. May raise `ExpressionError`."""
    try:
        return _everywhere(expression, ids, scope)
    except TooLargeError:
        return None


def _everywhere(expression: Expression, ids: frozenset[str], scope: Scope) -> dict[tuple[int, ...], Any]:
    """Return the values at all combinations of indices; raise what fails at any of them."""
    found = {}
    mistakes: dict[tuple[int, int], ExpressionError] = {}
    failures = 0
    for indices in combinations(ids, scope):
        try:
            found[tuple(indices.values())] = value(expression, scope, indices)
        except ExpressionError as error:
            where = " ".join(f"{name}={index}" for name, index in indices.items())
            told = error.at(f" (at {where})" if where else "")
            for one in (told, *told.more):
                mistakes.setdefault((one.start, one.length), one)
            failures += 1
            if failures == MAX_FAILURES:
                break
    if mistakes:
        raise ExpressionError.of(list(mistakes.values()))
    return found


def known(node: Node, scope: Scope, diagnostics: Diagnostics) -> list[Any]:
    """Return the values that something may have, none when they are not known; an expression that fails is reported."""
    if not isinstance(node.value, str) or not expressions.is_expression(node.value):
        return [node.plain()]
    expression = parse(node, scope, diagnostics)
    if expression is None:
        return []
    when = time(expression, scope)
    try:
        found = table(expression, when.ids, scope) if not when.is_late else None
    except ExpressionError as error:
        diagnostics.expression(node, error, related=loops(expression, scope))
        return []
    return list(found.values()) if found is not None else []


def requested(expression: Expression, scope: Scope) -> set[str]:
    """Return the texts of requires_metadata_from that an expression may mean; an expression there may mean any."""
    keys = expression.keys("requested_metadata")
    if None in keys:
        return set(scope.requested)
    return {text for text in scope.requested if text in keys or (keys and expressions.is_expression(text))}


def ordered(ids: frozenset[str], scope: Scope) -> tuple[str, ...]:
    """Return loops in the order in which tables list their indices: from the outside in."""
    return tuple(variable.id for variable in scope.variables if variable.id in ids)


def index_table(expression: Expression, when: Time, scope: Scope, check: Callable[[Any], int]) -> IndexTable | None:
    """Return the integers `check` makes of the values at all indices; None when it is late or there are too many."""
    if when.is_late:
        return None
    found = table(expression, when.ids, scope)
    if found is None:
        return None
    return IndexTable(ordered(when.ids, scope), {at: check(result) for at, result in found.items()})


# --------------------------------------------------------------------------------------------------------------------
# Texts that depend on indices


def pattern(node: Node, scope: Scope, diagnostics: Diagnostics, what: str) -> Pattern | None:
    """Return a text that is literal, static or indexed as a pattern; None when it is wrong, which is reported."""
    if not isinstance(node.value, str):
        diagnostics.error("type", node, f"{what} must be a text, not {expressions.kind(node.value)}")
        return None
    if not expressions.is_expression(node.value):
        return (node.value,)
    expression = parse(node, scope, diagnostics)
    if expression is None:
        return None
    if time(expression, scope).is_late:
        hint, places = _late_hint(expression, scope)
        diagnostics.error("late-name", node, f"{what} must be known before the chain runs", hint, *places)
        return None
    try:
        _try_first(expression, scope)
        return _Decomposer(expression, scope).pieces(expression.body)
    except TooLargeError as error:
        hint = "use the loops' indices, as in 'f_{size_index}.gz'.format(**metadata)"
        diagnostics.error("too-many-names", node, f"{what} would need a table: {error.message}", hint)
    except ExpressionError as error:
        diagnostics.expression(node, error)
    return None


def _try_first(expression: Expression, scope: Scope) -> None:
    """Evaluate a whole expression once: most of what is wrong with its pieces is wrong in every iteration."""
    ids = time(expression, scope).ids
    indices = {name: domain.first for name, domain in scope.domains.items() if name in ids}
    if is_possible(scope, indices):
        value(expression, scope, indices)


def _late_hint(expression: Expression, scope: Scope) -> tuple[str, tuple[Related, ...]]:
    known = scope.metadata()
    used = [known[use.key][0] for use in expression.uses if use.name == "metadata" and use.key in known]
    if used and not expression.is_late:
        loops = dict.fromkeys(place for one in used if one.is_late for place in one.as_related)
        return "in a loop whose range is known only at run time a name may use indices, not values", tuple(loops)
    return "use loop variables and parameters, no metadata of tasks and no random numbers", ()


class _Decomposer:
    """Takes an expression that makes a text apart into literals, indices and tables."""

    def __init__(self, expression: Expression, scope: Scope) -> None:
        self.expression, self.scope = expression, scope
        self.known = scope.metadata()

    def pieces(self, body: ast.expr) -> Pattern:
        """Return the pattern of an expression that makes a text."""
        if isinstance(body, ast.JoinedStr):
            return names.join(*(self._part(part) for part in body.values))
        if isinstance(body, ast.BinOp) and isinstance(body.op, ast.Add):
            return names.join(self.pieces(body.left), self.pieces(body.right))
        if isinstance(body, ast.BinOp) and isinstance(body.op, ast.Mod) and isinstance(body.left, ast.Constant):
            return self._percent(body)
        if isinstance(body, ast.Call) and isinstance(body.func, ast.Attribute) and body.func.attr == "format":
            return self._format(body)
        if (
            isinstance(body, ast.Call)
            and isinstance(body.func, ast.Name)
            and body.func.id == "str"
            and len(body.args) == 1
        ):
            return self._hole(body.args[0]) or self._table(body)
        return self._table(body)

    def _part(self, part: ast.expr) -> Pattern:
        if isinstance(part, ast.FormattedValue):
            plain = part.conversion == -1 and part.format_spec is None
            alone = ast.copy_location(ast.JoinedStr([part]), part)
            return (self._hole(part.value) if plain else None) or self._table(alone)
        return self._table(part)

    def _hole(self, body: ast.expr) -> Pattern | None:
        """Return an index, or an index plus or minus a constant; None for anything else."""
        offset = 0
        if isinstance(body, ast.BinOp) and isinstance(body.op, (ast.Add, ast.Sub)) and _is_integer(body.right):
            sign = 1 if isinstance(body.op, ast.Add) else -1
            body, offset = body.left, sign * body.right.value  # type: ignore[attr-defined]
        elif isinstance(body, ast.BinOp) and isinstance(body.op, ast.Add) and _is_integer(body.left):
            body, offset = body.right, body.left.value  # type: ignore[attr-defined]
        if not isinstance(body, ast.Subscript) or abs(offset) > MAX_OFFSET:
            return None
        key = body.slice.value if isinstance(body.slice, ast.Constant) else None
        if not isinstance(key, str) or not isinstance(body.value, ast.Name) or body.value.id != "metadata":
            return None
        variable, is_index = self.known[key]
        return (Index(variable.id, offset),) if is_index else None

    def _format(self, body: ast.Call) -> Pattern:
        assert isinstance(body.func, ast.Attribute)
        template = body.func.value
        if not isinstance(template, ast.Constant) or not isinstance(template.value, str):
            return self._table(body)
        found: list[Pattern] = []
        for literal, field in _fields(template.value):
            found.append((literal,))
            if field is not None:
                argument = self._argument(body, field)
                alone = ast.copy_location(ast.Constant(field), template)
                method = ast.copy_location(ast.Attribute(alone, "format", ast.Load()), template)
                call = ast.copy_location(ast.Call(method, body.args, body.keywords), body)
                found.append((self._hole(argument) if argument is not None else None) or self._table(call))
        return names.join(*found)

    def _argument(self, call: ast.Call, field: str) -> ast.expr | None:
        """Return the expression that fills a plain replacement field."""
        name = field[1:-1]
        if name.isdigit() and int(name) < len(call.args):
            return call.args[int(name)]
        for keyword in call.keywords:
            if keyword.arg == name:
                return keyword.value
        mappings = [one.value for one in call.keywords if one.arg is None and isinstance(one.value, ast.Name)]
        if name in self.known and any(one.id == "metadata" for one in mappings):
            key = ast.copy_location(ast.Constant(name), call)
            return ast.copy_location(ast.Subscript(mappings[0], key, ast.Load()), call)
        return None

    def _percent(self, body: ast.BinOp) -> Pattern:
        assert isinstance(body.left, ast.Constant)
        template = body.left.value
        values = body.right.elts if isinstance(body.right, ast.Tuple) else [body.right]
        parts = re.split(r"%([sdi])", template) if isinstance(template, str) else []
        holes = [self._hole(one) for one in values]
        if not parts or "%" in "".join(parts[::2]) or len(parts) // 2 != len(values) or None in holes:
            return self._table(body)
        return names.join(
            (parts[0],), *(names.join(hole or (), (text,)) for hole, text in zip(holes, parts[2::2], strict=True))
        )

    def _table(self, body: ast.expr) -> Pattern:
        """Return a table of what a part of the expression gives; the same part of many names has one."""
        known = getattr(self.scope.parameters, "tables", None)
        if known is None:
            return self._new_table(body)
        at = id(self.scope.variables), ast.dump(body)
        if at not in known:
            known[at] = self.scope.variables, self._new_table(body)  # the first keeps their identity
        found: Pattern = known[at][1]
        return found

    def _new_table(self, body: ast.expr) -> Pattern:
        part = self.expression.part(body)
        ids = time(part, self.scope).ids
        entries = _everywhere(part, ids, self.scope)
        for entry in entries.values():
            if not isinstance(entry, str):
                place = expressions.place_of(part)
                raise ExpressionError(f"must be a text, not {expressions.kind(entry)}", *place)
        order = ordered(ids, self.scope)
        return names.join((Table(order, entries),)) if order else names.join((entries[()],))


def _is_integer(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool)


def _fields(template: str) -> Iterator[tuple[str, str | None]]:
    """Yield the literals of a `.format` template, each with the replacement field after it, numbered if it is not."""
    from _string import formatter_parser  # type: ignore[import-not-found]  # `string` costs a start more

    automatic = 0
    for literal, field, specification, conversion in formatter_parser(template):
        if field is None:
            yield literal, None
            continue
        is_automatic = field[:1] in ("", ".", "[")
        number = str(automatic) if is_automatic else ""
        automatic += is_automatic
        suffix = (f"!{conversion}" if conversion else "") + (f":{specification}" if specification else "")
        yield literal, f"{{{number}{field}{suffix}}}"
