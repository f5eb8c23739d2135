"""What stands in the lists of a chain, who makes which file, and what a task or a unit takes from around it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, NamedTuple

from tests.reference.expressions import ExpressionFailedError, Json, evaluate, loop_values

Node = dict[str, Json]
FileKey = tuple[str, str]  # directory, name

FLOW_CONTROL = frozenset({
    "execution_chain", "execution_for_loop", "execution_conditional", "execution_do_while_loop",
})  # fmt: skip
BRANCHES = {"then": "task_list", "else": "else_task_list"}
DEFAULT_MAX_ITERATIONS = 50
# Stands for an index that only the run can tell; a small constant added to it changes nothing that is looked for.
UNKNOWN_INDEX = 918273650
UNKNOWN_IN_TEXT = re.compile(r"9182736\d\d")


class Gathering(NamedTuple):
    """A name or glob that a port gathers; `reader` and `port` tell which port of which descriptor."""

    reader: int
    port: str
    key: FileKey


class Gate(Enum):
    """What an ended task or unit is worth to those that wait for it."""

    OPEN = "open"
    NO_WORK = "closed without harm"
    BLOCKED_BY_NO_WORK = "blocked without harm"
    BLOCKED = "blocked by a failure"
    FAILED = "failed"

    @property
    def is_harm(self) -> bool:
        """Failures and what they block close the units around them; a lack of work does not."""
        return self in {Gate.BLOCKED, Gate.FAILED}


class Parameters(Mapping[str, Json]):
    """The chain's parameters, which may refer to each other."""

    def __init__(self, raw: Mapping[str, Json]) -> None:
        self.raw = raw

    def __getitem__(self, name: str) -> Json:
        return evaluate(self.raw[name], {"parameters": self})

    def __iter__(self) -> Iterator[str]:
        return iter(self.raw)

    def __len__(self) -> int:
        return len(self.raw)


@dataclass(frozen=True)
class Context:
    """What an expression sees at one place, and what the place has inherited."""

    parameters: Mapping[str, Json]
    job_name: str
    directory: str
    metadata: dict[str, Json] = field(default_factory=dict)
    requested: dict[str, Json] = field(default_factory=dict)
    iteration: int = 1  # of the innermost do-while loop around

    @property
    def names(self) -> dict[str, Any]:
        """Give the names that static and indexed expressions may use."""
        return {"metadata": self.metadata, "parameters": self.parameters}

    def with_variables(self, **variables: Json) -> "Context":
        """An inner loop variable shadows an outer one."""
        return replace(self, metadata=self.metadata | variables)

    def below(self, node: Node) -> "Context":
        """An override of the job's name or of the directory holds for everything nested."""
        return replace(
            self,
            job_name=evaluate(node.get("job_name", self.job_name), self.names),
            directory=evaluate(node.get("working_directory", self.directory), self.names),
        )


def unfolded(task_list: list[Node]) -> list[Node]:
    """Write tasks with `shards` as what they are: loops over ranks around one task."""
    return [_unfolded(node) for node in task_list]


def _unfolded(node: Node) -> Node:
    if "shards" in node:
        common: Node = {key: node[key] for key in ("name", "requires_metadata_from", "shards") if key in node}
        copy = {key: value for key, value in node.items() if key == "name" or key not in common}
        return {"task": "execution_for_loop", "parameter": "shard", **common, "task_list": [copy]}
    return node | {key: unfolded(node[key]) for key in BRANCHES.values() if key in node}


@dataclass(eq=False)
class Entry:
    """One descriptor of a list, in one instance of that list."""

    node: Node
    path: str
    context: Context
    scope: "Scope"
    requires: dict[str, "Entry"]  # its own
    chain_requires: dict[str, "Entry"]  # those of the execution_chains between it and its place
    inner: "Scope | None" = None  # of an execution_chain: the names of its list
    parts: list["Entry"] = field(default_factory=list)  # of an execution_chain: what stands in the place for it
    gate: Gate = Gate.OPEN
    metadata: Json = None
    # Of a conditional: who made the files that both branches make.
    makers: dict[FileKey, "Entry"] = field(default_factory=dict)
    has_begun: bool = True  # of flow control: it was neither blocked nor lacked an answer
    # On what the language is silent: what is it worth to those that wait, and what to those that ask for metadata?
    gate_doubt: str = ""
    metadata_doubt: str = ""

    @property
    def kind(self) -> str:
        """Flow control goes by its name; whatever else is a task."""
        return self.node["task"] if self.node["task"] in FLOW_CONTROL else "task"

    @cached_property
    def gives(self) -> frozenset[FileKey]:
        """Give the files that the list around sees."""
        return gives(self.node, self.context)

    @cached_property
    def takes(self) -> "Takes":
        """Give what has to be there before a task or a unit starts."""
        return takes(self.node, self.context, frozenset())


@dataclass(eq=False)
class Scope:
    """The names of one list, in one instance, within those of the list around it."""

    around: "Scope | None" = None
    names: dict[str, Entry] = field(default_factory=dict)

    def find(self, name: str) -> Entry:
        """The nearest list that has the name counts."""
        if name in self.names:
            return self.names[name]
        assert self.around is not None, f"no earlier task {name!r}"
        return self.around.find(name)


@dataclass(eq=False)
class Place:
    """The tasks and units that stand in one list, those of its execution_chains among them."""

    around: "Place | None" = None
    earlier: list["Place"] = field(default_factory=list)  # iterations before this one of a do-while loop
    entries: list[Entry] = field(default_factory=list)

    def own_maker(self, key: FileKey) -> Entry | None:
        """Find who gives this list a file: a task, or a conditional of which both branches make it."""
        return next((entry for entry in self.entries if key in entry.gives), None)

    def leaf_maker(self, key: FileKey) -> Entry:
        """Find the task that makes a file of this list, in whatever branch was taken."""
        maker = self.own_maker(key)
        assert maker is not None, f"nobody makes {key}"
        return maker.makers.get(key, maker)

    def maker(self, key: FileKey) -> Entry | None:
        """Find the maker of a file in this list, in earlier iterations of it, and in all lists around."""
        found = next(filter(None, (place.own_maker(key) for place in [self, *self.earlier])), None)
        return found or (self.around.maker(key) if self.around else None)


@dataclass(frozen=True)
class Takes:
    """Files, names of tasks, and patterns of files to be gathered."""

    files: frozenset[FileKey] = frozenset()
    names: frozenset[str] = frozenset()
    gathered: frozenset[Gathering] = frozenset()

    def __or__(self, other: "Takes") -> "Takes":
        return Takes(self.files | other.files, self.names | other.names, self.gathered | other.gathered)


def gives(node: Node, context: Context) -> frozenset[FileKey]:
    """A list sees the files of its tasks and chains, and of a conditional those that both branches make."""
    context = context.below(node)
    if node["task"] == "execution_conditional":
        then, other = ((list_gives(node.get(field, []), context)) for field in BRANCHES.values())
        return then & other
    if node["task"] == "execution_chain":
        return list_gives(node["task_list"], context)
    return frozenset() if node["task"] in FLOW_CONTROL else frozenset(outputs(node, context).values())


def list_gives(task_list: list[Node], context: Context) -> frozenset[FileKey]:
    """Give the files that the entries of a list give to it."""
    return frozenset().union(*(gives(node, context) for node in task_list))


def outputs(node: Node, context: Context) -> dict[str, FileKey]:
    """Give the files that a task makes."""
    return {port: (context.directory, evaluate(name, context.names)) for port, name in node.get("outputs", {}).items()}


def inputs(node: Node, context: Context) -> dict[str, list[str]]:
    """Give the files that a task names, several only in a port that gathers."""
    named = {port: evaluate(files, context.names) for port, files in node.get("inputs", {}).items()}
    return {port: files if isinstance(files, list) else [files] for port, files in named.items()}


def gathering_ports(node: Node, context: Context) -> frozenset[str]:
    """A port gathers when it is given a list or a glob."""
    return frozenset(
        port
        for port, files in inputs(node, context).items()
        if isinstance(node["inputs"][port], list) or any(re.search(r"[*?\[]", file) for file in files)
    )


def file_key(file: str, directory: str) -> FileKey | None:
    """Give directory and name of a file of this run; a file of elsewhere has none."""
    if file.startswith("repo://./"):
        here, _, name = file.removeprefix("repo://./").rpartition("/")
        return here, name
    return None if file.startswith(("repo://", "s3://")) else (directory, file)


def takes(node: Node, context: Context, inner: frozenset[str]) -> Takes:
    """Give all that a task or the inside of a flow-control task takes, except metadata of the `inner` names."""
    context = context.below(node)
    required = node.get("requires_metadata_from", [])
    found = Takes(names=frozenset(required) - inner)
    # What the node itself requests is not there yet, whatever an outer task of the same name has given.
    waiting = replace(context, requested={n: m for n, m in context.requested.items() if n not in required})
    for task_list, inside in insides(node, waiting):
        found |= list_takes(task_list, inside, inner)
    return found | task_takes(node, context) if node["task"] not in FLOW_CONTROL else found


def list_takes(task_list: list[Node], context: Context, inner: frozenset[str]) -> Takes:
    """A list takes what its entries take, except metadata of the entries before them."""
    found = Takes()
    for node in task_list:
        found |= takes(node, context, inner)
        inner |= {evaluate(node["name"], context.names)} if "name" in node else set()
    return found


def task_takes(node: Node, context: Context) -> Takes:
    """A task takes its inputs."""
    gathering = gathering_ports(node, context)
    plain: set[FileKey | None] = set()
    gathered: set[Gathering] = set()
    for port, files in inputs(node, context).items():
        keys = [file_key(file, context.directory) for file in files]
        if port in gathering:
            gathered.update(Gathering(id(node), port, key) for key in keys if key)
        else:
            plain.update(keys)
    return Takes(frozenset(filter(None, plain)), frozenset(), frozenset(gathered))


def insides(node: Node, context: Context) -> Iterator[tuple[list[Node], Context]]:
    """Give every list nested directly in a flow-control task, in every iteration that there may be."""
    if node["task"] == "execution_for_loop":
        for variables in iterations(node, context):
            yield node["task_list"], context.with_variables(**variables)
    elif node["task"] == "execution_do_while_loop":
        for number in range(1, max_iterations(node, context) + 1):
            yield node["task_list"], context.with_variables(**repeat_variables(node, context, number))
    elif node["task"] in FLOW_CONTROL:
        for task_list in BRANCHES.values():
            yield node.get(task_list, []), context


def iterations(node: Node, context: Context) -> list[dict[str, Json]]:
    """Give the variables of each iteration of a loop; of a range that only the run can tell, one stands for all."""
    try:
        values = loop_values(node, context.names | {"requested_metadata": context.requested})
    except ExpressionFailedError:
        return [loop_variables(node, context, UNKNOWN_INDEX, UNKNOWN_INDEX)]
    return [loop_variables(node, context, index, value) for index, value in enumerate(values)]


def loop_variables(node: Node, context: Context, index: int, value: Json) -> dict[str, Json]:
    """A loop over P sets `P` and, from 0, `P_index`."""
    parameter = evaluate(node["parameter"], context.names)
    return {parameter: value, f"{parameter}_index": index}


def repeat_variables(node: Node, context: Context, number: int) -> dict[str, Json]:
    """A do-while loop named N sets, from 1, `N_index`."""
    return {f"{evaluate(node['iteration_name'], context.names)}_index": number}


def max_iterations(node: Node, context: Context) -> int:
    """A do-while loop ends after so many iterations, whatever its criterion says."""
    return int(evaluate(node.get("max_iterations", DEFAULT_MAX_ITERATIONS), context.names))


def all_makes(node: Node, context: Context, but: int = 0) -> frozenset[FileKey]:
    """Give every file that a task makes or that is made inside of a flow-control task, but for those of one task."""
    context = context.below(node)
    if node["task"] not in FLOW_CONTROL:
        return frozenset(outputs(node, context).values() if id(node) != but else ())
    inside = list(insides(node, context))
    if not inside:  # a loop without iterations is one that makes such files all the same
        variables = loop_variables(node, context, UNKNOWN_INDEX, UNKNOWN_INDEX)
        inside = [(node["task_list"], context.with_variables(**variables))]
    return frozenset().union(*(all_makes(one, seen, but) for task_list, seen in inside for one in task_list))


def meets(wanted: FileKey, made: FileKey) -> bool:
    """Tell whether two files may be one, indices unknown so far being any text."""
    if wanted == made:
        return True
    patterns = [".*".join(map(re.escape, UNKNOWN_IN_TEXT.split("/".join(key)))) for key in (wanted, made)]
    return any(re.fullmatch(p, "/".join(k)) is not None for p, k in zip(patterns, (made, wanted), strict=True))


def gathers(wanted: FileKey, made: FileKey) -> bool:
    """Tell whether a glob takes a file; an index unknown so far may be any."""
    return wanted[0] == made[0] and fnmatchcase(UNKNOWN_IN_TEXT.sub("0", made[1]), wanted[1])


def worst(gates: Iterable[Gate]) -> Gate:
    """Of the gates that something waits for, find the one that tells most about why it is closed."""
    return max(gates, key=list(Gate).index, default=Gate.OPEN)


def blocked_by(gates: Iterable[Gate]) -> Gate | None:
    """Say how something is blocked by the gates that it waits for, if at all."""
    gate = worst(gates)
    if gate is Gate.OPEN:
        return None
    return Gate.BLOCKED if gate.is_harm else Gate.BLOCKED_BY_NO_WORK


def end_of_unit(gates: Iterable[Gate]) -> Gate:
    """A unit is open when nothing inside failed, broke or was blocked by such."""
    return Gate.FAILED if worst(gates).is_harm else Gate.OPEN
