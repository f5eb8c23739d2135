"""What results depend on, and which were taken over from earlier runs."""

import sqlalchemy as sa
from alembic import op

from eas_provenance.tables import Json

revision = "0005"
down_revision = "0004"

INDEX = "ix_task_content"


def upgrade() -> None:
    """Make room; of tasks that were done before, nobody knows."""
    op.add_column("task", sa.Column("content", sa.String, nullable=True))
    op.create_index(op.f(INDEX), "task", ["content"])
    op.add_column("attempt", sa.Column("reused", Json, nullable=True))
    op.add_column("task_type", sa.Column("code", sa.String, nullable=True))
    op.execute(sa.table("task_type", sa.column("code")).update().values(code=""))
    with op.batch_alter_table("task_type") as batch:
        batch.alter_column("code", existing_type=sa.String(), nullable=False)


def downgrade() -> None:
    """Undo it."""
    op.drop_index(op.f(INDEX), "task")
    for table, column in (("task", "content"), ("attempt", "reused"), ("task_type", "code")):
        with op.batch_alter_table(table) as batch:
            batch.drop_column(column)
