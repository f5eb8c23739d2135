"""DAGs and fan-outs while they run: which steps are due, which are left out, and what comes of all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eas_argo.laptop.forms import FormError, Scope
from eas_argo.laptop.manifest import Child, Dag, Step
from eas_argo.laptop.nodes import Done, Place, State

if TYPE_CHECKING:
    from eas_argo.laptop.engine import Engine


class DagRun:
    """A DAG template while it runs."""

    def __init__(self, engine: Engine, dag: Dag, place: Place, done: Done) -> None:
        self.engine, self.dag, self.place, self.done = engine, dag, place, done
        self.states: dict[str, State] = {}
        self.missing = {name: len(step.depends.steps) for name, step in dag.steps.items()}
        self.scope = Scope(place.workflow, place.parameters, self.states)

    def start(self) -> None:
        """Begin with the steps that wait for none."""
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

    def _leave_out(self, step: Step, place: Place, phase: str, message: str) -> None:
        self._forget(place)
        place.type = "Skipped"
        place.tell(phase, message=message)
        self._ended(step, State(phase, {}, place.since))

    def _forget(self, place: Place) -> None:
        """Tell that what a node was in an earlier life is no part of the run any more."""
        if self.engine.past.ran(place.name):
            self.engine.forget(place.name)

    def _fan_out(self, step: Step, place: Place) -> None:
        assert step.items is not None
        count, first = step.items(self.scope), step.first(self.scope) if step.first is not None else "0"
        for given in (count, first):
            if not given.isdigit():
                raise FormError(f"{given!r} is no number of iterations")
        if count == "0":
            self._leave_out(step, place, "Skipped", "Skipped, empty params")
            return
        ended = self.engine.ended_before(place)
        if ended is not None:
            self._ended(step, ended)
            return
        items = range(int(first), int(first) + int(count))
        for index in range(int(count), self.engine.past.items(place.name, items.start)):
            self.engine.forget(f"{place.name}({index}:{items.start + index})")
        place.tell("Running")
        self.engine.loops.append(FanOut(step, place, self.scope, items, lambda state: self._ended(step, state)))

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


class FanOut:
    """A step with one child for each item; children are begun one after the other, as the engine asks for them."""

    def __init__(self, step: Step, place: Place, scope: Scope, items: range, done: Done) -> None:
        self.engine, self.step, self.place = place.engine, step, place
        self.scope, self.items, self.done = scope, items, done
        self.begun = self.ended = 0
        self.worst, self.life = "Succeeded", place.since

    def next(self) -> None:
        """Begin the next child."""
        index = self.begun
        self.begun += 1
        if self.begun == len(self.items):
            self.engine.loops.remove(self)
        item = str(self.items[index])
        scope = self.scope._replace(item=item)
        try:
            parameters = {one.name: one.value(scope) for one in self.step.arguments}
        except FormError as error:
            self.place.child(f"({index}:{item})", self.step.template, {}).tell("Error", message=str(error))
            self._child(State("Error", {}, self.life))
            return
        place = self.place.child(f"({index}:{item})", self.step.template, parameters)
        self.engine.begin(place, self._child)

    def _child(self, state: State) -> None:
        self.ended += 1
        self.worst, self.life = _worst([self.worst, state.phase]), max(self.life, state.life)
        if self.ended == len(self.items):
            self.place.tell(self.worst)
            self.done(State(self.worst, {}, self.life))


class ChildRun:
    """A child workflow while it runs: its entry point, with what is known of the child in place of its parent."""

    def __init__(self, engine: Engine, child: Child, place: Place, done: Done) -> None:
        self.engine, self.child, self.place, self.done = engine, child, place, done

    def start(self) -> None:
        """Begin with its entry point."""
        self.place.type = "Pod"
        self.place.tell("Running")
        around = Scope(self.place.workflow, self.place.parameters, {})
        entry = self.place.child(f".{self.child.entrypoint}", self.child.entrypoint, {})
        try:
            entry.workflow = {f"workflow.parameters.{one.name}": one.value(around) for one in self.child.parameters}
        except FormError as error:
            self._end("Error", str(error), self.place.since)
            return
        self.engine.begin(entry, self._ended)

    def _ended(self, state: State) -> None:
        """End as the child did: whoever waits for it sees whether it succeeded, and no more."""
        if state.phase in ("Failed", "Error"):
            self._end("Failed", "the child workflow failed", state.life)
        else:
            self._end("Succeeded", "", state.life)

    def _end(self, phase: str, message: str, life: int) -> None:
        self.place.tell(phase, message=message)
        self.done(State(phase, {}, life))
