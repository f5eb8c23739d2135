"""The type of its task beside each try, so that tries are summed up without looking for their tasks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INDEX = "ix_attempt_run_id_step_type_wall_s"


def upgrade() -> None:
    """Add the column, take what it holds from the tasks, and sort tries by it."""
    op.add_column("attempt", sa.Column("type", sa.String, nullable=True))
    task = sa.table("task", *map(sa.column, ("run_id", "path", "type")))
    attempt = sa.table("attempt", *map(sa.column, ("run_id", "path", "type")))
    of_task = sa.select(task.c.type).where(task.c.run_id == attempt.c.run_id, task.c.path == attempt.c.path)
    op.execute(attempt.update().values(type=sa.func.coalesce(of_task.scalar_subquery(), "")))
    with op.batch_alter_table("attempt") as batch:
        batch.alter_column("type", existing_type=sa.String(), nullable=False)
    op.create_index(op.f(INDEX), "attempt", ["run_id", "step", "type", "wall_s"])


def downgrade() -> None:
    """Undo it."""
    op.drop_index(op.f(INDEX), "attempt")
    with op.batch_alter_table("attempt") as batch:
        batch.drop_column("type")
