"""What reports share: the run that is meant, text or JSON, amounts with their units, and colours on terminals alone."""

from __future__ import annotations

import argparse
import csv
import io
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from eas import text
from eas.terminal import OK, OUTSIDE, WRONG_INPUT, add_json, add_store, fail, kept, say, write
from eas_argo.cluster.profile import Profile

if TYPE_CHECKING:
    from sqlmodel import Session

    from eas_provenance.database import Database
    from eas_provenance.queries import RunRow
    from eas_provenance.repository import Directory
    from eas_provenance.s3 import Bucket
    from eas_provenance.store import Store

WIDTH = 160
"""What a line is cut to, where it stands for a longer one."""
_HINDRANCES_S = 10.0
"""How often it is looked for what hinders a run that is waited for [s]."""
_RED, _YELLOW, _CYAN, _GREEN = 31, 33, 36, 32
_COLOURS = {
    "failed": _RED,
    "error": _RED,
    "critical": _RED,
    "interrupted": _YELLOW,
    "blocked": _YELLOW,
    "cancelled": _YELLOW,
    "warning": _YELLOW,
    "warn": _YELLOW,
    "running": _CYAN,
    "succeeded": _GREEN,
}


class Reading(NamedTuple):
    """Where a report reads: a session, the run that is meant, and the store that its files are in."""

    session: Session
    run: RunRow
    store: Store
    database: Database


def add_run(parser: argparse.ArgumentParser, *, path: str = "") -> None:
    """Add the arguments of a report on a run; with `path`, which says what for, also one for a path of its tasks."""
    name = "the name of a run, or how it alone begins (default: the newest)"
    parser.add_argument("run", nargs="?", metavar="RUN", help=name)
    if path:
        parser.add_argument("path", nargs="?", type=path_of_tasks, metavar="PATH", help=path)
    add_store(parser)
    add_json(parser)


def path_of_tasks(given: str) -> str:
    """Read a path of tasks; `/` has all of them beneath it."""
    if not given.startswith("/"):
        raise argparse.ArgumentTypeError(f"a path begins with /, as /t0[size=3]/t1, not {given!r}")
    return given


@contextmanager
def opened(arguments: argparse.Namespace) -> Iterator[tuple[Store, Database]]:
    """Open what is kept of runs; leave when there is nothing, without making anything."""
    if arguments.db is None and not arguments.store.is_dir():
        raise SystemExit(fail(f"there is no store {arguments.store} yet; `eas run` makes one", OUTSIDE))
    with kept(arguments) as (store, database):
        keep_up(arguments, database)
        yield store, database


def keep_up(arguments: argparse.Namespace, database: Database) -> None:
    """Let the database know what has happened on a cluster, unless somebody follows it anyway."""
    if isinstance(arguments.site, Profile):
        from eas.following import keep_up as follow_once

        for problem in follow_once(arguments.site, database, lambda line: say(text.safe(line))):
            say(text.safe(f"{problem}; this is what was known before"))


@contextmanager
def going_on(arguments: argparse.Namespace, database: Database) -> Iterator[Callable[[RunRow], None]]:
    """Follow a cluster until the end of the block; what happens on this machine is followed by whoever works on it.

    What is given is to be called while a run is waited for: it says what hinders it.
    """
    if not isinstance(arguments.site, Profile):
        yield lambda _: None
        return
    from eas.following import following

    with following(arguments.site, database) as there:
        yield Hindrances(lambda run: [*filter(None, [text.safe(there.problem)]), *waiting(arguments, run)]).tell


class Hindrances:
    """Says what hinders a run: looks for it every now and then, and says each thing once as long as it stays."""

    def __init__(self, ask: Callable[[RunRow], list[str]], clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._told: list[str] = []
        self._next_s = clock() + _HINDRANCES_S

    def tell(self, run: RunRow) -> None:
        """Say what is new, if it is time."""
        if self._clock() < self._next_s:
            return
        found = self._ask(run)
        for line in found:
            if line not in self._told:
                say(line)
        self._told, self._next_s = found, self._clock() + _HINDRANCES_S


def waiting(arguments: argparse.Namespace, run: RunRow) -> list[str]:
    """Return why pods of a run on a cluster do not begin."""
    if run.is_over or run.is_interrupted or not isinstance(arguments.site, Profile):
        return []
    from eas.following import why_it_waits

    return [text.safe(line) for line in why_it_waits(arguments.site, run.name)]


def place_of_files(arguments: argparse.Namespace, found: Reading) -> str:
    """Return where the files of a run are."""
    prefix = f"{found.run.name}-{found.run.uid}"
    if isinstance(arguments.site, Profile):
        return f"s3://{arguments.site.bucket.name if arguments.site.bucket else '?'}/{prefix}"
    return str(found.store.files.folder / prefix)


def repository(arguments: argparse.Namespace, found: Reading) -> Bucket | Directory:
    """Return the repository that has the files of a run."""
    if not isinstance(arguments.site, Profile):
        return found.store.files
    from eas.syncing import bucket

    return bucket(arguments.site)


def split_run(arguments: argparse.Namespace) -> None:
    """Take `RUN/t0/t1` for a run and a path of its tasks."""
    if "path" in arguments and arguments.path is None and "/" in (arguments.run or ""):
        arguments.run, slash, path = arguments.run.partition("/")
        arguments.path = slash + path


@contextmanager
def reading(arguments: argparse.Namespace) -> Iterator[Reading]:
    """Give what a report on a run reads; leave when no run is meant by what was given."""
    from eas_provenance.queries import UnknownRunError, find_run

    split_run(arguments)
    with opened(arguments) as (store, database), database.session() as session:
        try:
            run = find_run(session, arguments.run)
        except UnknownRunError as error:
            raise SystemExit(fail(text.safe(str(error)), WRONG_INPUT)) from error
        yield Reading(session, as_it_is(session, run, store), store, database)


def as_it_is(session: Session, run: RunRow, store: Store) -> RunRow:
    """Return a run; one that should be running, but on which nobody works, as interrupted."""
    from eas_provenance.queries import interrupted

    if not run.is_over and not store.may_go_on(run.name):
        run = interrupted(session, run)
    return run._replace(states=states_in(run, run.states))


def states_in(run: RunRow, states: dict[str, int]) -> dict[str, int]:
    """Return how many tasks of a run are in which state: nothing is running in one that was interrupted."""
    if not run.is_interrupted or "running" not in states:
        return states
    left = {state: number for state, number in states.items() if state not in ("running", "interrupted")}
    return left | {"interrupted": states["running"] + states.get("interrupted", 0)}


def state_in(run: RunRow, state: str) -> str:
    """Return the state of a task of a run."""
    return "interrupted" if run.is_interrupted and state == "running" else state


def known_path(found: Reading, path: str) -> str:
    """Return a path at or beneath which there are tasks; leave when there are none."""
    from eas_provenance.queries import TaskFilter, explain_unknown, tasks

    path = path.rstrip("/")
    if path and not tasks(found.session, found.run.id, TaskFilter(path), limit=1).rows:
        message = f"{found.run.name}: {explain_unknown(found.session, found.run.id, path)}"
        raise SystemExit(fail(text.safe(message), WRONG_INPUT))
    return path


def answer(arguments: argparse.Namespace, as_text: Callable[[], str], as_data: Callable[[], Any]) -> int:
    """Write a report for people or for programs."""
    write(json.dumps(plain(as_data()), indent=2) if arguments.json else as_text())
    return OK


def plain(value: Any) -> Any:
    """Return what queries found as JSON has it: tuples with names become objects, with what is computed left out."""
    if hasattr(value, "_asdict"):
        return {key: plain(member) for key, member in value._asdict().items()}
    if isinstance(value, dict):
        return {key: plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    return value


# ---------------------------------------------------------------------------------------------------------------------
# Text


def width() -> int:
    """Return how many columns the terminal has."""
    return shutil.get_terminal_size((100, 24)).columns


def paint(shown: str, word: str) -> str:
    """Return a text in the colour of a state, a verdict or a severity, when standard output is a terminal."""
    colour = _COLOURS.get(word)
    return f"\x1b[{colour}m{shown}\x1b[0m" if colour is not None and sys.stdout.isatty() else shown


def table(head: Sequence[str], rows: Sequence[Sequence[str]], words: Iterable[str] = ()) -> str:
    """Return a table, its rows in the colours of some words; without rows, nothing. A terminal gets what fits on it."""
    if not rows:
        return ""
    columns = len(head)
    while sys.stdout.isatty() and columns > 1 and _is_too_wide(head[:columns], [row[:columns] for row in rows]):
        columns -= 1
    lines = text.table(head[:columns], [row[:columns] for row in rows]).splitlines()
    left = len(head) - columns
    more = [f"({left} more {'column' if left == 1 else 'columns'}: with --json)"] if left else []
    return "\n".join([*lines[:2], *map(paint, lines[2:], [*words, *("" for _ in rows)]), *more])


def _is_too_wide(head: Sequence[str], rows: Sequence[Sequence[str]]) -> bool:
    return text.needed(head, rows) > shutil.get_terminal_size().columns


def section(title: str, body: str) -> list[str]:
    """Return a title and what stands beneath it as one part, or none without anything."""
    return [f"{title}:\n{indented(body)}"] if body else []


def indented(body: str) -> str:
    """Return a text moved to the right."""
    return "\n".join(f"  {line}" for line in body.splitlines())


def shown(value: Any, most: int = WIDTH) -> str:
    """Write a value in one line that is not too long."""
    written = json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict, bool)) else text.value(value)
    return cut(written, most)


def cut(line: str, most: int = WIDTH) -> str:
    """Return the first line of a text, its beginning when it is long, with all that terminals obey made visible."""
    first, _, more = line.partition("\n")
    whole = text.safe(first[: most + 1])
    return whole if len(whole) <= most and not more.strip() else whole[: most - 1] + "…"


def lines(said: str, most: int | None = None) -> list[str]:
    """Return the lines of a text with all that terminals obey made visible; of many, the last ones."""
    found = said.rstrip().split("\n")
    left = len(found) - most if most is not None else 0
    before = [f"… ({left} lines before)"] if left > 0 else []
    return [*before, *map(text.safe, found[max(left, 0) :])]


def unit(name: str, of: str) -> str:
    """Return the head of a column."""
    return f"{name} [{of}]" if of else name


def amount(value: float | None, form: str = ".4g") -> str:
    """Write a number, or that there is none."""
    return "·" if value is None else format(value, form)


def gigabytes(size_bytes: int | None) -> str:
    """Write an amount of memory in GB, which are 10^9 bytes as in the registry."""
    return amount(None if size_bytes is None else size_bytes / 1e9, ".3g")


def when(time: str | None) -> str:
    """Write a time as people read it."""
    return "·" if time is None else text.safe(f"{time[:10]} {time[11:19]}".rstrip())


def counts(states: dict[str, int]) -> str:
    """Write how many tasks are in which state."""
    return text.safe(
        ", ".join(f"{number:,} {state}" for state, number in sorted(states.items()) if number) or "no task"
    )


def more(left: int, what: str, how: str) -> list[str]:
    """Return a line that says how many were not shown, if any."""
    return [text.safe(f"… and {left:,} more {what}: {how}")] if left > 0 else []


def csv_text(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table as CSV: what is not there is empty, lists are JSON."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows([json.dumps(cell) if isinstance(cell, (list, dict)) else cell for cell in row] for row in rows)
    return stream.getvalue()
