"""The fields of a document and of its objects: which there may be, of which type; and the chain's parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from eas_compiler.diagnostics import Diagnostics, did_you_mean, related
from eas_compiler.source import Node
from eas_worker import expressions
from eas_worker.expressions import Expression, ExpressionError
from eas_worker.functions import Effort

TOP: dict[str, type] = {
    "task_list": list,
    "job_name": str,
    "working_directory": str,
    "parameters": dict,
    "presets": dict,
    "subject": dict,
    "tags": list,
    "$schema": str,
    "description": str,
}
MAX_STEPS = 1_000_000
"""How many steps the expressions of the smallest chain may take until it is compiled: about a second."""
STEPS_OF_A_CHARACTER = 100
"""How many more a larger chain may take, for each character of its text."""
_NAMES = {list: "a list", str: "a text", dict: "an object", bool: "true or false"}


def members(node: Node, fields: dict[str, type], diagnostics: Diagnostics, what: str) -> dict[str, Node]:
    """Return the members of an object that are known and of their type; the others are reported."""
    if not isinstance(node.value, dict):
        diagnostics.error("type", node, f"{what} must be an object")
        return {}
    good = {}
    for key, member in node.value.items():
        if key not in fields:
            hint = diagnostics.did_you_mean(key, fields) or f"known keys: {', '.join(fields)}"
            diagnostics.error_at_key("unknown-key", member, f"unknown key {key!r} of {what}", hint)
        elif of_type(member, fields[key], diagnostics, key):
            good[key] = member
    return good


def of_type(node: Node, wanted: type, diagnostics: Diagnostics, what: str) -> bool:
    """Tell whether a value is of a type; report it when not. `object` stands for any type."""
    if wanted is object or isinstance(node.value, wanted):
        return True
    diagnostics.error("type", node, f"{what} must be {_NAMES[wanted]}, not {kind(node)}")
    return False


def kind(node: Node) -> str:
    """Name the type of a value."""
    return expressions.kind(node.value)


def texts(node: Node, diagnostics: Diagnostics, what: str) -> list[Node]:
    """Return the items of a list of texts; others are reported."""
    return [item for item in node.value if of_type(item, str, diagnostics, what)]


# --------------------------------------------------------------------------------------------------------------------
# Parameters


class Values(dict[str, Any]):
    """The values of the parameters; those in `broken` are wrong, which has been reported where they are defined.

    `effort` is what all expressions of the chain may take together until it is compiled. What is known already stays:
    `metadata` is what loop variables are at some indices, `tables` what parts of names are at all of them; both are by
    the identity of the loops' variables.
    """

    def __init__(self, characters: int = 0) -> None:
        super().__init__()
        self.broken: set[str] = set()
        self.metadata: dict[tuple[int, tuple[tuple[str, int], ...]], tuple[Any, dict[str, Any]]] = {}
        self.tables: dict[tuple[int, str], tuple[Any, Any]] = {}
        self.effort = Effort(MAX_STEPS + STEPS_OF_A_CHARACTER * characters)


class Parameters:
    """Folds the chain's parameters: static expressions that may refer to each other."""

    def __init__(
        self, given: dict[str, Node], overrides: dict[str, Any], diagnostics: Diagnostics, characters: int = 0
    ) -> None:
        self.given, self.overrides, self.diagnostics = given, overrides, diagnostics
        self.values = Values(characters)
        self._open: list[str] = []

    def all(self) -> Values:
        """Return all values; those that are wrong are reported and null."""
        for name in self.given:
            self._resolve(name)
        return self.values

    def _resolve(self, name: str) -> None:
        if name in self.values:
            return
        node = self.given[name]
        if name in self._open:
            circle = " → ".join([*self._open[self._open.index(name) :], name])
            places = [related(self.given[one], one) for one in self._open[self._open.index(name) + 1 :]]
            self.diagnostics.error(
                "parameter-circle", node, f"parameters refer to each other in a circle: {circle}", None, *places
            )
            self.values.broken.add(name)
            return
        self._open.append(name)
        self.values[name] = self.overrides[name] if name in self.overrides else self._value(node)
        self._open.pop()

    def _value(self, node: Node) -> Any:
        if isinstance(node.value, dict):
            return {key: self._value(member) for key, member in node.value.items()}
        if isinstance(node.value, list):
            return [self._value(item) for item in node.value]
        if not isinstance(node.value, str) or not expressions.is_expression(node.value):
            return node.value
        expression = expressions.examine(node.value)
        mistakes = [*expression.mistakes, *_unknown(expression, self.given, "in `parameters`")]
        uses_broken = self._uses_broken(expression)
        if not mistakes and not uses_broken:
            try:
                return expressions.evaluate(expression, {"parameters": self.values})
            except ExpressionError as error:
                mistakes = [error]
        for mistake in mistakes:
            self.diagnostics.expression(node, mistake)
        self.values.broken.add(self._open[-1])
        return None

    def _uses_broken(self, expression: Expression) -> bool:
        """Fold the parameters that an expression uses; tell whether one of them is broken."""
        keys = expression.keys("parameters")
        used = [name for name in self.given if name in keys or None in keys]
        for name in used:
            self._resolve(name)
        return not self.values.broken.isdisjoint(used)


def presets(
    node: Node | None, parameters: dict[str, Node], overrides: dict[str, Any], diagnostics: Diagnostics
) -> dict[str, dict[str, Node]]:
    """Return the parameters of each preset, as far as the chain has them; what is wrong with a preset is reported."""
    found: dict[str, dict[str, Node]] = {}
    for name, preset in node.value.items() if node is not None else ():
        found[name] = {}
        if not of_type(preset, dict, diagnostics, f"the preset {name!r}"):
            continue
        for key, member in preset.value.items():
            if key in parameters:
                found[name][key] = member
            else:
                other = "a preset gives other values to `parameters` of the chain"
                hint = diagnostics.did_you_mean(key, parameters) or other
                message = f"the preset {name!r} is for a parameter {key!r}, which the chain does not have"
                diagnostics.error_at_key("unknown-name", member, message, hint)
        problems = Diagnostics()
        Parameters(parameters | found[name], overrides, problems).all()
        for problem in problems:
            if preset.start <= problem.start < preset.end:  # others are told of without a preset
                diagnostics.add(problem)
    return found


def _unknown(expression: Expression, parameters: Collection[str], where: str) -> Iterator[ExpressionError]:
    """Yield a mistake for each name that is no parameter, where only parameters are known."""
    for use in expression.uses:
        place = (use.start, use.end - use.start)
        if use.name != "parameters":
            yield ExpressionError(f"{use.name} is not known {where}", *place)
        elif use.key is not None and use.key not in parameters:
            yield ExpressionError(f"unknown parameter {use.key!r}", *place, did_you_mean(use.key, parameters))


def static(node: Node, parameters: dict[str, Any], diagnostics: Diagnostics) -> Any:
    """Return a value whose expressions need parameters and constants only; None when it is wrong."""
    if isinstance(node.value, dict):
        return {key: static(member, parameters, diagnostics) for key, member in node.value.items()}
    if isinstance(node.value, list):
        return [static(item, parameters, diagnostics) for item in node.value]
    if not isinstance(node.value, str) or not expressions.is_expression(node.value):
        return node.value
    expression = expressions.examine(node.value)
    mistakes = [*expression.mistakes, *_unknown(expression, parameters, "here")]
    if not mistakes:
        try:
            return expressions.evaluate(expression, {"parameters": parameters})
        except ExpressionError as error:
            mistakes = [error]
    for mistake in mistakes:
        diagnostics.expression(node, mistake)
    return None


def first(nodes: Iterable[Node]) -> Node | None:
    """Return the first of some nodes, if any."""
    return next(iter(nodes), None)
