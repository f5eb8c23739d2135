"""The typed chain: what a document says, with every expression classed and every static one folded."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from eas_compiler.diagnostics import Related, related
from eas_compiler.names import Domain, Domains, Pattern
from eas_compiler.registry import TaskType
from eas_compiler.source import Node
from eas_worker.ranges import SHARDS

INLINE = "inline"
"""What a chain writes for `qc` to have a task judged in the pod of its program."""


class Variable(NamedTuple):
    """A loop variable in scope.

    `id` names its index in the manifest: the variable's name, made unique where an inner loop shadows an outer one.
    `entry` is the loop as descriptions carry it; `depends` are the loops that its values depend on; `is_late` says that
    the values are known only at run time, and `requested` are the tasks whose metadata they need then. Where its name
    depends on loops around it, `aliases` are the other names that it has. What is wrong has been reported: of a name
    that is, nothing is left, and a variable is broken when its values are. `place` is where the author says its name,
    or the number of shards.
    """

    id: str
    name: str
    domain: Domain
    entry: dict[str, Any]
    depends: frozenset[str]
    is_late: bool
    requested: dict[str, "Item"]
    aliases: tuple[str, ...] = ()
    is_broken: bool = False
    place: Node | None = None

    @property
    def as_related(self) -> tuple[Related, ...]:
        """Its loop as the second place of a diagnostic; none when its name is nowhere."""
        if self.place is None:
            return ()
        what = "the do-while" if "repeat" in self.entry else "the loop"
        return (related(self.place, "the shards are said here" if self.is_shard else f"{what} over {self.name!r}"),)

    @property
    def is_shard(self) -> bool:
        """Whether it is the rank of a task's copies, which is their index as well."""
        return bool(self.entry.get("form") == SHARDS)


class Scope(NamedTuple):
    """What expressions of a list may use: loop variables from the outside in, parameters, requested metadata."""

    variables: tuple[Variable, ...]
    parameters: dict[str, Any]
    requested: dict[str, "Item"]
    missing: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()

    @property
    def domains(self) -> Domains:
        """The indices of the loops in scope."""
        return {variable.id: variable.domain for variable in self.variables}

    def metadata(self) -> dict[str, tuple[Variable, bool]]:
        """Return what `metadata` holds: for each key its loop, and whether it is the index rather than the value."""
        found: dict[str, tuple[Variable, bool]] = {}
        for variable in self.variables:
            for name in (variable.name, *variable.aliases):
                if "repeat" not in variable.entry:
                    found[name] = (variable, variable.is_shard)
                found[name + "_index"] = (variable, True)
        return found


class IndexTable(NamedTuple):
    """A small integer for each combination of the indices of the loops `ids`; one entry and no ids for a constant."""

    ids: tuple[str, ...]
    entries: dict[tuple[int, ...], int]

    @property
    def constant(self) -> int | None:
        """The integer when it is the same everywhere."""
        return self.entries[()] if not self.ids else None


class Question(NamedTuple):
    """What controls an edge. `table` holds the answers when indices alone give them; else a gate finds them.

    kind: `criterion`, `count` or `repeat`. `node` is the expression or range. `names` are the requested names it uses.
    """

    kind: str
    node: Node
    table: IndexTable | None
    names: frozenset[str]


class File(NamedTuple):
    """A file that a port takes or makes: `pattern` is `working_directory/name`; `node` the author's name of it.

    An output that is `many` files has a `*` in its name, for what tells them apart, which only the run knows.
    """

    port: str
    node: Node
    pattern: Pattern
    directory: Pattern
    name: Pattern
    many: bool = False


class Gather(NamedTuple):
    """The files that a port gathers: `names` are names and globs, in the author's order; `node` is what he wrote."""

    port: str
    node: Node
    names: tuple[File, ...]


class Variant(NamedTuple):
    """A task type, and for which combinations of indices of `ids` the task is of it (all when `where` is None)."""

    type: TaskType
    ids: tuple[str, ...]
    where: frozenset[tuple[int, ...]] | None


class Requirement(NamedTuple):
    """A name in `requires_metadata_from` and the item that it names."""

    text: str
    node: Node
    item: "Item"


class Common(NamedTuple):
    """What every item of a list has; `path` is its pattern."""

    path: str
    node: Node
    scope: Scope
    name: Pattern | None
    requires: tuple[Requirement, ...]
    job_name: Pattern
    directory: Pattern


class Sequence(NamedTuple):
    """A task list; `path` is the pattern that its items' paths begin with."""

    path: str
    items: tuple["Item", ...]


class Task(NamedTuple):
    """A leaf: a program runs."""

    common: Common
    variants: tuple[Variant, ...]
    inputs: dict[str, File]
    gathers: dict[str, Gather]
    outputs: dict[str, File]
    settings: dict[str, Node]
    overrides: dict[str, Any]

    @property
    def is_inline(self) -> bool:
        """Whether the pod of its program does its quality control as well."""
        return bool(self.overrides.get("qc") == INLINE)


class Group(NamedTuple):
    """An `execution_chain`: its items stand in the list around it."""

    common: Common
    body: Sequence


class Loop(NamedTuple):
    """An `execution_for_loop`: a unit for each value; or the copies of the one task of its body, which has `shards`."""

    common: Common
    variable: Variable
    number: Question
    body: Sequence


class Branch(NamedTuple):
    """An `execution_conditional`: each branch is a unit."""

    common: Common
    criterion: Question
    then: Sequence | None
    otherwise: Sequence | None


class Repeat(NamedTuple):
    """An `execution_do_while_loop`."""

    common: Common
    variable: Variable
    criterion: Question
    children: tuple[Requirement, ...]
    maximum: int
    body: Sequence


Item = Task | Group | Loop | Branch | Repeat


class Chain(NamedTuple):
    """A whole document."""

    node: Node
    job_name: str
    working_directory: str
    parameters: dict[str, Any]
    subject: dict[str, Any]
    tags: tuple[str, ...]
    body: Sequence


def bodies(item: Item) -> tuple[Sequence, ...]:
    """Return the lists inside an item."""
    if isinstance(item, Branch):
        return tuple(branch for branch in (item.then, item.otherwise) if branch is not None)
    return () if isinstance(item, Task) else (item.body,)


def walk(sequence: Sequence) -> Iterator[Item]:
    """Yield every item, outer ones before what is inside."""
    for item in sequence.items:
        yield item
        for body in bodies(item):
            yield from walk(body)


def flat(sequence: Sequence) -> Iterator[Item]:
    """Yield the items of a list with those of its groups in their place: what one DAG holds."""
    for item in sequence.items:
        if isinstance(item, Group):
            yield from flat(item.body)
        else:
            yield item
