"""The states of tasks, from the updates of nodes: the one place that decides them.

A node is a dict in Argo's own words (name, type, templateName, phase, message, inputs, outputs). Which task a node
belongs to is read off the manifest: the template's description, and the indices among the node's parameters. What is
known of a task is a function of its nodes as they were last, in whatever order and however often updates came.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from eas_provenance.journal import above_it
from eas_worker import assignment, manifests

FAILING = ("failed", "error")
_NO_OTHER_TRY = ("retryStrategy.expression evaluated to false", "No more retries left")
"""How Argo says that there will be no other try, and nothing of why the last one ended."""
_SHUTDOWN = ("workflow shutdown with strategy", "Stopped with strategy")
"""How the messages begin of pods, and of what is around them, when somebody ended the run."""
_BEFORE_REASON = re.compile(r"(main: )?(Error \(exit code \d+\): )?")
"""What a controller writes before the last words of a container."""
_ENDED = ("Succeeded", "Failed", "Error", "Skipped", "Omitted")
_PROGRAMS = ("run", "inline")
_RESULTS = ("no-work", "closed")
"""The output parameters that tell something about a task's state."""


class Step(NamedTuple):
    """A template that runs a program (`run`), its gate (`qc`) or a question (`ask`).

    A program may be its own gate (`inline`); another step (`rescue`) is then the gate of what ended without a verdict.
    """

    verb: str
    description: dict[str, Any]


class Told(NamedTuple):
    """What a node was last: as much of it as is needed later. `life` is that of the engine that told it."""

    id: str
    life: int
    phase: str
    message: str
    started: str
    ended: str
    exit_code: int | None
    results: dict[str, str]

    @property
    def has_ended(self) -> bool:
        """Whether its phase is one of the last."""
        return self.phase in _ENDED

    @property
    def is_shutdown(self) -> bool:
        """Whether somebody ended the run before it could end of itself."""
        return self.phase in ("Failed", "Error") and self.message.startswith(_SHUTDOWN)

    def yields_to(self, other: Told) -> bool:
        """Return whether another is as new as this one, or newer: told later, or begun after this one had ended."""
        if other.life != self.life:
            return other.life > self.life
        if self.has_ended and other.started > self.ended:
            return True
        return (_rank(other.phase), other.ended) >= (_rank(self.phase), self.ended)


def _rank(phase: str) -> int:
    return 2 if phase in _ENDED else 1 if phase == "Running" else 0


_NOTHING = Told("", 0, "", "", "", "", None, {})


class Task:
    """A task of a run: its path, and what its nodes were last, by verb; tries by verb and number."""

    __slots__ = ("description", "indices", "is_over", "nodes", "path", "template", "tries")

    def __init__(self, path: str, template: str, description: dict[str, Any], indices: dict[str, int]) -> None:
        self.path, self.template, self.description, self.indices = path, template, description, indices
        self.nodes: dict[str, Told] = {}
        self.tries: dict[tuple[str, int], Told] = {}
        self.is_over = False
        """Whether the run has ended: what has not ended with it never will."""

    @property
    def program(self) -> Told:
        """The node of its program."""
        return self.nodes.get("run") or self.nodes.get("inline") or _NOTHING

    @property
    def gate(self) -> Told:
        """The node that is its gate, as far as there is one yet."""
        gates = (node for verb in ("qc", "rescue", "inline") if (node := self.nodes.get(verb)))
        return next((node for node in gates if self._gate_phase(node)), _NOTHING)

    def _gate_phase(self, node: Told) -> str:
        """Return the phase of its gate as far as a node tells it; nothing when another one will."""
        if node is self.nodes.get("qc"):
            return node.phase if node.phase != "Omitted" else ""
        if node is self.nodes.get("rescue"):
            return node.phase if node.phase not in ("Omitted", "Skipped") else ""
        if node.phase == "Succeeded":
            return "Skipped" if node.results.get("no-work") == "true" else node.phase
        return node.phase if node.has_ended and node.results.get("closed") == "true" else ""

    @property
    def verdict(self) -> str | None:
        """Return the verdict of its gate: it is the first word of its message, unless somebody ended it."""
        gate = self.gate
        phase = self._gate_phase(gate) if gate is not _NOTHING else ""
        if gate.is_shutdown:
            return None
        if phase == "Skipped":
            return "no_work"
        word = self._words(gate).partition(":")[0]
        if phase == "Succeeded":
            return "warn" if word == "warn" else "pass"
        if phase in ("Failed", "Error"):
            return "fail" if word == "fail" else "error"
        return None

    @property
    def state(self) -> str:
        """Return the state in the words of the language."""
        program, gate = self.program, self.gate
        if program.phase == "Omitted":
            return "blocked"
        if program.is_shutdown or gate.is_shutdown:
            return "cancelled"
        phase = self._gate_phase(gate) if gate is not _NOTHING else ""
        if phase in ("Failed", "Error"):
            return "failed" if self.verdict == "fail" else "error"
        if phase in ("Succeeded", "Skipped"):
            return {"Succeeded": "succeeded", "Skipped": "skipped"}[phase]
        if self.is_over:
            return "cancelled"
        return "waiting" if self._is_pending else "running"

    @property
    def _is_pending(self) -> bool:
        tries = [told.phase for (verb, _), told in self.tries.items() if verb in _PROGRAMS]
        return self.program.phase in ("", "Pending") or (bool(tries) and set(tries) == {"Pending"})

    @property
    def message(self) -> str:
        """Return the reason of the state: a program that broke knows more about it than its gate."""
        program, gate = self.program, self.gate
        is_broken = self.verdict == "error" and program.phase in ("Failed", "Error")
        return (self._words(program) if is_broken else "") or self._words(gate) or self._words(program)

    def _words(self, node: Told) -> str:
        """Return why a step ended: its last try says it, where Argo only says that there will be no other."""
        verb = next((verb for verb, told in self.nodes.items() if told is node), "")
        last = max((number for one, number in self.tries if one == verb), default=-1)
        told = self.tries.get((verb, last), node)
        is_silent = not node.message or node.message.startswith(_NO_OTHER_TRY)
        return told.message if is_silent and told.phase == node.phase else node.message

    @property
    def exit_code(self) -> int | None:
        """Return the exit status of its program; only what ended well is judged where it ran."""
        if self.gate is self.nodes.get("inline"):
            return 0
        return self.program.exit_code

    @property
    def started(self) -> str:
        """When its program was begun, in UTC; empty while it is not, or never will be."""
        return self.program.started if self.program.phase not in ("Omitted", "Skipped") else ""

    @property
    def ended(self) -> str:
        """When its gate ended, in UTC; empty while it has not."""
        return self.gate.ended if self.gate.phase != "Skipped" else self.program.ended


class Problem(NamedTuple):
    """A flow-control task that ended in error: nobody could say how it goes on."""

    path: str
    message: str


class Question(NamedTuple):
    """A flow-control step: the path of what it decides, and its node as it was last."""

    path: str
    name: str
    told: Told


class States:
    """The tasks of one run, by path, kept up to date with every update of a node."""

    def __init__(self, workflow: dict[str, Any]) -> None:
        templates = manifests.templates(workflow)
        self.steps = {name: _step(one) for name, one in templates.items() if "container" in one}
        self.tasks: dict[str, Task] = {}
        self.root = _NOTHING
        self._life = 0
        self._hidden: dict[str, Task] = {}
        self._beneath: dict[str, set[str]] | None = None
        self._questions: dict[str, Question] = {}
        self._asked: dict[str, tuple[int, Told]] = {}
        self._parameters: dict[str, dict[str, str]] = {}
        self._parked: dict[str, list[dict[str, Any]]] = {}

    def update(self, update: dict[str, Any]) -> list[Task]:
        """Take an update; return the tasks that are not what they were."""
        if "life" in update:
            return self._live_on(update["life"])
        if "forget" in update:
            self._forget(update["forget"])
            return []
        if update.get("boundaryID") is None:
            return self._take_root(update)
        step = self.steps.get(update["templateName"])
        if update["type"] == "DAG":
            return self._take_list(update)
        if step is None:
            return []
        given = self._given(update)
        return self._take(step, given, update) if given is not None else []

    def beneath(self, name: str) -> list[Task]:
        """Return the tasks whose programs are a node, or stand beneath it."""
        return [one for one in self.tasks.values() if name in (one.program.id, *above_it(one.program.id))]

    def begin_another(self) -> None:
        """Let whatever is told from now on be newer than all that is known: it comes in order."""
        self._life += 1

    @property
    def phase(self) -> str:
        """The phase of the run."""
        return self.root.phase or "Running"

    @property
    def problems(self) -> list[Problem]:
        """The flow-control tasks that could not go on."""
        broken = [self._questions[one] for one in self.broken_questions()]
        return [Problem(one.path, self._asked.get(one.name, (0, one.told))[1].message) for one in broken]

    def broken_questions(self) -> list[str]:
        """Return the ids of the nodes that should have said how flow control goes on, and could not."""
        ended = [(id_, one.told) for id_, one in self._questions.items() if one.told.phase in ("Failed", "Error")]
        return [id_ for id_, told in ended if not told.is_shutdown]

    @property
    def is_failed(self) -> bool:
        """Whether the run has failed so far."""
        return bool(self.problems) or any(task.state in FAILING for task in self.tasks.values())

    # -----------------------------------------------------------------------------------------------------------------
    # What updates change

    def _live_on(self, life: int) -> list[Task]:
        """Begin another life: an engine has taken the run up again, and what it tells is newer than what is known."""
        self._life = max(self._life, life)
        return self._end(is_over=False)

    def _end(self, *, is_over: bool) -> list[Task]:
        """Note whether the run is over; return the tasks for which that makes a difference."""
        changed = []
        for task in (*self.tasks.values(), *self._hidden.values()):
            if task.is_over != is_over:
                before, task.is_over = task.state, is_over
                changed += [task] if task.state != before else []
        return changed

    def _forget(self, name: str) -> None:
        """Drop a node and what stands beneath it: an engine has found that it is no part of the run any more."""
        if self._beneath is None:
            self._beneath = {}
            for task in self.tasks.values():
                self._place(task)
        for path in self._beneath.pop(name, ()):
            self.tasks.pop(path, None)
        for identifier in [one for one in self._questions if name in (one, *above_it(one))]:
            del self._questions[identifier]

    def _place(self, task: Task) -> None:
        """Note what a task stands beneath, once that is asked for: it takes room, and is seldom needed."""
        if self._beneath is not None:
            for name in (task.program.id, *above_it(task.program.id)):
                self._beneath.setdefault(name, set()).add(task.path)

    def _take_root(self, node: dict[str, Any]) -> list[Task]:
        told = self._told(node)
        if not self.root.yields_to(told):
            return []
        self.root = told
        return [*self._end(is_over=told.has_ended), *self._take_list(node)]

    def _take_list(self, node: dict[str, Any]) -> list[Task]:
        """Note the parameters of a list; those of its steps that did not run have none of their own, and may wait."""
        self._parameters[node["id"]] = _parameters(node.get("inputs", {}))
        return [task for waiting in self._parked.pop(node["id"], ()) for task in self.update(waiting)]

    def _given(self, node: dict[str, Any]) -> dict[str, str] | None:
        """Return the parameters of a step, None when they are not known yet."""
        if node["type"] != "Skipped":
            return _parameters(node.get("inputs", {}))
        boundary = node["boundaryID"]
        if boundary not in self._parameters:
            self._parked.setdefault(boundary, []).append(node)
            return None
        return self._parameters[boundary]

    def _take(self, step: Step, given: dict[str, str], node: dict[str, Any]) -> list[Task]:
        loops = step.description["loops"]
        indices = {loop["id"]: int(given[loop["id"]]) for loop in loops}
        if "here" in step.description and assignment.written([step.description["here"]], indices) != "true":
            return []  # the step of another type, which the task is not of in this iteration
        path = assignment.path_of(step.description["path"], loops, indices)
        if step.verb == "ask":
            self._ask(path, node)
            return []
        task = self.tasks.get(path) or self._hidden.get(path)
        if task is None:
            task = self._hidden[path] = Task(path, node["templateName"], step.description, indices)
        if not self._note(task, step.verb, node):
            return []
        if step.verb in _PROGRAMS and path in self._hidden and not _is_try(node):
            task.template, task.is_over = node["templateName"], self.root.has_ended
            self.tasks[path] = self._hidden.pop(path)
            self._place(task)
        return [task] if path in self.tasks else []

    def _ask(self, path: str, node: dict[str, Any]) -> None:
        told = self._told(node)
        if _is_try(node):
            name, number = _try_of(node)
            last, known = self._asked.get(name, (number, _NOTHING))
            if number > last or (number == last and known.yields_to(told)):
                self._asked[name] = number, told
        elif told.id not in self._questions or self._questions[told.id].told.yields_to(told):
            self._questions[told.id] = Question(path, node["name"], told)

    def _note(self, task: Task, verb: str, node: dict[str, Any]) -> bool:
        """Note a node of a task; return whether it is newer than what was known."""
        told = self._told(node)
        if _is_try(node):
            key = verb, _try_of(node)[1]
            is_newer = task.tries.get(key, _NOTHING).yields_to(told)
            if is_newer:
                task.tries[key] = told
            return is_newer
        is_newer = task.nodes.get(verb, _NOTHING).yields_to(told)
        if is_newer:
            task.nodes[verb] = told
        return is_newer

    def _told(self, node: dict[str, Any]) -> Told:
        outputs = node.get("outputs", {})
        exit_code = outputs.get("exitCode")
        return Told(
            node["id"],
            self._life,
            node["phase"],
            _reason(node.get("message", "")),
            node.get("startedAt") or "",
            node.get("finishedAt") or "",
            int(exit_code) if exit_code is not None else None,
            {name: value for name, value in _parameters(outputs).items() if name in _RESULTS},
        )


def path_order(path: str) -> list[Any]:
    """Return a key that sorts paths as people do: `/t2` before `/t10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|\D+", path)]


def _is_try(node: dict[str, Any]) -> bool:
    return bool(node.get("nodeFlag", {}).get("retried"))


def _try_of(node: dict[str, Any]) -> tuple[str, int]:
    """Return the name of the node around a try, and the number of the try: both stand in its name."""
    name, _, number = node["name"].rpartition("(")
    return name, int(number.rstrip(")"))


def _reason(message: str) -> str:
    """Return a message without what a controller writes before the last words of a container."""
    start = _BEFORE_REASON.match(message)
    return message[start.end() :] if start else message


def _parameters(given: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in given.get("parameters", ())}


def _step(template: dict[str, Any]) -> Step:
    container = template["container"]
    variables = {one["name"]: one.get("value", "") for one in container["env"]}
    return Step(container["command"][3], json.loads(variables["EAS_TASK"]))
