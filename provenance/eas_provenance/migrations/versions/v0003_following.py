"""Follow clusters: who does, and runs that were handed to Argo without their chain."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make room."""
    op.create_table(
        "following",
        sa.Column("site", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.String, nullable=True),
        sa.Column("lag_s", sa.Float, nullable=True),
        sa.Column("message", sa.String, nullable=False),
        sa.PrimaryKeyConstraint("site", name=op.f("pk_following")),
    )
    with op.batch_alter_table("run") as batch:
        batch.alter_column("chain_sha256", existing_type=sa.String(), nullable=True)


def downgrade() -> None:
    """Undo it; what has no chain is said to have an empty one."""
    op.drop_table("following")
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    content = bytes.fromhex("789c030000000001")
    document = sa.table("document", sa.column("sha256"), sa.column("kind"), sa.column("content"))
    connection = op.get_bind()
    run = sa.table("run", sa.column("chain_sha256"))
    lacking = sa.select(sa.func.count()).select_from(run).where(run.c.chain_sha256.is_(None))
    if connection.scalar(lacking):
        there = sa.select(sa.func.count()).select_from(document).where(document.c.sha256 == empty)
        if not connection.scalar(there):
            connection.execute(document.insert().values(sha256=empty, kind="chain", content=content))
        connection.execute(run.update().where(run.c.chain_sha256.is_(None)).values(chain_sha256=empty))
    with op.batch_alter_table("run") as batch:
        batch.alter_column("chain_sha256", existing_type=sa.String(), nullable=False)
