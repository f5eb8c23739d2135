"""One manifest on both sites, with the same programs, and whatever the database then knows of each run."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import boto3
from sqlalchemy import select

from eas.local import Place, Request, run
from eas_compiler import render
from eas_compiler.compile import Options, compile_chain
from eas_compiler.fit import Limits
from eas_compiler.shape import shape
from eas_provenance.database import Database
from eas_provenance.queries import find_run
from eas_provenance.runs import Sources
from eas_provenance.store import Store
from eas_provenance.sync import Origin, Sync, register
from eas_provenance.tables import Attempt, Criterion, Emitted, Message, Problem, Table, Task, Used, Version
from tests.cluster.workflows import Workflow
from tests.provenance.kept import about

Rows = dict[str, list[dict[str, Any]]]

LIMITS = Limits()
COMPARED: dict[type[Table], str] = {
    Task: "path position type name job_name directory source indices variables settings state verdict",
    Attempt: "path step number phase exit_code cpu_request memory_request_bytes",
    Used: "path number port position directory name sha256",
    Version: "path number port position directory name type size_bytes sha256 verdict",
    Emitted: "path name value number unit",
    Criterion: "path position name quantity value bound unit severity result",
    Message: "path step number position severity source text",
    Problem: "path message",
}
"""What must be the same: all but names of runs, times, usage, and what only one site can say of how a try ended."""


def compiled(name: str, chain: bytes, registry: Path, limits: Limits = LIMITS) -> Request:
    """Compile a chain without mistakes."""
    workflow, checked = compile_chain(f"{name}.json", chain, Options(registry=registry, limits=limits))
    assert workflow is not None, "".join(map(render.as_text, checked.diagnostics))
    assert checked.chain is not None
    workflow["metadata"]["generateName"] = f"test-{name}-"
    return Request(Sources(workflow, chain, registry.read_bytes()), shape(checked.chain), f"{name}.json")


def on_laptop(request: Request, store: Store, containers: Path) -> Rows:
    """Run a manifest on this machine."""
    with Database.open(store.database) as database:
        finished = run(request._replace(containers=(containers,)), Place(store, database, 2, quiet=True))
        return _rows(database, finished.name)


def on_cluster(request: Request, workflow: Workflow, database: Database) -> Rows:
    """Return what follows from the nodes of a workflow that has ended, and from its records in the bucket."""
    name, uid = (workflow["metadata"][field] for field in ("name", "uid"))
    given = {one["name"]: one["value"] for one in workflow["spec"]["arguments"]["parameters"]}
    records = read_all(f"{name}-{uid}/.records/")
    run_id = register(database, name, request.sources, about(uid=uid, parameters=given))
    sync = Sync(database, Origin(run_id, f"{name}-{uid}", given["seed"], records.get), request.sources.workflow)
    sync.settle(workflow["status"]["nodes"].values())
    sync.flush(workflow["metadata"]["resourceVersion"])
    return _rows(database, name)


def _rows(database: Database, name: str) -> Rows:
    """Return what is compared of a run, in the order of its keys."""
    found: Rows = {}
    with database.session() as session:
        run_id = find_run(session, name).id
        for table, names in COMPARED.items():
            columns = table.__table__.c  # type: ignore[attr-defined]
            kept = [columns[one] for one in names.split()]
            rows = session.execute(select(*kept).where(columns.run_id == run_id).order_by(*columns)).mappings()
            found[table.__name__] = [{name: _anywhere(value) for name, value in row.items()} for row in rows]
    return found


def _anywhere(value: Any) -> Any:
    """Return a value without the folders of the files that a traceback names."""
    return re.sub(r'File "[^"]*/', 'File "', value) if isinstance(value, str) else value


def differences(here: Rows, there: Rows) -> Iterator[str]:
    """Say in which rows, and in which of their columns, two sites differ."""
    for table, rows in here.items():
        if len(rows) != len(there[table]):
            yield f"{table}: {len(rows)} rows here, {len(there[table])} there"
        for one, other in zip(rows, there[table], strict=False):
            for column in one.keys() if one != other else ():
                if one[column] != other[column]:
                    yield f"{table} {one['path']}, {column}: {one[column]!r} here, {other[column]!r} there"


def read_all(prefix: str) -> dict[str, bytes]:
    """Return all that the bucket has beneath a prefix, by key."""
    client = boto3.client("s3", endpoint_url=os.environ.get("EAS_S3_ENDPOINT"))
    bucket = os.environ["EAS_S3_BUCKET"]
    pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    keys = [one["Key"] for page in pages for one in page.get("Contents", [])]

    def read(key: str) -> tuple[str, bytes]:
        return key, client.get_object(Bucket=bucket, Key=key)["Body"].read()

    with ThreadPoolExecutor(8) as pool:
        return dict(pool.map(read, keys))
