"""Rows to fill databases with, and what is in them."""

from typing import Any

from sqlalchemy import MetaData, select
from sqlmodel import col

from eas_provenance.database import Database
from eas_provenance.tables import Attempt, Document, Emitted, Message, Run, Tag, Task, TaskType

Row = dict[str, Any]
GIB = 1 << 30
VALUES: tuple[Any, ...] = (None, True, 1, 1.0, 1e300, 2**80, "", "é\0", "1", [1], {})
"""Values of metadata."""


def run_row(name: str = "one", **fields: Any) -> Row:
    """Return a run of the document `0`."""
    texts = dict.fromkeys(("uid", "job_name", "site", "source", "version", "user", "host"), "x")
    given = {"name": name, "state": "running", "started": "2026-11-21T12:00:00Z", "parameters": {}, "subject": {}}
    return texts | given | {"chain_sha256": "0", "workflow_sha256": "0"} | fields


def task_row(run_id: int, path: str = "/a", **fields: Any) -> Row:
    """Return a task."""
    texts = dict.fromkeys(("type", "job_name", "directory", "source"), "x") | {"state": "running", "position": path}
    return {"run_id": run_id, "path": path, "indices": {}, "variables": {}, "settings": {}} | texts | fields


def begin(database: Database, name: str = "one") -> int:
    """Note a run, and return its number."""
    with database.writing() as batch:
        batch.put(Document, [{"sha256": "0", "kind": "chain", "content": b"\0\xff"}])
        return batch.put_run(run_row(name))


def fill(database: Database, name: str = "one") -> int:
    """Write a run with rows of all kinds of values, and return its number."""
    run_id = begin(database, name)
    key = {"run_id": run_id, "path": "/a"}
    attempt = {"step": "run", "number": 0, "type": "x", "node": "n", "phase": "Succeeded", "cpu_request": 0.5}
    message = {"step": "run", "number": 0, "time": "2026", "severity": "info", "source": "program"}
    types = {"image": "i", "cpu": 0.1, "gpu": 0, "memory_bytes": 5 * GIB, "at_least": 1}
    with database.writing() as batch:
        batch.put(Tag, [{"run_id": run_id, "tag": tag} for tag in ("b", "a", "ä")])
        batch.put(TaskType, [{"run_id": run_id, "type": "t"} | types])
        batch.put(Task, [task_row(run_id, f"/{one}", settings={"n": [1, None, {"x": "ü"}]}) for one in range(1200)])
        batch.put(Attempt, [key | attempt | {"memory_request_bytes": 5 * GIB, "wall_s": 1e-300, "cpu_s": 0.1 + 0.2}])
        batch.put(Emitted, [key | {"name": str(one), "value": one} for one in VALUES])
        batch.put(Message, [key | message | {"position": one, "text": f"line {one}\n\t\u2028"} for one in range(3)])
    return run_id


def content(database: Database) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows by table, sorted."""
    tables = MetaData()
    with database.engine.connect() as connection:
        tables.reflect(connection)
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in tables.tables.items()
        }


def runs(database: Database) -> list[str]:
    """Return the names of all runs."""
    with database.session() as session:
        return list(session.scalars(select(col(Run.name)).order_by(col(Run.name))))
