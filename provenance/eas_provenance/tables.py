"""The tables: what is known of every run, as a function of the final states of its nodes and of its records.

Keys are the names that the rest of EAS uses (run, path, step, number), so that to write a row again changes nothing.
Times are UTC in ISO 8601 with a `Z`, as in the records: their order is that of the texts. Amounts carry their unit in
their name. `path` is that of the language's section 9; `step` is the verb of the worker: `run` for a program, `qc` for
its gate; `number` counts tries from 0.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, MetaData, String
from sqlalchemy.dialects.sqlite.base import ischema_names
from sqlalchemy.ext.compiler import compiles
from sqlmodel import Field, SQLModel

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""Constraints have names, so that a migration can change them on every database."""
SORTED = String().with_variant(String(collation="C"), "postgresql")
"""A text whose order is that of its characters, as everywhere in EAS, and not that of a language."""


class Json(JSON):
    """JSON that is a text for SQLite as well: of a column called JSON it takes 1.0 for the number 1."""


@compiles(Json, "sqlite")
def _name_of_json(*_: Any, **__: Any) -> str:
    return "JSON TEXT"


ischema_names["JSON TEXT"] = Json


class Table(SQLModel):
    """What all tables have in common."""

    metadata = MetaData(naming_convention=NAMING)


def _json(**more: Any) -> Any:
    return Field(sa_column=Column(Json, nullable=False), **more)


def _run(**more: Any) -> Any:
    return Field(foreign_key="run.id", ondelete="CASCADE", **more)


class Document(Table, table=True):
    """A text that runs were made from: chain, registry or Workflow, kept once; `content` is compressed by zlib."""

    sha256: str = Field(primary_key=True)
    kind: str
    content: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Run(Table, table=True):
    """A run.

    `state` is running, succeeded, failed or cancelled; or interrupted, as long as it is running but its engine is dead,
    or its Workflow was deleted. `source` is the file of the chain as the author named it, `site` where it runs, as
    whoever noted it calls that, and `place` the namespace of the cluster by its uid. What was handed to Argo past EAS
    is known by its Workflow alone: there is no chain then.
    """

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    uid: str
    job_name: str
    site: str
    place: str | None = None
    state: str = Field(index=True)
    message: str = ""
    source: str
    chain_sha256: str | None = Field(default=None, foreign_key="document.sha256")
    workflow_sha256: str = Field(foreign_key="document.sha256")
    registry_sha256: str | None = Field(default=None, foreign_key="document.sha256")
    parameters: dict[str, str] = _json()
    subject: dict[str, Any] = _json()
    version: str
    user: str
    host: str
    started: str = Field(index=True)
    ended: str | None = None


class Tag(Table, table=True):
    """A tag of a run."""

    run_id: int = _run(primary_key=True)
    tag: str = Field(primary_key=True, index=True)


class Cursor(Table, table=True):
    """How far a run's node updates have been taken: a position in its journal, or a version of its object.

    `seen` is when whoever takes them last looked: the sign that the run is followed.
    """

    run_id: int = _run(primary_key=True)
    position: str
    seen: str


class Following(Table, table=True):
    """Who follows a namespace of a cluster into this database, and how fresh what is known of it is.

    `place` is the uid of the namespace, which is the same whatever anybody calls the `site`. `owner` may write what
    happens there, as long as `turn` goes on; nobody does when it is empty. `seen` is when the cluster was last heard,
    `lag_s` how old what it told was when its rows were there [s], by the clocks of both; `message` says what is wrong
    now.
    """

    place: str = Field(primary_key=True)
    site: str = ""
    owner: str = ""
    turn: int = Field(default=0, sa_type=BigInteger)
    seen: str | None = None
    lag_s: float | None = None
    message: str = ""


class TaskType(Table, table=True):
    """A task type of a run: where its program comes from, what it asks for, and how many tasks of it there will be.

    `at_most` is None when only the run itself can tell. `code` tells versions of the program apart: it is the digest of
    its image, or the SHA-256 of its sources where no image runs; empty where nobody knows.
    """

    __tablename__ = "task_type"

    run_id: int = _run(primary_key=True)
    type: str = Field(primary_key=True)
    image: str
    cpu: float
    gpu: int
    memory_bytes: int = Field(sa_type=BigInteger)
    at_least: int = Field(sa_type=BigInteger)
    at_most: int | None = Field(default=None, sa_type=BigInteger)
    code: str = ""


class Task(Table, table=True):
    """A task of a run, once it has been reached.

    `position` sorts tasks by path as people do; `source` is file:line:column of the chain; `variables` are the loop
    variables around it by name, `indices` their positions by id; `settings` are those that the program got. `content`
    is the SHA-256 of what its result depends on, as the worker noted it.
    """

    __table_args__ = (
        Index(None, "run_id", "position"),
        Index(None, "run_id", "type", "state"),
        Index(None, "content"),
    )

    run_id: int = _run(primary_key=True)
    path: str = Field(primary_key=True)
    position: str = Field(sa_type=SORTED)
    type: str
    name: str | None = None
    job_name: str
    directory: str
    source: str
    indices: dict[str, int] = _json()
    variables: dict[str, Any] = _json()
    settings: dict[str, Any] = _json()
    state: str
    verdict: str | None = None
    message: str = ""
    started: str | None = None
    ended: str | None = None
    content: str | None = None


class Attempt(Table, table=True):
    """A try of a program or of a gate: how it ended, what it asked for and what it used.

    `type` is that of the task, beside which there are many tries to be summed up by it. `phase` is Argo's, `node` the
    id of the node; the usage is there once the worker has noted it. `reused` is the attempt whose result was taken over
    instead of running anything: its `run`, `path` and `attempt`.
    """

    __table_args__ = (Index(None, "run_id", "started"), Index(None, "run_id", "step", "type", "wall_s"))

    run_id: int = _run(primary_key=True)
    path: str = Field(primary_key=True)
    step: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    type: str
    node: str
    phase: str
    exit_code: int | None = None
    message: str = ""
    traceback: str = ""
    queued: str | None = None
    started: str | None = None
    ended: str | None = None
    wall_s: float | None = None
    cpu_s: float | None = None
    cpu_children_s: float | None = None
    peak_memory_bytes: int | None = Field(default=None, sa_type=BigInteger)
    cpu_request: float
    memory_request_bytes: int = Field(sa_type=BigInteger)
    host: str = ""
    threads: int | None = None
    reused: dict[str, Any] | None = Field(default=None, sa_column=Column(Json, nullable=True))


class Used(Table, table=True):
    """A file that a try read: the edge from an attempt to a version."""

    __table_args__ = (Index(None, "run_id", "directory", "name"),)

    run_id: int = _run(primary_key=True)
    path: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    port: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    directory: str
    name: str
    sha256: str


class Version(Table, table=True):
    """A version of a file product, and the edge from it to the attempt that generated it.

    `key` is where the repository has it; `verdict` is the one on the task, None while there is none; of what an
    earlier try made it is `replaced` if that try ended well, else `error`.
    """

    __table_args__ = (Index(None, "run_id", "directory", "name"), Index(None, "sha256"))

    run_id: int = _run(primary_key=True)
    path: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    port: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    directory: str
    name: str
    type: str
    size_bytes: int = Field(sa_type=BigInteger)
    sha256: str
    key: str
    verdict: str | None = None
    made: str | None = None


class Emitted(Table, table=True):
    """A piece of metadata of a task, as its gate left it; `number` is its value when it is one number."""

    __table_args__ = (Index(None, "run_id", "name"),)

    run_id: int = _run(primary_key=True)
    path: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    value: Any = Field(sa_column=Column(Json, nullable=False))
    number: float | None = None
    unit: str = ""


class Criterion(Table, table=True):
    """One thing that quality control judged: a value against its bound."""

    run_id: int = _run(primary_key=True)
    path: str = Field(primary_key=True)
    position: int = Field(primary_key=True)
    name: str
    quantity: str
    value: Any = Field(sa_column=Column(Json, nullable=False))
    bound: dict[str, Any] = _json()
    unit: str = ""
    severity: str
    result: str


class Message(Table, table=True):
    """A line of a try's log; of severity `status` when the program said how far it is, from 0 to 1 in `fraction`."""

    __table_args__ = (Index(None, "run_id", "severity"),)

    run_id: int = _run(primary_key=True)
    path: str = Field(primary_key=True)
    step: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    position: int = Field(primary_key=True)
    time: str
    severity: str
    source: str
    text: str
    fraction: float | None = None


class Problem(Table, table=True):
    """A flow-control task that could not go on, and why."""

    run_id: int = _run(primary_key=True)
    path: str = Field(primary_key=True)
    message: str
