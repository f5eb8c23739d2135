"""The expression language of chains: a closed subset of Python, parsed with `ast` and walked, never `eval`-ed.

One evaluator serves the compiler (static and indexed expressions), the worker and the gates (late ones), so that an
expression means the same wherever it is evaluated. Every evaluation is bounded in depth, steps and size of result.

Grammar: Python 3.11's, less what `_Checker` refuses. Values: None, bool, int, float, str, list, tuple, and dict with
text keys.
"""

import ast
import sys
import warnings
from typing import Any, NamedTuple

from eas_worker import functions
from eas_worker.functions import CONSTANTS, FUNCTIONS, METHODS, RANDOM, Budget, ExpressionError, did_you_mean, kind

MAX_CHARACTERS = 65_536
MAX_DEPTH = 100
NAMES = ("constants", "metadata", "parameters", "requested_metadata", "random")

__all__ = ["Expression", "ExpressionError", "Use", "evaluate", "is_expression", "kind", "parse", "place_of"]


class Use(NamedTuple):
    """A name that an expression takes from outside: `metadata['size']` is `("metadata", "size", start, end)`.

    `key` is None where the whole mapping is taken. `start` and `end` are offsets in the expression's text.
    """

    name: str
    key: str | None
    start: int
    end: int


class Expression(NamedTuple):
    """A parsed expression: every node is one that the evaluator knows, and it is no deeper than `MAX_DEPTH`."""

    text: str
    body: ast.expr
    uses: tuple[Use, ...]

    def keys(self, name: str) -> set[str | None]:
        """Return the keys of the mapping `name` that the expression uses; None among them means all of it."""
        return {use.key for use in self.uses if use.name == name}

    @property
    def is_late(self) -> bool:
        """Whether the value is known only when tasks have run."""
        return any(use.name in ("requested_metadata", "random") for use in self.uses)

    def part(self, body: ast.expr) -> "Expression":
        """Return a part of the expression as one of its own."""
        checker = _Checker(self.text, len(self.text) - len(self.text.lstrip()))
        checker.check(body, 0, frozenset())
        return Expression(self.text, body, tuple(checker.uses))


def is_expression(text: str) -> bool:
    """Tell whether a string of a chain is an expression: its first non-blank character is a quote or a parenthesis."""
    return text.lstrip()[:1] in {"'", '"', "("}


def place_of(expression: Expression) -> tuple[int, int]:
    """Return where an expression, or a part of one, starts in its text, and its length."""
    text = expression.text
    start, end = _Place(text, len(text) - len(text.lstrip())).span(expression.body)
    return start, end - start


_parsed: dict[str, Expression] = {}


def parse(text: str) -> Expression:
    """Parse an expression; raise `ExpressionError` with the offset of the first thing that is not in the language."""
    known = _parsed.get(text)
    if known is None:
        if len(_parsed) > 10_000:  # long-lived processes see many chains
            _parsed.clear()
        known = _parsed[text] = _parse(text)
    return known


def evaluate(expression: Expression, scope: dict[str, Any]) -> Any:
    """Evaluate with `scope` holding any of `metadata`, `parameters`, `requested_metadata` (mappings) and `random`.

    Raises `ExpressionError` with the offset of the part that failed. The result is a JSON value: tuples and ranges
    have become lists, keys are text, numbers are finite.
    """
    return functions.leave(_Evaluator(expression.text, scope).value(expression.body))


def _parse(text: str) -> Expression:
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"an expression of {len(text)} characters; at most {MAX_CHARACTERS} are allowed", 0, 1)
    blank = len(text) - len(text.lstrip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd but legal
            body = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        start = blank + max(0, (error.offset or 1) - 1) if error.lineno in (None, 1) else blank
        raise ExpressionError(f"not an expression: {error.msg}", min(start, len(text)), 1) from None
    except (ValueError, RecursionError, MemoryError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        raise ExpressionError(f"not an expression: {reason}", blank, 1) from None
    checker = _Checker(text, blank)
    checker.check(body, 0, frozenset())
    if sys.version_info >= (3, 12):
        _refuse_new_strings(text, body)
    return Expression(text, body, tuple(checker.uses))


def _refuse_new_strings(text: str, body: ast.expr) -> None:
    """Refuse f-strings that only Python 3.12 and later can read: the grammar is 3.11's on every version."""
    if not any(isinstance(node, ast.JoinedStr) for node in ast.walk(body)):
        return
    import io
    import tokenize

    quotes: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(text.strip()).readline):
        kind = tokenize.tok_name[token.type]
        inside = quotes and kind not in ("FSTRING_MIDDLE", "FSTRING_END")
        if inside and (kind == "COMMENT" or "\\" in token.string or quotes[-1] in token.string):
            raise ExpressionError(
                "quotes, backslashes and comments of an f-string may not be repeated in its braces", 0, 1
            )
        if kind == "FSTRING_START":
            quotes.append(token.string.lstrip("fFrR"))
        elif kind == "FSTRING_END":
            quotes.pop()


class _Place:
    """Where a node stands in the text of its expression."""

    def __init__(self, text: str, blank: int) -> None:
        self.text, self.blank = text, blank
        self.stripped = text.strip()

    def span(self, node: ast.AST) -> tuple[int, int]:
        start = self._offset(getattr(node, "lineno", 1), getattr(node, "col_offset", 0))
        end = self._offset(getattr(node, "end_lineno", 1), getattr(node, "end_col_offset", 0))
        return start, max(end, start + 1)

    def error(self, node: ast.AST, message: str, hint: str | None = None) -> ExpressionError:
        start, end = self.span(node)
        return ExpressionError(message, start, end - start, hint)

    def source(self, node: ast.AST) -> str:
        start, end = self.span(node)
        return self.text[start:end]

    def _offset(self, line: int, column: int) -> int:
        lines = self.stripped.split("\n")  # as Python's parser does; other line ends are characters like any other
        before = sum(len(one) + 1 for one in lines[: line - 1])
        in_line = lines[line - 1].encode("utf-8", "surrogatepass")[:column] if line <= len(lines) else b""
        return self.blank + before + len(in_line.decode("utf-8", "surrogatepass"))


_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Is, ast.IsNot, ast.In, ast.NotIn)
_UNARY = (ast.UAdd, ast.USub, ast.Not)
_COMPREHENSIONS = (ast.ListComp, ast.DictComp, ast.GeneratorExp)
_SYMBOLS = {"LShift": "<<", "RShift": ">>", "BitOr": "|", "BitAnd": "&", "BitXor": "^", "MatMult": "@", "Invert": "~"}
_FORMS: dict[type[ast.AST], str] = {
    ast.Lambda: "lambda",
    ast.NamedExpr: "an assignment (:=)",
    ast.Set: "a set",
    ast.SetComp: "a set",
    ast.Starred: "a starred argument",
    ast.Await: "await",
    ast.Yield: "yield",
    ast.GeneratorExp: "a generator expression outside a call",
}


class _Checker(_Place):
    """Refuses every node that the language does not know, and notes what the expression uses."""

    def __init__(self, text: str, blank: int) -> None:
        super().__init__(text, blank)
        self.uses: list[Use] = []

    def check(self, node: ast.expr, depth: int, names: frozenset[str]) -> None:
        """Check `node`; `names` are the variables of the comprehensions around it."""
        if depth > MAX_DEPTH:
            raise self.error(node, f"nested more than {MAX_DEPTH} deep")
        special = getattr(self, f"_{type(node).__name__}", None)
        if special is not None:
            special(node, depth, names)
            return
        if not isinstance(node, (ast.List, ast.Tuple, ast.BoolOp, ast.IfExp, ast.Slice, ast.JoinedStr, ast.Dict)):
            form = _FORMS.get(type(node), type(node).__name__)
            raise self.error(node, f"{form} is not part of the expression language")
        if isinstance(node, ast.Dict) and None in node.keys:
            raise self.error(node, "** is allowed in .format(**…) only")
        self._children(node, depth, names)

    def _children(self, node: ast.AST, depth: int, names: frozenset[str]) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.check(child, depth + 1, names)

    def _Constant(self, node: ast.Constant, _depth: int, _names: frozenset[str]) -> None:
        if not isinstance(node.value, (bool, int, float, str, type(None))):
            raise self.error(node, f"{type(node.value).__name__} is not a type of the expression language")
        if isinstance(node.value, int) and node.value.bit_length() > functions.MAX_BITS:
            raise self.error(node, f"an integer of more than {functions.MAX_BITS} bits")

    def _Name(self, node: ast.Name, _depth: int, names: frozenset[str]) -> None:
        if node.id in names or node.id in functions.NUMBERS:
            return
        if node.id in ("constants", "random") or node.id in FUNCTIONS:
            raise self.error(node, f"{node.id!r} is no value", hint=f"write {_usage(node.id)}")
        if node.id not in NAMES:
            known = {*NAMES, *FUNCTIONS, *functions.NUMBERS, *names}
            raise self.error(node, f"unknown name {node.id!r}", hint=did_you_mean(node.id, known))
        self.uses.append(Use(node.id, None, *self.span(node)))

    def _Attribute(self, node: ast.Attribute, _depth: int, names: frozenset[str]) -> None:
        if isinstance(node.value, ast.Name) and node.value.id == "constants" and "constants" not in names:
            if node.attr not in CONSTANTS:
                hint = did_you_mean(node.attr, CONSTANTS)
                raise self.error(node, f"unknown constant {node.attr!r}", hint=hint)
            return
        raise self.error(node, f"attribute {node.attr!r} is not part of the expression language")

    def _Subscript(self, node: ast.Subscript, depth: int, names: frozenset[str]) -> None:
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        mapping = node.value.id if isinstance(node.value, ast.Name) and node.value.id not in names else ""
        if mapping in ("metadata", "parameters", "requested_metadata") and isinstance(key, str):
            self.uses.append(Use(mapping, key, *self.span(node)))
            return
        self.check(node.value, depth + 1, names)
        self.check(node.slice, depth + 1, names)

    def _BinOp(self, node: ast.BinOp, depth: int, names: frozenset[str]) -> None:
        if not isinstance(node.op, _OPERATORS):
            raise self.error(
                node, f"the operator {_SYMBOLS[type(node.op).__name__]} is not part of the expression language"
            )
        self._children(node, depth, names)

    def _UnaryOp(self, node: ast.UnaryOp, depth: int, names: frozenset[str]) -> None:
        if not isinstance(node.op, _UNARY):
            raise self.error(
                node, f"the operator {_SYMBOLS[type(node.op).__name__]} is not part of the expression language"
            )
        self._children(node, depth, names)

    def _Compare(self, node: ast.Compare, depth: int, names: frozenset[str]) -> None:
        for operator, right in zip(node.ops, node.comparators, strict=True):
            none = isinstance(right, ast.Constant) and right.value is None
            if isinstance(operator, (ast.Is, ast.IsNot)) and not none:
                raise self.error(node, "`is` compares with None only", hint="write == or !=")
        self._children(node, depth, names)

    def _FormattedValue(self, node: ast.FormattedValue, depth: int, names: frozenset[str]) -> None:
        self._children(node, depth, names)

    def _ListComp(
        self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp, depth: int, names: frozenset[str]
    ) -> None:
        for generator in node.generators:
            if generator.is_async:
                raise self.error(node, "an asynchronous comprehension is not part of the expression language")
            self.check(generator.iter, depth + 1, names)
            names = names | self._targets(generator.target)
            for condition in generator.ifs:
                self.check(condition, depth + 1, names)
        results = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        for result in results:
            self.check(result, depth + 1, names)

    _DictComp = _ListComp

    def _targets(self, target: ast.expr) -> set[str]:
        if isinstance(target, ast.Name):
            return {target.id}
        if isinstance(target, ast.Tuple):
            return set().union(*map(self._targets, target.elts))
        raise self.error(target, "a comprehension's variable must be a name")

    def _Call(self, node: ast.Call, depth: int, names: frozenset[str]) -> None:
        if isinstance(node.func, ast.Name) and node.func.id not in names:
            if node.func.id not in FUNCTIONS:
                raise self.error(node.func, f"unknown function {node.func.id!r}", did_you_mean(node.func.id, FUNCTIONS))
        elif not isinstance(node.func, ast.Attribute):
            raise self.error(node.func, "only functions of the expression language can be called")
        elif isinstance(node.func.value, ast.Name) and node.func.value.id == "random" and "random" not in names:
            if node.func.attr not in RANDOM:
                raise self.error(
                    node.func, f"unknown function random.{node.func.attr}", did_you_mean(node.func.attr, RANDOM)
                )
            self.uses.append(Use("random", node.func.attr, *self.span(node)))
        elif node.func.attr not in METHODS:
            raise self.error(
                node.func, f"unknown method {node.func.attr!r} of a text", did_you_mean(node.func.attr, METHODS)
            )
        else:
            self.check(node.func.value, depth + 1, names)
        self._arguments(node, depth, names)

    def _arguments(self, node: ast.Call, depth: int, names: frozenset[str]) -> None:
        for argument in node.args:
            if isinstance(argument, ast.GeneratorExp):
                self._ListComp(argument, depth + 1, names)
            else:
                self.check(argument, depth + 1, names)
        is_format = isinstance(node.func, ast.Attribute) and node.func.attr == "format"
        for keyword in node.keywords:
            if keyword.arg is None and not is_format:
                raise self.error(node, "** is allowed in .format(**…) only")
            if keyword.arg is None and self._fields(node, keyword.value, names):
                continue
            self.check(keyword.value, depth + 1, names)

    def _fields(self, node: ast.Call, mapping: ast.expr, names: frozenset[str]) -> bool:
        """Note which keys `'…{size}…'.format(**metadata)` uses; False when that cannot be read off."""
        template = node.func.value if isinstance(node.func, ast.Attribute) else node
        if not (isinstance(mapping, ast.Name) and mapping.id in NAMES and mapping.id not in names):
            return False
        if not (isinstance(template, ast.Constant) and isinstance(template.value, str)):
            return False
        given = {keyword.arg for keyword in node.keywords}
        try:
            fields = functions.field_names(template.value) - given
        except ExpressionError as error:
            raise self.error(template, error.message, error.hint) from None
        span = self.span(template)
        self.uses.extend(Use(mapping.id, field, *span) for field in sorted(fields) if not field.isdigit() and field)
        return True


def _usage(name: str) -> str:
    return {"constants": "constants.day", "random": "random.random()"}.get(name, f"{name}(…)")


class _Evaluator(_Place):
    """Walks a checked tree. Every Python error becomes an `ExpressionError` at the node where it happened."""

    def __init__(self, text: str, scope: dict[str, Any]) -> None:
        super().__init__(text, len(text) - len(text.lstrip()))
        self.scope, self.budget = scope, Budget()
        self.names: dict[str, Any] = {}

    def value(self, node: ast.expr) -> Any:
        try:
            self.budget.spend(1)
            return getattr(self, f"_{type(node).__name__}")(node)
        except ExpressionError as error:
            raise error if error.length else self.error(node, error.message, error.hint) from None
        except (TypeError, ValueError, ArithmeticError, LookupError) as error:
            raise self.error(node, functions.reason(error)) from None
        except RecursionError:
            raise self.error(node, "the value is nested too deeply") from None
        except MemoryError:
            raise self.error(node, "the value is too large") from None

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
        self._loop(generators, act)
        self.names = outer

    def _loop(self, generators: list[ast.comprehension], act: Any) -> None:
        if not generators:
            act()
            return
        first, rest = generators[0], generators[1:]
        for item in functions.items(self.value(first.iter), self.budget):
            self.names = {**self.names, **_bind(first.target, item)}
            if all(self.value(condition) for condition in first.ifs):
                self._loop(rest, act)

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
