"""Drafts the step from the newest revision to what tables.py says: `python -m eas_provenance.migrations "add tags"`."""

import sys
import tempfile
from pathlib import Path

from alembic import command

from eas_provenance import migrations
from eas_provenance.database import Database

with tempfile.TemporaryDirectory() as folder, Database.open(Path(folder, "newest.db")) as database:
    number = f"{int(migrations.newest()) + 1:04}"
    with database.migrating() as connection:
        command.revision(migrations.config(connection), sys.argv[1], autogenerate=True, rev_id=number)
