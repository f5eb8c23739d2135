"""The grammar of expressions: Python 3.11's, less what `_Checker` refuses.

A text is parsed with `ast` and looked through once. Everything that is not in the language is found, each with its
place; a part that is wrong makes nothing around it wrong.
"""

import ast
import sys
import warnings
from typing import NamedTuple

from eas_worker import functions
from eas_worker.functions import CONSTANTS, FUNCTIONS, METHODS, RANDOM, ExpressionError, did_you_mean

MAX_CHARACTERS = 65_536
MAX_DEPTH = 100
MAX_MISTAKES = 100
"""How many mistakes of one expression are told."""
NAMES = ("constants", "metadata", "parameters", "requested_metadata", "random")


class Use(NamedTuple):
    """A name that an expression takes from outside: `metadata['size']` is `("metadata", "size", start, end)`.

    `key` is None where the whole mapping is taken. `start` and `end` are offsets in the expression's text.
    """

    name: str
    key: str | None
    start: int
    end: int


class Expression(NamedTuple):
    """A parsed expression.

    Without `mistakes`, every node is one that the evaluator knows, and the tree is no deeper than `MAX_DEPTH`. With
    some, it must not be evaluated; `uses` are then those of the parts that are good.
    """

    text: str
    body: ast.expr
    uses: tuple[Use, ...]
    mistakes: tuple[ExpressionError, ...] = ()

    def keys(self, name: str) -> set[str | None]:
        """Return the keys of the mapping `name` that the expression uses; None among them means all of it."""
        return {use.key for use in self.uses if use.name == name}

    @property
    def is_late(self) -> bool:
        """Whether the value is known only when tasks have run."""
        return any(use.name in ("requested_metadata", "random") for use in self.uses)

    def part(self, body: ast.expr) -> "Expression":
        """Return a part of the expression as one of its own."""
        return _checked(self.text, body)


def is_expression(text: str) -> bool:
    """Tell whether a string of a chain is an expression: its first non-blank character is a quote or a parenthesis."""
    return text.lstrip()[:1] in {"'", '"', "("}


def place_of(expression: Expression) -> tuple[int, int]:
    """Return where an expression, or a part of one, starts in its text, and its length."""
    start, end = Place(expression.text).span(expression.body)
    return start, end - start


_parsed: dict[str, Expression] = {}


def parse(text: str) -> Expression:
    """Parse an expression; raise `ExpressionError` with the offset of the first thing that is not in the language."""
    expression = examine(text)
    if expression.mistakes:
        raise ExpressionError.of(list(expression.mistakes))
    return expression


def examine(text: str) -> Expression:
    """Parse an expression and return it with its mistakes: everything that is not in the language."""
    known = _parsed.get(text)
    if known is None:
        if len(_parsed) > 10_000:  # long-lived processes see many chains
            _parsed.clear()
        try:
            known = _checked(text, _tree(text))
        except ExpressionError as error:  # what cannot be read as a whole has no parts
            return Expression(text, ast.Constant(None), (), (error,))
        _parsed[text] = known
    return known


def _tree(text: str) -> ast.expr:
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"an expression of {len(text)} characters; at most {MAX_CHARACTERS} are allowed", 0, 1)
    blank = len(text) - len(text.lstrip())
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is odd but legal
            body = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        before = sum(len(line) + 1 for line in text.strip().split("\n")[: (error.lineno or 1) - 1])
        start = blank + before + error.offset - 1 if error.offset else len(text.rstrip())
        raise ExpressionError(f"not an expression: {error.msg}", min(start, len(text)), 1) from None
    except (ValueError, RecursionError, MemoryError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        raise ExpressionError(f"not an expression: {reason}", blank, 1) from None
    if sys.version_info >= (3, 12):
        _refuse_new_strings(text, body)
    return body


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


class Place:
    """Where a node stands in the text of its expression."""

    def __init__(self, text: str) -> None:
        self.text, self.stripped = text, text.strip()
        self._blank = len(text) - len(text.lstrip())

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Return where a node starts and ends, as offsets in the text."""
        start = self._offset(getattr(node, "lineno", 1), getattr(node, "col_offset", 0))
        end = self._offset(getattr(node, "end_lineno", 1), getattr(node, "end_col_offset", 0))
        return start, max(end, start + 1)

    def error(self, node: ast.AST, message: str, hint: str | None = None) -> ExpressionError:
        """Return an error at a node."""
        start, end = self.span(node)
        return ExpressionError(message, start, end - start, hint)

    def source(self, node: ast.AST) -> str:
        """Return the text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def _offset(self, line: int, column: int) -> int:
        lines = self.stripped.split("\n")  # as Python's parser does; other line ends are characters like any other
        before = sum(len(one) + 1 for one in lines[: line - 1])
        in_line = lines[line - 1].encode("utf-8", "surrogatepass")[:column] if line <= len(lines) else b""
        return self._blank + before + len(in_line.decode("utf-8", "surrogatepass"))


_OPERATORS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod, ast.Pow)
_UNARY = (ast.UAdd, ast.USub, ast.Not)
_PLAIN = (ast.List, ast.Tuple, ast.BoolOp, ast.IfExp, ast.Slice, ast.JoinedStr, ast.FormattedValue)
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


def _checked(text: str, body: ast.expr) -> Expression:
    checker = _Checker(text)
    checker.check(body, 0, frozenset())
    return Expression(text, body, tuple(checker.uses), tuple(sorted(checker.mistakes, key=lambda one: one.start)))


class _Checker(Place):
    """Finds every node that the language does not know, and notes what the expression uses."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.uses: list[Use] = []
        self.mistakes: list[ExpressionError] = []
        self._left = MAX_MISTAKES
        self._assigned: set[str] = set()

    def refuse(self, node: ast.AST, message: str, hint: str | None = None) -> None:
        """Note a mistake, unless there are enough."""
        if self._left > 0:
            self.mistakes.append(self.error(node, message, hint))
        self._left -= 1

    def check(self, node: ast.expr, depth: int, names: frozenset[str]) -> None:
        """Check `node`; `names` are the variables of the comprehensions around it."""
        if self._left <= 0:
            return
        if depth > MAX_DEPTH:
            self.refuse(node, f"nested more than {MAX_DEPTH} deep")
            self._left = 0
            return
        special = self._children if isinstance(node, _PLAIN) else getattr(self, f"_{type(node).__name__}", None)
        if special is None:
            form = _FORMS.get(type(node), type(node).__name__)
            self.refuse(node, f"{form} is not part of the expression language")
            special = self._inside
        special(node, depth, names)

    def _children(self, node: ast.AST, depth: int, names: frozenset[str]) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.check(child, depth + 1, names)

    def _inside(self, node: ast.expr, depth: int, names: frozenset[str]) -> None:
        """Check the inside of a form that the language does not know, as far as what is inside means the same."""
        if isinstance(node, (ast.Set, ast.Starred)):
            self._children(node, depth, names)
        elif isinstance(node, (ast.SetComp, ast.GeneratorExp)):
            self._ListComp(node, depth, names)
        elif isinstance(node, ast.NamedExpr) and isinstance(node.target, ast.Name):
            self._assigned.add(node.target.id)
            self.check(node.value, depth + 1, names)

    def _is_good(self, node: ast.expr, depth: int, names: frozenset[str]) -> bool:
        """Check a part on which the meaning of what is around it depends; tell whether it is good."""
        before = len(self.mistakes)
        self.check(node, depth, names)
        return len(self.mistakes) == before

    def _Constant(self, node: ast.Constant, _depth: int, _names: frozenset[str]) -> None:
        if not isinstance(node.value, (bool, int, float, str, type(None))):
            self.refuse(node, f"{type(node.value).__name__} is not a type of the expression language")
        elif isinstance(node.value, int) and node.value.bit_length() > functions.MAX_BITS:
            self.refuse(node, f"an integer of more than {functions.MAX_BITS} bits")

    def _Name(self, node: ast.Name, _depth: int, names: frozenset[str]) -> None:
        if node.id in names or node.id in functions.NUMBERS or node.id in self._assigned:
            return
        if node.id in ("constants", "random") or node.id in FUNCTIONS:
            self.refuse(node, f"{node.id!r} is no value", hint=f"write {_usage(node.id)}")
        elif node.id not in NAMES:
            known = {*NAMES, *FUNCTIONS, *functions.NUMBERS, *names}
            self.refuse(node, f"unknown name {node.id!r}", hint=did_you_mean(node.id, known))
        else:
            self.uses.append(Use(node.id, None, *self.span(node)))

    def _Attribute(self, node: ast.Attribute, depth: int, names: frozenset[str]) -> None:
        if isinstance(node.value, ast.Name) and node.value.id == "constants" and "constants" not in names:
            if node.attr not in CONSTANTS:
                self.refuse(node, f"unknown constant {node.attr!r}", hint=did_you_mean(node.attr, CONSTANTS))
        elif self._is_good(node.value, depth + 1, names):
            self.refuse(node, f"attribute {node.attr!r} is not part of the expression language")

    def _Subscript(self, node: ast.Subscript, depth: int, names: frozenset[str]) -> None:
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        mapping = node.value.id if isinstance(node.value, ast.Name) and node.value.id not in names else ""
        if mapping in ("metadata", "parameters", "requested_metadata") and isinstance(key, str):
            self.uses.append(Use(mapping, key, *self.span(node)))
        else:
            self._children(node, depth, names)

    def _BinOp(self, node: ast.BinOp | ast.UnaryOp, depth: int, names: frozenset[str]) -> None:
        if not isinstance(node.op, _OPERATORS + _UNARY):
            symbol = _SYMBOLS[type(node.op).__name__]
            self.refuse(node, f"the operator {symbol} is not part of the expression language")
        self._children(node, depth, names)

    _UnaryOp = _BinOp

    def _Compare(self, node: ast.Compare, depth: int, names: frozenset[str]) -> None:
        for operator, right in zip(node.ops, node.comparators, strict=True):
            none = isinstance(right, ast.Constant) and right.value is None
            if isinstance(operator, (ast.Is, ast.IsNot)) and not none:
                self.refuse(node, "`is` compares with None only", hint="write == or !=")
                break
        self._children(node, depth, names)

    def _Dict(self, node: ast.Dict, depth: int, names: frozenset[str]) -> None:
        if None in node.keys:
            self.refuse(node, "** is allowed in .format(**…) only")
        self._children(node, depth, names)

    def _ListComp(
        self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, depth: int, names: frozenset[str]
    ) -> None:
        for generator in node.generators:
            if generator.is_async:
                self.refuse(node, "an asynchronous comprehension is not part of the expression language")
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
        self.refuse(target, "a comprehension's variable must be a name")
        return {part.id for part in ast.walk(target) if isinstance(part, ast.Name)}

    def _Call(self, node: ast.Call, depth: int, names: frozenset[str]) -> None:
        function = node.func
        if isinstance(function, ast.Name) and function.id not in names:
            if function.id not in FUNCTIONS:
                self.refuse(function, f"unknown function {function.id!r}", did_you_mean(function.id, FUNCTIONS))
        elif not isinstance(function, ast.Attribute):
            self.refuse(function, "only functions of the expression language can be called")
        elif isinstance(function.value, ast.Name) and function.value.id == "random" and "random" not in names:
            if function.attr not in RANDOM:
                hint = did_you_mean(function.attr, RANDOM)
                self.refuse(function, f"unknown function random.{function.attr}", hint)
            self.uses.append(Use("random", function.attr, *self.span(node)))
        elif self._is_good(function.value, depth + 1, names) and function.attr not in METHODS:
            hint = did_you_mean(function.attr, METHODS)
            self.refuse(function, f"unknown method {function.attr!r}; only texts have methods", hint)
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
                self.refuse(node, "** is allowed in .format(**…) only")
            if keyword.arg is not None or not self._fields(node, keyword.value, names):
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
            self.refuse(template, error.message, error.hint)
            return True
        span = self.span(template)
        self.uses.extend(Use(mapping.id, field, *span) for field in sorted(fields) if not field.isdigit() and field)
        return True


def _usage(name: str) -> str:
    return {"constants": "constants.day", "random": "random.random()"}.get(name, f"{name}(…)")
