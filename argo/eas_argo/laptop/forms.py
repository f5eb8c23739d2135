"""The texts of a manifest that are worked out at run time: tags, and a closed list of expression forms.

Argo has a whole language here; the embedded engine knows the forms that EAS's templates use, with Argo's meaning, and
refuses every other one by name before anything runs::

    text       = { literal | "{{" tag "}}" | "{{=" expression "}}" }
    expression = choice [ "?" expression ":" expression ]
    choice     = equality { ("||" | "&&" | "??") equality }
    equality   = sum [ ("==" | "!=") sum ]
    sum        = product { ("+" | "-") product }
    product    = term { ("*" | "/") term }
    term       = atom { "[" expression "]" | "." name | "?." name | "?.[" expression "]" }
    atom       = number | "'" text "'" | "true" | "false" | list | call | name | "(" expression ")"
    call       = name "(" expression { "," expression } ")"
"""

from __future__ import annotations

import json
import operator
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple


class UnsupportedError(Exception):
    """The manifest uses something that the embedded engine does not know."""


class FormError(Exception):
    """A text of the manifest could not be worked out: Argo would end the node in Error."""


class Scope(NamedTuple):
    """What texts can refer to: values of the workflow, parameters, steps of the DAG, the item of a fan-out, tries."""

    workflow: dict[str, str]
    parameters: dict[str, str]
    tasks: dict[str, Any]
    item: str | None = None
    retries: int | None = None


Form = Callable[[Scope], Any]
_TOKEN = re.compile(
    r"\s*(?:(\d+)|'([^'\\]*)'|([A-Za-z_][\w-]*(?=\()|[A-Za-z_]\w*)|(\|\||&&|\?\?|==|!=|\?\.\[|\?\.|[-+*/\[\]().,?:!]))"
)
_TAG = re.compile(r"\{\{(=?)(.*?)\}\}", re.DOTALL)
_NOTHING: Any = None


def text(form: str) -> Callable[[Scope], str]:
    """Return the function that works a text out."""
    return _text(form)


@lru_cache(maxsize=4096)
def _text(form: str) -> Callable[[Scope], str]:
    parts: list[Callable[[Scope], str]] = []
    end = 0
    for match in _TAG.finditer(form):
        parts.append(_constant(form[end : match.start()]))
        parts.append(_shown(_Parser(match[2]).whole()) if match[1] else _tag(match[2].strip()))
        end = match.end()
    if not parts:
        return _constant(form)
    parts.append(_constant(form[end:]))
    return lambda scope: "".join(part(scope) for part in parts)


def expression(form: str) -> Form:
    """Return the function that works an expression without braces out."""
    return _expression(form)


@lru_cache(maxsize=1024)
def _expression(form: str) -> Form:
    return _Parser(form).whole()


def _constant(given: str) -> Callable[[Scope], str]:
    return lambda _: given


def _shown(form: Form) -> Callable[[Scope], str]:
    def show(scope: Scope) -> str:
        value = form(scope)
        if value is None:
            raise FormError("an expression has no value")
        return value if isinstance(value, str) else json.dumps(value)

    return show


def _tag(tag: str) -> Callable[[Scope], str]:
    """Return the function of a tag without an expression."""
    head, _, name = tag.rpartition(".")
    if tag == "item":
        return lambda scope: _known(scope.item, tag)
    if tag == "retries":
        return lambda scope: _known(str(scope.retries) if scope.retries is not None else None, tag)
    if head == "inputs.parameters":
        return lambda scope: _known(scope.parameters.get(name), tag)
    if head in ("workflow", "workflow.parameters"):
        return lambda scope: _known(scope.workflow.get(tag), tag)
    match = re.fullmatch(r"tasks\.([\w-]+)\.status", tag)
    if match:
        step = match[1]
        return lambda scope: _known(scope.tasks[step].phase if step in scope.tasks else None, tag)
    match = re.fullmatch(r"tasks\.([\w-]+)\.outputs\.parameters\.([\w-]+)", tag)
    if match:
        step, output = match.groups()
        return lambda scope: _known(scope.tasks[step].outputs.get(output) if step in scope.tasks else None, tag)
    raise UnsupportedError(f"the tag {{{{{tag}}}}} is not known to the embedded engine")


def _known(value: str | None, tag: str) -> str:
    if value is None:
        raise FormError(f"{{{{{tag}}}}} has no value")
    return value


class _Parser:
    """A recursive descent over an expression; every method returns the function of what it read."""

    def __init__(self, form: str) -> None:
        self.form = form
        self.tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(form.rstrip()):
            match = _TOKEN.match(form, at)
            if match is None:
                raise UnsupportedError(f"the expression {form!r} is not known to the embedded engine")
            kind = ("number", "text", "name", "sign")[match.lastindex - 1 if match.lastindex else 3]
            self.tokens.append((kind, match[match.lastindex or 0]))
            at = match.end()
        self.at = 0

    def whole(self) -> Form:
        form = self._expression()
        if self.at < len(self.tokens):
            raise self._unknown()
        return form

    def _unknown(self) -> UnsupportedError:
        return UnsupportedError(f"the expression {self.form!r} is not known to the embedded engine")

    def _peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) and self.tokens[self.at][0] == "sign" else ""

    def _take(self, *signs: str) -> str:
        if self._peek() not in signs:
            raise self._unknown()
        self.at += 1
        return self.tokens[self.at - 1][1]

    def _expression(self) -> Form:
        test = self._choice()
        if self._peek() != "?":
            return test
        self._take("?")
        yes = self._expression()
        self._take(":")
        no = self._expression()
        return lambda scope: yes(scope) if _truth(test(scope)) else no(scope)

    def _choice(self) -> Form:
        left = self._equality()
        while self._peek() in ("||", "&&", "??"):
            left = _joined(self._take("||", "&&", "??"), left, self._equality())
        return left

    def _equality(self) -> Form:
        left = self._sum()
        if self._peek() in ("==", "!="):
            is_equal = self._take("==", "!=") == "=="
            right = self._sum()
            return lambda scope: (left(scope) == right(scope)) is is_equal
        return left

    def _sum(self) -> Form:
        left = self._product()
        while self._peek() in ("+", "-"):
            left = _calculated(self._take("+", "-"), left, self._product())
        return left

    def _product(self) -> Form:
        left = self._term()
        while self._peek() in ("*", "/"):
            left = _calculated(self._take("*", "/"), left, self._term())
        return left

    def _term(self) -> Form:
        form = self._atom()
        while self._peek() in ("[", ".", "?.", "?.["):
            sign = self._take("[", ".", "?.", "?.[")
            if sign in (".", "?."):
                kind, name = self._next()
                if kind != "name":
                    raise self._unknown()
                form = _member(form, _constant(name), optional=sign == "?.")
            else:
                key = self._expression()
                self._take("]")
                form = _member(form, key, optional=sign == "?.[")
        return form

    def _next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise self._unknown()
        self.at += 1
        return self.tokens[self.at - 1]

    def _atom(self) -> Form:
        kind, value = self._next()
        if kind == "number":
            number = int(value)
            return lambda _: number
        if kind == "text":
            return lambda _: value
        if value == "-":
            kind, value = self._next()
            if kind != "number":
                raise self._unknown()
            negative = -int(value)
            return lambda _: negative
        if value == "(":
            inner = self._expression()
            self._take(")")
            return inner
        if value == "[":
            return self._list()
        if kind == "name":
            return self._name(value)
        raise self._unknown()

    def _list(self) -> Form:
        items: list[Form] = []
        while self._peek() != "]":
            items.append(self._expression())
            if self._peek() != "]":
                self._take(",")
        self._take("]")
        nowhere = Scope({}, {}, {})
        try:  # tables hold constants: work them out once
            constant = [item(nowhere) for item in items]
        except (FormError, KeyError):
            return lambda scope: [item(scope) for item in items]
        return lambda _: constant

    def _name(self, name: str) -> Form:
        if name in ("true", "false"):
            return lambda _: name == "true"
        if name in _FUNCTIONS and self._peek() == "(":
            self._take("(")
            arguments = [self._expression()]
            while self._peek() == ",":
                self._take(",")
                arguments.append(self._expression())
            self._take(")")
            number, function = _FUNCTIONS[name]
            if len(arguments) != number:
                raise self._unknown()
            return lambda scope: function(*(argument(scope) for argument in arguments))
        if name == "inputs":
            return lambda scope: {"parameters": scope.parameters}
        if name == "tasks":
            return lambda scope: scope.tasks
        raise UnsupportedError(f"{name!r} in the expression {self.form!r} is not known to the embedded engine")


def _joined(sign: str, left: Form, right: Form) -> Form:
    if sign == "??":
        return lambda scope: right(scope) if (value := left(scope)) is None else value
    if sign == "||":
        return lambda scope: _truth(left(scope)) or _truth(right(scope))
    return lambda scope: _truth(left(scope)) and _truth(right(scope))


_SIGNS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


def _calculated(sign: str, left: Form, right: Form) -> Form:
    def calculate(scope: Scope) -> Any:
        one, other = left(scope), right(scope)
        if not _is_number(one) or not _is_number(other) or (sign == "/" and not other):
            raise FormError(f"{one!r} {sign} {other!r} cannot be calculated")
        return _SIGNS[sign](one, other)

    return calculate


def _least(one: Any, other: Any) -> Any:
    if not _is_number(one) or not _is_number(other):
        raise FormError(f"{one!r} and {other!r} are not both numbers")
    return min(one, other)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise FormError(f"{value!r} is not true or false")
    return value


def _member(form: Form, key: Form, *, optional: bool) -> Form:
    def get(scope: Scope) -> Any:
        container, name = form(scope), key(scope)
        if container is None:
            if optional:
                return None
            raise FormError(f"cannot take {name!r} of nothing")
        if isinstance(container, list):
            if not isinstance(name, int) or not 0 <= name < len(container):
                raise FormError(f"a table has no entry {name!r}")
            return container[name]
        if not isinstance(name, str) or isinstance(container, str | int | float):
            raise FormError(f"{container!r} has no member {name!r}")
        return container.get(name) if isinstance(container, dict) else container.member(name)

    return get


def _integer(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise FormError(f"{value!r} is no integer") from None


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value)
    except (TypeError, ValueError):
        raise FormError(f"{value!r} is not JSON") from None


def _written(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "asInt": (1, _integer),
    "fromJSON": (1, _parsed),
    "int": (1, _integer),
    "min": (2, _least),
    "string": (1, _written),
}
"""The functions by name, each with the number of its arguments."""
