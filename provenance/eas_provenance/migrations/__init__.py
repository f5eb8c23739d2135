"""The history of the schema: one file of `versions/` for each step, numbered, in one line without branches."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

if TYPE_CHECKING:
    from alembic.config import Config

FOLDER = Path(__file__).parent
BASE = "base"
"""The revision before the first one: no tables."""
FOREIGN = ""
"""What stands for the revision of a database that EAS has not made."""
NOTE = "alembic_version"
"""The table in which Alembic notes the revision."""


def revisions() -> list[str]:
    """Return the revisions that this EAS knows, oldest first; without Alembic, which takes long to load."""
    return sorted(path.name[1:5] for path in (FOLDER / "versions").glob("v[0-9]*.py"))


def newest() -> str:
    """Return the newest revision that this EAS knows."""
    return revisions()[-1]


def revision(connection: Connection) -> str | None:
    """Return the revision of a database, None when there is nothing in it, `FOREIGN` when others made what there is."""
    tables = set(inspect(connection).get_table_names())
    if NOTE in tables:
        noted = connection.execute(text(f"SELECT version_num FROM {NOTE}")).scalar()  # noqa: S608 - a constant
        if noted is not None:
            return str(noted)
    return FOREIGN if tables - {NOTE} else None


def migrate(connection: Connection, target: str) -> None:
    """Bring the schema to a revision, up or down to `BASE`, within the transaction of the connection."""
    from alembic import command

    order = [BASE, *revisions()]
    is_up = order.index(target) >= order.index(revision(connection) or BASE)
    (command.upgrade if is_up else command.downgrade)(config(connection), target)


def config(connection: Connection) -> Config:
    """Return what Alembic has to know, in the place of an alembic.ini."""
    from alembic.config import Config

    found = Config(stdout=io.StringIO(), attributes={"connection": connection})
    found.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    found.set_main_option("file_template", "v%%(rev)s_%%(slug)s")
    found.set_main_option("path_separator", "os")
    return found
