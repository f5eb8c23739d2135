"""The embedded engine: runs a manifest with Argo's meaning of steps, phases and gates, one machine, no cluster.

It decides what runs when; an `Executor` runs it. Whoever observes is told of every change of a node in Argo's own
words, as a controller would write it into the status of a Workflow.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple

from eas_argo.laptop.dags import ChildRun, DagRun, FanOut
from eas_argo.laptop.manifest import Child, Dag, Manifest, Open
from eas_argo.laptop.nodes import Done, Place, State
from eas_argo.laptop.past import SHUTDOWN, Node, Past
from eas_argo.laptop.tries import Retry, Try
from eas_argo.laptop.work import Executor, Site

Observer = Callable[[Node], object]
_AHEAD = 4
"""How many pods are kept ready for each core: a large loop is opened no further than needed, innermost first."""


class Run(NamedTuple):
    """The name and uid of the Workflow, its parameters, and what came of it in earlier lives of its engine."""

    name: str
    uid: str
    parameters: dict[str, str]
    past: Past = Past()


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
        self.ready: deque[Try] = deque()
        self.running: dict[str, Try] = {}
        self.open: dict[str, Place] = {}
        self.loops: list[FanOut] = []
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
        self.begin(Place(self, self.run_name, None, self.manifest.entrypoint, {}), self._end)

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
        waiting: deque[Try] = deque()
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

    def take(self, one: Try, sign: int) -> None:
        """Take what a try needs, or give it back."""
        self.free = Site(self.free.cpu + sign * one.cpu, self.free.memory_bytes + sign * one.pod.memory_bytes)

    def begin(self, place: Place, done: Done) -> None:
        """Begin a template, unless it has ended in an earlier life."""
        ended = self.ended_before(place)
        if ended is not None:
            done(ended)
            return
        template = self.manifest.templates[place.template]
        if isinstance(template, Dag):
            DagRun(self, template, place, done).start()
        elif isinstance(template, Child):
            ChildRun(self, template, place, done).start()
        elif isinstance(template, Open):
            place.type = "Suspend"
            place.tell("Succeeded")
            done(State("Succeeded", {}, self.past.now))
        else:
            Retry(self, template, place, done).start()

    def ended_before(self, place: Place) -> State | None:
        """Return how a node ended in an earlier life; None when it did not, or what it depends on is newer."""
        node = self.past.ended(place.name, place.since)
        if node is None:
            return None
        outputs = node.get("outputs", {}).get("parameters", ())
        return State(node["phase"], {one["name"]: one["value"] for one in outputs}, self.past.life(place.name))

    def forget(self, name: str) -> None:
        """Tell that a node of an earlier life, and what stands beneath it, is no part of the run any more."""
        self.observe({"forget": name})
