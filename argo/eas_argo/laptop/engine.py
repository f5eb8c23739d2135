"""The embedded engine: runs a manifest with Argo's meaning of steps, phases and gates, one machine, no cluster.

It decides what runs when; an `Executor` runs it. Whoever observes is told of every change of a node in Argo's own
words, as a controller would write it into the status of a Workflow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, Protocol

from eas_argo.laptop.forms import FormError, Scope
from eas_argo.laptop.manifest import Dag, Manifest, Open, Pod, Step
from eas_argo.laptop.past import SHUTDOWN, Node, Past

Observer = Callable[[Node], object]
_AHEAD = 4
"""How many pods are kept ready for each core: a large loop is opened no further than needed, innermost first."""


class Work(NamedTuple):
    """One try of a pod. Artifacts are (path in the attempt's folder, key, whether it may be missing)."""

    id: str
    pod: Pod
    attempt: int
    environment: dict[str, str]
    inputs: tuple[tuple[str, str, bool], ...]
    outputs: tuple[tuple[str, str, bool], ...]


class Ended(NamedTuple):
    """How a try ended: phase Succeeded, Failed or Error, the exit status, a message, and its output parameters."""

    phase: str
    exit_code: int
    message: str
    parameters: dict[str, str]


class Executor(Protocol):
    """Starts tries and tells when they have ended."""

    def start(self, work: Work) -> None:
        """Start a try; it must not block."""

    def wait(self, timeout_s: float) -> list[tuple[str, Ended]]:
        """Return the tries that have ended, waiting for one when there is none yet."""

    def stop(self, *, at_once: bool) -> None:
        """Tell everything that runs to end, or end it; that it has ended is told by `wait` as ever."""


class Site(NamedTuple):
    """What may be in use at the same time: cores and bytes of memory."""

    cpu: float
    memory_bytes: int


class Run(NamedTuple):
    """The name and uid of the Workflow, its parameters, and what came of it in earlier lives of its engine."""

    name: str
    uid: str
    parameters: dict[str, str]
    past: Past = Past()


class State:
    """How a step ended: its phase and its output parameters, and the life of the engine in which it did."""

    __slots__ = ("life", "outputs", "phase")

    def __init__(self, phase: str, outputs: dict[str, str], life: int) -> None:
        self.phase, self.outputs, self.life = phase, outputs, life

    def member(self, name: str) -> Any:
        """Return a member as expressions name it."""
        if name == "status":
            return self.phase
        if name == "outputs":
            return {"parameters": self.outputs}
        raise FormError(f"a step has no {name!r}")


Done = Callable[[State], None]


class Engine:
    """Runs one manifest on one executor; what its past has done already stays as it is, and is not told of again."""

    def __init__(self, manifest: Manifest, run: Run, executor: Executor, site: Site, observe: Observer) -> None:
        self.manifest, self.executor, self.site, self.observe = manifest, executor, site, observe
        self.past = run.past
        self.run_name = run.name
        self.workflow = {"workflow.name": run.name, "workflow.uid": run.uid}
        values = manifest.parameters | run.parameters
        self.workflow |= {f"workflow.parameters.{name}": value for name, value in values.items()}
        self.todo: deque[Callable[[], None]] = deque()
        self.ready: deque[_Try] = deque()
        self.running: dict[str, _Try] = {}
        self.open: dict[str, _Place] = {}
        self.loops: list[_FanOut] = []
        self.free = Site(site.cpu, site.memory_bytes)
        self.phase: str | None = None
        self.is_stopping = False
        self._latest = ""

    def run(self) -> str:
        """Run to the end; return the phase of the Workflow."""
        self.begin_run()
        while not self.is_ended:
            self.turn()
        assert self.phase is not None
        return self.phase

    def begin_run(self) -> None:
        """Begin with the entry point."""
        self.begin(_Place(self, self.run_name, None, self.manifest.entrypoint, {}), self._end)

    @property
    def is_ended(self) -> bool:
        """Whether nothing is left to do."""
        return self.phase is not None and not self.running

    def turn(self, timeout_s: float = 1.0) -> None:
        """Do what can be done now, then wait for a try to end."""
        while not self.is_stopping:
            while self.todo:
                self.todo.popleft()()
            self._start_ready()
            if not self.loops or len(self.ready) > self.site.cpu * _AHEAD:
                break
            self.loops[-1].next()
        if self.running:
            for identifier, ended in self.executor.wait(timeout_s):
                self.running.pop(identifier).end(ended)
        if self.is_stopping and not self.running and self.phase is None:
            self._shut_down()

    def stop(self, *, at_once: bool = False) -> None:
        """Begin nothing more, and have what runs end; the run has ended after some more turns."""
        self.is_stopping = True
        self.executor.stop(at_once=at_once)

    def _shut_down(self) -> None:
        """Tell that whatever was open has ended, from the inside out."""
        self.todo.clear()
        for place in reversed(list(self.open.values())):
            place.tell("Failed", message=SHUTDOWN)
        self.phase = "Failed"

    def _end(self, state: State) -> None:
        self.phase = "Succeeded" if state.phase in ("Skipped", "Omitted") else state.phase

    def now(self) -> str:
        """Return the time, in UTC; it stands still while the machine's clock is behind what was said before."""
        self._latest = max(self._latest, datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))
        return self._latest

    def _start_ready(self) -> None:
        """Start the tries that fit, in their order; one that does not fit does not hold up smaller ones."""
        waiting: deque[_Try] = deque()
        while self.ready and self.free.cpu > 0 and len(waiting) < 100:
            one = self.ready.popleft()
            if one.cpu <= self.free.cpu and one.pod.memory_bytes <= self.free.memory_bytes:
                self.take(one, -1)
                self.running[one.work.id] = one
                one.place.tell("Running")
                self.executor.start(one.work)
            else:
                waiting.append(one)
        waiting.extend(self.ready)
        self.ready = waiting

    def take(self, one: _Try, sign: int) -> None:
        """Take what a try needs, or give it back."""
        self.free = Site(self.free.cpu + sign * one.cpu, self.free.memory_bytes + sign * one.pod.memory_bytes)

    def begin(self, place: _Place, done: Done) -> None:
        """Begin a template, unless it has ended in an earlier life."""
        ended = self.ended_before(place)
        if ended is not None:
            done(ended)
            return
        template = self.manifest.templates[place.template]
        if isinstance(template, Dag):
            _DagRun(self, template, place, done).start()
        elif isinstance(template, Open):
            place.type = "Suspend"
            place.tell("Succeeded")
            done(State("Succeeded", {}, self.past.now))
        else:
            _Retry(self, template, place, done).start()

    def ended_before(self, place: _Place) -> State | None:
        """Return how a node ended in an earlier life; None when it did not, or what it depends on is newer."""
        node = self.past.ended(place.name, place.since)
        if node is None:
            return None
        outputs = node.get("outputs", {}).get("parameters", ())
        return State(node["phase"], {one["name"]: one["value"] for one in outputs}, self.past.life(place.name))

    def forget(self, name: str) -> None:
        """Tell that a node of an earlier life, and what stands beneath it, is no part of the run any more."""
        self.observe({"forget": name})


class _Place:
    """A node: its name in the tree, its template and the parameters it got.

    `since` is the life in which the newest of what it depends on was done: what is older does not count.
    """

    __slots__ = ("boundary", "engine", "is_try", "name", "parameters", "since", "started", "template", "type")

    def __init__(
        self, engine: Engine, name: str, boundary: str | None, template: str, parameters: dict[str, str]
    ) -> None:
        self.engine, self.name, self.boundary = engine, name, boundary
        self.template, self.parameters = template, parameters
        self.type, self.is_try, self.since = "DAG", False, 0
        self.started = ""

    def child(self, name: str, template: str, parameters: dict[str, str]) -> _Place:
        """Return a node below this one; the boundary of nodes is the DAG that they belong to."""
        boundary = self.name if self.type == "DAG" else self.boundary
        place = _Place(self.engine, f"{self.name}{name}", boundary, template, parameters)
        place.since = self.since
        return place

    def tell(
        self, phase: str, *, message: str = "", outputs: dict[str, str] | None = None, exit_code: int | None = None
    ) -> None:
        """Tell the observer of the node as it is now."""
        now = self.engine.now()
        if not self.started:
            before = None if self.is_try else self.engine.past.opened(self.name, self.since)
            self.started = before["startedAt"] if before is not None else now
        node: Node = {
            "id": self.name,
            "name": self.name,
            "displayName": self.name.rsplit(".", 1)[-1],
            "type": self.type,
            "templateName": self.template,
            "phase": phase,
            "startedAt": self.started,
            "inputs": {"parameters": _listed(self.parameters)} if self.parameters else {},
        }
        if self.is_try:
            node["nodeFlag"] = {"retried": True}
        if self.boundary is not None:
            node["boundaryID"] = self.boundary
        if message:
            node["message"] = message
        if phase not in ("Pending", "Running"):
            node["finishedAt"] = now
            self.engine.open.pop(self.name, None)
        else:
            self.engine.open[self.name] = self
        if outputs or exit_code is not None:
            node["outputs"] = {"parameters": _listed(outputs or {})}
        if exit_code is not None:
            node["outputs"]["exitCode"] = str(exit_code)
        self.engine.observe(node)


def _listed(parameters: dict[str, str]) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in parameters.items()]


class _DagRun:
    """A DAG template while it runs."""

    def __init__(self, engine: Engine, dag: Dag, place: _Place, done: Done) -> None:
        self.engine, self.dag, self.place, self.done = engine, dag, place, done
        self.states: dict[str, State] = {}
        self.missing = {name: len(step.depends.steps) for name, step in dag.steps.items()}
        self.scope = Scope(engine.workflow, place.parameters, self.states)

    def start(self) -> None:
        self.place.tell("Running")
        if not self.dag.steps:
            self.engine.todo.append(self._complete)
        for name, count in self.missing.items():
            if not count:
                self._later(self.dag.steps[name])

    @property
    def _life(self) -> int:
        """The newest life in which anything of it was done."""
        return max((state.life for state in self.states.values()), default=self.place.since)

    def _later(self, step: Step) -> None:
        self.engine.todo.append(lambda: self._consider(step))

    def _consider(self, step: Step) -> None:
        """Decide about a step of which everything that it waits for has ended."""
        waited = {name: self.states[name] for name in step.depends.steps}
        phases = {name: state.phase for name, state in waited.items()}
        place = self.place.child(f".{step.name}", step.template, {})
        place.since = max((state.life for state in waited.values()), default=place.since)
        try:
            if not step.depends.test(phases):
                self._leave_out(step, place, "Omitted", "omitted: depends condition not met")
                return
            if step.when is not None and step.when(self.scope) != "true":
                self._leave_out(step, place, "Skipped", "when 'false' evaluated false")
                return
            if step.items is not None:
                place.type = "TaskGroup"
                self._fan_out(step, place)
                return
            place.parameters = {one.name: one.value(self.scope) for one in step.arguments}
        except FormError as error:
            self._forget(place)
            place.tell("Error", message=str(error))
            self._ended(step, State("Error", {}, place.since))
            return
        self.engine.begin(place, lambda state: self._ended(step, state))

    def _leave_out(self, step: Step, place: _Place, phase: str, message: str) -> None:
        self._forget(place)
        place.type = "Skipped"
        place.tell(phase, message=message)
        self._ended(step, State(phase, {}, place.since))

    def _forget(self, place: _Place) -> None:
        """Tell that what a node was in an earlier life is no part of the run any more."""
        if self.engine.past.ran(place.name):
            self.engine.forget(place.name)

    def _fan_out(self, step: Step, place: _Place) -> None:
        assert step.items is not None
        count = step.items(self.scope)
        if not count.isdigit():
            raise FormError(f"{count!r} is no number of iterations")
        if count == "0":
            self._leave_out(step, place, "Skipped", "Skipped, empty params")
            return
        ended = self.engine.ended_before(place)
        if ended is not None:
            self._ended(step, ended)
            return
        for index in range(int(count), self.engine.past.items(place.name)):
            self.engine.forget(f"{place.name}({index}:{index})")
        place.tell("Running")
        self.engine.loops.append(_FanOut(step, place, self.scope, int(count), lambda state: self._ended(step, state)))

    def _ended(self, step: Step, state: State) -> None:
        self.states[step.name] = state
        for name in self.dag.after[step.name]:
            self.missing[name] -= 1
            if not self.missing[name]:
                self._later(self.dag.steps[name])
        if len(self.states) == len(self.dag.steps):
            self._complete()

    def _complete(self) -> None:
        phase = self._phase()
        outputs: dict[str, str] = {}
        message = ""
        if phase == "Succeeded":
            try:
                outputs = {one.name: str(one.value(self.scope)) for one in self.dag.exports}
            except FormError as error:
                phase, message = "Error", str(error)
        self.place.tell(phase, message=message, outputs=outputs)
        self.done(State(phase, outputs, self._life))

    def _phase(self) -> str:
        """Return the worst of the leaves; one that did not run is as bad as what it waited for."""
        branches: dict[str, str] = {}
        for name, state in self.states.items():  # each stands behind those that it waited for
            phase = state.phase
            if phase in ("Skipped", "Omitted"):
                phase = _worst([branches[other] for other in self.dag.steps[name].depends.steps])
            branches[name] = phase
        return _worst([branches[name] for name in self.dag.leaves])


def _worst(phases: list[str]) -> str:
    return next((phase for phase in ("Error", "Failed") if phase in phases), "Succeeded")


class _FanOut:
    """A step with one child for each item; children are begun one after the other, as the engine asks for them."""

    def __init__(self, step: Step, place: _Place, scope: Scope, count: int, done: Done) -> None:
        self.engine, self.step, self.place, self.scope, self.count, self.done = (
            place.engine,
            step,
            place,
            scope,
            count,
            done,
        )
        self.begun = self.ended = 0
        self.worst, self.life = "Succeeded", place.since

    def next(self) -> None:
        """Begin the next child."""
        index = self.begun
        self.begun += 1
        if self.begun == self.count:
            self.engine.loops.remove(self)
        scope = self.scope._replace(item=str(index))
        try:
            parameters = {one.name: one.value(scope) for one in self.step.arguments}
        except FormError as error:
            self.place.child(f"({index}:{index})", self.step.template, {}).tell("Error", message=str(error))
            self._child(State("Error", {}, self.life))
            return
        place = self.place.child(f"({index}:{index})", self.step.template, parameters)
        self.engine.begin(place, self._child)

    def _child(self, state: State) -> None:
        self.ended += 1
        self.worst, self.life = _worst([self.worst, state.phase]), max(self.life, state.life)
        if self.ended == self.count:
            self.place.tell(self.worst)
            self.done(State(self.worst, {}, self.life))


class _Retry:
    """A pod template: tries until one succeeds or no more are due. Its outputs are those of the last.

    Tries are numbered through all lives; `first` is the number of the first one that counts against how many are due.
    """

    def __init__(self, engine: Engine, pod: Pod, place: _Place, done: Done) -> None:
        self.engine, self.pod, self.place, self.done = engine, pod, place, done
        self.oldest = engine.past.oldest(place.name, place.since)
        self.attempt, counted = engine.past.tries(place.name, self.oldest)
        self.first = self.attempt - counted
        self.last_message = ""

    def start(self) -> None:
        self.place.type = "Retry"
        self.place.tell("Running")
        last = self.engine.past.ended(f"{self.place.name}({self.attempt - 1})", self.oldest)
        if last is None:
            self._try()
            return
        self.attempt -= 1  # an engine that died may have left untold what follows from its end
        self._take(_ended(last))

    def _try(self) -> None:
        place = self.place.child(f"({self.attempt})", self.place.template, self.place.parameters)
        place.type, place.is_try = "Pod", True
        try:
            work = self._work(place.name)
        except FormError as error:
            broken = Ended("Error", -1, str(error), {})
            place.tell(broken.phase, message=broken.message, exit_code=broken.exit_code)
            self._end(broken)
            return
        place.tell("Pending")
        self.engine.ready.append(_Try(self, place, work))

    def _work(self, identifier: str) -> Work:
        scope = Scope(self.engine.workflow, self.place.parameters, {}, retries=self.attempt)
        return Work(
            identifier,
            self.pod.after(self.attempt - self.first, self.last_message),
            self.attempt,
            {name: value(scope) for name, value in self.pod.environment},
            tuple((one.path, one.key(scope), one.optional) for one in self.pod.inputs),
            tuple((one.path, one.key(scope), one.optional) for one in self.pod.outputs),
        )

    def ended(self, place: _Place, ended: Ended) -> None:
        place.tell(ended.phase, message=ended.message, outputs=ended.parameters, exit_code=ended.exit_code)
        self._take(ended)

    def _take(self, ended: Ended) -> None:
        """Try again after the end of a try, or end as it did; when the run is ended, stay open for a later life."""
        self.last_message = ended.message
        if ended.message == SHUTDOWN:
            return
        if self._is_due(ended):
            if self.engine.is_stopping:
                return
            too_large = self._too_large(self.attempt - self.first + 1)
            if not too_large:
                self.attempt += 1
                self._try()
                return
            ended = ended._replace(message=f"{ended.message}; {too_large}")
        self._end(ended)

    def _is_due(self, ended: Ended) -> bool:
        tried = self.attempt - self.first
        return self.pod.retry.is_due(tried, ended.phase, ended.exit_code, ended.message)

    def _too_large(self, tried: int) -> str:
        """Return why no try can follow, when it would get more memory than the site has."""
        needed, there = self.pod.after(tried, self.last_message).memory_bytes, self.engine.site.memory_bytes
        if needed <= there:
            return ""
        return f"the next try would get {needed / 1e9:.3g} GB of memory, but this machine has {there / 1e9:.3g} GB"

    def _end(self, ended: Ended) -> None:
        self.place.tell(ended.phase, message=ended.message, outputs=ended.parameters, exit_code=ended.exit_code)
        self.done(State(ended.phase, ended.parameters, self.engine.past.now))


def _ended(node: Node) -> Ended:
    """Return how a try ended in an earlier life."""
    outputs = node.get("outputs", {})
    return Ended(
        node["phase"],
        int(outputs.get("exitCode", -1)),
        node.get("message", ""),
        {one["name"]: one["value"] for one in outputs.get("parameters", ())},
    )


class _Try:
    """A try that waits for its turn or runs."""

    __slots__ = ("cpu", "place", "retry", "work")

    def __init__(self, retry: _Retry, place: _Place, work: Work) -> None:
        self.retry, self.place, self.work = retry, place, work
        self.cpu = min(retry.pod.cpu, retry.engine.site.cpu)

    @property
    def pod(self) -> Pod:
        return self.work.pod

    def end(self, ended: Ended) -> None:
        self.retry.engine.take(self, 1)
        self.retry.ended(self.place, ended)
