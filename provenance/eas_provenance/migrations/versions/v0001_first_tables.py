"""The first tables."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from eas_provenance.tables import Json

revision = "0001"
down_revision = None

SORTED = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    """Make the first tables."""
    _runs()
    _tasks()
    _results()


def downgrade() -> None:
    """Drop them, those that refer to others first."""
    for table in (
        "criterion",
        "emitted",
        "version",
        "used",
        "message",
        "attempt",
        "task",
        "problem",
        "task_type",
        "cursor",
        "tag",
        "run",
        "document",
    ):
        op.drop_table(table)


def _must(name: str, kind: type[sa.types.TypeEngine[Any]] | sa.types.TypeEngine[Any]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=False)


def _may(name: str, kind: type[sa.types.TypeEngine[Any]]) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=True)


def _of_run(name: str, key: tuple[str, ...], *columns: sa.Column[Any]) -> None:
    """Make a table whose rows go with their run."""
    op.create_table(
        name,
        _must("run_id", sa.Integer),
        *columns,
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f(f"fk_{name}_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", *key, name=op.f(f"pk_{name}")),
    )


def _runs() -> None:
    op.create_table(
        "document",
        _must("sha256", sa.String),
        _must("kind", sa.String),
        _must("content", sa.LargeBinary),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_document")),
    )
    op.create_table(
        "run",
        _must("id", sa.Integer),
        _must("name", sa.String),
        _must("uid", sa.String),
        _must("job_name", sa.String),
        _must("site", sa.String),
        _must("state", sa.String),
        _must("message", sa.String),
        _must("source", sa.String),
        _must("chain_sha256", sa.String),
        _must("workflow_sha256", sa.String),
        _may("registry_sha256", sa.String),
        _must("parameters", Json),
        _must("subject", Json),
        _must("version", sa.String),
        _must("user", sa.String),
        _must("host", sa.String),
        _must("started", sa.String),
        _may("ended", sa.String),
        sa.ForeignKeyConstraint(["chain_sha256"], ["document.sha256"], name=op.f("fk_run_chain_sha256")),
        sa.ForeignKeyConstraint(["registry_sha256"], ["document.sha256"], name=op.f("fk_run_registry_sha256")),
        sa.ForeignKeyConstraint(["workflow_sha256"], ["document.sha256"], name=op.f("fk_run_workflow_sha256")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("name", name=op.f("uq_run_name")),
    )
    op.create_index(op.f("ix_run_started"), "run", ["started"])
    op.create_index(op.f("ix_run_state"), "run", ["state"])
    _of_run("tag", ("tag",), _must("tag", sa.String))
    op.create_index(op.f("ix_tag_tag"), "tag", ["tag"])
    _of_run("cursor", (), _must("position", sa.String), _must("seen", sa.String))
    _of_run(
        "task_type",
        ("type",),
        _must("type", sa.String),
        _must("image", sa.String),
        _must("cpu", sa.Float),
        _must("gpu", sa.Integer),
        _must("memory_bytes", sa.BigInteger),
        _must("at_least", sa.BigInteger),
        _may("at_most", sa.BigInteger),
    )
    _of_run("problem", ("path",), _must("path", sa.String), _must("message", sa.String))


def _tasks() -> None:
    _of_run(
        "task",
        ("path",),
        _must("path", sa.String),
        _must("position", SORTED),
        _must("type", sa.String),
        _may("name", sa.String),
        _must("job_name", sa.String),
        _must("directory", sa.String),
        _must("source", sa.String),
        _must("indices", Json),
        _must("variables", Json),
        _must("settings", Json),
        _must("state", sa.String),
        _may("verdict", sa.String),
        _must("message", sa.String),
        _may("started", sa.String),
        _may("ended", sa.String),
    )
    op.create_index(op.f("ix_task_run_id_position"), "task", ["run_id", "position"])
    op.create_index(op.f("ix_task_run_id_type_state"), "task", ["run_id", "type", "state"])
    _of_run(
        "attempt",
        ("path", "step", "number"),
        _must("path", sa.String),
        _must("step", sa.String),
        _must("number", sa.Integer),
        _must("node", sa.String),
        _must("phase", sa.String),
        _may("exit_code", sa.Integer),
        _must("message", sa.String),
        _must("traceback", sa.String),
        _may("queued", sa.String),
        _may("started", sa.String),
        _may("ended", sa.String),
        _may("wall_s", sa.Float),
        _may("cpu_s", sa.Float),
        _may("cpu_children_s", sa.Float),
        _may("peak_memory_bytes", sa.BigInteger),
        _must("cpu_request", sa.Float),
        _must("memory_request_bytes", sa.BigInteger),
        _must("host", sa.String),
        _may("threads", sa.Integer),
    )
    op.create_index(op.f("ix_attempt_run_id_started"), "attempt", ["run_id", "started"])
    _of_run(
        "message",
        ("path", "step", "number", "position"),
        _must("path", sa.String),
        _must("step", sa.String),
        _must("number", sa.Integer),
        _must("position", sa.Integer),
        _must("time", sa.String),
        _must("severity", sa.String),
        _must("source", sa.String),
        _must("text", sa.String),
        _may("fraction", sa.Float),
    )
    op.create_index(op.f("ix_message_run_id_severity"), "message", ["run_id", "severity"])


def _results() -> None:
    _of_run(
        "used",
        ("path", "number", "port", "position"),
        _must("path", sa.String),
        _must("number", sa.Integer),
        _must("port", sa.String),
        _must("position", sa.Integer),
        _must("directory", sa.String),
        _must("name", sa.String),
        _must("sha256", sa.String),
    )
    op.create_index(op.f("ix_used_run_id_directory_name"), "used", ["run_id", "directory", "name"])
    _of_run(
        "version",
        ("path", "number", "port", "position"),
        _must("path", sa.String),
        _must("number", sa.Integer),
        _must("port", sa.String),
        _must("position", sa.Integer),
        _must("directory", sa.String),
        _must("name", sa.String),
        _must("type", sa.String),
        _must("size_bytes", sa.BigInteger),
        _must("sha256", sa.String),
        _must("key", sa.String),
        _may("verdict", sa.String),
        _may("made", sa.String),
    )
    op.create_index(op.f("ix_version_run_id_directory_name"), "version", ["run_id", "directory", "name"])
    op.create_index(op.f("ix_version_sha256"), "version", ["sha256"])
    _of_run(
        "emitted",
        ("path", "name"),
        _must("path", sa.String),
        _must("name", sa.String),
        _must("value", Json),
        _may("number", sa.Float),
        _must("unit", sa.String),
    )
    op.create_index(op.f("ix_emitted_run_id_name"), "emitted", ["run_id", "name"])
    _of_run(
        "criterion",
        ("path", "position"),
        _must("path", sa.String),
        _must("position", sa.Integer),
        _must("name", sa.String),
        _must("quantity", sa.String),
        _must("value", Json),
        _must("bound", Json),
        _must("unit", sa.String),
        _must("severity", sa.String),
        _must("result", sa.String),
    )
