"""What a chain would run: tasks by type, pods, nodes, Workflows, what that costs, and the files that go in and out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from eas import text
from eas.display import clock
from eas.estimate import Cost, Extent, Stage, extent
from eas_compiler.compile import Checked
from eas_compiler.elsewhere import address
from eas_compiler.fit import Part
from eas_compiler.link import Links, shown
from eas_compiler.shape import Count, Shape, shape
from eas_compiler.tree import Task, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from eas.inputs import Found
    from eas_provenance.queries.costs import CostRow

_GATE_S = 1.0
"""How long quality control is taken to last of a type that was never run [s]."""
_MOST_STAGES = 12


class Files(NamedTuple):
    """A file, or a family of files with one name pattern, and the place in the chain.

    `found` says where those from outside are, in the order of their names.
    """

    name: str
    place: str
    found: tuple[str, ...] = ()


class TypePlan(NamedTuple):
    """A task type: its container, how many tasks and pods there will be, and what one task costs."""

    name: str
    container: str
    tasks: Count
    pods: Count
    cost: Cost


class Plan(NamedTuple):
    """The size of a run, what it costs, and its files; `parts` are the Workflows that it becomes, the run itself first.

    `extent` is the way through the chain that takes longest, and what is needed at once.
    """

    job_name: str
    types: tuple[TypePlan, ...]
    shape: Shape
    extent: Extent
    inputs: tuple[Files, ...]
    outputs: tuple[Files, ...]
    parts: tuple[Part, ...]


def make(checked: Checked, found: Sequence[Found] = (), history: Mapping[str, CostRow] | None = None) -> Plan:
    """Return the plan of a chain without errors.

    Parameters
    ----------
    checked : Checked
        The chain.
    found : sequence of Found
        The files that it takes from outside.
    history : mapping, optional
        What tasks have cost in earlier runs, by type.
    """
    chain, links = checked.chain, checked.links
    assert chain is not None and links is not None  # noqa: PT018
    size = shape(chain)
    leaves = [item for item in walk(chain.body) if isinstance(item, Task)]
    types = tuple(
        _type(
            name, count, [one for one in leaves if any(each.type.name == name for each in one.variants)], history or {}
        )
        for name, count in size.tasks.items()
    )
    costs = {one.name: one.cost for one in types}
    outputs = tuple(
        Files(shown(file.pattern, item.common.scope).strip("'"), file.node.place)
        for item in leaves
        for file in item.outputs.values()
    )
    longest = extent(chain, links, costs)
    return Plan(chain.job_name, types, size, longest, _inputs(links, found), outputs, checked.parts)


def _type(name: str, count: Count, tasks: list[Task], history: Mapping[str, CostRow]) -> TypePlan:
    """Return what is planned of a type; of tasks that ask for different amounts, the largest counts."""
    kind = next(one.type for one in tasks[0].variants if one.type.name == name)
    given = [task.overrides.get("resources", {}) for task in tasks]

    def asked(key: str, default: float) -> float:
        return max(float(one.get(key, default)) for one in given)

    cpu, gpu = asked("cpu", kind.container.cpu), int(asked("gpu", kind.container.gpu))
    memory_gb, time_s = asked("memory_gb", kind.container.memory_gb), asked("time_s", kind.time_limit_s)
    are_inline = {task.is_inline for task in tasks}
    known = history.get(name)
    if known is None:
        cost = Cost(cpu, gpu, memory_gb, time_s + _GATE_S, time_s)
    else:
        gigabytes = known.peak_memory_bytes / 1e9, known.files_bytes / 1e9
        cost = Cost(
            cpu, gpu, memory_gb, known.wall_s + known.gate_s, known.wall_s, known.cpu_s, *gigabytes, known.tries
        )
    pods = Count(1 if True in are_inline else 2, 2 if False in are_inline else 1)
    return TypePlan(name, kind.container.name, count, count.times(pods), cost)


def _inputs(links: Links, found: Sequence[Found]) -> tuple[Files, ...]:
    where: dict[int, list[str]] = {}
    for one in found:
        where.setdefault(id(one.needed.external), []).append(one.where)
    names = (
        Files(
            address(shown(one.pattern, one.task.common.scope).strip("'")),
            one.file.node.place,
            tuple(where.get(id(one), ())),
        )
        for one in links.externals
    )
    return tuple(dict.fromkeys(names))


# ---------------------------------------------------------------------------------------------------------------------
# Totals


class Total(NamedTuple):
    """At least and at most how much; without an end where only the run can tell."""

    low: float
    high: float | None

    @classmethod
    def of(cls, types: Sequence[TypePlan], amount: Callable[[Cost], float]) -> Total:
        """Return how much all tasks take of something, of which a task takes an amount."""
        low = sum(one.tasks.low * amount(one.cost) for one in types)
        if any(one.tasks.high is None and amount(one.cost) for one in types):
            return cls(low, None)
        return cls(low, sum((one.tasks.high or 0) * amount(one.cost) for one in types))

    def __str__(self) -> str:
        """Write it as people say it."""
        if self.high is None:
            return f"at least {_amount(self.low)}"
        low, high = _amount(self.low), _amount(self.high)
        return low if low == high else f"{low} to {high}"


def _amount(value: float) -> str:
    """Write an amount with three digits, and with all before the point."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _totals(plan: Plan) -> dict[str, Total]:
    return {
        "cpu_h": Total.of(plan.types, lambda cost: cost.cpu_h),
        "gpu_h": Total.of(plan.types, lambda cost: cost.gpu_h),
        "files_gb": Total.of(plan.types, lambda cost: cost.files_gb or 0.0),
    }


def number(count: Count) -> str:
    """Write a count: `8`, `0 to 8`, `at least 3`."""
    if count.high is None:
        return f"at least {count.low:,}"
    return f"{count.low:,}" if count.low == count.high else f"{count.low:,} to {count.high:,}"


# ---------------------------------------------------------------------------------------------------------------------
# For people


def as_text(plan: Plan) -> str:
    """Return a plan for people."""
    parts = [
        text.table(["task type", "container", "cores", "memory", "tasks", "pods"], list(map(_size_of, plan.types)))
    ]
    parts += ["", f"pods    {number(plan.shape.pods)}", f"nodes   {number(plan.shape.nodes)}"]
    parts += ["", text.table(["workflows", "number", "nodes at most", "manifest"], list(map(_part, plan.parts)))]
    if plan.types:
        parts += ["", *_cost(plan)]
    for title, files in (("from outside", plan.inputs), ("made", plan.outputs)):
        if files:
            parts += ["", f"files {title}:", *map(_file, files)]
    return "\n".join(parts)


def _size_of(one: TypePlan) -> list[str]:
    cost = one.cost
    return [one.name, one.container, f"{cost.cpu:g}", f"{cost.memory_gb:g} GB", number(one.tasks), number(one.pods)]


def _cost(plan: Plan) -> list[str]:
    """Return what a run costs: of a task of each type, in all, at once, and one after the other."""
    head = ["what a task costs", "time [s]", "cpu [s]", "memory [GB]", "files [MB]", "known from"]
    totals, peak = _totals(plan), plan.extent.peak
    unknown = [one.name for one in plan.types if not one.cost.tries]
    lines = [text.table(head, list(map(_cost_of, plan.types))), ""]
    lines.append(f"in all        {totals['cpu_h']} cpu·h, {totals['gpu_h']} gpu·h, {totals['files_gb']} GB of files")
    at_once = f"{_amount(peak.cpu)} cores, {_amount(peak.gpu)} gpu, {_amount(peak.memory_gb)} GB of memory"
    lines.append(f"at once       at most {at_once}")
    least = "at least " if plan.extent.is_least else ""
    lines.append(f"longest way   {least}{clock(plan.extent.wall_s)}: {_way(plan.extent.way)}")
    if unknown:
        lines.append(f"(limits stand for what was never run here: {', '.join(unknown)})")
    return lines


def _cost_of(one: TypePlan) -> list[str]:
    cost = one.cost
    known = f"{cost.tries:,} {'try' if cost.tries == 1 else 'tries'}" if cost.tries else "its limits"
    return [
        one.name,
        f"{cost.program_s:.3g}" if cost.tries else f"≤ {cost.program_s:.3g}",
        "·" if cost.cpu_s is None else f"{cost.cpu_s:.3g}",
        f"≤ {cost.memory_gb:.3g}" if cost.peak_gb is None else f"{cost.peak_gb:.3g}",
        "·" if cost.files_gb is None else f"{cost.files_gb * 1000:.3g}",
        known,
    ]


def _way(stages: Sequence[Stage]) -> str:
    shown_ = [f"{one.type} {one.path}" for one in stages[:_MOST_STAGES]]
    left = len(stages) - len(shown_)
    return " → ".join([*shown_, *([f"{left} more"] if left else [])]) or "nothing"


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


# ---------------------------------------------------------------------------------------------------------------------
# For programs


def as_data(plan: Plan) -> dict[str, Any]:
    """Return a plan for programs; a count or an amount without an end has `most` null."""

    def data(count: Count | Total) -> dict[str, float | None]:
        return {"least": count.low, "most": count.high}

    return {
        "job_name": plan.job_name,
        "types": {
            one.name: _type_as_data(one) | {"tasks": data(one.tasks), "pods": data(one.pods)} for one in plan.types
        },
        "pods": data(plan.shape.pods),
        "nodes": data(plan.shape.nodes),
        "workflows": [one._asdict() for one in plan.parts],
        "total": {name: data(one) for name, one in _totals(plan).items()},
        "peak": plan.extent.peak._asdict(),
        "critical_path": {
            "wall_s": plan.extent.wall_s,
            "is_least": plan.extent.is_least,
            "tasks": [one._asdict() for one in plan.extent.way],
        },
        "inputs": [one._asdict() for one in plan.inputs],
        "outputs": [{"name": one.name, "place": one.place} for one in plan.outputs],
    }


def _type_as_data(one: TypePlan) -> dict[str, Any]:
    """Return what is known of a type; `tries` is 0 where its limits stand for what nobody knows."""
    cost = one.cost
    return {"container": one.container, **cost._asdict(), "cpu_h": cost.cpu_h, "gpu_h": cost.gpu_h}
