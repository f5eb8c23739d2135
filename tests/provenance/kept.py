"""A database for tests, runs in it, and all that it knows of one."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from eas_provenance.database import Database
from eas_provenance.runs import Sources
from eas_provenance.sync import Origin, Sync, register
from eas_provenance.tables import Run, Table

Json = dict[str, Any]
_numbers = itertools.count()
_NOT_OF_THE_RUN = {"document", "cursor", "following"}


def about(**fields: Any) -> Json:
    """Write what is noted of a run at its beginning."""
    given: Json = {"uid": "1", "job_name": "test", "site": "here", "source": "chain.json", "parameters": {"seed": "7"}}
    given |= {"subject": {}, "tags": [], "types": {}, "version": "0", "user": "me", "host": "vm"}
    return given | {"started": "2026-01-01T00:00:00.000Z"} | fields


def begin(database: Database, workflow: Json, read: Callable[[str], bytes | None]) -> tuple[int, Sync]:
    """Note another run; its keys in the repository begin with `run`."""
    name = f"run-{next(_numbers)}"
    run_id = register(database, name, Sources(workflow, b"{}", b""), about())
    return run_id, Sync(database, Origin(run_id, "run", "7", read), workflow)


def known(database: Database, run_id: int) -> dict[str, list[Any]]:
    """Return all rows of a run, by table, in the order of their keys; without what is the name of the run alone."""
    found: dict[str, list[Any]] = {}
    with database.session() as session:
        for name, table in Table.metadata.tables.items():
            if name in _NOT_OF_THE_RUN:
                continue
            key = table.c.id if name == Run.__tablename__ else table.c.run_id
            kept = [
                column for column in table.columns if column.name not in ("id", "run_id", "name") or name == "emitted"
            ]
            kept = [column for column in kept if column is not key]
            rows = session.execute(select(*kept).where(key == run_id).order_by(*table.primary_key)).all()
            found[name] = [tuple(row) for row in rows]
    return found
