"""Know where runs are by the uid of a namespace: what a site is called is for everybody to say."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Who follows what is known again as soon as somebody does."""
    _following("place", "site")
    with op.batch_alter_table("run") as batch:
        batch.add_column(sa.Column("place", sa.String, nullable=True))


def downgrade() -> None:
    """Undo it."""
    _following("site")
    with op.batch_alter_table("run") as batch:
        batch.drop_column("place")


def _following(*names: str) -> None:
    """Make the table anew: the first of these columns is its key."""
    op.drop_table("following")
    op.create_table(
        "following",
        *(sa.Column(name, sa.String, nullable=False) for name in names),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("seen", sa.String, nullable=True),
        sa.Column("lag_s", sa.Float, nullable=True),
        sa.Column("message", sa.String, nullable=False),
        sa.PrimaryKeyConstraint(names[0], name=op.f("pk_following")),
    )
