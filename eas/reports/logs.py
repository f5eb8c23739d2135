"""`eas logs`: what programs and gates said, in the order of time."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from eas import text
from eas.reports.common import Reading, add_run, going_on, known_path, lines, paint, plain, reading
from eas.terminal import OK, add_verb, positive, say, write
from eas_argo.cluster.profile import Profile

if TYPE_CHECKING:
    from eas_provenance.queries import MessageFilter, MessageRow, RunRow

_TAIL = 1000
_MOST = 100_000
_LOOK_S = 0.5
_SEVERITIES = ("debug", "status", "info", "warning", "error", "critical")

Key = tuple[str, str, int, int]


def register(verbs: Any) -> None:
    """Add the verb."""
    one = add_verb(verbs, "logs", _logs, "show what programs and gates said")
    add_run(one, path="a task, or all beneath a path (default: all of the run)")
    one.add_argument("-f", "--follow", action="store_true", help="go on until the run has ended")
    one.add_argument("--severity", choices=_SEVERITIES, help="lines of this severity or a more serious one")
    one.add_argument("--step", choices=("run", "qc"), help="lines of programs (run) or of gates (qc) alone")
    one.add_argument(
        "--tail", type=positive, default=_TAIL, metavar="N", help="the last N lines (default: %(default)s)"
    )


def _logs(arguments: argparse.Namespace) -> int:
    from eas_provenance.queries import MessageFilter, at_least, last_messages

    with reading(arguments) as found:
        path = known_path(found, arguments.path or "")
        severities = at_least(arguments.severity) if arguments.severity else ()
        where = MessageFilter(path, severities, arguments.step)
        page = last_messages(found.session, found.run.id, where, limit=arguments.tail)
        pods = pods_of(arguments, found.run, where)
        if page.total > len(page.rows):
            say(f"{page.total - len(page.rows):,} lines before: --tail")
        _write(arguments, page.rows)
        shown = [row for row in pods() if not _is_known(row, page.rows)]
        _write(arguments, shown)
        if not (page.rows or shown or arguments.follow):
            say(text.safe(f"no line of {found.run.name} is among those that are asked for"))
        if arguments.follow:
            with going_on(arguments, found.database) as tell_hindrances:

                def pause() -> None:
                    tell_hindrances(found.run)
                    time.sleep(_LOOK_S)

                source = _with_pods(_source(found, where), pods, [*page.rows, *shown])
                for row in followed(source, [*page.rows, *shown], pause):
                    _write(arguments, [row])
    return OK


def _write(arguments: argparse.Namespace, rows: Iterable[MessageRow]) -> None:
    """Write lines as they come: for programs an object on a line each."""
    written = (json.dumps(plain(row)) if arguments.json else as_text(row) for row in rows)
    if joined := "\n".join(written):
        write(joined)


def as_text(row: MessageRow) -> str:
    """Return a line of a log for people; what has several lines has the others beneath the first."""
    fraction = f"{100 * row.fraction:.0f} % " if row.fraction is not None else ""
    head = f"{row.time[11:19]} {row.severity:8} {row.path} ({row.chain}) {row.step}.{row.number}: {fraction}"
    first, *others = lines(row.text)
    return paint("\n".join([text.safe(head) + first, *(f"    {line}" for line in others)]), row.severity)


Source = Callable[[], tuple[list["MessageRow"], bool]]
"""Gives lines, also such as it gave before; and tells whether there will be no more."""


def followed(source: Source, known: Iterable[MessageRow], pause: Callable[[], object]) -> Iterator[MessageRow]:
    """Yield new lines until a source says that it is over, each once."""
    seen: set[Key] = {row.cursor[1:] for row in known}
    while True:
        rows, is_over = source()
        for row in sorted(rows):
            if row.cursor[1:] not in seen:
                seen.add(row.cursor[1:])
                yield row
        if is_over:
            return
        pause()


def _source(found: Reading, where: MessageFilter) -> Source:
    """Return a source of the lines of a run.

    The database gets the lines of a try some time after others of the same time: so they are asked for from the start
    of the oldest try on that had not ended the last time.
    """
    from eas_provenance.queries import messages, oldest_running, run_by_id

    since = found.run.started

    def ask() -> tuple[list[MessageRow], bool]:
        nonlocal since
        with found.database.session() as session:
            run = run_by_id(session, found.run.id) or found.run
            is_over = run.is_over or not found.store.may_go_on(run.name)
            oldest = oldest_running(session, run.id)
            rows = list(messages(session, run.id, where, after=(since, "", "", -1, -1), limit=_MOST))
        since = min(oldest or rows[-1].time, rows[-1].time) if rows else oldest or since
        return rows, is_over

    return ask


# ---------------------------------------------------------------------------------------------------------------------
# On a cluster: what pods say before their records are in the bucket


def pods_of(arguments: argparse.Namespace, run: RunRow, where: MessageFilter) -> Callable[[], list[MessageRow]]:
    """Return what gives the lines that running pods of a run have said since the last time."""
    if run.is_over or not isinstance(arguments.site, Profile):
        return list
    from eas.speaking import Speech

    return Speech(arguments.site, run.name, where, say).lines


def _is_known(row: MessageRow, rows: Iterable[MessageRow]) -> bool:
    return any(_words(row) == _words(one) for one in rows)


def _words(row: MessageRow) -> tuple[str, str, int, str]:
    """Return what tells a line, whether a pod or its record says it."""
    return row.path, row.step, row.number, row.text


def _with_pods(ask: Source, pods: Callable[[], list[MessageRow]], known: Iterable[MessageRow]) -> Source:
    """Return a source that also gives what pods say, before the database knows it; each line once."""
    said = set(map(_words, known))

    def both() -> tuple[list[MessageRow], bool]:
        rows, is_over = ask()
        found = []
        for row in (*rows, *pods()):
            if _words(row) not in said:
                said.add(_words(row))
                found.append(row)
        return found, is_over

    return both
