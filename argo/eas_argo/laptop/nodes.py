"""A node of a run's tree while it is worked on, as its observer sees it, and how a step ended, as others see it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from eas_argo.laptop.forms import FormError
from eas_argo.laptop.past import Node

if TYPE_CHECKING:
    from eas_argo.laptop.engine import Engine


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


class Place:
    """A node: its name in the tree, its template and the parameters it got.

    `since` is the life in which the newest of what it depends on was done: what is older does not count. `workflow`
    holds what is known of the Workflow that it belongs to.
    """

    __slots__ = (
        "boundary",
        "engine",
        "is_try",
        "name",
        "parameters",
        "since",
        "started",
        "template",
        "type",
        "workflow",
    )

    def __init__(
        self, engine: Engine, name: str, boundary: str | None, template: str, parameters: dict[str, str]
    ) -> None:
        self.engine, self.name, self.boundary = engine, name, boundary
        self.template, self.parameters, self.workflow = template, parameters, engine.workflow
        self.type, self.is_try, self.since = "DAG", False, 0
        self.started = ""

    def child(self, name: str, template: str, parameters: dict[str, str]) -> Place:
        """Return a node below this one; the boundary of nodes is the DAG that they belong to."""
        boundary = self.name if self.type == "DAG" else self.boundary
        place = Place(self.engine, f"{self.name}{name}", boundary, template, parameters)
        place.since, place.workflow = self.since, self.workflow
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
