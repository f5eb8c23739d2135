"""Steps of a task: several where its type, or what it waits for, depends on indices.

A step has one of two forms, a program with a gate behind it or both in one; what comes after it need not know which.
"""

from typing import NamedTuple

from eas_compiler import forms, names
from eas_compiler.describe import table_of
from eas_compiler.link import Wait
from eas_compiler.parts import Json, dag_task, dns_name
from eas_compiler.tree import Task, Variant

ENDED = ("Succeeded", "Failed", "Errored")
"""The results of a step that ran."""


class Step(NamedTuple):
    """A step of a task, for some types or some sets of waits: its name, its type, and where it is the one that runs.

    A gate of its own judges it, whatever became of it.
    """

    name: str
    variant: Variant
    waits: tuple[Wait, ...]
    when: str | None
    where: Json | None

    @property
    def gate(self) -> str:
        """Name the step whose success lets others go on."""
        return f"{self.name}-qc"

    @property
    def answering(self) -> str:
        """Name the step that answers what the chain asks."""
        return self.gate

    @property
    def results(self) -> tuple[str, tuple[str, ...]]:
        """Name the step that has a result once this one was not blocked, and the results that it may have."""
        return self.gate, (*ENDED, "Skipped")  # skipped when there was no work

    @property
    def pods(self) -> tuple[str, str]:
        """Name the prototypes of its pods."""
        return "task", "qc"

    def lowered(self, template: str, depends: str | None, arguments: list[Json]) -> list[Json]:
        """Return it and what belongs to it as steps of a DAG; names of their templates begin with `template`."""
        name = self.name
        always = f"{name}.Succeeded || {name}.Failed || {name}.Errored"
        worked = forms.unset(name, "no-work") if self.variant.type.no_work else None
        return [
            dag_task(name, template, depends, self.when, arguments),
            dag_task(self.gate, f"{template}-qc", always, worked, [*arguments, self._status]),
        ]

    @property
    def _status(self) -> Json:
        """Hand on how the program's step ended."""
        return {"name": "eas-status", "value": f"{{{{tasks.{self.name}.status}}}}"}


class InlineStep(Step):
    """A step that judges itself: its success opens the way, unless it had no work.

    Where it ends without a verdict of its own, another step keeps one. Nothing waits for that step, so that the failure
    is inherited by the list.
    """

    @property
    def gate(self) -> str:
        """Name the step whose success lets others go on."""
        return f"{self.name}-open" if self.variant.type.no_work else self.name

    @property
    def answering(self) -> str:
        """Name the step that answers what the chain asks."""
        return self.name

    @property
    def results(self) -> tuple[str, tuple[str, ...]]:
        """Name the step that has a result once this one was not blocked, and the results that it may have."""
        return self.name, ENDED

    @property
    def pods(self) -> tuple[str, str]:
        """Name the prototypes of its pods."""
        return "inline", "rescue"

    def lowered(self, template: str, depends: str | None, arguments: list[Json]) -> list[Json]:
        """Return it and what belongs to it as steps of a DAG; names of their templates begin with `template`."""
        name = self.name
        steps = [dag_task(name, template, depends, self.when, arguments)]
        if self.gate != name:
            steps.append(dag_task(self.gate, "open", f"{name}.Succeeded", forms.unset(name, "no-work"), []))
        broken, unjudged = f"{name}.Failed || {name}.Errored", forms.unset(name, "closed")
        steps.append(dag_task(f"{name}-rescue", f"{template}-rescue", broken, unjudged, [*arguments, self._status]))
        return steps


def split(task: Task, local: str, waits: tuple[Wait, ...]) -> list[Step]:
    """Return a step for each type and set of waits, with the `when` that is true at its indices."""
    form = InlineStep if task.is_inline else Step
    scope = task.common.scope
    conditional = [wait for wait in waits if wait.where is not None]
    deciding = {name for variant in task.variants for name in variant.ids} | {
        name for wait in conditional for name in wait.ids
    }
    ids = [variable.id for variable in scope.variables if variable.id in deciding]
    if not ids:
        return [form(local, variant, waits, None, None) for variant in task.variants[:1]]
    groups: dict[tuple[int, frozenset[int]], list[tuple[int, ...]]] = {}
    for indices in names.combinations(ids, scope.domains):
        kind = next((number for number, one in enumerate(task.variants) if _holds(one.ids, one.where, indices)), None)
        if kind is not None:
            needed = frozenset(number for number, one in enumerate(waits) if _holds(one.ids, one.where, indices))
            groups.setdefault((kind, needed), []).append(tuple(indices.values()))
    steps = []
    single = len(groups) == 1
    for number, ((kind, needed), places) in enumerate(groups.items()):
        entries = dict.fromkeys(places, "true")
        when = None if single else f"{{{{={forms.nested(entries, tuple(ids), scope.domains, 'false')}}}}}"
        where = None if single else table_of(names.Table(tuple(ids), entries), scope)
        variant = task.variants[kind]
        suffix = (
            "" if single else f"-{dns_name(variant.type.name)}" if len(groups) == len(task.variants) else f"-v{number}"
        )
        steps.append(
            form(f"{local}{suffix}", variant, tuple(one for at, one in enumerate(waits) if at in needed), when, where)
        )
    return steps


def _holds(ids: tuple[str, ...], where: frozenset[tuple[int, ...]] | None, indices: names.Indices) -> bool:
    return where is None or tuple(indices[name] for name in ids) in where
