"""A task: all that is known of it."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eas import text
from eas.reports import tree
from eas.reports.common import (
    Reading,
    amount,
    answer,
    cut,
    gigabytes,
    lines,
    paint,
    section,
    shown,
    state_in,
    table,
    unit,
    when,
)
from eas.reports.reasons import Reason, reason

if TYPE_CHECKING:
    from eas_provenance.queries import AttemptRow, CriterionRow, MessageRow, Page, TaskDetails, TaskRow

_LOG_LINES = 10
_TRACEBACK_LINES = 30


def show(arguments: argparse.Namespace, found: Reading, path: str) -> int:
    """Show a task; where several stand beneath a path, their tree."""
    from eas_provenance.queries import MessageFilter, last_messages, task

    details = task(found.session, found.run.id, path)
    if details is None:
        return tree.show(arguments, found, path)
    said = last_messages(found.session, found.run.id, MessageFilter(path), limit=_LOG_LINES)
    details = details._replace(task=details.task._replace(state=state_in(found.run, details.task.state)))
    cause = reason(found.session, found.run, details)
    return answer(arguments, lambda: as_text(details, said, cause), lambda: as_data(details, said, cause))


def as_data(details: TaskDetails, said: Page[MessageRow], cause: Reason | None = None) -> dict[str, Any]:
    """Return a task for programs."""
    return {
        **details.task._asdict(),
        "reason": cause,
        "settings": details.settings,
        "attempts": [
            {**one._asdict(), "queue_s": one.queue_s, "efficiency": one.efficiency} for one in details.attempts
        ],
        "inputs": details.inputs,
        "outputs": details.outputs,
        "metadata": {one.name: {"value": one.value, "unit": one.unit} for one in details.emitted},
        "criteria": details.criteria,
        "log": said.rows,
        "log_lines": said.total,
    }


def as_text(details: TaskDetails, said: Page[MessageRow], cause: Reason | None = None) -> str:
    """Return a task for people."""
    parts = ["\n".join([_head(details.task), *([text.safe(str(cause))] if cause is not None else [])])]
    parts += section("tries", table(_TRY, [_try(one) for one in details.attempts], map(_word, details.attempts)))
    parts += section("traceback", "\n".join(lines(details.traceback, _TRACEBACK_LINES)) if details.traceback else "")
    parts += section("quality control", criteria(details.criteria))
    parts += section("inputs", _inputs(details))
    parts += section("outputs", _outputs(details))
    parts += section("settings", _named(details.settings))
    emitted = [[unit(one.name, one.unit), shown(one.value)] for one in details.emitted]
    parts += section("metadata", table(["name", "value"], emitted))
    left = said.total - len(said.rows)
    title = f"log (the last {len(said.rows)} of {said.total} lines; all: eas logs)" if left else "log"
    log = [f"{when(one.time)} {text.safe(one.severity)}: {cut(one.text)}" for one in said.rows]
    parts += section(title, "\n".join(map(paint, log, (one.severity for one in said.rows))))
    return "\n\n".join(parts)


def _head(task: TaskRow) -> str:
    verdict = f" ({task.verdict})" if task.verdict and task.verdict != task.state else ""
    name = f" {task.name}" if task.name else ""
    written = [paint(text.safe(f"{task.path}{name}: {task.type} {task.state}{verdict}"), task.state)]
    written.append(text.safe(task.source))
    if task.message:
        written.append(cut(task.message))
    if task.variables:
        written.append(text.safe(", ".join(f"{key} = {shown(value)}" for key, value in task.variables.items())))
    if task.started:
        written.append(f"from {when(task.started)} to {when(task.ended)} UTC, in {text.safe(task.directory)}")
    return "\n".join(written)


_TRY = [
    *("step", "try", "phase", "exit", "queue [s]", "wall [s]", "cpu [s]", "children [s]", "used of cores [%]"),
    *("cores", "peak [GB]", "of [GB]", "host", "message"),
]


def _try(one: AttemptRow) -> list[str]:
    return [
        one.step,
        str(one.number),
        one.phase,
        amount(one.exit_code, "d"),
        amount(one.queue_s),
        amount(one.wall_s),
        amount(one.cpu_s),
        amount(one.cpu_children_s),
        amount(None if one.efficiency is None else 100 * one.efficiency, ".0f"),
        amount(one.cpu_request),
        gigabytes(one.peak_memory_bytes),
        gigabytes(one.memory_request_bytes),
        one.host,
        cut(one.message, 60),
    ]


def _word(one: AttemptRow) -> str:
    return "failed" if one.phase in ("Failed", "Error") else ""


def criteria(judged: Sequence[CriterionRow]) -> str:
    """Return a table of criteria, each with its value, its bound and what came of it."""
    head = ["criterion", "value", "bound", "unit", "result", "what it is"]
    rows = [
        [one.name, shown(one.value), bound(one.bound), one.unit or "·", one.result, cut(one.quantity, 60)]
        for one in judged
    ]
    return table(head, rows, ["failed" if one.result == "fail" else one.result for one in judged])


def bound(given: dict[str, Any]) -> str:
    """Write the bound of a criterion."""
    if "equals" in given:
        return f"= {shown(given['equals'])}"
    low, high = (given.get(name) for name in ("minimum", "maximum"))
    if low is not None and high is not None:
        return f"{shown(low)} to {shown(high)}"
    return f"≥ {shown(low)}" if low is not None else f"≤ {shown(high)}" if high is not None else "·"


def _inputs(details: TaskDetails) -> str:
    rows = [
        [
            one.port,
            str(one.number),
            f"{one.directory}/{one.name}",
            one.made_by or "·",
            one.made_at or "·",
            one.sha256[:12],
        ]
        for one in details.inputs
    ]
    return table(["port", "try", "file", "made by", "at", "sha256"], rows)


def _outputs(details: TaskDetails) -> str:
    head = ["port", "try", "file", "version", "type", "size [B]", "verdict", "sha256"]
    rows = [
        [
            one.port,
            str(one.number),
            f"{one.directory}/{one.name}",
            f"{one.version} of {one.versions}",
            one.type,
            str(one.size_bytes),
            one.verdict or "·",
            one.sha256[:12],
        ]
        for one in details.outputs
    ]
    if any(one.verdict == "replaced" for one in details.outputs):
        return f"{table(head, rows)}\nof what was replaced there are the checksum and the record, not the file"
    return table(head, rows)


def _named(values: dict[str, Any], above: str = "") -> str:
    return table(["name", "value"], _flat(values, above))


def _flat(values: dict[str, Any], above: str) -> list[list[str]]:
    """Return settings as rows; those inside of others by both names."""
    rows: list[list[str]] = []
    for name, value in values.items():
        rows += _flat(value, f"{above}{name}.") if isinstance(value, dict) else [[above + name, shown(value)]]
    return rows
