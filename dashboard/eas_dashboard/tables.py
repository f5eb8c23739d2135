"""Tables: what queries found, as columns of plain values, with the addresses that the rows lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

from eas_dashboard import links, look, words
from eas_dashboard.links import Where
from eas_provenance.queries import (
    AttemptRow,
    CriterionRow,
    DirectoryRow,
    EmittedRow,
    Failures,
    InputRow,
    MessageRow,
    OutcomeTable,
    RunRow,
    TaskRow,
    TimingRow,
    TypeHistory,
    TypeRow,
    VersionRow,
)

Row = TypeVar("Row")
_WORDS = ("state", "verdict", "severity", "outcome")
"""Kinds of columns of words that have colours. The other kinds are text, number, count, bytes and share."""


class Column(NamedTuple):
    """A column: its head with the unit, how it is shown, and its values from the top."""

    head: str
    kind: str
    values: list[Any]


class Table(NamedTuple):
    """Columns of the same length, and where each row leads; None where it leads nowhere."""

    columns: tuple[Column, ...]
    leads: tuple[Where | None, ...]

    @property
    def data(self) -> dict[str, list[Any]]:
        """The values by the heads of their columns."""
        return {one.head: one.values for one in self.columns}

    @property
    def length(self) -> int:
        """How many rows there are."""
        return len(self.columns[0].values) if self.columns else 0


Spec = tuple[str, str, Callable[[Row], Any]]


def _table(rows: Sequence[Row], specs: Sequence[Spec[Row]], lead: Callable[[Row], Where | None]) -> Table:
    columns = (Column(head, kind, [_shown(kind, get(row)) for row in rows]) for head, kind, get in specs)
    return Table(tuple(columns), tuple(map(lead, rows)))


def _shown(kind: str, given: Any) -> Any:
    if kind in _WORDS:
        return [words.line(given)] if given else []
    return words.line(given) if isinstance(given, str) else given


def _nowhere(_: object) -> None:
    return None


# --------------------------------------------------------------------------------------------------------------------
# Runs and tasks


def runs(rows: Sequence[RunRow], now: str) -> Table:
    """Return a table of runs."""
    specs: list[Spec[RunRow]] = [
        ("run", "text", lambda row: row.name),
        ("state", "state", lambda row: row.state),
        ("done", "share", lambda row: share(row.done, row)),
        ("tasks", "text", lambda row: expected(row.at_least, row.at_most)),
        ("failed", "count", lambda row: row.failed),
        ("started [UTC]", "text", lambda row: words.when(row.started)),
        ("took", "text", lambda row: words.duration(row.duration_s(now))),
        ("chain", "text", lambda row: row.source),
        ("tags", "text", lambda row: ", ".join(row.tags)),
        ("by", "text", lambda row: f"{row.user}@{row.host}"),
    ]
    return _table(rows, specs, lambda row: links.to_run(row.name))


def share(done: int, row: RunRow | TypeRow) -> float:
    """Return the part of the tasks that have ended, of those that are known to come."""
    total = max(row.at_least, sum(row.states.values()))
    return done / total if total else 0.0


def done(run: RunRow) -> str:
    """Write how many tasks have ended, of how many as long as there will be more."""
    return f"{run.done:,}" if run.is_over else f"{run.done:,} of {expected(run.at_least, run.at_most)}"


def expected(at_least: int, at_most: int | None) -> str:
    """Write how many tasks there will be."""
    if at_most is None:
        return f"{at_least:,} or more"
    return f"{at_least:,}" if at_least == at_most else f"{at_least:,} to {at_most:,}"


def tasks(run: str, rows: Sequence[TaskRow]) -> Table:
    """Return a table of tasks."""
    specs: list[Spec[TaskRow]] = [
        ("path", "text", lambda row: row.path),
        ("state", "state", lambda row: row.state),
        ("verdict", "verdict", lambda row: row.verdict),
        ("type", "text", lambda row: row.type),
        ("name", "text", lambda row: row.name or ""),
        ("variables", "text", lambda row: variables(row.variables)),
        ("message", "text", lambda row: row.message),
        ("started [UTC]", "text", lambda row: words.when(row.started)),
        ("chain", "text", lambda row: row.source),
    ]
    return _table(rows, specs, lambda row: links.to_task(run, row.path))


def variables(given: dict[str, Any]) -> str:
    """Write loop variables; that of an index only where there is no value beside it."""
    kept = {
        name: value
        for name, value in given.items()
        if not name.endswith("_index") or name.removesuffix("_index") not in given
    }
    return ", ".join(f"{name}={words.value(value)}" for name, value in kept.items())


def failures(run: str, found: Failures) -> Table:
    """Return a table of why tasks failed; a row leads to the first of its tasks."""
    specs: list[Spec[Any]] = [
        ("state", "state", lambda row: row.state),
        ("tasks", "count", lambda row: row.tasks),
        ("type", "text", lambda row: row.type),
        ("reason", "text", lambda row: row.reason or "no reason was given"),
        ("first", "text", lambda row: row.examples[0].task.path if row.examples else ""),
        ("chain", "text", lambda row: row.source),
    ]
    return _table(
        found.groups, specs, lambda row: links.to_task(run, row.examples[0].task.path) if row.examples else None
    )


def problems(found: Failures) -> Table:
    """Return a table of flow control that could not go on."""
    specs: list[Spec[Any]] = [("path", "text", lambda row: row.path), ("problem", "text", lambda row: row.message)]
    return _table(found.problems, specs, _nowhere)


def types(run: str, rows: Sequence[TypeRow]) -> Table:
    """Return a table of the task types of a run: how many tasks are expected, and how many are in which state."""
    states = look.in_order({state: 1 for row in rows for state, tasks in row.states.items() if tasks})
    specs: list[Spec[TypeRow]] = [
        ("type", "text", lambda row: row.type),
        ("done", "share", lambda row: share(row.done, row)),
        ("expected", "text", lambda row: expected(row.at_least, row.at_most)),
        *[(state, "count", _of_state(state)) for state in states],
        ("cores", "number", lambda row: row.cpu),
        ("memory [GB]", "number", lambda row: words.gigabytes(row.memory_bytes)),
    ]
    return _table(rows, specs, lambda row: links.to_run(run, "Tasks", type=row.type))


def _of_state(state: str) -> Callable[[TypeRow | TypeHistory], int | None]:
    return lambda row: row.states.get(state) or None


def history(run: str | None, rows: Sequence[TypeHistory]) -> Table:
    """Return a table of the task types of all runs."""
    states = look.in_order({state: 1 for row in rows for state, tasks in row.states.items() if tasks})
    specs: list[Spec[TypeHistory]] = [
        ("type", "text", lambda row: row.type),
        ("runs", "count", lambda row: row.runs),
        ("tasks", "count", lambda row: sum(row.states.values())),
        *[(state, "count", _of_state(state)) for state in states],
        ("last run [UTC]", "text", lambda row: words.when(row.last_started)),
        ("image", "text", lambda row: row.image),
    ]
    return _table(rows, specs, lambda row: links.to_run(run, "Tasks", type=row.type) if run else None)


def timings(run: str, rows: Sequence[TimingRow]) -> Table:
    """Return a table of what the tries of each type cost."""
    specs: list[Spec[TimingRow]] = [
        ("type", "text", lambda row: row.type),
        ("tries", "count", lambda row: row.attempts),
        ("median [s]", "number", lambda row: row.wall_median_s),
        ("shortest [s]", "number", lambda row: row.wall_min_s),
        ("longest [s]", "number", lambda row: row.wall_max_s),
        ("in all [h]", "number", lambda row: None if row.wall_total_s is None else row.wall_total_s / 3600),
        ("cores used", "share", lambda row: row.efficiency),
        ("memory [GB]", "number", lambda row: words.gigabytes(row.memory_request_bytes)),
        ("peak [GB]", "number", lambda row: words.gigabytes(row.peak_memory_bytes)),
        ("mean wait [s]", "number", lambda row: row.queue_mean_s),
    ]
    return _table(rows, specs, lambda row: links.to_run(run, "Tasks", type=row.type))


# --------------------------------------------------------------------------------------------------------------------
# One task


def attempts(rows: Sequence[AttemptRow]) -> Table:
    """Return a table of tries: how each ended, and what it used of what it asked for."""
    specs: list[Spec[AttemptRow]] = [
        ("step", "text", lambda row: {"run": "program", "qc": "quality control"}.get(row.step, row.step)),
        ("try", "count", lambda row: row.number + 1),
        ("phase", "state", lambda row: _PHASES.get(row.phase, row.phase.lower())),
        ("took [s]", "number", lambda row: row.wall_s),
        ("cores", "number", lambda row: row.cpu_request),
        ("used", "share", lambda row: row.efficiency),
        ("memory [GB]", "number", lambda row: words.gigabytes(row.memory_request_bytes)),
        ("peak [GB]", "number", lambda row: words.gigabytes(row.peak_memory_bytes)),
        ("exit", "count", lambda row: row.exit_code),
        ("started [UTC]", "text", lambda row: words.when(row.started)),
        ("waited [s]", "number", lambda row: row.queue_s),
        ("host", "text", lambda row: row.host),
        ("processor [s]", "number", lambda row: row.cpu_s),
        ("sub-processes [s]", "number", lambda row: row.cpu_children_s),
        ("threads", "count", lambda row: row.threads),
        ("message", "text", lambda row: row.message),
    ]
    return _table(rows, specs, _nowhere)


_PHASES = {"Succeeded": "succeeded", "Failed": "failed", "Error": "error", "Running": "running", "Pending": "waiting"}


def inputs(run: str, rows: Sequence[InputRow]) -> Table:
    """Return a table of files that were read; a row leads to the file."""
    specs: list[Spec[InputRow]] = [
        ("port", "text", lambda row: row.port),
        ("file", "text", lambda row: f"{row.directory}/{row.name}"),
        ("try", "count", lambda row: row.number + 1),
        ("made by", "text", lambda row: row.made_by or "outside"),
        ("chain", "text", lambda row: row.made_at or ""),
        ("sha256", "text", lambda row: row.sha256),
    ]
    return _table(rows, specs, lambda row: links.to_files(run, row.directory, row.name) if row.made_by else None)


def versions(run: str, rows: Sequence[VersionRow]) -> Table:
    """Return a table of versions of files; a row leads to the version."""
    specs: list[Spec[VersionRow]] = [
        ("file", "text", lambda row: row.name),
        ("directory", "text", lambda row: row.directory),
        ("verdict", "verdict", lambda row: row.verdict),
        ("type", "text", lambda row: row.type),
        ("size", "bytes", lambda row: row.size_bytes),
        ("version", "text", lambda row: f"{row.version} of {row.versions}"),
        ("made [UTC]", "text", lambda row: words.when(row.made)),
        ("by", "text", lambda row: row.path),
        ("port", "text", lambda row: row.port),
        ("sha256", "text", lambda row: row.sha256),
    ]
    return _table(rows, specs, lambda row: links.to_files(run, row.directory, row.name, row.version))


def directories(run: str, rows: Sequence[DirectoryRow]) -> Table:
    """Return a table of working directories."""
    specs: list[Spec[DirectoryRow]] = [
        ("directory", "text", lambda row: row.directory),
        ("files", "count", lambda row: row.files),
        ("versions", "count", lambda row: row.versions),
        ("size", "bytes", lambda row: row.size_bytes),
    ]
    return _table(rows, specs, lambda row: links.to_files(run, row.directory))


def readers(run: str, rows: Sequence[Any]) -> Table:
    """Return a table of tasks that read a file."""
    specs: list[Spec[Any]] = [
        ("read by", "text", lambda row: row.path),
        ("type", "text", lambda row: row.type),
        ("port", "text", lambda row: row.port),
        ("try", "count", lambda row: row.number + 1),
        ("chain", "text", lambda row: row.source),
    ]
    return _table(rows, specs, lambda row: links.to_task(run, row.path))


def emitted(rows: Sequence[EmittedRow]) -> Table:
    """Return a table of metadata."""
    specs: list[Spec[EmittedRow]] = [
        ("name", "text", lambda row: row.name),
        ("value", "text", lambda row: words.value(row.value)),
        ("unit", "text", lambda row: row.unit),
    ]
    return _table(rows, specs, _nowhere)


def settings(given: dict[str, Any]) -> Table:
    """Return a table of settings, those of groups with the names of these before theirs."""
    rows = list(_flat(given, ""))
    specs: list[Spec[tuple[str, Any]]] = [
        ("name", "text", lambda row: row[0]),
        ("value", "text", lambda row: words.value(row[1])),
    ]
    return _table(rows, specs, _nowhere)


def _flat(given: dict[str, Any], before: str) -> Iterable[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def criteria(rows: Sequence[CriterionRow]) -> Table:
    """Return a table of what quality control judged, with what was not met first."""
    order = {"fail": 0, "warn": 1}
    specs: list[Spec[CriterionRow]] = [
        ("result", "verdict", lambda row: row.result),
        ("quantity", "text", lambda row: row.quantity),
        ("value", "text", lambda row: words.value(row.value)),
        ("bound", "text", lambda row: words.bound(row.bound)),
        ("unit", "text", lambda row: row.unit),
        ("criterion", "text", lambda row: row.name),
        ("if not met", "text", lambda row: row.severity),
    ]
    return _table(sorted(rows, key=lambda row: order.get(row.result, 2)), specs, _nowhere)


# --------------------------------------------------------------------------------------------------------------------
# Messages and outcomes


def messages(run: str, rows: Sequence[MessageRow], *, of_task: bool = False) -> Table:
    """Return a table of lines of logs, of one task or of a run."""
    place: list[Spec[MessageRow]] = [("task", "text", lambda row: row.path), ("chain", "text", lambda row: row.chain)]
    specs: list[Spec[MessageRow]] = [
        ("time [UTC]", "text", lambda row: row.time[:23].replace("T", " ")),
        ("severity", "severity", lambda row: row.severity),
        *([] if of_task else place[:1]),
        ("text", "text", _said),
        ("try", "text", lambda row: f"{row.step} {row.number + 1}"),
        ("logger", "text", lambda row: row.source),
        *([] if of_task else place[1:]),
    ]
    return _table(rows, specs, _nowhere if of_task else lambda row: links.to_task(run, row.path))


def _said(row: MessageRow) -> str:
    return row.text if row.fraction is None else f"{100 * row.fraction:.0f} % {row.text}"


def outcomes(run: str, table: OutcomeTable) -> Table:
    """Return a table of what a run found, with numbers as numbers."""
    columns = []
    for head, unit, values in zip(table.columns, table.units, zip(*(row.values for row in table.rows)), strict=True):  # noqa: B905 - rows of one table are equally long
        kind = head if head in {"verdict", "outcome"} else "number" if _numbers(values) else "text"
        shown = [_cell(kind, value) for value in values]
        columns.append(Column(words.with_unit(words.line(head), words.line(unit)), kind, shown))
    return Table(tuple(columns), tuple(links.to_task(run, row.path) for row in table.rows))


def _cell(kind: str, given: Any) -> Any:
    if kind == "number":
        return given
    if kind in {"verdict", "outcome"}:
        return [words.value(given)] if given is not None else []
    return None if given is None else words.value(given)


def _numbers(values: Iterable[Any]) -> bool:
    return all(value is None or (isinstance(value, (int, float)) and not isinstance(value, bool)) for value in values)
