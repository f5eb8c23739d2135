"""Measure how fast rows get into the database, against `sqlite3.executemany` of the same rows into the same schema.

Tasks and their attempts are written in batches of one transaction, to files with write-ahead logs. The database gets
them as its users have them, as dicts. sqlite3 wants tuples, with JSON as text; its speed is told without the time that
it takes to make them, and with it. The two take turns, so that other work on the machine slows both.
"""

import argparse
import json
import sqlite3
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple, Self

from eas_provenance.database import Database
from eas_provenance.tables import Attempt, Document, Table, Task

Row = dict[str, Any]
Batch = dict[type[Table], list[Row]]
Statements = list[tuple[str, list[tuple[Any, ...]]]]


class Taken(NamedTuple):
    """Time that something took: on the clock, and of the processor [s]."""

    elapsed_s: float
    used_s: float


class Clock:
    """Measures the time of a block."""

    def __enter__(self) -> Self:
        self._start = time.perf_counter(), time.thread_time()
        return self

    def __exit__(self, *_: object) -> None:
        elapsed, used = self._start
        self.taken = Taken(time.perf_counter() - elapsed, time.thread_time() - used)


def task(number: int) -> Row:
    """Return a task as the sync has it."""
    return {
        "run_id": 1,
        "path": f"/transits[{number}]/detrend",
        "position": f"/transits[{number:08}]/detrend",
        "type": "detrend",
        "name": "detrend",
        "job_name": "kepler",
        "directory": f"transits/{number}",
        "source": "chain.json:12:7",
        "indices": {"target": number},
        "variables": {"target": f"KIC {number:08}", "period": 1.5 + number / 7},
        "settings": {"window": 0.75, "method": "median", "target": f"KIC {number:08}"},
        "state": "succeeded",
        "verdict": "pass",
        "message": "",
        "started": "2026-11-21T12:00:00.125Z",
        "ended": "2026-11-21T12:00:03.625Z",
    }


def attempt(number: int) -> Row:
    """Return its attempt."""
    return {
        "run_id": 1,
        "path": f"/transits[{number}]/detrend",
        "step": "run",
        "number": 0,
        "type": "detrend",
        "node": f"run-1-{number:010}",
        "phase": "Succeeded",
        "exit_code": 0,
        "message": "",
        "traceback": "",
        "queued": "2026-11-21T12:00:00.000Z",
        "started": "2026-11-21T12:00:00.125Z",
        "ended": "2026-11-21T12:00:03.625Z",
        "wall_s": 3.5,
        "cpu_s": 3.25,
        "cpu_children_s": 0.0,
        "peak_memory_bytes": 123_456_789,
        "cpu_request": 1.0,
        "memory_request_bytes": 1_000_000_000,
        "host": "node-7",
        "threads": 1,
    }


def begin(file: Path) -> Database:
    """Make a database with the run of all rows."""
    database = Database.open(file)
    with database.writing() as batch:
        batch.put(Document, [{"sha256": "0", "kind": "chain", "content": b"{}"}])
        run = dict.fromkeys(
            ("name", "uid", "job_name", "site", "state", "source", "version", "user", "host", "started"), ""
        )
        batch.put_run(run | {"chain_sha256": "0", "workflow_sha256": "0", "parameters": {}, "subject": {}})
    return database


def prepared(rows: Batch) -> Statements:
    """Return the statements of sqlite3 for the same rows."""
    statements = []
    for table, some in rows.items():
        names, marks = ", ".join(some[0]), ", ".join("?" for _ in some[0])
        values = [tuple(json.dumps(one) if isinstance(one, dict) else one for one in row.values()) for row in some]
        statements.append((f"INSERT INTO {table.__tablename__} ({names}) VALUES ({marks})", values))  # noqa: S608 - as above
    return statements


def with_eas(database: Database, rows: Batch) -> Taken:
    """Return how long the database takes."""
    with Clock() as clock, database.writing() as batch:
        for table, some in rows.items():
            batch.put(table, some)
    return clock.taken


def with_sqlite3(connection: sqlite3.Connection, statements: Statements) -> Taken:
    """Return how long sqlite3 takes."""
    with Clock() as clock, connection:
        for statement, values in statements:
            connection.executemany(statement, values)
    return clock.taken


def main() -> None:
    """Print how many rows a second either writes, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000, help="tasks, each with an attempt (default: %(default)s)")
    parser.add_argument("--batch", type=int, default=1_000, help="tasks in a transaction (default: %(default)s)")
    given = parser.parse_args()
    eas: list[Taken] = []
    bare: list[Taken] = []
    making: list[Taken] = []
    with tempfile.TemporaryDirectory() as folder:
        begin(Path(folder, "bare.db")).close()
        connection = sqlite3.connect(Path(folder, "bare.db"))
        connection.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON")
        with begin(Path(folder, "eas.db")) as database:
            for first in range(0, given.tasks, given.batch):
                numbers = range(first, min(first + given.batch, given.tasks))
                rows: Batch = {Task: [task(one) for one in numbers], Attempt: [attempt(one) for one in numbers]}
                with Clock() as clock:
                    statements = prepared(rows)
                making.append(clock.taken)
                if first // given.batch % 2:  # what comes first has colder caches
                    bare.append(with_sqlite3(connection, statements))
                    eas.append(with_eas(database, rows))
                else:
                    eas.append(with_eas(database, rows))
                    bare.append(with_sqlite3(connection, statements))
        connection.close()
    made = [Taken(*map(sum, zip(one, other, strict=True))) for one, other in zip(bare, making, strict=True)]
    for title, taken in (("eas", eas), ("sqlite3", bare), ("sqlite3 with making tuples", made)):
        elapsed, used = (
            statistics.median(one[at] / other[at] for one, other in zip(taken, eas, strict=True)) for at in (0, 1)
        )
        speed = 2 * given.tasks / sum(one.elapsed_s for one in taken)
        print(f"{title:27}{speed:10,.0f} rows a second; eas has {elapsed:.2f} of that, {used:.2f} by processor time")


if __name__ == "__main__":
    main()
