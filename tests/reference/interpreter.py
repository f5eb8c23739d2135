"""The reference interpreter: expand a valid chain step by step and say what becomes of every task.

It is slow and plain on purpose. It was written from the description of the language alone, so that the compiler and the
engine have a second opinion to be compared with. It knows neither workflows nor templates, only lists, tasks and units.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from tests.reference.expressions import ExpressionFailedError, Json, criterion, evaluate, loop_values, randomness
from tests.reference.lists import (
    BRANCHES,
    Context,
    Entry,
    FileKey,
    Gate,
    Gathering,
    Node,
    Parameters,
    Place,
    Scope,
    Takes,
    all_makes,
    blocked_by,
    end_of_unit,
    file_key,
    gathering_ports,
    gathers,
    inputs,
    list_takes,
    loop_variables,
    max_iterations,
    meets,
    outputs,
    repeat_variables,
    unfolded,
    worst,
)

Line = dict[str, Json]

NO_SETTINGS = frozenset({
    "task", "name", "inputs", "outputs", "requires_metadata_from", "job_name", "working_directory",
    "retry", "resources", "qc", "cache",
})  # fmt: skip
STATES = {"pass": "succeeded", "warn": "succeeded", "fail": "failed", "error": "error", "no_work": "skipped"}
GATES = {"pass": Gate.OPEN, "warn": Gate.OPEN, "fail": Gate.FAILED, "error": Gate.FAILED, "no_work": Gate.NO_WORK}


@dataclass(frozen=True)
class Registry:
    """What the chain alone does not tell about task types; without one, every type may raise NoWork."""

    no_work: frozenset[str] | None = None
    minimum: Mapping[tuple[str, str], int] = field(default_factory=dict)  # of the gathering ports, by type and port

    @classmethod
    def read(cls, path: Path) -> "Registry":
        """Read the declarations `no_work`, `many` and `min` of a registry file."""
        tasks = yaml.safe_load(path.read_text(encoding="utf-8"))["tasks"]
        return cls(
            frozenset(name for name, task in tasks.items() if task.get("no_work")),
            {
                (name, port): entry.get("min", 1)
                for name, task in tasks.items()
                for port, entry in task.get("inputs", {}).items()
                if entry.get("many")
            },
        )


@dataclass(frozen=True)
class Outcome:
    """What became of a run: one line for each task, in path order, and whether the run failed."""

    lines: list[Line]
    failed: bool
    unsettled: frozenset[str]  # questions that the run touched and that the language leaves open


def interpret(
    chain: Node, script: Node, registry: Registry | None = None, seed: int = 0, *, stem: str = "chain"
) -> Outcome:
    """Run a valid chain against the scripted outcomes of its tasks; `stem` is the name of the chain's file."""
    parameters = Parameters(chain.get("parameters", {}))
    job_name = evaluate(chain.get("job_name", stem), {"parameters": parameters})
    directory = evaluate(chain.get("working_directory", job_name), {"parameters": parameters})
    run = Run(script, registry or Registry(), seed)
    run.list_of_tasks(unfolded(chain["task_list"]), "", Context(parameters, job_name, directory), Scope(), Place())
    lines = sorted(run.lines, key=lambda line: path_key(line["path"]))
    failed = run.flow_control_failed or any(line["state"] in {"failed", "error"} for line in lines)
    return Outcome(lines, failed, frozenset(run.unsettled))


def lines_by_path(lines: Iterable[Line]) -> dict[str, Line]:
    """Index lines by their path, which no two of them share."""
    listed = list(lines)
    indexed = {line["path"]: line for line in listed}
    assert len(indexed) == len(listed), "two lines have one path"
    return indexed


def path_key(path: str) -> list[tuple[str, int]]:
    """Order paths by their parts, and numbers by their size: `/t2` comes before `/t10`."""
    return [(text, int(number or -1)) for text, number in re.findall(r"(\D+)(\d*)", path)]


def scripted(script: Node, path: str, name: str | None, task_type: str) -> Node:
    """Find what a script says of a task: by path, then by pattern, then by name, then by type."""
    for key in (path, first_pattern(script, path), name, task_type):
        if key is not None and key in script:
            return dict(script[key])
    return {}


def first_pattern(script: Node, path: str) -> str | None:
    """In a pattern `*` is any text and `?` any one character; all else stands for itself."""
    signs = {"*": ".*", "?": "."}
    for key in script:
        if re.fullmatch("".join(signs.get(sign, re.escape(sign)) for sign in key), path, re.DOTALL):
            return key
    return None


@dataclass
class Run:
    """One run: the lines written so far, and what the files made so far are worth."""

    script: Node
    registry: Registry
    seed: int
    lines: list[Line] = field(default_factory=list)
    made: dict[FileKey, tuple[str, Gate]] = field(default_factory=dict)
    flow_control_failed: bool = False
    unsettled: set[str] = field(default_factory=set)

    def list_of_tasks(self, task_list: list[Node], path: str, context: Context, scope: Scope, place: Place) -> None:
        """Run the entries of a list, each as soon as all that it waits for has ended."""
        self.enter(task_list, path, context, scope, place)
        waits = {entry: set(self.waits_for(entry, place)) for entry in place.entries}
        while waits:
            ready = next((entry for entry, others in waits.items() if not others & waits.keys()), None)
            assert ready is not None, f"circle among {sorted(entry.path for entry in waits)}"
            getattr(self, self.RUNNERS[ready.kind])(ready, place)
            del waits[ready]

    RUNNERS = {  # noqa: RUF012
        "task": "task",
        "execution_for_loop": "loop",
        "execution_conditional": "conditional",
        "execution_do_while_loop": "do_while",
    }

    def enter(  # noqa: PLR0913, PLR0917
        self,
        task_list: list[Node],
        path: str,
        context: Context,
        scope: Scope,
        place: Place,
        chain: Entry | None = None,
    ) -> None:
        """Put the entries of a list, and of the chains in it, into their place."""
        chain_requires = chain.chain_requires | chain.requires if chain else {}
        for number, node in enumerate(task_list):
            requires = {name: scope.find(name) for name in node.get("requires_metadata_from", [])}
            entry = Entry(node, f"{path}/t{number}", context, scope, requires, chain_requires)
            if entry.kind == "execution_chain":
                entry.inner = Scope(scope)
                self.enter(node["task_list"], entry.path, context.below(node), entry.inner, place, entry)
            else:
                place.entries.append(entry)
            if chain:
                chain.parts.append(entry)
            if "name" in node:
                scope.names[evaluate(node["name"], context.names)] = entry

    # ---- What an entry waits for ----------------------------------------------------------------------------------

    def waits_for(self, entry: Entry, place: Place) -> Iterator[Entry]:
        """Give the entries of the same place that an entry waits for."""
        for required in self.required(entry, entry.takes):
            yield from leaves(required)
        for other in place.entries:
            if other is entry:
                continue
            if any(meets(wanted, given) for wanted in entry.takes.files for given in other.gives):
                yield other
            if self.gathered_from(entry.takes.gathered, other):
                yield other

    def gathered_from(self, wanted: Iterable[Gathering], other: Entry) -> bool:
        """A gather waits for whatever may make a file that it takes, loops included."""
        made = {one.reader: all_makes(other.node, other.context, one.reader) for one in wanted}
        return any(gathers(one.key, file) for one in wanted for file in made[one.reader])

    def required(self, entry: Entry, taken: Takes) -> list[Entry]:
        """Give the entries whose metadata an entry needs, its chains' requests among them."""
        named = (entry.requires.get(name) or entry.scope.find(name) for name in taken.names)
        return [*named, *entry.chain_requires.values()]

    def gates(self, entry: Entry, place: Place, taken: Takes) -> Iterator[Gate]:
        """Give the gates of all that is taken; a file of both branches has the conditional's and its maker's."""
        yield from (self.gate(required) for required in self.required(entry, taken))
        yield from self.blocked_gathers(entry, place, taken)
        for key in taken.files:
            maker = place.maker(key)
            if maker is not None:
                yield self.gate(maker)
                yield from (made.gate for made in [maker.makers.get(key)] if made)

    def gate(self, entry: Entry) -> Gate:
        """A chain that somebody names is as good as the worst of what stands in it."""
        if entry.gate_doubt:
            self.unsettled.add(entry.gate_doubt)
        if entry.kind != "execution_chain":
            return entry.gate
        gate = worst(map(self.gate, entry.parts))
        if gate in {Gate.NO_WORK, Gate.BLOCKED_BY_NO_WORK}:
            self.unsettled.add("waiting for a chain in which a task had no work")
        return gate

    def requested(self, entry: Entry) -> dict[str, Json]:
        """What an entry requests is visible to it and to all that is nested in it."""
        asked = entry.chain_requires | entry.requires
        if "requested_metadata[" in str(entry.node):
            self.unsettled |= {other.metadata_doubt for other in asked.values() if other.gate is Gate.OPEN} - {""}
        return entry.context.requested | {name: metadata(other) for name, other in asked.items()}

    def late_names(self, entry: Entry, context: Context, requested: Mapping[str, Json]) -> dict[str, Any]:
        """Give the names that late expressions may use."""
        return context.names | {"requested_metadata": requested, "random": randomness(self.seed, entry.path)}

    # ---- Flow control ---------------------------------------------------------------------------------------------

    def loop(self, entry: Entry, place: Place) -> None:
        """A loop is one unit: it starts, is blocked and ends as a whole."""
        blocked = blocked_by(self.gates(entry, place, entry.takes))
        if blocked:
            entry.gate = blocked
            return
        context = replace(entry.context.below(entry.node), requested=self.requested(entry))
        try:
            values = loop_values(entry.node, self.late_names(entry, context, context.requested))
        except ExpressionFailedError:
            entry.has_begun = False
            self.flow_control_fails(entry)
            return
        gates, given = [], []
        for index, value in enumerate(values):
            variables = loop_variables(entry.node, context, index, value)
            body = Body(entry, place, f"[{next(iter(variables))}={index}]", context.with_variables(**variables))
            self.run_body(body)
            gates.append(body.gate)
            given.append(next(iter(entry.metadata.values()), {}) if "shards" in entry.node else entry.metadata)
        entry.gate, entry.metadata = end_of_unit(gates), given

    def conditional(self, entry: Entry, place: Place) -> None:
        """The criterion needs what the conditional requests, the branch that is taken what is taken in it."""
        asked = Takes(names=frozenset(entry.requires))
        entry.gate = blocked_by(self.gates(entry, place, asked)) or Gate.OPEN
        if entry.gate is not Gate.OPEN:
            return
        context = replace(entry.context.below(entry.node), requested=self.requested(entry))
        try:
            answer = criterion(entry.node["criterion"], self.late_names(entry, context, context.requested))
        except ExpressionFailedError:
            entry.has_begun = False
            self.flow_control_fails(entry)
            return
        taken, other = ("then", "else") if answer else ("else", "then")
        if self.branch_is_blocked(entry, place, context, other):
            entry.gate_doubt = "a branch not taken that needs a closed gate"
        entry.metadata = {}
        if BRANCHES[taken] not in entry.node:
            return
        blocked = self.branch_is_blocked(entry, place, context, taken)
        if blocked:
            entry.gate = blocked
            return
        body = Body(entry, place, f"?{taken}", context, BRANCHES[taken])
        self.run_body(body)
        entry.gate = body.gate
        entry.makers = {key: body.place.leaf_maker(key) for key in entry.gives}

    def branch_is_blocked(self, entry: Entry, place: Place, context: Context, branch: str) -> Gate | None:
        """A branch is one unit: it starts when everything that its inside takes is there."""
        taken = list_takes(entry.node.get(BRANCHES[branch], []), context, frozenset())
        return blocked_by(self.gates(entry, place, taken))

    def do_while(self, entry: Entry, place: Place) -> None:
        """The next iteration begins when the whole body has ended well and the criterion says so."""
        blocked = blocked_by(self.gates(entry, place, entry.takes))
        if blocked:
            entry.gate = blocked
            return
        outside = replace(entry.context.below(entry.node), requested=self.requested(entry))
        earlier: list[Place] = []
        for number in range(1, max_iterations(entry.node, outside) + 1):
            context = outside.with_variables(**repeat_variables(entry.node, outside, number))
            body = Body(entry, place, f"#{number}", replace(context, iteration=number), earlier=list(earlier))
            self.run_body(body)
            entry.gate = body.gate
            if body.gate is not Gate.OPEN:
                return
            try:
                if not self.repeats(entry, body):
                    return
            except ExpressionFailedError:
                break
            earlier.append(body.place)
        self.flow_control_fails(entry)

    def repeats(self, entry: Entry, body: "Body") -> bool:
        """The criterion sees the metadata of the body's tasks that the loop names."""
        children = {name: body.scope.find(name) for name in entry.node.get("requires_metadata_from_child", [])}
        if any(self.gate(child) is not Gate.OPEN for child in children.values()):
            self.unsettled.add("a repeat criterion that needs a task that had no work")
            return False
        self.unsettled |= {child.metadata_doubt for child in children.values()} - {""}
        given = {name: metadata(child) for name, child in children.items()}
        names = self.late_names(entry, body.context, body.context.requested | given)
        return criterion(entry.node["repeat_criterion"], names)

    def run_body(self, body: "Body") -> None:
        """Run one list of a flow-control task."""
        self.list_of_tasks(body.task_list, body.path, body.context, body.scope, body.place)
        body.entry.metadata = by_name(body.scope)
        named = body.scope.names.values()
        if any(worst(leaf.gate for leaf in leaves(entry)) is not Gate.OPEN for entry in named):
            body.entry.metadata_doubt = "metadata of a unit in which a named task had no work"
        for entry in named:
            body.entry.metadata_doubt = body.entry.metadata_doubt or entry.metadata_doubt

    def flow_control_fails(self, entry: Entry) -> None:
        """A flow-control task that fails makes the run fail, and blocks those that wait for it."""
        self.flow_control_failed = True
        entry.gate = Gate.FAILED

    # ---- Tasks ----------------------------------------------------------------------------------------------------

    def task(self, entry: Entry, place: Place) -> None:
        """A task runs when all gates that it waits for are open."""
        context = entry.context.below(entry.node)
        entry.metadata = {}
        line = self.description(entry, place, context)
        self.lines.append(line)
        blocked = blocked_by(self.gates(entry, place, entry.takes))
        try:
            line["settings"] = self.settings(entry, context)
        except ExpressionFailedError:
            line |= {"state": "error", "verdict": "error"}
        if blocked or line["state"] == "error":
            line["inputs"] |= {port: [] for port in gathering_ports(entry.node, context)}
        if blocked:
            entry.gate = blocked
            line |= {"state": "blocked", "verdict": None}
        elif line["state"] != "error" and self.gathers_enough(entry, context, line):
            self.obey_script(entry, context, line)
        if line["state"] in {"error", "failed"}:
            entry.gate = Gate.FAILED
        self.made |= dict.fromkeys(outputs(entry.node, context).values(), (entry.path, entry.gate))

    def description(self, entry: Entry, place: Place, context: Context) -> Line:
        """Give what is known of a task before it runs."""
        node = entry.node
        return {
            "path": entry.path,
            "task": evaluate(node["task"], context.names),
            "name": evaluate(node.get("name"), context.names),
            "job_name": context.job_name,
            "working_directory": context.directory,
            "metadata": context.metadata,
            "emitted": {},
            "inputs": {port: self.files(entry, port, files, context) for port, files in inputs(node, context).items()},
            "outputs": {port: "/".join(key) for port, key in outputs(node, context).items()},
            "after": sorted(set(self.after(entry, place, context)), key=path_key),
            "state": "waiting",
            "verdict": None,
        }

    def settings(self, entry: Entry, context: Context) -> Node:
        """Settings are the author's keys, evaluated."""
        settings = {key: value for key, value in entry.node.items() if key not in NO_SETTINGS}
        if any(gate is not Gate.OPEN for gate in map(self.gate, entry.requires.values())):
            raise_if_requested(settings)
        evaluated = evaluate(settings, self.late_names(entry, context, self.requested(entry)))
        assert isinstance(evaluated, dict)
        return evaluated

    def files(self, entry: Entry, port: str, files: list[str], context: Context) -> list[str]:
        """Write files as reports do; a gather receives those that passed, in the order of iterations."""
        keys = [(file, file_key(file, context.directory)) for file in files]
        if port not in gathering_ports(entry.node, context):
            return ["/".join(key) if key else file for file, key in keys]
        passed = [(path, made) for made, (path, gate) in self.made.items() if gate is Gate.OPEN]
        passed.sort(key=lambda item: path_key(item[0]))
        found = ("/".join(made) for _, key in keys for _, made in passed if key and gathers(key, made))
        return list(dict.fromkeys(found))

    def after(self, entry: Entry, place: Place, context: Context) -> Iterator[str]:
        """Give the paths waited for: of tasks, of flow control that is named, of who made a file in a branch."""
        yield from (required.path for required in entry.requires.values())
        for key in entry.takes.files:
            maker = place.maker(key)
            if maker is not None and maker.kind == "task":
                yield maker.path
            elif maker is not None and key in maker.makers:
                yield maker.makers[key].path
            elif maker is not None:
                self.unsettled.add("who is waited for, when no branch that makes the file has begun")
        for level in levels(place):
            yield from (other.path for other in self.sources(entry, level, entry.takes.gathered))

    def blocked_gathers(self, entry: Entry, place: Place, taken: Takes) -> Iterator[Gate]:
        """A gather is blocked when all tasks and units that it waits for are, if these stand in one list."""
        for port in {(one.reader, one.port) for one in taken.gathered}:
            wanted = [one for one in taken.gathered if (one.reader, one.port) == port]
            around = [self.sources(entry, level, wanted) for level in levels(place)]
            is_elsewhere = any(around[1:]) or (entry.kind != "task" and self.gathered_from(wanted, entry))
            if around[0] and not is_elsewhere and all(map(is_blocked, around[0])):
                yield from (other.gate for other in around[0])

    def sources(self, entry: Entry, level: Place, wanted: Iterable[Gathering]) -> list[Entry]:
        """Give the entries of a list that may make what is gathered, but not those that hold the reader."""
        return [other for other in level.entries if not holds(other, entry) and self.gathered_from(wanted, other)]

    def gathers_enough(self, entry: Entry, context: Context, line: Line) -> bool:
        """Fewer files than the port's `min` are a failure."""
        for port in gathering_ports(entry.node, context):
            if len(line["inputs"][port]) < self.registry.minimum.get((line["task"], port), 1):
                line |= {"state": "error", "verdict": "error"}
                return False
        return True

    def obey_script(self, entry: Entry, context: Context, line: Line) -> None:
        """Let a task emit what the script says, and be judged as it says."""
        said = scripted(self.script, entry.path, line["name"], line["task"])
        verdict = said.get("verdict", "pass")
        if verdict == "no_work" and self.registry.no_work is not None and line["task"] not in self.registry.no_work:
            self.unsettled.add("no_work of a type that does not declare it")
            verdict = "error"
        emitted = said.get("metadata", {})
        if isinstance(emitted, list):
            emitted = emitted[min(context.iteration, len(emitted)) - 1]
        line |= {"emitted": emitted, "state": STATES[verdict], "verdict": verdict}
        entry.gate, entry.metadata = GATES[verdict], emitted


def is_blocked(entry: Entry) -> bool:
    """Tell whether a task did not run, or a unit did not begin."""
    return entry.gate in {Gate.BLOCKED, Gate.BLOCKED_BY_NO_WORK} or not entry.has_begun


def holds(outer: Entry, entry: Entry) -> bool:
    """Tell whether an entry stands in another, or is it."""
    return entry.path == outer.path or entry.path.startswith(tuple(outer.path + sign for sign in "[?#/"))


def raise_if_requested(settings: Node) -> None:
    """Settings that need metadata which nobody made have no value."""
    if "requested_metadata" in str(settings):
        raise ExpressionFailedError("needs metadata that nobody made")


def metadata(entry: Entry) -> Json:
    """A chain's metadata is that of its tasks by name."""
    return by_name(entry.inner) if entry.inner else entry.metadata


def by_name(scope: Scope) -> dict[str, Json]:
    """Give the metadata of a list by the names in it, as far as there is some."""
    return {
        name: metadata(entry)
        for name, entry in scope.names.items()
        if all(leaf.gate is Gate.OPEN for leaf in leaves(entry))
    }


def leaves(entry: Entry) -> Iterator[Entry]:
    """Give what stands in the place for an entry."""
    if entry.kind == "execution_chain":
        for part in entry.parts:
            yield from leaves(part)
    else:
        yield entry


def levels(place: Place | None) -> Iterator[Place]:
    """Give a list and all lists around it."""
    while place is not None:
        yield place
        place = place.around


class Body:
    """One list of a flow-control task, about to run."""

    def __init__(  # noqa: PLR0913
        self,
        entry: Entry,
        place: Place,
        step: str,
        context: Context,
        task_list: str = "task_list",
        *,
        earlier: Iterable[Place] = (),
    ) -> None:
        self.entry = entry
        self.task_list: list[Node] = entry.node[task_list]
        self.path = entry.path + step
        self.context = context
        self.scope = Scope(entry.scope)
        self.place = Place(place, list(earlier))

    @property
    def gate(self) -> Gate:
        """A body ends as well as what stands in it."""
        return end_of_unit(entry.gate for entry in self.place.entries)
