"""Steps of a task: several where its type, or what it waits for, depends on indices."""

from typing import NamedTuple

from eas_compiler import forms, names
from eas_compiler.describe import table_of
from eas_compiler.link import Wait
from eas_compiler.parts import Json, dns_name
from eas_compiler.tree import Task, Variant


class Step(NamedTuple):
    """A step of a task, for some types or some sets of waits: its name, its type, and where it is the one that runs."""

    name: str
    variant: Variant
    waits: tuple[Wait, ...]
    when: str | None
    where: Json | None


def split(task: Task, local: str, waits: tuple[Wait, ...]) -> list[Step]:
    """Return a step for each type and set of waits, with the `when` that is true at its indices."""
    scope = task.common.scope
    conditional = [wait for wait in waits if wait.where is not None]
    deciding = {name for variant in task.variants for name in variant.ids} | {
        name for wait in conditional for name in wait.ids
    }
    ids = [variable.id for variable in scope.variables if variable.id in deciding]
    if not ids:
        return [Step(local, variant, waits, None, None) for variant in task.variants[:1]]
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
        when = None if single else f"{{{{={forms.nested(entries, tuple(ids), scope, 'false')}}}}}"
        where = None if single else table_of(names.Table(tuple(ids), entries), scope)
        variant = task.variants[kind]
        suffix = (
            "" if single else f"-{dns_name(variant.type.name)}" if len(groups) == len(task.variants) else f"-v{number}"
        )
        steps.append(
            Step(f"{local}{suffix}", variant, tuple(one for at, one in enumerate(waits) if at in needed), when, where)
        )
    return steps


def _holds(ids: tuple[str, ...], where: frozenset[tuple[int, ...]] | None, indices: names.Indices) -> bool:
    return where is None or tuple(indices[name] for name in ids) in where
