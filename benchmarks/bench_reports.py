"""Measure how long queries take in a database of many tasks: each should be answered within a second.

Each task has a try of its program, one of its gate, and a line in its log. Times are those of one query each.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sqlmodel import Session

from eas_provenance import queries
from eas_provenance.database import Database
from eas_provenance.queries import MessageFilter, TaskFilter

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.provenance import filled

LIMIT_S = 1.0
PATH = "/t0[size=3]/t0[period=7]/t2"


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


def main() -> None:
    """Print a line for each query."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000, help="how many (default: %(default)s)")
    parser.add_argument("--url", help="a database to fill instead of a file of SQLite")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database.open(arguments.url or Path(folder) / "eas.db")
        run_id = filled.fill_big(database, arguments.tasks)
        with database.session() as session:
            for name, ask in cases(session, run_id).items():
                start = time.perf_counter()
                ask()
                seconds = time.perf_counter() - start
                print(f"{name:36} {1000 * seconds:7.0f} ms{'  too slow' * (seconds > LIMIT_S)}")
        database.close()


if __name__ == "__main__":
    main()
