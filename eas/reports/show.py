"""`eas show`: the runs, one run, or one task; and waiting for a run to end."""

from __future__ import annotations

import argparse
import sys
import time
from typing import TYPE_CHECKING, Any

from eas import text
from eas.display import clock
from eas.reports import task
from eas.reports.common import (
    Reading,
    add_run,
    answer,
    counts,
    cut,
    going_on,
    known_path,
    more,
    opened,
    paint,
    place_of_files,
    reading,
    section,
    states_in,
    table,
    waiting,
    when,
)
from eas.terminal import OK, THIS_MACHINE, WRONG_INPUT, WRONG_USE, add_verb, fail, positive, say
from eas_worker.usage import now

if TYPE_CHECKING:
    from eas_provenance.queries import Page, RunRow, TypeRow

_RUN_STATES = ("running", "succeeded", "failed", "cancelled", "interrupted")
_STATES = ("waiting", "running", "interrupted", "succeeded", "failed", "error", "blocked", "skipped", "cancelled")

"""The site of runs that an engine on this machine worked on."""
_LOOK_S = 0.5
_MOST = 10


def register(verbs: Any) -> None:
    """Add the verb."""
    one = add_verb(verbs, "show", _show, "show the runs, a run, or a task of it")
    add_run(one, path="a task of the run, as /t0[size=3]/t1")
    one.add_argument("--state", action="append", default=[], choices=_RUN_STATES, help="list runs in this state alone")
    one.add_argument("--limit", type=positive, default=20, metavar="N", help="how many runs to list (default: 20)")
    one.add_argument("--wait", action="store_true", help="wait until the run has ended; exit status 1 if it failed")


def _show(arguments: argparse.Namespace) -> int:
    if arguments.wait:
        return _wait(arguments)
    if arguments.run is None:
        return _runs(arguments)
    with reading(arguments) as found:
        if arguments.path is None:
            return _run(arguments, found)
        path = known_path(found, arguments.path)
        return task.show(arguments, found, path)


# ---------------------------------------------------------------------------------------------------------------------
# All runs


def _runs(arguments: argparse.Namespace) -> int:
    from eas_provenance.queries import RunFilter, runs

    with opened(arguments) as (_, database), database.session() as session:
        page = runs(session, RunFilter(tuple(arguments.state)), limit=arguments.limit)
    return answer(arguments, lambda: _listing(page), lambda: [_summary(row) for row in page.rows])


def _listing(page: Page[RunRow]) -> str:
    if not page.rows:
        return "no run"
    head = ["run", "state", "started (UTC)", "time", "done", "of", "failed", "chain"]
    rows = [
        [
            row.name,
            row.state,
            when(row.started),
            clock(row.duration_s(now())),
            f"{row.done:,}",
            expected(row.at_least, row.at_most),
            f"{row.failed:,}" if row.failed else "·",
            cut(row.source, 50),
        ]
        for row in page.rows
    ]
    listed = table(head, rows, [row.state for row in page.rows])
    return "\n".join([listed, *more(page.left, "runs", "--limit")])


def expected(at_least: int, at_most: int | None) -> str:
    """Write how many tasks there will be."""
    if at_most is None:
        return f"{at_least:,}+"
    return f"{at_least:,}" if at_least == at_most else f"{at_least:,}-{at_most:,}"


def _summary(row: RunRow) -> dict[str, Any]:
    return {**row._asdict(), "seconds": round(row.duration_s(now()), 3), "done": row.done, "failed": row.failed}


# ---------------------------------------------------------------------------------------------------------------------
# A run


def _run(arguments: argparse.Namespace, found: Reading) -> int:
    from eas_provenance.queries import failures, left_s, type_rows

    run = found.run
    rows = type_rows(found.session, run.id)
    types = tuple(one._replace(states=states_in(run, one.states)) for one in rows)
    wrong = failures(found.session, run.id, limit=_MOST, examples=1)
    left = None if run.is_over else left_s(types, run.duration_s(now()))
    folder = place_of_files(arguments, found)
    waits = waiting(arguments, run)

    fresh = freshness_of(found, run)

    def as_text() -> str:
        parts = ["\n".join([_head(run, left), *fresh]), table_of_types(types)]
        lines = [
            cut(f"{one.tasks:,} of {one.type} ({one.source}) {one.state}: {one.examples[0].task.message or one.reason}")
            for one in wrong.groups
        ]
        lines += more(wrong.kinds - len(wrong.groups), "reasons", f"eas errors {run.name}")
        parts += section("what is waited for", "\n".join(map(cut, waits)))
        parts += section("what went wrong", "\n".join(lines))
        flow = [cut(f"{one.path}: {one.message}") for one in wrong.problems[:_MOST]]
        flow += more(len(wrong.problems) - _MOST, "problems", f"eas errors {run.name}")
        parts += section("flow control that could not go on", "\n".join(flow))
        return "\n\n".join([*parts, text.safe(f"files: {folder}")])

    def as_data() -> dict[str, Any]:
        return {
            **_summary(run),
            "is_alive": not run.is_interrupted,
            "followed": followed(found, run),
            "seconds_left": left,
            "types": [{**one._asdict(), "done": one.done} for one in types],
            "errors": wrong.groups,
            "problems": wrong.problems,
            "waiting": waits,
            "files": folder,
        }

    return answer(arguments, as_text, as_data)


def followed(found: Reading, run: RunRow) -> dict[str, Any] | None:
    """Return who follows the site of a run, and how late its rows are [s]; None for one of this machine."""
    from eas_provenance.lease import freshness_of_run

    fresh = freshness_of_run(found.session, run.id)
    return fresh._asdict() if fresh is not None else None


def freshness_of(found: Reading, run: RunRow) -> list[str]:
    """Return a line that says how fresh what is known of a run is, if a cluster has to be followed for it."""
    from eas_provenance.lease import freshness_of_run
    from eas_provenance.queries.clock import seconds

    fresh = freshness_of_run(found.session, run.id)
    if fresh is None or run.is_over:
        return []
    heard = f"{clock(seconds(fresh.seen, now()) or 0.0)} ago" if fresh.seen else "never"
    if not fresh.owner:
        return [text.safe(f"nobody follows {run.site} now, last heard {heard}; `eas sync --site {run.site}` does")]
    late = f", rows {fresh.lag_s:.1f} s late" if fresh.lag_s is not None else ""
    wrong = f"; {fresh.message}" if fresh.message else ""
    return [cut(f"followed by {fresh.owner}, last heard {heard}{late}{wrong}")]


def _head(run: RunRow, left: float | None) -> str:
    took = f"{'after' if run.is_over else 'for'} {clock(run.duration_s(now()))}"
    ahead = f", about {clock(left)} left" if left is not None else ""
    lines = [paint(text.safe(f"run {run.name} {run.state} {took}{ahead}: {counts(run.states)}"), run.state)]
    if run.is_interrupted:
        lines.append(text.safe(how_it_goes_on(run)))
    if run.message:
        lines.append(cut(run.message))
    about = f"{run.source}, started {when(run.started)} UTC by {run.user} on {run.host} ({run.site}), EAS {run.version}"
    lines.append(text.safe(about))
    if run.tags:
        lines.append(text.safe(f"tags: {', '.join(run.tags)}"))
    return "\n".join(lines)


def table_of_types(types: tuple[TypeRow, ...]) -> str:
    """Return a table of task types against states, with how many tasks are expected."""
    states = [state for state in _STATES if any(one.states.get(state) for one in types)]
    rows = [
        [one.type, expected(one.at_least, one.at_most), *(_count(one.states.get(state, 0)) for state in states)]
        for one in types
    ]
    words = ["failed" if one.states.get("failed", 0) + one.states.get("error", 0) else "" for one in types]
    return table(["task type", "expected", *states], rows, words)


def how_it_goes_on(run: RunRow) -> str:
    """Say how a run goes on that was interrupted."""
    if run.site != THIS_MACHINE:
        return f"{run.name} is not on {run.site} any more; what is known of it stays"
    return f"nobody works on {run.name} any more; `eas run --resume {run.name}` goes on with it"


def _count(number: int) -> str:
    return f"{number:,}" if number else "·"


# ---------------------------------------------------------------------------------------------------------------------
# Waiting


def _wait(arguments: argparse.Namespace) -> int:
    from eas_provenance.queries import run_by_id

    if arguments.path is not None:
        return fail("a run is waited for, no task of it", WRONG_USE)
    with reading(arguments) as found:
        run, store, database = found.run, found.store, found.database
    arguments.run, last = run.name, ""
    with opened(arguments) as (store, database), going_on(arguments, database) as tell_hindrances:
        while not run.is_over and store.may_go_on(run.name):
            last = _progress(run, last)
            tell_hindrances(run)
            time.sleep(_LOOK_S)
            with database.session() as session:
                run = run_by_id(session, run.id) or run
    with reading(arguments) as found:  # once more, as the engine may have died and left something
        _run(arguments, found)
        run = found.run
    if run.is_interrupted:
        say(text.safe(how_it_goes_on(run)))
    return OK if run.state == "succeeded" else WRONG_INPUT


def _progress(run: RunRow, last: str) -> str:
    """Write how far a run is, when that has changed."""
    line = counts(run.states)
    if line != last:
        sys.stderr.write(f"{clock(run.duration_s(now()))}  {line}\n")
        sys.stderr.flush()
    return line
