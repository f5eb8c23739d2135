"""What a chain would run: tasks by type, pods, nodes, Workflows, and the files that go in and come out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from eas import text
from eas_compiler.compile import Checked
from eas_compiler.elsewhere import address
from eas_compiler.fit import Part
from eas_compiler.link import shown
from eas_compiler.shape import Count, Shape, shape
from eas_compiler.tree import Task, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eas.inputs import Found


class Files(NamedTuple):
    """A file, or a family of files with one name pattern, and the place in the chain.

    `found` says where those from outside are, in the order of their names.
    """

    name: str
    place: str
    found: tuple[str, ...] = ()


class Plan(NamedTuple):
    """The size of a run and its files; `types` are (type, container, cpu, memory in GB, number of tasks).

    `parts` are the Workflows that it becomes, the run itself first.
    """

    job_name: str
    types: tuple[tuple[str, str, float, float, Count], ...]
    shape: Shape
    inputs: tuple[Files, ...]
    outputs: tuple[Files, ...]
    parts: tuple[Part, ...]


def make(checked: Checked, found: Sequence[Found] = ()) -> Plan:
    """Return the plan of a chain without errors; `found` are the files that it takes from outside."""
    chain, links = checked.chain, checked.links
    assert chain is not None and links is not None  # noqa: PT018
    size = shape(chain)
    containers = {
        variant.type.name: variant.type.container
        for item in walk(chain.body)
        if isinstance(item, Task)
        for variant in item.variants
    }
    types = tuple(
        (name, containers[name].name, containers[name].cpu, containers[name].memory_gb, count)
        for name, count in size.tasks.items()
    )
    where: dict[int, list[str]] = {}
    for one in found:
        where.setdefault(id(one.needed.external), []).append(one.where)
    inputs = dict.fromkeys(
        Files(
            address(shown(one.pattern, one.task.common.scope).strip("'")),
            one.file.node.place,
            tuple(where.get(id(one), ())),
        )
        for one in links.externals
    )
    outputs = tuple(
        Files(shown(file.pattern, item.common.scope).strip("'"), file.node.place)
        for item in walk(chain.body)
        if isinstance(item, Task)
        for file in item.outputs.values()
    )
    return Plan(chain.job_name, types, size, tuple(inputs), outputs, checked.parts)


def number(count: Count) -> str:
    """Write a count: `8`, `0 to 8`, `at least 3`."""
    if count.high is None:
        return f"at least {count.low:,}"
    return f"{count.low:,}" if count.low == count.high else f"{count.low:,} to {count.high:,}"


def as_text(plan: Plan) -> str:
    """Return a plan for people."""
    rows = [
        [name, container, f"{cpu:g}", f"{memory:g} GB", number(count)]
        for name, container, cpu, memory, count in plan.types
    ]
    parts = [text.table(["task type", "container", "cores", "memory", "tasks"], rows), ""]
    parts.append(f"pods    {number(plan.shape.pods)}")
    parts.append(f"nodes   {number(plan.shape.nodes)}")
    parts += ["", text.table(["workflows", "number", "nodes at most", "manifest"], list(map(_part, plan.parts)))]
    for title, files in (("from outside", plan.inputs), ("made", plan.outputs)):
        if files:
            parts += ["", f"files {title}:", *map(_file, files)]
    return "\n".join(parts)


def _file(one: Files) -> str:
    """Return the line of a file, with where it is taken from."""
    more = f" and {len(one.found) - 1:,} more" if len(one.found) > 1 else ""
    source = f" from {one.found[0]}{more}" if one.found and one.found[0] != one.name else ""
    return f"  {one.name}{source}  ({one.place})"


def _part(part: Part) -> list[str]:
    """Return the row of Workflows that are alike."""
    name = "the run" if part.path == "/" else f"iterations of {part.path}"
    how_many = "the run tells" if part.number is None else f"{part.number:,}"
    return [name, how_many, f"{part.nodes:,}", f"{part.size_bytes / 1000:,.0f} kB"]


def as_data(plan: Plan) -> dict[str, Any]:
    """Return a plan for programs; a count without an end has `most` null."""

    def data(count: Count) -> dict[str, int | None]:
        return {"least": count.low, "most": count.high}

    return {
        "job_name": plan.job_name,
        "types": {
            name: {"container": container, "cpu": cpu, "memory_gb": memory, "tasks": data(count)}
            for name, container, cpu, memory, count in plan.types
        },
        "pods": data(plan.shape.pods),
        "nodes": data(plan.shape.nodes),
        "workflows": [one._asdict() for one in plan.parts],
        "inputs": [one._asdict() for one in plan.inputs],
        "outputs": [one._asdict() for one in plan.outputs],
    }
