"""`eas timings`: what tries cost, by task type or one by one."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from eas import text
from eas.reports.common import add_run, amount, answer, csv_text, gigabytes, more, plain, reading, table
from eas.terminal import OK, add_verb, positive, write

if TYPE_CHECKING:
    from eas_provenance.queries import AttemptRow, Page, TaskRow, TimingRow

_LIMIT = 100
_CSV_LIMIT = 1_000_000


def register(verbs: Any) -> None:
    """Add the verb."""
    one = add_verb(verbs, "timings", _timings, "show what tasks of a run cost: time, processor, memory")
    add_run(one)
    one.add_argument("--csv", action="store_true", help="write CSV")
    one.add_argument("--tasks", action="store_true", help="list the tries instead of the task types")
    one.add_argument("--type", metavar="TYPE", help="with --tasks: those of a task type alone")
    one.add_argument("--limit", type=positive, default=_LIMIT, metavar="N", help="tries (default: %(default)s)")


def _timings(arguments: argparse.Namespace) -> int:
    from eas_provenance.queries import TaskFilter, attempts, timings

    with reading(arguments) as found:
        if not arguments.tasks:
            rows = timings(found.session, found.run.id)
            data = [row._asdict() for row in rows]
            return _written(arguments, as_text(rows), data)
        limit = _CSV_LIMIT if arguments.csv else arguments.limit
        page = attempts(found.session, found.run.id, TaskFilter(type=arguments.type), limit=limit)
    listed = [] if arguments.csv else _tries(page)
    return _written(arguments, "\n".join(listed), [_as_data(*row) for row in page.rows])


def _written(arguments: argparse.Namespace, shown: str, data: list[dict[str, Any]]) -> int:
    if not arguments.csv:
        return answer(arguments, lambda: shown or "no try", lambda: data)
    head = list(data[0]) if data else []
    write(csv_text(head, [list(row.values()) for row in data]))
    return OK


def as_text(rows: tuple[TimingRow, ...]) -> str:
    """Return a table of task types for people."""
    head = [
        *("task type", "tries", "wall min [s]", "median [s]", "max [s]", "total [s]", "cpu [s]", "children [s]"),
        *("used of cores [%]", "peak [GB]", "of [GB]", "queue mean [s]", "max [s]"),
    ]
    return table(head, [_row(one) for one in rows])


def _row(one: TimingRow) -> list[str]:
    return [
        one.type,
        f"{one.attempts:,}",
        amount(one.wall_min_s),
        amount(one.wall_median_s),
        amount(one.wall_max_s),
        amount(one.wall_total_s),
        amount(one.cpu_total_s),
        amount(one.cpu_children_total_s),
        amount(None if one.efficiency is None else 100 * one.efficiency, ".0f"),
        gigabytes(one.peak_memory_bytes),
        gigabytes(one.memory_request_bytes),
        amount(one.queue_mean_s),
        amount(one.queue_max_s),
    ]


def _tries(page: Page[tuple[TaskRow, AttemptRow]]) -> list[str]:
    head = [
        *("path", "task type", "at", "try", "phase", "queue [s]", "wall [s]", "cpu [s]", "used of cores [%]"),
        *("peak [GB]", "of [GB]", "host"),
    ]
    rows = [
        [
            task.path,
            task.type,
            task.source,
            str(one.number),
            one.phase,
            amount(one.queue_s),
            amount(one.wall_s),
            amount(one.cpu_s),
            amount(None if one.efficiency is None else 100 * one.efficiency, ".0f"),
            gigabytes(one.peak_memory_bytes),
            gigabytes(one.memory_request_bytes),
            text.safe(one.host),
        ]
        for task, one in page.rows
    ]
    words = ["failed" if one.phase in ("Failed", "Error") else "" for _, one in page.rows]
    return [table(head, rows, words), *more(page.left, "tries", "--limit")]


def _as_data(task: TaskRow, one: AttemptRow) -> dict[str, Any]:
    left_out = ("path", "message", "traceback", "step")
    known = {name: value for name, value in plain(one).items() if name not in left_out}
    about = {"path": task.path, "type": task.type, "source": task.source, "state": task.state}
    return about | known | {"queue_s": one.queue_s, "efficiency": one.efficiency}
