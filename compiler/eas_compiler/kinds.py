"""What is known of late values before the run: types and units of what expressions make of other tasks' metadata.

The registry declares of each task type which metadata it emits. From there types go through an expression from the
inside out, as far as they are certain; of everything else nothing is known, and nothing is said.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from eas_compiler.diagnostics import Related, did_you_mean, related
from eas_compiler.source import Node
from eas_compiler.tree import Item, Loop, Sequence, Task, bodies, flat
from eas_worker import expressions
from eas_worker.expressions import Expression
from eas_worker.grammar import Place

NUMBERS = ("float", "int", "bool")
"""Python counts with bools."""
_WORDS = {
    "float": "a number",
    "int": "an integer",
    "bool": "a bool",
    "text": "a text",
    "list": "a list",
    "object": "an object",
    "null": "null",
}
_MATHEMATICS = frozenset("sqrt log log10 log2 exp sin cos tan asin acos atan atan2".split())
_SAME_UNIT = {"abs": None, "float": "float", "round": "int", "floor": "int", "ceil": "int"}
"""Functions that keep the unit, and the type that they make; None for that of the number itself."""
_MAKES = {"int": "int", "len": "int", "str": "text", "bool": "bool", "sorted": "list", "range": "list", "zip": "list"}


class Kind(NamedTuple):
    """A type, `any` when it is not known, with the unit of a number, the type of a list's items, an object's members.

    `members` is None for an object of which not all members are known. `whose` names what has them, `type` is its task
    type, and `item` where it stands in the chain.
    """

    name: str
    unit: str | None = None
    items: Kind | None = None
    members: dict[str, Kind] | None = None
    whose: str = ""
    type: str = ""
    item: Item | None = None

    @property
    def is_number(self) -> bool:
        """Whether one can count with it."""
        return self.name in NUMBERS

    @property
    def words(self) -> str:
        """What it is called."""
        return _WORDS[self.name] + (f" in {self.unit}" if self.unit else "")


ANY = Kind("any")
BOOL = Kind("bool")
TEXT = Kind("text")
NUMBER = Kind("float")
LIST = Kind("list")


class Mistake(NamedTuple):
    """What is wrong with a part of an expression, and the tasks in the chain that it is about."""

    code: str
    message: str
    start: int
    end: int
    hint: str | None
    items: tuple[Item, ...]


class Found(NamedTuple):
    """The type of an expression's value, and what is wrong with its parts."""

    kind: Kind
    mistakes: tuple[Mistake, ...]


_NOTHING = Found(ANY, ())


def infer(expression: Expression, requested: dict[str, Item]) -> Found:
    """Return what is known of an expression, given the tasks that `requested_metadata` holds by name."""
    if not any(use.name == "requested_metadata" for use in expression.uses):
        return _NOTHING
    inference = _Inference(expression, requested)
    return Found(inference.of(expression.body), tuple(inference.mistakes))


def place(item: Item) -> Node:
    """Return where a task has its name, else where it stands."""
    members: dict[str, Node] = item.common.node.value
    return members.get("name", members.get("task", item.common.node))


def as_related(*items: Item | None) -> tuple[Related, ...]:
    """Return the places of tasks as the second ones of a diagnostic."""
    return tuple(related(place(item), "the metadata is that of this task") for item in items if item is not None)


# --------------------------------------------------------------------------------------------------------------------
# What tasks emit


def emitted(item: Item, name: str) -> Kind:
    """Return the type of what `requested_metadata[name]` holds for an item of the chain."""
    if isinstance(item, Task):
        return _of_task(item, name)
    if isinstance(item, Loop) and item.variable.is_shard:
        return Kind("list", items=emitted(item.body.items[0], name), item=item)
    members = _of_lists(bodies(item))
    whole = Kind("object", members=members, whose=f"{name!r}", item=item)
    return Kind("list", items=whole, item=item) if isinstance(item, Loop) else whole


def _of_lists(sequences: tuple[Sequence, ...]) -> dict[str, Kind] | None:
    """Return what named tasks of some lists emit; None when a name is known only in an iteration."""
    found: dict[str, Kind] = {}
    for item in (item for sequence in sequences for item in flat(sequence)):
        if item.common.name is None:
            continue
        if len(item.common.name) != 1 or not isinstance(item.common.name[0], str):
            return None
        name = item.common.name[0]
        found[name] = ANY if name in found else emitted(item, name)
    return found


def _of_task(task: Task, name: str) -> Kind:
    types = [variant.type for variant in task.variants]
    if not types or any(one.open for one in types):
        return ANY
    members: dict[str, Kind] = {}
    for type_ in types:
        for key, declared in type_.metadata.items():
            kind = Kind(declared.get("type", "any"), declared.get("unit"), item=task)
            kind = kind if kind.name in _WORDS else ANY
            members[key] = kind if members.get(key, kind) == kind else ANY
    return Kind("object", members=members, whose=f"{name!r}", type=" or ".join(one.name for one in types), item=task)


# --------------------------------------------------------------------------------------------------------------------
# What expressions make of it


class _Inference(Place):
    """Walks a checked expression; a part that is wrong is unknown to what is around it."""

    def __init__(self, expression: Expression, requested: dict[str, Item]) -> None:
        super().__init__(expression.text)
        self.requested = requested
        self.mistakes: list[Mistake] = []
        self.names: dict[str, Kind] = {}

    def of(self, node: ast.AST) -> Kind:
        """Return the type of a node."""
        method: Callable[[Any], Kind] | None = getattr(self, f"_{type(node).__name__}", None)
        if method is not None:
            return method(node)
        for child in ast.iter_child_nodes(node):
            self.of(child)
        return ANY

    def wrong(self, code: str, node: ast.AST, message: str, hint: str | None, *kinds: Kind) -> Kind:
        """Note a mistake; nothing is known of its place."""
        items = {id(kind.item): kind.item for kind in kinds if kind.item is not None}
        self.mistakes.append(Mistake(code, message, *self.span(node), hint, tuple(items.values())))
        return ANY

    def _is(self, node: ast.AST, name: str) -> bool:
        """Tell whether a node is a name of the language, which no comprehension has taken."""
        return isinstance(node, ast.Name) and node.id == name and name not in self.names

    def _Constant(self, node: ast.Constant) -> Kind:
        names = {bool: BOOL, int: Kind("int"), float: NUMBER, str: TEXT, type(None): Kind("null")}
        return names[type(node.value)]

    def _Name(self, node: ast.Name) -> Kind:
        return self.names.get(node.id, ANY)

    def _List(self, node: ast.List | ast.Tuple) -> Kind:
        for item in node.elts:
            self.of(item)
        return LIST

    _Tuple = _List

    def _JoinedStr(self, node: ast.JoinedStr) -> Kind:
        for part in node.values:
            self.of(part)
        return TEXT

    def _Subscript(self, node: ast.Subscript) -> Kind:
        key = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if self._is(node.value, "requested_metadata"):
            return emitted(self.requested[key], key) if key in self.requested else ANY
        container = self.of(node.value)
        self.of(node.slice)
        if container.name == "list" and isinstance(key, str):
            hint = "a loop gives a list: [0] is its first iteration, [-1] its last" if container.items else None
            if container.items and container.items.type:
                hint = "shards give a list: [0] is of the first, [-1] of the last"
            return self.wrong(
                "metadata-type", node, f"{self.source(node.value)} is a list, which has no {key!r}", hint, container
            )
        if container.name == "list" and not isinstance(node.slice, ast.Slice):
            return container.items or ANY
        if container.is_number:
            message = f"{self.source(node.value)} is {container.words}, which has no parts"
            return self.wrong("metadata-type", node, message, None, container)
        if container.name == "object" and isinstance(node.slice, ast.Constant) and not isinstance(key, str):
            message = f"{self.source(node.value)} is an object, which has no {key!r}"
            return self.wrong("metadata-type", node, message, "its keys are texts", container)
        if container.members is None or not isinstance(key, str):
            return container if isinstance(node.slice, ast.Slice) else ANY
        return container.members[key] if key in container.members else self._unknown(node, key, container)

    def _unknown(self, node: ast.Subscript, key: str, container: Kind) -> Kind:
        known = container.members or {}
        if container.type:
            message = f"{container.whose} emits no {key!r}"
            others = f"{container.type} emits {', '.join(known) or 'no metadata'}"
        else:
            message = f"{container.whose} has no task named {key!r}"
            others = f"named tasks in it: {', '.join(known) or 'none'}"
        return self.wrong("unknown-metadata", node.slice, message, did_you_mean(key, known) or others, container)

    def _BoolOp(self, node: ast.BoolOp) -> Kind:
        kinds = [self.of(value) for value in node.values]
        return kinds[0] if all(kind.name == kinds[0].name for kind in kinds) else ANY

    def _IfExp(self, node: ast.IfExp) -> Kind:
        self.of(node.test)
        one, other = self.of(node.body), self.of(node.orelse)
        return one if one[:2] == other[:2] else ANY

    def _UnaryOp(self, node: ast.UnaryOp) -> Kind:
        operand = self.of(node.operand)
        if isinstance(node.op, ast.Not):
            return BOOL
        if operand.name in ("text", "list", "object"):
            return self._not_counted(node, node.operand, operand)
        return operand._replace(name="int") if operand.name == "bool" else operand

    def _not_counted(self, node: ast.AST, part: ast.AST, kind: Kind) -> Kind:
        message = f"{self.source(part)} is {kind.words}; one cannot count with it"
        return self.wrong("metadata-type", node, message, None, kind)

    def _BinOp(self, node: ast.BinOp) -> Kind:
        left, right = self.of(node.left), self.of(node.right)
        if isinstance(node.op, ast.Mod) and left.name in ("text", "any"):
            return left
        if isinstance(node.op, ast.Mult) and {left.name, right.name} & {"text", "list"}:
            return left if left.name in ("text", "list") else right
        if isinstance(node.op, ast.Add) and left.name == right.name and left.name in ("text", "list"):
            return left
        for part, kind, other in ((node.left, left, right), (node.right, right, left)):
            is_certain = not isinstance(node.op, ast.Add) or other.is_number
            if kind.name in ("text", "list", "object") and is_certain:
                return self._not_counted(node, part, kind)
        if not (left.is_number and right.is_number):
            return ANY
        if isinstance(node.op, (ast.Add, ast.Sub)):
            self._same_unit(node, left, right)
            return Kind(_wider(left, right), left.unit or right.unit, item=left.item or right.item)
        wider = _wider(left, right)
        if isinstance(node.op, ast.Pow) and wider == "int":
            return ANY  # 2 ** -1 is none
        return Kind("float" if isinstance(node.op, ast.Div) else wider)

    def _same_unit(self, node: ast.AST, left: Kind, right: Kind) -> None:
        if left.unit and right.unit and left.unit != right.unit:
            message = f"{self.source(node)}: one is in {left.unit}, the other in {right.unit}"
            self.wrong("metadata-unit", node, message, "convert one of them by a factor", left, right)

    def _Compare(self, node: ast.Compare) -> Kind:
        kinds = [self.of(node.left), *map(self.of, node.comparators)]
        for operator, left, right in zip(node.ops, kinds, kinds[1:], strict=False):
            self._compared(node, operator, left, right)
        return BOOL

    def _compared(self, node: ast.Compare, operator: ast.cmpop, left: Kind, right: Kind) -> None:
        if isinstance(operator, (ast.Is, ast.IsNot)):
            return
        if isinstance(operator, (ast.In, ast.NotIn)):
            if right.is_number or (right.name == "text" and left.is_number):
                what = "nothing can" if right.is_number else f"{left.words} cannot"
                message = f"{self.source(node)}: {what} be in {right.words}"
                self.wrong("metadata-type", node, message, None, right, left)
            return
        groups = {_group(left), _group(right)}
        is_equality = isinstance(operator, (ast.Eq, ast.NotEq))
        if "any" in groups or (is_equality and "null" in groups):
            return
        if len(groups) > 1:
            how = "are never equal" if is_equality else "cannot be compared"
            message = f"{self.source(node)}: {left.words} and {right.words} {how}"
            self.wrong("metadata-type", node, message, self._declared(left, right), left, right)
        elif left.is_number:
            self._same_unit(node, left, right)

    def _declared(self, *kinds: Kind) -> str | None:
        """Say where a type is from that an author may not expect."""
        items = [kind for kind in kinds if isinstance(kind.item, Task)]
        types = {variant.type.name for kind in items if isinstance(kind.item, Task) for variant in kind.item.variants}
        return f"`eas types {types.pop()}` tells what it emits" if len(types) == 1 else None

    def _Call(self, node: ast.Call) -> Kind:
        arguments = [self.of(argument) for argument in node.args]
        for keyword in node.keywords:
            self.of(keyword.value)
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func)
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        first = arguments[0] if arguments else ANY
        if name in _MATHEMATICS or name in ("abs", "round", "floor", "ceil"):
            for part, kind in zip(node.args, arguments, strict=True):
                if kind.name in ("text", "list", "object"):
                    return self._not_counted(node, part, kind)
        if name in ("min", "max") and len(arguments) > 1:
            for other in arguments[1:]:
                self._same_unit(node, first, other)
            return first if all(one[:2] == first[:2] for one in arguments) else ANY
        if name == "len" and first.is_number:
            message = f"{self.source(node.args[0])} is {first.words}, which has no length"
            return self.wrong("metadata-type", node, message, None, first)
        if name in _SAME_UNIT and first.is_number:
            is_rounded = name != "round" or len(arguments) == 1
            return first._replace(name=(_SAME_UNIT[name] if is_rounded else None) or first.name)
        return NUMBER if name in _MATHEMATICS else Kind(_MAKES.get(name, "any"))

    def _method(self, node: ast.Call, function: ast.Attribute) -> Kind:
        if self._is(function.value, "random"):
            return NUMBER if function.attr in ("random", "uniform", "gauss") else ANY
        owner = self.of(function.value)
        if owner.name not in ("text", "any"):
            message = f"{self.source(function.value)} is {owner.words}, which has no method {function.attr!r}"
            return self.wrong("metadata-type", node, message, None, owner)
        return TEXT if function.attr in ("format", "lower", "upper", "strip", "replace", "title", "join") else ANY

    def _ListComp(self, node: ast.ListComp | ast.GeneratorExp | ast.DictComp) -> Kind:
        outer = self.names
        for generator in node.generators:
            source = self.of(generator.iter)
            self.names = {**self.names, **dict.fromkeys(_variables(generator.target), ANY)}
            if isinstance(generator.target, ast.Name) and source.name == "list":
                self.names[generator.target.id] = source.items or ANY
            for condition in generator.ifs:
                self.of(condition)
        if isinstance(node, ast.DictComp):
            self.of(node.key)
            self.of(node.value)
            self.names = outer
            return Kind("object")
        item = self.of(node.elt)
        self.names = outer
        return Kind("list", items=item)

    _GeneratorExp = _ListComp
    _DictComp = _ListComp


def _variables(target: ast.expr) -> Iterator[str]:
    return (part.id for part in ast.walk(target) if isinstance(part, ast.Name))


def _wider(left: Kind, right: Kind) -> str:
    return "float" if "float" in (left.name, right.name) else "int"


def _group(kind: Kind) -> str:
    """Name what values of a type can be equal to."""
    return "number" if kind.is_number else kind.name


def known(node: Node, requested: dict[str, Item]) -> Kind:
    """Return the type of a value of a chain, as far as it is that of metadata; nothing when it is wrong."""
    if not isinstance(node.value, str) or not expressions.is_expression(node.value):
        return ANY
    expression = expressions.examine(node.value)
    found = _NOTHING if expression.mistakes else infer(expression, requested)
    return ANY if found.mistakes else found.kind


def fits(kind: Kind, specification: dict[str, Any]) -> str | None:
    """Return why a value of a type is not one that a setting takes; None when it may be."""
    wanted = specification["type"]
    takes = {
        "float": ("float", "int"),
        "int": ("int",),
        "bool": NUMBERS,
        "text": ("text",),
        "list": ("list",),
        "object": ("object",),
    }
    if kind.name in ("any", "null") or wanted == "any":
        return None
    if kind.name not in takes[wanted]:
        return f"must be {_WORDS[wanted]}, not {kind.words}"
    return None
