"""The expression language of chains: a closed subset of Python, parsed with `ast` and walked, never `eval`-ed.

One evaluator serves the compiler (static and indexed expressions), the worker and the gates (late ones), so that an
expression means the same wherever it is evaluated. Every evaluation is bounded in depth, steps and size of result.

Values: None, bool, int, float, str, list, tuple, and dict with text keys.
"""

import ast
from typing import Any

from eas_worker import functions
from eas_worker.functions import CONSTANTS, Budget, ExpressionError, did_you_mean, kind
from eas_worker.grammar import MAX_MISTAKES, Expression, Place, Use, examine, is_expression, parse, place_of

__all__ = ["Expression", "ExpressionError", "Use", "evaluate", "examine", "is_expression", "kind", "parse", "place_of"]


def evaluate(expression: Expression, scope: dict[str, Any]) -> Any:
    """Evaluate with `scope` holding any of `metadata`, `parameters`, `requested_metadata` (mappings) and `random`.

    Raises `ExpressionError` with the offset of the first part that failed; its `more` are the others. The result is a
    JSON value: tuples and ranges have become lists, keys are text, numbers are finite. Parameters with an `effort` say
    what all evaluations that use them may take together.
    """
    evaluator = _Evaluator(expression.text, scope)
    value = evaluator.value(expression.body)
    if evaluator.mistakes:
        raise ExpressionError.of(evaluator.mistakes)
    return functions.leave(value)


class _Unknown:
    """The value of a part that failed, which decides nothing: neither a condition nor how often something is done."""

    def __bool__(self) -> bool:
        raise ValueError


_UNKNOWN = _Unknown()
_FAILURES = (ExpressionError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError, MemoryError)


class _Evaluator(Place):
    """Walks a checked tree. Every Python error becomes an `ExpressionError` at the node where it happened.

    The parts of a node are all evaluated, also behind one that failed, so that every mistake is found. A node of which
    a part has failed is unknown, whatever became of it.
    """

    def __init__(self, text: str, scope: dict[str, Any]) -> None:
        super().__init__(text)
        self.scope, self.budget = scope, Budget(getattr(scope.get("parameters"), "effort", None))
        self.names: dict[str, Any] = {}
        self.mistakes: list[ExpressionError] = []
        self.is_over = False

    def value(self, node: ast.expr) -> Any:
        """Return the value of a node."""
        before = len(self.mistakes)
        if self.is_over:
            return _UNKNOWN
        try:
            self.budget.spend(1)
            found = getattr(self, f"_{type(node).__name__}")(node)
        except _FAILURES as error:
            if len(self.mistakes) == before:
                self.mistakes.append(self._mistake(node, error))
                is_spent = self.budget.left < 0 or isinstance(error, (RecursionError, MemoryError))
                self.is_over = is_spent or len(self.mistakes) >= MAX_MISTAKES
            return _UNKNOWN
        return found if len(self.mistakes) == before else _UNKNOWN

    def _mistake(self, node: ast.expr, error: Exception) -> ExpressionError:
        if isinstance(error, ExpressionError):
            return error if error.length else self.error(node, error.message, error.hint)
        if isinstance(error, RecursionError):
            return self.error(node, "the value is nested too deeply")
        if isinstance(error, MemoryError):
            return self.error(node, "the value is too large")
        return self.error(node, functions.reason(error))

    def _Constant(self, node: ast.Constant) -> Any:
        return node.value

    def _Name(self, node: ast.Name) -> Any:
        if node.id in self.names:
            return self.names[node.id]
        if node.id in functions.NUMBERS:
            return functions.NUMBERS[node.id]
        if node.id not in self.scope:
            raise ExpressionError(f"{node.id!r} is not known here")
        return self.scope[node.id]

    def _Attribute(self, node: ast.Attribute) -> Any:
        return CONSTANTS[node.attr]

    def _List(self, node: ast.List | ast.Tuple) -> Any:
        return [self.value(item) for item in node.elts]

    def _Tuple(self, node: ast.Tuple) -> Any:
        return tuple(self._List(node))

    def _Dict(self, node: ast.Dict) -> Any:
        return {self.value(key): self.value(value) for key, value in zip(node.keys, node.values, strict=True) if key}

    def _BoolOp(self, node: ast.BoolOp) -> Any:
        stop_at = isinstance(node.op, ast.Or)
        for operand in node.values:
            value = self.value(operand)
            if bool(value) is stop_at:
                break
        return value

    def _IfExp(self, node: ast.IfExp) -> Any:
        return self.value(node.body if self.value(node.test) else node.orelse)

    def _UnaryOp(self, node: ast.UnaryOp) -> Any:
        return functions.unary(type(node.op).__name__, self.value(node.operand))

    def _BinOp(self, node: ast.BinOp) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        return self.budget.result(functions.binary(type(node.op).__name__, left, right, self.budget))

    def _Compare(self, node: ast.Compare) -> Any:
        left = self.value(node.left)
        result = True
        for operator, operand in zip(node.ops, node.comparators, strict=True):
            right = self.value(operand)
            result = functions.compare(type(operator).__name__, left, right, self.budget)
            if not result:
                return result
            left = right
        return result

    def _Subscript(self, node: ast.Subscript) -> Any:
        container = self.value(node.value)
        if isinstance(node.slice, ast.Slice):
            parts = (node.slice.lower, node.slice.upper, node.slice.step)
            return self.budget.result(container[slice(*(part and self.value(part) for part in parts))])
        key = self.value(node.slice)
        if isinstance(container, dict) and key not in container:
            message = f"{self.source(node.value)} has no key {key!r}"
            raise ExpressionError(message, hint=did_you_mean(str(key), map(str, container)))
        return container[key]

    def _JoinedStr(self, node: ast.JoinedStr) -> Any:
        return self.budget.result("".join(self.value(part) for part in node.values))

    def _FormattedValue(self, node: ast.FormattedValue) -> Any:
        value = functions.convert(self.value(node.value), node.conversion, self.budget)
        specification = self.value(node.format_spec) if node.format_spec else ""
        return functions.formatted(value, specification, self.budget)

    def _ListComp(self, node: ast.ListComp | ast.GeneratorExp) -> Any:
        found: list[Any] = []
        self._each(node.generators, lambda: found.append(self.value(node.elt)))
        return self.budget.result(found)

    _GeneratorExp = _ListComp

    def _DictComp(self, node: ast.DictComp) -> Any:
        found: dict[Any, Any] = {}

        def add() -> None:
            found[self.value(node.key)] = self.value(node.value)

        self._each(node.generators, add)
        return self.budget.result(found)

    def _each(self, generators: list[ast.comprehension], act: Any) -> None:
        outer = self.names
        try:
            self._loop(generators, act)
        finally:
            self.names = outer

    def _loop(self, generators: list[ast.comprehension], act: Any) -> None:
        if not generators:
            act()
            return
        first, rest = generators[0], generators[1:]
        before = len(self.mistakes)
        for item in functions.items(self.value(first.iter), self.budget):
            self.names = {**self.names, **_bind(first.target, item)}
            if all(self.value(condition) for condition in first.ifs):
                self._loop(rest, act)
            if len(self.mistakes) > before:  # what fails for one item need not be told for the next
                return

    def _Call(self, node: ast.Call) -> Any:
        arguments = [self.value(argument) for argument in node.args]
        named: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.value(keyword.value)
            named.update(value if keyword.arg is None else {keyword.arg: value})
        if isinstance(node.func, ast.Name):
            return self.budget.result(functions.call(node.func.id, arguments, named, self.budget))
        attribute = node.func
        assert isinstance(attribute, ast.Attribute)
        if isinstance(attribute.value, ast.Name) and attribute.value.id == "random" and "random" not in self.names:
            return functions.draw(self.scope.get("random"), attribute.attr, arguments, named)
        text = self.value(attribute.value)
        return self.budget.result(functions.method(text, attribute.attr, arguments, named, self.budget))


def _bind(target: ast.expr, item: Any) -> dict[str, Any]:
    """Return the variables that a comprehension's target takes from an item."""
    if isinstance(target, ast.Name):
        return {target.id: item}
    parts = target.elts if isinstance(target, ast.Tuple) else []
    values = list(item)
    if len(values) != len(parts):
        raise ExpressionError(f"{len(values)} values for {len(parts)} variables")
    bound: dict[str, Any] = {}
    for part, value in zip(parts, values, strict=True):
        bound.update(_bind(part, value))
    return bound
