"""The steps of the schema lead to tables.py, up and down, on both databases, and rows survive them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect
from sqlmodel import select

from eas_provenance import migrations
from eas_provenance.database import Database
from eas_provenance.errors import DatabaseError
from eas_provenance.tables import Attempt, Run, Table, Task
from tests.provenance.conftest import NEWEST, NEXT, STEP
from tests.provenance.databases import content, fill, task_row


def test_steps_are_in_one_line(database: Database) -> None:
    """The numbers of the files are the revisions, and each follows the one before."""
    with database.migrating() as connection:
        script = ScriptDirectory.from_config(migrations.config(connection))
        steps = [(step.down_revision, step.revision) for step in script.walk_revisions()]
    known = migrations.revisions()
    assert steps[::-1] == list(zip([None, *known], known, strict=False))


def test_the_newest_schema_is_that_of_the_tables(database: Database) -> None:
    """A table that was changed without a step would be missed here."""
    with database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, Table.metadata) == []


def test_names_of_constraints(database: Database) -> None:
    """Every constraint and index has the name that tables.py gives it, so that a later step can change it."""
    found = inspect(database.engine)
    for name, table in Table.metadata.tables.items():
        assert found.get_pk_constraint(name)["name"] == f"pk_{name}"
        indexes = {one["name"] for one in found.get_indexes(name) if not one.get("duplicates_constraint")}
        assert indexes == {one.name for one in table.indexes}
        keys = {one["name"]: one["options"] for one in found.get_foreign_keys(name)}
        expected = {
            str(one.name): {"ondelete": one.ondelete} if one.ondelete else {} for one in table.foreign_key_constraints
        }
        assert keys == expected


@pytest.mark.parametrize("revision", migrations.revisions())
def test_up_and_down(database_url: str, revision: str) -> None:
    """Each step can be undone, and made again."""
    with Database(database_url) as database:
        for target in (revision, migrations.BASE, migrations.newest()):
            with database.migrating() as connection:
                migrations.migrate(connection, target)
            assert database.revision() == (None if target == migrations.BASE else target)
            with database.engine.connect() as connection:
                names = set(inspect(connection).get_table_names()) - {migrations.NOTE}
            assert not names if target == migrations.BASE else names


def test_rows_survive(database_url: str, next_eas: Callable[[], None]) -> None:
    """A changed table keeps its rows, and those that refer to it; the way back gives what was there."""
    with Database.open(database_url) as database:
        run_id = fill(database)
        before = content(database)
        next_eas()
        with pytest.raises(DatabaseError, match=r"an older EAS made it; eas db upgrade brings it up to date$"):
            database.check()
        database.upgrade()
        database.upgrade()
        assert database.revision() == NEXT
        after = content(database)
        assert {name: len(rows) for name, rows in after.items()} == {name: len(rows) for name, rows in before.items()}
        assert after["run"][0][-1] == "red"
        with database.migrating() as connection:
            migrations.migrate(connection, NEWEST)
        assert reordered(content(database)) == reordered(before)
        with database.writing() as batch:
            batch.delete(Run, id=run_id)
        assert {name for name, rows in content(database).items() if rows} == {"document", migrations.NOTE}


def test_tries_get_the_types_of_their_tasks(database_url: str) -> None:
    """Tries that were written before they had a type are of that of their task; of none when there is no task."""
    with Database.open(database_url) as database:
        one, other = fill(database), fill(database, "other")
        with database.writing() as batch:
            batch.put(Task, [task_row(one, "/a", type="verify")])
        for target in ("0001", NEWEST):
            with database.migrating() as connection:
                migrations.migrate(connection, target)
        with database.session() as session:
            found = session.exec(select(Attempt.run_id, Attempt.type)).all()
        assert sorted(found) == [(one, "verify"), (other, "")]


def reordered(rows: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[list[str]]]:
    """Return rows without the order of their columns."""
    return {name: [sorted(map(repr, row)) for row in some] for name, some in sorted(rows.items())}


def test_a_step_that_fails_changes_nothing(database_url: str, next_eas: Callable[[], None]) -> None:
    """The schema and the rows are as they were."""
    with Database.open(database_url) as database:
        fill(database)
        before = content(database)
        next_eas()
        broken = STEP.replace('"red"))', '"red"))\n    raise OSError("out of luck")')
        (migrations.FOLDER / f"versions/v{NEXT}_change.py").write_text(broken, encoding="utf-8")
        with pytest.raises(OSError, match="out of luck"):
            database.upgrade()
        assert database.revision() == NEWEST
        assert content(database) == before


def test_rows_of_missing_others_end_a_migration(tmp_path: Path) -> None:
    """Foreign keys are off while SQLite migrates; what would break them is not committed."""
    with Database.open(tmp_path / "eas.db") as database:
        fill(database)
        before = content(database)
        with (
            pytest.raises(DatabaseError, match="of which those that they refer to are missing"),
            database.migrating() as connection,
        ):
            connection.exec_driver_sql("DELETE FROM run")
        assert content(database) == before


def test_drafting_a_step(database_url: str, next_eas: Callable[[], None], capsys: pytest.CaptureFixture[str]) -> None:
    """A draft has the name and the number that steps have."""
    next_eas()
    (migrations.FOLDER / f"versions/v{NEXT}_change.py").unlink()
    with Database.open(database_url) as database, database.migrating() as connection:
        command.revision(migrations.config(connection), "colour of runs", autogenerate=True, rev_id=NEXT)
    assert migrations.newest() == NEXT
    draft = (migrations.FOLDER / f"versions/v{NEXT}_colour_of_runs.py").read_text(encoding="utf-8")
    assert draft.startswith('"""Colour of runs."""\n')
    assert f'down_revision = "{NEWEST}"' in draft
