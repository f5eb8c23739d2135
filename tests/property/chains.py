"""Make whole valid chains, with scripts of what their tasks do, for comparing one implementation with another.

A list is written front to back: each entry reads files and requests metadata of what is there already, so that no
circle can arise. Entries are then put anywhere that their requests allow, because files may be made later in the list
than they are read. Where the language is silent, the reference interpreter says so, and the case is left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.property.expressions import (
    PARAMETERS,
    Draw,
    File,
    Frame,
    Named,
    Variable,
    anything,
    criteria,
    late,
    numbers,
    texts,
)
from tests.reference.interpreter import Line, Outcome, Registry, interpret

Node = dict[str, Any]

REGISTRY_FILE = Path(__file__).with_name("registry.yaml")
REGISTRY = Registry.read(REGISTRY_FILE)
BUDGET = 25  # tasks that run, roughly
DEPTH = 3
FLOW_CONTROL = ("loop", "loop", "conditional", "conditional", "both_branches", "do_while", "do_while", "chain")
TASKS = ("null", "make", "make", "use", "use", "lazy", "lazy", "dynamic", "dynamic")


@dataclass(frozen=True)
class Case:
    """A chain, what its tasks are scripted to do, and what becomes of them."""

    chain: Node
    script: Node
    outcome: Outcome


def cases(*, budget: int = BUDGET) -> st.SearchStrategy[Case]:
    """Make chains on which the language leaves no question open."""
    return written_cases(budget).filter(lambda case: not case.outcome.unsettled)


@st.composite
def written_cases(draw: Draw, budget: int) -> Case:
    """Make a chain, run it, and then let some of its tasks end in other ways."""
    author = Author(draw, budget)
    chain = author.document()
    script = {name: {"metadata": metadata} for name, metadata in author.emitted.items()}
    script |= {name: {"verdict": "no_work"} for name in author.idle}
    lines = interpret(chain, script, REGISTRY).lines
    awaited = [line for line in lines if any(line["path"] in other["after"] for other in lines)]
    lazy = [line for line in awaited if line["task"] == "lazy"]
    for prone in draw(st.sampled_from([[lines], [lazy or lines], [awaited or lines], [lazy, awaited], []])):
        if not prone:
            continue
        line = draw(st.sampled_from(prone))
        key, entry = misfortune(draw, line, script)
        script = script | {key: entry} if draw(st.booleans()) else {key: entry} | script | {key: entry}
    return Case(chain, script, interpret(chain, script, REGISTRY))


def misfortune(draw: Draw, line: Line, script: Node) -> tuple[str, Node]:
    """Let a task end in some way, and with it whatever else is known by the same key."""
    path = line["path"]
    exact = [path, line["name"]] if line["name"] else [path]
    patterns = [path[:-2] + "*", "*" + path[-3:], path[:-1] + "?", path.replace("=", "?", 1)]
    if line["task"] == "lazy" and draw(st.integers(0, 3)) > 0:
        return draw(st.sampled_from([*exact, "lazy"])), {"verdict": "no_work"}
    key = draw(st.sampled_from([*exact, *patterns, line["task"]]))
    verdict = draw(st.sampled_from(["warn", "fail", "error", "pass"]))
    known = script.get(key) or script.get(line["name"]) or {}
    keeps = verdict != "error" and "metadata" in known and draw(st.integers(0, 3)) > 0
    return key, {"verdict": verdict} | ({"metadata": known["metadata"]} if keeps else {})


class Author:
    """Writes one chain; `budget` is what may still run."""

    def __init__(self, draw: Draw, budget: int) -> None:
        self.draw = draw
        self.budget = budget
        self.count = 0
        self.emitted: dict[str, Any] = {}
        self.made: list[File] = []
        self.idle: list[str] = []

    def chance(self, percent: int) -> bool:
        """Say yes now and then; shrinking makes it no."""
        return bool(self.draw(st.integers(0, 99)) >= 100 - percent)

    def pick(self, items: Any) -> Any:
        """Take one of some items."""
        return self.draw(st.sampled_from(list(items)))

    def new(self, prefix: str) -> str:
        """Make up a name that nothing else has."""
        self.count += 1
        return f"{prefix}{self.count}"

    def document(self) -> Node:
        """Write the whole chain."""
        fields: Node = {
            "job_name": self.pick(["run", "'run'", "(str(parameters['p']) + 'nd')"]),
            "parameters": PARAMETERS,
        }
        directory = {"run": "run", "'run'": "run"}.get(fields["job_name"], "2nd")
        if self.chance(30):
            directory = fields["working_directory"] = self.pick(["base", "base/sub"])
        if self.chance(20):
            fields |= {"tags": ["test"], "subject": {"name": "HD 1"}, "description": "made by a test"}
        return {**fields, "task_list": self.list_of_tasks(Frame(directory), least=2, most=6)}

    def list_of_tasks(self, frame: Frame, *, least: int = 1, most: int = 3, first: tuple[Node, ...] = ()) -> list[Node]:
        """Write a list; the entries given are in it in any case."""
        nodes: list[Node] = [*first, *(() if first else self.namesake(frame))]
        for _ in range(self.draw(st.integers(0 if first else least, most))):
            if self.budget < frame.times:
                break
            for node in self.entry(frame):
                self.insert(nodes, node)
        return nodes

    def namesake(self, frame: Frame) -> Iterator[Node]:
        """Begin a nested list with a task that is named as one outside, which is then out of sight."""
        outer = [name for name, named in frame.names.items() if named.kind == "task" and name not in frame.requested]
        if frame.depth > 0 and outer and self.chance(10):
            self.budget -= frame.times
            yield {"task": "lazy", "name": self.pick(outer)}

    def insert(self, nodes: list[Node], node: Node) -> None:
        """Put an entry anywhere behind those that it, or something in it, names."""
        needed = set(required_names(node))
        earliest = max((at + 1 for at, other in enumerate(nodes) if other.get("name") in needed), default=0)
        nodes.insert(self.draw(st.integers(earliest, len(nodes))) if self.chance(30) else len(nodes), node)

    def entry(self, frame: Frame) -> list[Node]:
        """Write a task, or flow control with what it needs beside it."""
        if frame.depth < DEPTH and self.budget > 2 * frame.times and self.chance(50):
            nodes: list[Node] = getattr(self, self.pick(FLOW_CONTROL))(frame)
            return nodes
        if self.made and not frame.shadows and self.chance(20):
            return [self.gather(frame)]
        if self.budget > 2 * frame.times and self.chance(15):
            return [self.shards(frame)]
        return self.task_without_work(frame) if self.chance(15) else [self.task(frame)]

    # ---- Tasks ----------------------------------------------------------------------------------------------------

    def task(self, frame: Frame, output: File | None = None, read: File | None = None) -> Node:
        """Write a task, which makes and reads a file when one is given."""
        self.budget -= frame.times
        kind = "use" if read else "make" if output else self.pick(TASKS)
        node: Node = {"task": self.dynamic_type(frame) if kind == "dynamic" else kind}
        given = output or read
        seen = self.overrides(node, frame, keep_directory=given is not None)
        self.requests(node, seen, 45)
        if kind in {"use", "lazy"}:
            self.inputs(node, seen, read)
        if kind not in {"null", "use", "lazy"} or output or (kind != "null" and self.chance(70)):
            self.outputs(node, seen, frame, output)
        self.settings(node, seen)
        if self.chance(30):
            node["qc"] = "inline"
        if self.chance(60):
            self.name(node, frame, Named(self.new("a"), "null" if node["task"] == "null" else "task"))
        return node

    def task_without_work(self, frame: Frame) -> list[Node]:
        """Write a task that will have no work, and one that waits for it."""
        self.budget -= frame.times
        name = self.new("i")
        self.idle.append(name)
        frame.names[name] = Named(name, "null")
        node: Node = {"task": "lazy", "name": name} | ({"qc": "inline"} if self.chance(30) else {})
        if frame.shadows or self.chance(50):
            other = self.task(frame)
            asked = [asked for asked in other.get("requires_metadata_from", []) if asked != name]
            return [node, other | {"requires_metadata_from": [*asked, name]}]
        file = File(self.new("f"), frame.directory, frame.variables)
        node["outputs"] = {"file": file.name(self.draw)}
        self.made.append(file)
        return [node, self.task(frame, read=file)]

    def shards(self, frame: Frame) -> Node:
        """Write a task with shards, whose number is known at once, by outer indices, or only in the run."""
        fields: Node = {}
        requested = self.requests(fields, frame, 60)
        seen = Frame(**(vars(frame) | {"requested": requested}))
        sizes: list[tuple[Any, bool]] = [(2, False), ("(parameters['p'])", False), (0, False), (1, False)]
        sizes += [(f"({variable.index} + 1)", variable.late) for variable in frame.visible_variables]
        sizes += [(f"({asked})", True) for asked in late(seen, "n")]
        fields["shards"], is_late = self.pick(reversed(sizes) if self.chance(50) else sizes)
        rank = Variable("shard", late=is_late, is_rank=True)
        node = self.task(seen.inside(2, variables=(*frame.variables, rank), names={}))
        if "name" in node:
            name = node["name"]
            frame.names[name] = Named(name, "shards" if name in self.emitted else "null")
        return node | fields

    def gather(self, frame: Frame) -> Node:
        """Write a task that gathers one family of files or several, wherever they are made."""
        self.budget -= frame.times
        node: Node = {"task": "join"}
        seen = self.overrides(node, frame)
        self.requests(node, seen, 20)
        files = self.draw(st.lists(st.sampled_from(self.made), min_size=1, max_size=2, unique=True))
        names = [file.glob(self.draw, seen) for file in files]
        is_glob = "*" in names[0]
        port = self.pick(["files", "files", "few" if is_glob or len(names) > 1 else "files"])
        node["inputs"] = {port: names[0] if is_glob and len(names) == 1 and self.chance(70) else names}
        if self.chance(50):
            self.outputs(node, seen, frame, None)
        if self.chance(30):
            node["qc"] = "inline"
        if self.chance(50):
            self.name(node, frame, Named(self.new("a"), "null"))
        return node

    def dynamic_type(self, frame: Frame) -> str:
        """Choose between two types, by an index where there is one."""
        fixed = [variable for variable in frame.visible_variables if not variable.late]
        ways = ["('make_' + 'x')"]
        ways += [f"('make_' + ['x', 'y', 'x', 'y'][{variable.index}])" for variable in fixed]
        ways += [f"'make_{{{variable.name}}}'.format(**metadata)" for variable in fixed if variable.letters]
        return str(self.pick(ways))

    def overrides(self, node: Node, frame: Frame, *, keep_directory: bool = False) -> Frame:
        """Give a task or flow control a job's name or a directory of its own."""
        if self.chance(8):
            indexed = [f"'job_{{{variable.name}_index}}'.format(**metadata)" for variable in frame.visible_variables]
            node["job_name"] = self.pick(["other", "('oth' + 'er')", *indexed])
        if keep_directory or not self.chance(8):
            return frame
        node["working_directory"] = self.pick(["else", "else/where"])
        return Frame(**(vars(frame) | {"directory": node["working_directory"]}))

    def requests(self, node: Node, frame: Frame, percent: int) -> dict[str, Named]:
        """Request metadata of what is in sight."""
        if not frame.names or not self.chance(percent):
            return frame.requested
        names = self.draw(st.lists(st.sampled_from(list(frame.names)), min_size=1, max_size=2, unique=True))
        node["requires_metadata_from"] = names
        return frame.requested | {name: frame.names[name] for name in names}

    def inputs(self, node: Node, frame: Frame, read: File | None) -> None:
        """Read files that are in sight, and now and then one from outside of the run."""
        files = frame.visible_files
        ports: dict[str, File | None] = {"one": read} if read else {}
        for port, percent in (("one", 100 if node["task"] == "use" else 50), ("two", 30)):
            if port not in ports and self.chance(percent) and (node["task"] == "use" or port == "one"):
                ports[port] = self.pick(reversed(files)) if files and self.chance(90) else None
        if ports:
            node["inputs"] = {
                port: file.reference(self.draw, frame.directory) if file else "external.gz"
                for port, file in ports.items()
            }

    def outputs(self, node: Node, seen: Frame, frame: Frame, output: File | None) -> None:
        """Make files, whose names tell all the loops around, if that can be."""
        if frame.shadows and output is None:
            if node["task"] not in {"use", "lazy"}:
                node["task"] = "null"
            return
        made = [output or File(self.new("f"), seen.directory, frame.variables)]
        if node["task"] == "make" and self.chance(20):
            made.append(File(self.new("f"), seen.directory, frame.variables))
        if output is None:
            frame.files.append(made[0])
        frame.files.extend(made[1:])
        node["outputs"] = {port: file.name(self.draw) for port, file in zip(("file", "extra"), made, strict=False)}
        self.made.extend(made)

    def settings(self, node: Node, frame: Frame) -> None:
        """Give settings of all times; of those of `null` there is one."""
        requested = frame.requested | {name: frame.names[name] for name in node.get("requires_metadata_from", [])}
        seen = Frame(**(vars(frame) | {"requested": requested}))
        if node["task"] == "null":
            return
        for setting, values in (("a", numbers), ("b", texts), ("c", anything), ("d", anything)):
            if self.chance(20 + 20 * bool(requested)):
                node[setting] = self.draw(values(seen))

    def name(self, node: Node, frame: Frame, named: Named) -> None:
        """Give an entry a name, by which later ones may request its metadata."""
        node["name"] = named.name
        frame.names[named.name] = named
        if named.kind == "task":
            self.emitted[named.name] = self.draw(emitted_metadata())

    def emits(self, entry: Node) -> bool:
        """Tell whether an entry is a named task that emits something, once."""
        return entry.get("name") in self.emitted and "shards" not in entry

    # ---- Flow control ---------------------------------------------------------------------------------------------

    def flow_control(self, frame: Frame, kind: str, **fields: Any) -> tuple[Node, Frame]:
        """Begin a flow-control task, and give what is in sight inside of it."""
        node: Node = {"task": kind, **fields}
        seen = self.overrides(node, frame)
        requested = frame.requested if kind == "execution_chain" else self.requests(node, frame, 60)
        return node, Frame(**(vars(seen) | {"requested": requested}))

    def end(self, node: Node, frame: Frame, *lists: list[Node]) -> Node:
        """Name a flow-control task, perhaps, after the tasks in its lists."""
        inner = [entry["name"] for entries in lists for entry in entries if self.emits(entry)]
        if self.chance(50):
            self.name(node, frame, Named(self.new("u"), node["task"], tuple(inner)))
        return node

    def loop(self, frame: Frame) -> list[Node]:
        """Write a loop over values or a range, known at once, by outer indices, or only in the run."""
        node, seen = self.flow_control(frame, "execution_for_loop")
        name = self.new("v")
        if frame.visible_variables and self.chance(10):
            name = self.pick(frame.visible_variables).name
        ranges = list(self.ranges(seen))
        special = [entry for entry in ranges if "_index" in str(entry[0]) or entry[2] == "late"]
        span, times, facts = self.pick(special if special and self.chance(50) else ranges)
        variable = Variable(name, late=facts == "late", letters=facts == "letters")
        node |= {"parameter": self.pick([name, f"('{name}')"]), **span}
        inside = seen.inside(times, variables=(*seen.variables, variable))
        node["task_list"] = self.list_of_tasks(inside)
        return [self.end(node, frame, node["task_list"])]

    def ranges(self, frame: Frame) -> Iterator[tuple[Node, int, str]]:
        """Give ranges, with how often they run, at most, and what is special about them."""
        yield {"values": [1, 2]}, 2, ""
        yield {"values": ["x", "y"]}, 2, "letters"
        yield {"values": [True, "12", "(parameters['p'])"]}, 3, ""
        yield {"values": []}, 1, ""
        yield {"linear_range": [0, "(parameters['p'])", 2]}, 2, ""
        yield {"linear_range": [3, 7, 1]}, 1, ""
        yield {"log_range": [1, 100, 3]}, 3, ""
        for variable in frame.visible_variables:
            if not variable.late:
                yield {"linear_range": [0, 1, f"({variable.index} + 1)"]}, 2, ""
                yield {"values": [f"({variable.index} * 2)", 5]}, 2, ""
        for asked in late(frame, "n"):
            yield {"linear_range": [0, 1, f"({asked})"]}, 2, "late"
            yield {"log_range": [1, f"({asked} + 1)", 2]}, 2, "late"
        for asked in late(frame, "items"):
            yield {"values": f"({asked})"}, 2, "late"

    def conditional(self, frame: Frame) -> list[Node]:
        """Write a conditional with one branch or two."""
        node, seen = self.flow_control(frame, "execution_conditional")
        node["criterion"] = self.draw(criteria(seen))
        branches = self.pick([["task_list", "else_task_list"], ["task_list"], ["else_task_list"]])
        for branch in branches:
            node[branch] = self.list_of_tasks(seen.inside())
        return [self.end(node, frame, *(node[branch] for branch in branches[:1]))]

    def both_branches(self, frame: Frame) -> list[Node]:
        """Write a conditional of which both branches make a file, and somebody who reads it."""
        if frame.shadows:
            return self.conditional(frame)
        node, seen = self.flow_control(frame, "execution_conditional")
        node["criterion"] = self.draw(criteria(seen))
        file = File(self.new("g"), seen.directory, frame.variables)
        for branch in ("task_list", "else_task_list"):
            node[branch] = self.branch_with(file, seen)
        frame.files.append(file)
        return [self.end(node, frame, node["task_list"]), *([self.task(frame, read=file)] if self.chance(70) else [])]

    def branch_with(self, file: File, frame: Frame) -> list[Node]:
        """Write a branch that makes a file: in it, in a chain in it, or in both branches in it."""
        inside = frame.inside()
        way = self.draw(st.integers(0, 9))
        node: Node
        if way < 8 or inside.depth >= DEPTH:
            node = self.task(inside, output=file)
        elif way == 8:
            node = {"task": "execution_chain", "task_list": [self.task(inside.inside(), output=file)]}
        else:
            node = {"task": "execution_conditional", "criterion": self.draw(criteria(inside))}
            node |= {branch: [self.task(inside.inside(), output=file)] for branch in ("task_list", "else_task_list")}
        inside.files.append(file)
        return self.list_of_tasks(inside, most=1, first=(node,))

    def do_while(self, frame: Frame) -> list[Node]:
        """Write a do-while loop, in which each iteration may read what the one before has made."""
        node, seen = self.flow_control(frame, "execution_do_while_loop")
        variable = Variable(self.new("n"), late=True, has_value=False)
        node["iteration_name"] = variable.name
        inside = seen.inside(2, variables=(*seen.variables, variable))
        beside: list[Node] = []
        first: tuple[Node, ...] = ()
        if not inside.shadows and self.chance(50):
            beside, first = self.thread(frame, seen, inside, variable)
        node["task_list"] = self.list_of_tasks(inside, most=2, first=first)
        self.repeats(node, inside, variable)
        return [*beside, self.end(node, frame, node["task_list"])]

    def thread(
        self, frame: Frame, seen: Frame, inside: Frame, variable: Variable
    ) -> tuple[list[Node], tuple[Node, ...]]:
        """Make one file before the loop and one in every iteration, each from the one before."""
        stem = self.new("h")
        start = File(stem, frame.directory, frame.variables, first=True)
        if seen.directory != frame.directory:
            return [], ()
        beside = self.task(frame, output=start)
        frame.files.append(start)
        before = File(stem, inside.directory, inside.variables, before=variable)
        inside.files.append(before)
        made = File(stem, inside.directory, inside.variables)
        first = self.task(inside, output=made, read=before)
        inside.files.append(made)
        return [beside], (first,)

    def repeats(self, node: Node, inside: Frame, variable: Variable) -> None:
        """Say when a do-while ends: by its index, by what its tasks emit, or both."""
        counted = f"{variable.index} < {self.pick([2, 3, 2, 1])}"
        children = [entry["name"] for entry in node["task_list"] if self.emits(entry)]
        node["repeat_criterion"] = f"({counted})"
        if children and self.chance(60):
            child = self.pick(children)
            node["requires_metadata_from_child"] = [child]
            asked = f"requested_metadata['{child}']['flag']"
            node["repeat_criterion"] = self.pick([f"({asked} and {counted})", f"({counted} and {asked})", f"({asked})"])
        if counted not in node["repeat_criterion"] or inside.depth > 1 or self.chance(30):
            node["max_iterations"] = self.pick([4, 3, 2, 1])

    def chain(self, frame: Frame) -> list[Node]:
        """Write an execution_chain, whose files are seen around it."""
        node, seen = self.flow_control(frame, "execution_chain")
        inside = seen.inside()
        node["task_list"] = self.list_of_tasks(inside)
        frame.files[:] = inside.files
        return [self.end(node, frame, node["task_list"])]


def required_names(node: Node) -> Iterator[str]:
    """Give the names that an entry, or something in it, requests metadata from."""
    yield from node.get("requires_metadata_from", [])
    for branch in ("task_list", "else_task_list"):
        for inner in node.get(branch, []):
            yield from required_names(inner)


@st.composite
def emitted_metadata(draw: Draw) -> Any:
    """Make what a task emits: the same always, or something for each iteration of a do-while around it."""
    values = {
        "n": st.sampled_from([2, 1, 0, 3]),
        "x": st.sampled_from([0.5, -1.25, 1e300]),
        "flag": st.booleans(),
        "text": st.sampled_from(["PASS", "FAIL", "'"]),
        "items": st.sampled_from([[1, 2], ["x"], [], [True, 1.5]]),
    }
    once = st.fixed_dictionaries(values)
    lacking = once.map(lambda metadata: {key: value for key, value in metadata.items() if key not in {"n", "text"}})
    odd = once.map(lambda metadata: metadata | {"n": 0.5, "flag": 1, "items": "abc"})  # errors of who asks for them
    series = st.lists(once, min_size=1, max_size=3)
    return draw(st.one_of(once, once, once, once, once, series, series, series, lacking, odd))
