"""Measure how long queries and whole reports take in a database of many tasks: each should be there within a second.

Each task has a try of its program, one of its gate, and a line in its log. Times are those of the processor: of a query
once, and of a report, which is a command of its own, also as a multiple of what a Python takes to start that does
nothing. The two take turns, and of each the least of some times counts, which other work disturbs least.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from sqlmodel import Session

from eas_provenance import queries
from eas_provenance.database import Database
from eas_provenance.queries import MessageFilter, TaskFilter

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.provenance import filled

LIMIT_S = 1.0
PATH = "/t0[size=3]/t0[period=7]/t2"
REPORTS = (
    "show",
    f"show {filled.BIG}",
    f"show {filled.BIG} {PATH}",
    "tree",
    "tree --depth 9",
    "errors",
    "outcomes",
    "timings",
    "timings --tasks",
    "logs",
    "logs --severity warning",
)
WHOLE = ("outcomes --csv", "timings --tasks --csv")
"""Those that write a line for every task."""


def cases(session: Session, run_id: int) -> dict[str, Callable[[], object]]:
    """Return what reports and pages ask."""
    last = queries.last_messages(session, run_id).rows[0].cursor
    return {
        "runs": lambda: queries.runs(session),
        "a run by the beginning of its name": lambda: queries.find_run(session, filled.BIG[:4]),
        "task types": lambda: queries.type_rows(session, run_id),
        "first tasks": lambda: queries.tasks(session, run_id),
        "last tasks": lambda: queries.tasks(session, run_id, offset=queries.tasks(session, run_id).total - 100),
        "tasks with a text": lambda: queries.tasks(session, run_id, TaskFilter(search="period=249")),
        "a task": lambda: queries.task(session, run_id, PATH),
        "tries": lambda: queries.attempts(session, run_id),
        "tries of a type": lambda: queries.attempts(session, run_id, TaskFilter(type="verify")),
        "tree": lambda: queries.tree(session, run_id),
        "tree of all": lambda: queries.tree(session, run_id, depth=9, limit=200),
        "tree of a branch": lambda: queries.tree(session, run_id, TaskFilter("/t0[size=3]")),
        "places": lambda: queries.places(session, run_id),
        "directories": lambda: queries.directories(session, run_id),
        "files": lambda: queries.files(session, run_id),
        "last lines": lambda: queries.last_messages(session, run_id),
        "last warnings": lambda: queries.last_messages(session, run_id, MessageFilter(severities=("warning",))),
        "lines of a branch": lambda: queries.last_messages(session, run_id, MessageFilter("/t0[size=3]")),
        "lines after one": lambda: queries.messages(session, run_id, after=last),
        "failures": lambda: queries.failures(session, run_id),
        "outcomes, a page": lambda: queries.outcomes(session, run_id, limit=100),
        "outcomes, all": lambda: queries.outcomes(session, run_id),
        "timings": lambda: queries.timings(session, run_id),
    }


def used_s(command: Sequence[str]) -> float:
    """Return the processor time that a command takes [s]."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def tell_reports(folder: Path, reports: Iterable[str], times: int) -> None:
    """Print what reports on a store take, as tables and as JSON."""
    for report in reports:
        for form in ((), ("--json",)) if "--csv" not in report else ((),):
            command = [sys.executable, "-m", "eas", *report.split(), *form, "--store", str(folder)]
            pairs = [(used_s(command), used_s([sys.executable, "-c", "pass"])) for _ in range(times)]
            eas, bare = map(min, zip(*pairs, strict=True))
            said = f"eas {' '.join([*report.split(), *form])}"
            print(f"{said:52} {1000 * eas:7.0f} ms {eas / bare:6.0f} x python", flush=True)


def main() -> None:
    """Print a line for each query and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000, help="how many (default: %(default)s)")
    parser.add_argument("--url", help="a database to fill instead of a file of SQLite; without reports")
    parser.add_argument("--times", type=int, default=3, help="how often each report is made (default: %(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(arguments.url or Path(folder) / "eas.db")
        run_id = filled.fill_big(database, arguments.tasks)
        with database.session() as session:
            for name, ask in cases(session, run_id).items():
                start = time.process_time()
                ask()
                seconds = time.process_time() - start
                print(f"{name:36} {1000 * seconds:7.0f} ms{'  too slow' * (seconds > LIMIT_S)}")
        database.close()
        if arguments.url is None:
            tell_reports(Path(folder), (*REPORTS, *WHOLE), arguments.times)


if __name__ == "__main__":
    main()
