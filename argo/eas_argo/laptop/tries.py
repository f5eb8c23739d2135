"""The tries of a pod: what each is given, and whether another one is due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eas_argo.laptop.forms import FormError, Scope
from eas_argo.laptop.manifest import Pod
from eas_argo.laptop.nodes import Done, Place, State
from eas_argo.laptop.past import SHUTDOWN, Node
from eas_argo.laptop.work import Ended, Work

if TYPE_CHECKING:
    from eas_argo.laptop.engine import Engine


class Retry:
    """A pod template: tries until one succeeds or no more are due. Its outputs are those of the last.

    Tries are numbered through all lives; `first` is the number of the first one that counts against how many are due.
    """

    def __init__(self, engine: Engine, pod: Pod, place: Place, done: Done) -> None:
        self.engine, self.pod, self.place, self.done = engine, pod, place, done
        self.oldest = engine.past.oldest(place.name, place.since)
        self.attempt, counted = engine.past.tries(place.name, self.oldest)
        self.first = self.attempt - counted
        self.last_message = ""

    def start(self) -> None:
        """Begin with a first try, or with what follows from the last one of an earlier life."""
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
        self.engine.ready.append(Try(self, place, work))

    def _work(self, identifier: str) -> Work:
        scope = Scope(self.place.workflow, self.place.parameters, {}, retries=self.attempt)
        return Work(
            identifier,
            self.pod.after(self.attempt - self.first, self.last_message),
            self.attempt,
            {name: value(scope) for name, value in self.pod.environment},
            tuple((one.path, one.key(scope), one.optional) for one in self.pod.inputs),
            tuple((one.path, one.key(scope), one.optional) for one in self.pod.outputs),
        )

    def ended(self, place: Place, ended: Ended) -> None:
        """Take the end of a try."""
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


class Try:
    """A try that waits for its turn or runs."""

    __slots__ = ("cpu", "place", "retry", "work")

    def __init__(self, retry: Retry, place: Place, work: Work) -> None:
        self.retry, self.place, self.work = retry, place, work
        self.cpu = min(retry.pod.cpu, retry.engine.site.cpu)

    @property
    def pod(self) -> Pod:
        """What it is a try of."""
        return self.work.pod

    def end(self, ended: Ended) -> None:
        """Give back what it took, and tell how it ended."""
        self.retry.engine.take(self, 1)
        self.retry.ended(self.place, ended)
