"""What expressions can compute with: constants, functions, methods of text, operators, each with its bounds.

Nothing here can run longer than a `Budget` allows or make a value larger than the limits below; where Python's own
operation could, its size is worked out beforehand.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable
from typing import Any

MAX_STEPS = 300_000
MAX_ITEMS = 100_000
MAX_TEXT = 1_000_000
MAX_BITS = 4_096
MAX_WIDTH = 1_000

CONSTANTS: dict[str, float] = {
    "day": 1,
    "month": 28,
    "year": 365.25,
    "sun_radius": 695500e3,
    "earth_radius": 6371e3,
    "jupiter_radius": 71492e3,
    "phy_AU": 149597870700,
    "Rearth": 0.08911486,
    "plato_noise": 0.000315,
}
"""day, month, year in days; the radii and phy_AU in metres; Rearth in Jupiter radii; plato_noise of a 25 s sample."""

NUMBERS = {"pi": math.pi, "e": math.e}
RANDOM = ("random", "uniform", "gauss", "randint", "choice")
METHODS = frozenset(
    """capitalize casefold center count endswith expandtabs find format index isalnum isalpha isascii isdecimal isdigit
    isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip partition removeprefix
    removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith strip swapcase title
    upper zfill""".split()
)


class ExpressionError(Exception):
    """An expression that is not in the language, or that failed.

    `start` and `length` say where in its text; a length of 0 means that the place is not known yet. `more` are the
    other mistakes of the same expression.
    """

    def __init__(
        self,
        message: str,
        start: int = 0,
        length: int = 0,
        hint: str | None = None,
        more: tuple[ExpressionError, ...] = (),
    ) -> None:
        super().__init__(message)
        self.message, self.start, self.length, self.hint, self.more = message, start, length, hint, more

    @classmethod
    def of(cls, mistakes: list[ExpressionError]) -> ExpressionError:
        """Return the first of some mistakes, with the others in its `more`."""
        first, *more = mistakes
        return cls(first.message, first.start, first.length, first.hint, tuple(more))

    def at(self, suffix: str) -> ExpressionError:
        """Return the error with words about its place after each of its messages."""
        more = tuple(one.at(suffix) for one in self.more)
        return ExpressionError(f"{self.message}{suffix}", self.start, self.length, self.hint, more)


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the known word nearest to `word`."""
    import difflib

    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else None


def reason(error: Exception) -> str:
    """Return the words of a Python error, fit for an author."""
    text = str(error)
    if isinstance(error, OverflowError) or "set_int_max_str_digits" in text:
        return "the number is too large"
    return text[:1].lower() + text[1:] if text else type(error).__name__


class Effort:
    """What many evaluations may still spend together, in steps."""

    def __init__(self, steps: int) -> None:
        self.left = steps


class Budget:
    """What one evaluation may still spend, in steps; of those that `together` has, too."""

    def __init__(self, together: Effort | None = None) -> None:
        self.left, self.together = MAX_STEPS, together

    def spend(self, steps: int) -> None:
        """Take some steps; raise `ExpressionError` when none are left."""
        self.left -= steps
        if self.together is not None:
            self.together.left -= steps
            if self.together.left < 0:
                self.left = -1
                raise ExpressionError("the expressions up to this one take too long together")
        if self.left < 0:
            raise ExpressionError("the expression takes too long", hint=f"at most {MAX_STEPS} steps are allowed")

    def result(self, value: Any) -> Any:
        """Return `value` when it is not too large; its size is spent."""
        if isinstance(value, str):
            text(len(value))
            self.spend(len(value) // 100)
        elif isinstance(value, (list, tuple, dict)):
            length(len(value))
            self.spend(len(value))
        elif isinstance(value, int) and value.bit_length() > MAX_BITS:
            raise ExpressionError(f"an integer of more than {MAX_BITS} bits")
        elif isinstance(value, complex):
            raise ExpressionError("the result is a complex number")
        return value


def text(characters: int) -> None:
    """Refuse a text of so many characters when it is too long."""
    if characters > MAX_TEXT:
        raise ExpressionError(f"a text of more than {MAX_TEXT} characters")


def length(count: int) -> None:
    """Refuse a list of so many entries when it is too long."""
    if count > MAX_ITEMS:
        raise ExpressionError(f"a list of more than {MAX_ITEMS} entries")


def width(value: Any) -> None:
    """Refuse a field width or precision that is too large."""
    if isinstance(value, int) and abs(value) > MAX_WIDTH:
        raise ExpressionError(f"a width of more than {MAX_WIDTH}")


def items(value: Any, budget: Budget) -> list[Any]:
    """Return the entries of something that can be walked through."""
    if not isinstance(value, (str, list, tuple, dict, range)):
        raise ExpressionError(f"{kind(value)} has no entries to go through")
    length(len(value))
    budget.spend(len(value))
    return list(value)


def kind(value: Any) -> str:
    """Name the type of a value in the words of the language."""
    names = {bool: "a bool", int: "a number", float: "a number", str: "a text", dict: "an object", type(None): "null"}
    return names.get(type(value), "a list")


def leave(value: Any) -> Any:
    """Return `value` as the JSON value that leaves an expression; refuse what JSON does not have."""
    left = MAX_ITEMS

    def convert(part: Any, depth: int) -> Any:
        nonlocal left
        left -= 1 + (len(part) // 100 if isinstance(part, str) else 0)
        if left < 0 or depth > 50:
            raise ExpressionError("the result is too large", length=1)
        if isinstance(part, int) and part.bit_length() > MAX_BITS:
            raise ExpressionError(f"an integer of more than {MAX_BITS} bits", length=1)
        if isinstance(part, float) and not math.isfinite(part):
            raise ExpressionError(f"the result is {part}, which is no number", length=1)
        if isinstance(part, (list, tuple, range)):
            length(len(part))
            return [convert(item, depth + 1) for item in part]
        if isinstance(part, dict):
            if not all(isinstance(key, str) for key in part):
                raise ExpressionError("keys must be text", length=1)
            return {key: convert(item, depth + 1) for key, item in part.items()}
        return part

    return convert(value, 0)


_UNARY: dict[str, Callable[[Any], Any]] = {"UAdd": operator.pos, "USub": operator.neg, "Not": operator.not_}
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "Add": operator.add,
    "Sub": operator.sub,
    "Mult": operator.mul,
    "Div": operator.truediv,
    "FloorDiv": operator.floordiv,
    "Mod": operator.mod,
    "Pow": operator.pow,
}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "Eq": operator.eq,
    "NotEq": operator.ne,
    "Lt": operator.lt,
    "LtE": operator.le,
    "Gt": operator.gt,
    "GtE": operator.ge,
    "Is": operator.is_,
    "IsNot": operator.is_not,
    "In": lambda left, right: left in right,
    "NotIn": lambda left, right: left not in right,
}


def unary(name: str, value: Any) -> Any:
    """Apply an operator to one value."""
    return _UNARY[name](value)


def binary(name: str, left: Any, right: Any, budget: Budget) -> Any:
    """Apply an operator to two values, if the result cannot become too large."""
    if name == "Mult":
        _repetition(left, right)
        _repetition(right, left)
    elif name == "Add" and isinstance(left, (list, tuple, str)) and isinstance(right, (list, tuple, str)):
        (text if isinstance(left, str) else length)(len(left) + len(right))
    elif name == "Pow":
        return _power(left, right)
    elif name == "Mod" and isinstance(left, str):
        return _percent(left, right, budget)
    return _BINARY[name](left, right)


def compare(name: str, left: Any, right: Any, budget: Budget) -> Any:
    """Compare two values."""
    if not isinstance(right, range):
        _charge(right, budget)
    elif name in ("In", "NotIn") and not isinstance(left, int):
        items(right, budget)  # Python looks at every entry unless it seeks an integer
    _charge(left, budget)
    return _COMPARE[name](left, right)


def _charge(value: Any, budget: Budget) -> None:
    """Spend what it takes to look at all of a value; parts that it holds twice count twice."""
    if isinstance(value, (str, list, tuple, dict)):
        _written(value, budget)


def _repetition(sequence: Any, count: Any) -> None:
    if isinstance(sequence, (str, list, tuple)) and isinstance(count, int):
        (text if isinstance(sequence, str) else length)(len(sequence) * max(0, count))


def _power(base: Any, exponent: Any, modulus: Any = None) -> Any:
    if isinstance(base, int) and isinstance(exponent, int):
        if modulus is None and base.bit_length() * abs(exponent) > 2 * MAX_BITS and abs(base) > 1:
            raise ExpressionError(f"an integer of more than {MAX_BITS} bits")
        if modulus is not None:
            return pow(base, exponent, modulus)
    return pow(base, exponent) if modulus is None else pow(base, exponent, modulus)


def _size(value: Any) -> int:
    """Return about how many characters `value` has when it is written out; bounded work."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, (list, tuple, dict)):
        length(len(value))
        parts = [*value, *value.values()] if isinstance(value, dict) else value
        total = 2
        for part in parts:
            total += 2 + _size(part)
            if total > MAX_TEXT:
                break
        return total
    return 20


def _written(value: Any, budget: Budget) -> None:
    size = _size(value)
    text(size)
    budget.spend(size // 100)


def convert(value: Any, conversion: int, budget: Budget) -> Any:
    """Apply the `!s`, `!r` or `!a` of a replacement field; -1 is none."""
    if conversion == -1:
        return value
    _written(value, budget)
    ways: dict[int, Callable[[Any], str]] = {ord("s"): str, ord("r"): repr, ord("a"): ascii}
    if conversion not in ways:
        raise ExpressionError(f"unknown conversion !{chr(conversion)}", hint="there are !s, !r and !a")
    return ways[conversion](value)


def formatted(value: Any, specification: str, budget: Budget) -> str:
    """Return `format(value, specification)`; widths and precisions are bounded."""
    if not isinstance(value, (bool, int, float, str)):
        if specification:
            raise ExpressionError(f"{kind(value)} takes no format specification")
        _written(value, budget)
        return str(value)
    digits = "".join(character if character.isdigit() else " " for character in specification).split()
    for number in digits:
        if len(number) > 4 or int(number) > MAX_WIDTH:
            raise ExpressionError(f"a width of more than {MAX_WIDTH}")
    return format(value, specification)


def field_names(template: str) -> set[str]:
    """Return the names at the head of the replacement fields of a `.format` template, nested ones too."""
    names: set[str] = set()
    for _, field, specification, _ in _fields(template):
        if field is not None:
            names.add(_head(field)[0])
        if specification:
            names |= field_names(specification)
    return names


def _fields(template: str) -> list[tuple[str, str | None, str | None, str | None]]:
    from _string import formatter_parser  # type: ignore[import-not-found] # what string.Formatter.parse calls; `string` itself costs start-up time

    try:
        return list(formatter_parser(template))
    except ValueError as error:
        raise ExpressionError(f"not a format: {reason(error)}") from None


def _head(field: str) -> tuple[str, list[str | int]]:
    from _string import formatter_field_name_split

    try:
        head, rest = formatter_field_name_split(field)
        steps = list(rest)
    except ValueError as error:
        raise ExpressionError(f"not a format: {reason(error)}") from None
    if any(is_attribute for is_attribute, _ in steps):
        raise ExpressionError(f"attributes in a replacement field are not allowed: {{{field}}}")
    return str(head), [key for _, key in steps]


def _format(template: str, arguments: list[Any], named: dict[str, Any], budget: Budget, depth: int = 0) -> str:
    if depth > 1:
        raise ExpressionError("replacement fields nested too deeply")
    parts: list[str] = []
    automatic = 0
    for literal, field, specification, conversion in _fields(template):
        parts.append(literal)
        if field is None:
            continue
        head, steps = _head(field)
        if not head:
            head, automatic = str(automatic), automatic + 1
        value = _argument(head, arguments, named)
        for key in steps:
            value = value[key]
        value = convert(value, ord(conversion), budget) if conversion else value
        nested = _format(specification, arguments, named, budget, depth + 1) if specification else ""
        parts.append(budget.result(formatted(value, nested, budget)))
        text(sum(map(len, parts)))
    return "".join(parts)


def _argument(head: str, arguments: list[Any], named: dict[str, Any]) -> Any:
    if head.isdigit():
        if int(head) >= len(arguments):
            raise ExpressionError(f"no argument for the replacement field {head}")
        return arguments[int(head)]
    if head not in named:
        raise ExpressionError(f"no value for the replacement field {{{head}}}", hint=did_you_mean(head, named))
    return named[head]


def _percent(template: str, values: Any, budget: Budget) -> str:
    import re

    size = len(template) + (0 if isinstance(values, dict) else _size(values))
    for field in re.finditer(r"%(?:\(([^()]*)\))?[#0\- +]*(\*|\d*)(?:\.(\*|\d*))?(.?)", template, re.DOTALL):
        key, *numbers, kind_of = field.groups(default="")
        if kind_of == "(":
            raise ExpressionError("a key in a format may not hold parentheses")
        for number in numbers:
            if number == "*" or len(number) > 4 or (number and int(number) > MAX_WIDTH):
                raise ExpressionError(f"a width of '*' or more than {MAX_WIDTH} is not allowed")
            size += int(number or 0)
        size += _size(values.get(key)) if isinstance(values, dict) else 0
        text(size)
    budget.spend(size // 100)
    return str(template % values)


def draw(generator: Any, name: str, arguments: list[Any], named: dict[str, Any]) -> Any:
    """Call a function of `random` on the generator of the task."""
    if generator is None:
        raise ExpressionError("random is not known here")
    return getattr(generator, name)(*arguments, **named)


def _numbers(values: Any, start: Any = 0) -> Any:
    if not isinstance(start, (int, float)):
        raise ExpressionError("sum adds numbers only")
    return sum(values, start)


def _round(value: Any, ndigits: Any = None) -> Any:
    width(ndigits)
    return round(value, ndigits) if ndigits is not None else round(value)


_MATHEMATICS = "sqrt log10 log2 exp sin cos tan asin acos atan atan2 floor ceil log".split()
FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "min": min,
    "max": max,
    "round": _round,
    "int": int,
    "float": float,
    "str": str,
    "bool": bool,
    "len": len,
    "pow": _power,
    "sum": _numbers,
    "sorted": sorted,
    "range": range,
    "zip": lambda *lists, **options: list(zip(*lists, strict=options.pop("strict", False), **options)),
    "enumerate": lambda values, start=0: list(enumerate(values, start)),
    **{name: getattr(math, name) for name in _MATHEMATICS},
}
_NAMED = {
    "round": {"ndigits"},
    "sorted": {"reverse"},
    "sum": {"start"},
    "min": {"default"},
    "max": {"default"},
    "int": {"base"},
    "enumerate": {"start"},
    "zip": {"strict"},
    "pow": {"base", "exp", "mod"},
}
_WALKS = {"min", "max", "sum", "sorted", "zip", "enumerate"}


def call(name: str, arguments: list[Any], named: dict[str, Any], budget: Budget) -> Any:
    """Call a function of the language."""
    wrong = set(named) - _NAMED.get(name, set())
    if wrong:
        raise ExpressionError(f"{name} takes no argument {min(wrong)!r}")
    if name in _WALKS:
        several = name == "zip" or len(arguments) == 1
        for argument in arguments if several else arguments[:1]:
            if isinstance(argument, (str, list, tuple, dict, range)):
                length(len(argument))
                budget.spend(len(argument))
        for argument in arguments:
            _charge(argument, budget)  # entries are compared
    if name == "str" and arguments:
        _written(arguments[0], budget)
    if name == "pow" and named:
        named = {{"exp": "exponent", "mod": "modulus"}.get(key, key): value for key, value in named.items()}
    return FUNCTIONS[name](*arguments, **named)


_PADDING = {"center", "ljust", "rjust", "zfill", "expandtabs"}


def method(value: Any, name: str, arguments: list[Any], named: dict[str, Any], budget: Budget) -> Any:
    """Call a method of a text."""
    if not isinstance(value, str):
        raise ExpressionError(f"{name} is a method of a text, not of {kind(value)}")
    if name == "format":
        return _format(value, arguments, named, budget)
    if named and name not in {"split", "rsplit", "splitlines", "expandtabs"}:
        raise ExpressionError(f"{name} takes no argument {min(named)!r}")
    budget.spend(len(value) // 100)
    if name in _PADDING:
        for argument in (*arguments, *named.values()):
            width(argument)
        if name == "expandtabs":
            text(len(value) + value.count("\t") * MAX_WIDTH)
    elif name == "join" and len(arguments) == 1:
        parts = items(arguments[0], budget)
        text(sum(len(part) + len(value) for part in parts if isinstance(part, str)))
        return value.join(parts)
    elif name == "replace" and len(arguments) >= 2 and all(isinstance(part, str) for part in arguments[:2]):
        text(len(value) + (value.count(arguments[0]) + 1) * len(arguments[1]))
    return getattr(value, name)(*arguments, **named)
