"""What a run found: for task types that say `outcome`, a table over the loop variables around them."""

from __future__ import annotations

from typing import Any, NamedTuple

from pydantic_core import from_json
from sqlalchemy import Text, cast, func, select
from sqlmodel import Session

from eas_provenance.queries.base import EMITTED, TASK, as_object, chunks, count, fetch
from eas_provenance.queries.manifest import Described, described
from eas_provenance.queries.tasks import TaskFilter

OUTCOME = "outcome"
VERDICT = "verdict"
_FIRST = (OUTCOME, "target_period", "period")
_FEW = 2000
"""Up to so many tasks are looked up one by one."""


class OutcomeRow(NamedTuple):
    """A task: its values in the order of the columns, None for one that is not there."""

    path: str
    source: str
    values: tuple[Any, ...]


class OutcomeTable(NamedTuple):
    """The tasks of a type: a column for each loop variable, then the verdict, then what they emit.

    `variables` says how many columns are loop variables, `forms` how the values of these are spaced (`log_range` …)
    where the chain tells it, and `total` how many rows there are in all.
    """

    type: str
    columns: tuple[str, ...]
    units: tuple[str, ...]
    variables: int
    forms: dict[str, str]
    rows: tuple[OutcomeRow, ...]
    total: int

    def column(self, name: str) -> tuple[Any, ...]:
        """Return the values of a column."""
        at = self.columns.index(name)
        return tuple(row.values[at] for row in self.rows)


class _Cut(NamedTuple):
    """How many rows to leave out at the beginning, and how many there may be then."""

    offset: int = 0
    limit: int | None = None


def outcomes(
    session: Session,
    run_id: int,
    *,
    type: str | None = None,  # noqa: A002 - as the column is called
    limit: int | None = None,
    offset: int = 0,
) -> tuple[OutcomeTable, ...]:
    """Return a table for each task type that says `outcome`, by name; tasks in the order of their paths.

    Loop variables come first, then the verdict, the outcome, its periods, and all else that the type declares. A task
    without a verdict shows its state in its place. Columns without any value are left out.
    """
    tasks = described(session, run_id)
    units = {one.type: _units(one) for one in tasks if OUTCOME in one.metadata}
    forms = {name: form for one in tasks for name, form in one.forms.items()}
    kinds = sorted(units or _that_say(session, run_id))  # where the Workflow is not known, those that said it
    wanted = kinds if type is None else [kind for kind in kinds if kind == type]
    found = (
        _table(session, run_id, kind, units.get(kind) or _said_units(session, run_id, kind), _Cut(offset, limit))
        for kind in wanted
    )
    return tuple(table._replace(forms=forms) for table in found if table.total)


def _units(one: Described) -> dict[str, str]:
    """Return the units of what a task declares to emit, by name, in the order of the columns."""
    order = dict.fromkeys((*_FIRST, *one.metadata))
    return {name: one.metadata.get(name, {}).get("unit", "") for name in order}


def _that_say(session: Session, run_id: int) -> set[str]:
    """Return the types of tasks that said an outcome, declared or not."""
    said = select(EMITTED.c.path).where(EMITTED.c.run_id == run_id, EMITTED.c.name == OUTCOME)
    kinds = select(TASK.c.type).where(TASK.c.run_id == run_id, TASK.c.path.in_(said)).distinct()
    return {row[0] for row in fetch(session, kinds)}


def _table(session: Session, run_id: int, kind: str, units: dict[str, str], cut: _Cut) -> OutcomeTable:
    of_kind = TaskFilter(type=kind).condition(run_id)
    columns = (
        TASK.c.path,
        TASK.c.source,
        cast(TASK.c.variables, Text).label("variables"),
        TASK.c.verdict,
        TASK.c.state,
    )
    query = select(*columns).where(of_kind).order_by(TASK.c.position)
    tasks = fetch(session, query.offset(cut.offset).limit(cut.limit) if cut != _Cut() else query)
    paths = [row.path for row in tasks]
    around = [as_object(from_json(row.variables)) for row in tasks]
    variables = _variables(around)
    emitted = _emitted(session, run_id, paths, list(units))
    found = [_Column(name, "", [one.get(name) for one in around]) for name in variables]
    found.append(_Column(VERDICT, "", [row.verdict or row.state for row in tasks]))
    for name, unit in units.items():
        label = f"{name} (emitted)" if name in variables else name
        found.append(_Column(label, unit, list(map(emitted[name].get, paths))))
    kept = [one for one in found if any(value is not None for value in one.values)]
    rows = map(OutcomeRow, paths, [row.source for row in tasks], zip(*(one.values for one in kept), strict=True))
    return OutcomeTable(
        kind,
        tuple(one.name for one in kept),
        tuple(one.unit for one in kept),
        sum(one.name in variables for one in kept),
        {},
        tuple(rows),
        count(session, select(TASK.c.type).where(of_kind)),
    )


class _Column(NamedTuple):
    """A column of a table."""

    name: str
    unit: str
    values: list[Any]


def _variables(rows: list[dict[str, Any]]) -> list[str]:
    """Return the names of loop variables; that of an index only where there is no value beside it."""
    names = dict.fromkeys(name for row in rows for name in row)
    return [name for name in names if name.removesuffix("_index") not in names or not name.endswith("_index")]


def _emitted(session: Session, run_id: int, paths: list[str], names: list[str]) -> dict[str, dict[str, Any]]:
    """Return what some tasks emitted, by name and path: of a few tasks by path, of many by name."""
    query = select(EMITTED.c.name, EMITTED.c.path, cast(EMITTED.c.value, Text)).where(EMITTED.c.run_id == run_id)
    few = (query.where(EMITTED.c.path.in_(some)) for some in chunks(paths))
    many = (query.where(EMITTED.c.name == name) for name in names)
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for statement in few if len(paths) < _FEW else many:
        for name, path, value in fetch(session, statement):
            if name in found:
                found[name][path] = from_json(value)
    return found


def _said_units(session: Session, run_id: int, kind: str) -> dict[str, str]:
    """Return the units of what tasks of a type said, by name in the order of the columns."""
    of_kind = select(TASK.c.path).where(TaskFilter(type=kind).condition(run_id)).limit(_FEW)
    query = select(EMITTED.c.name, func.max(EMITTED.c.unit)).where(EMITTED.c.run_id == run_id)
    rows = fetch(session, query.where(EMITTED.c.path.in_(of_kind.subquery().select())).group_by(EMITTED.c.name))
    units = {row[0]: row[1] for row in rows}
    return {name: units.get(name, "") for name in dict.fromkeys((*_FIRST, *sorted(units)))}
