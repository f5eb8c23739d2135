"""Databases to test with: files of SQLite, and those of a PostgreSQL server that is started for the tests."""

import itertools
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from eas_provenance import migrations
from eas_provenance.database import Database

KINDS = ("sqlite", "postgresql")
NEWEST = migrations.newest()
NEXT = f"{int(NEWEST) + 1:04}"
STEP = f'''"""Change a table that others refer to."""

import sqlalchemy as sa
from alembic import op

revision = "{NEXT}"
down_revision = "{NEWEST}"


def upgrade() -> None:
    """Rename one column, and add another."""
    with op.batch_alter_table("run") as batch:
        batch.alter_column("user", new_column_name="owner", existing_type=sa.String(), nullable=False)
        batch.add_column(sa.Column("colour", sa.String(), nullable=False, server_default="red"))


def downgrade() -> None:
    """Undo it."""
    with op.batch_alter_table("run") as batch:
        batch.drop_column("colour")
        batch.alter_column("owner", new_column_name="user", existing_type=sa.String(), nullable=False)
'''


@pytest.fixture(scope="session")
def new_postgres() -> Iterator[Callable[[], str]]:
    """Return a function that makes an empty database of PostgreSQL and returns its URL.

    The server is the one that EAS_TEST_POSTGRES names, by the URL of a database whose user may make others; else one of
    its own.
    """
    if "EAS_TEST_POSTGRES" in os.environ:
        yield from databases(os.environ["EAS_TEST_POSTGRES"])
        return
    programs = folder_of_programs()
    if programs is None:
        pytest.skip("no PostgreSQL here: install its server (on Debian: postgresql), or set EAS_TEST_POSTGRES to a URL")
    with tempfile.TemporaryDirectory(prefix="eas-", dir="/tmp") as name:  # sockets have short names
        folder = Path(name)
        user = server_user(folder)

        def run(program: str, *arguments: str) -> None:
            command = [str(programs / program), "-D", str(folder / "data"), *arguments]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, **user)

        run("initdb", "-A", "trust", "-U", "eas", "-N", "-E", "UTF8", "--locale=C")
        listen = f"-c listen_addresses= -c unix_socket_directories={folder} -F"
        run("pg_ctl", "-w", "-l", f"{folder}/log", "-o", listen, "start")
        try:
            yield from databases(f"postgresql://eas@/postgres?host={folder}")
        finally:
            run("pg_ctl", "-w", "-m", "immediate", "stop")


def folder_of_programs() -> Path | None:
    """Return where initdb and pg_ctl are; Debian has them beside the PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    return next((one for one in reversed(folders) if (one / "pg_ctl").exists()), None)


def server_user(folder: Path) -> dict[str, Any]:
    """Give the folder to whom the server can run as, because it refuses to run as root."""
    if os.geteuid():
        return {}
    names = {one.pw_name for one in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in names else "nobody")
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def databases(url: str) -> Iterator[Callable[[], str]]:
    """Yield what makes databases on a server, and drop them all at the end."""
    server = Database(url).url
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    made: list[str] = []

    def make() -> str:
        name = f"eas_test_{os.getpid()}_{len(made)}"
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template0")
        made.append(name)
        return server.set(database=name).render_as_string(hide_password=False)

    yield make
    with engine.connect() as connection:
        for name in made:
            connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")
    engine.dispose()


@pytest.fixture
def new_url(tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Return a function that returns the URL of an empty database of a kind."""
    numbers = itertools.count()

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path}/{next(numbers)}.db"
        url: str = request.getfixturevalue("new_postgres")()
        return url

    return make


@pytest.fixture(params=KINDS)
def database_url(request: pytest.FixtureRequest, new_url: Callable[[str], str]) -> str:
    """Return the URL of an empty database, of each kind in turn."""
    return new_url(request.param)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """Return an open database, of each kind in turn."""
    with Database.open(database_url, timeout_s=5) as opened:
        yield opened


@pytest.fixture
def next_eas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function after which EAS is one that knows a further step."""

    def become() -> None:
        folder = tmp_path / "migrations % next"
        shutil.copytree(migrations.FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / f"versions/v{NEXT}_change.py").write_text(STEP, encoding="utf-8")
        monkeypatch.setattr(migrations, "FOLDER", folder)

    return become
