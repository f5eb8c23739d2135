"""The database: a file of SQLite, or PostgreSQL by URL; opened at the newest schema, written fast, read at ease."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.pool import NullPool
from sqlmodel import Session, col, select

from eas_provenance import migrations
from eas_provenance.batch import Batch, Upsert, storable
from eas_provenance.errors import DatabaseError
from eas_provenance.tables import Run, Table

TIMEOUT_S = 30.0
_LOCK = 0x454153
"""What a process locks in PostgreSQL while it migrates."""
_SQLITE_REASONS = {
    "SQLITE_BUSY": "another process keeps it locked",
    "SQLITE_READONLY": "it cannot be written",
    "SQLITE_FULL": "the disk is full",
    "SQLITE_NOTADB": "the file is no database",
    "SQLITE_CORRUPT": "the file is damaged",
    "SQLITE_CANTOPEN": "the file cannot be opened",
}


class Database:
    """The database of all runs.

    `Database.open` checks the schema; `Database` alone neither does that nor connects.

    Parameters
    ----------
    url
        The path of a SQLite file, or `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/NAME`.
    timeout_s
        How long to wait for a server, and for others that write [s].

    Raises
    ------
    DatabaseError
        When it is no such URL. All methods raise it when the database cannot be used.
    """

    def __init__(self, url: str | Path, *, timeout_s: float = TIMEOUT_S) -> None:
        self.url, self.timeout_s = _parsed(url), timeout_s
        self.engine = _engine(self.url, timeout_s)
        self._writer = self.engine.execution_options(begin="BEGIN IMMEDIATE")
        self._upserts: dict[type[Table], Upsert] = {}

    @classmethod
    def open(cls, url: str | Path, *, create: bool = True, timeout_s: float = TIMEOUT_S) -> Self:
        """Open a database at the newest schema.

        With `create`, one that is not there is made and an older one upgraded; without, both are refused, as are those
        of a newer EAS and of other programs.
        """
        database = cls(url, timeout_s=timeout_s)
        try:
            if create:
                database.upgrade()
            else:
                database.check()
        except BaseException:
            database.close()
            raise
        return database

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __str__(self) -> str:
        """Return what people call it, without a password."""
        return f"database {_shown(self.url)}"

    def revision(self) -> str | None:
        """Return the revision of the schema; None when nothing is there yet."""
        with self.clear():
            if not _may_exist(self.url):
                return None
            with self.engine.connect() as connection:
                return self.known_revision(connection)

    def known_revision(self, connection: Connection) -> str | None:
        """Return the revision of the schema as a transaction sees it, which is one that this EAS knows, or None."""
        found = migrations.revision(connection)
        if found == migrations.FOREIGN:
            raise DatabaseError(f"{self}: it belongs to another program")
        if found is not None and found not in migrations.revisions():
            raise DatabaseError(
                f"{self}: a newer EAS made it (schema {found}; known are those up to {migrations.newest()})"
            )
        return found

    def check(self) -> None:
        """Raise an error unless the schema is the newest."""
        found = self.revision()
        if found is None:
            raise DatabaseError(f"{self}: there is no database")
        if found != migrations.newest():
            raise DatabaseError(f"{self}: an older EAS made it; eas db upgrade brings it up to date")

    def upgrade(self) -> None:
        """Bring the schema up to the newest; one that is needs nothing, not even to be writable."""
        if self.revision() == migrations.newest():
            return
        with self.migrating() as connection:
            if self.known_revision(connection) != migrations.newest():  # else another process was faster
                migrations.migrate(connection, migrations.newest())

    @contextlib.contextmanager
    def migrating(self) -> Iterator[Connection]:
        """Give a transaction that may change the schema: the only one at a time, and keys are checked at its end."""
        engine = _engine(self.url, self.timeout_s, migrating=True).execution_options(begin="BEGIN IMMEDIATE")
        is_sqlite = engine.dialect.name == "sqlite"
        with self.clear(), engine.begin() as connection:
            if not is_sqlite:
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")
            yield connection
            if is_sqlite and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
                raise DatabaseError(f"{self}: there are rows of which those that they refer to are missing")

    @contextlib.contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session for queries. It sees what is committed; it and writers do not wait for each other."""
        with self.clear(), Session(self.engine) as session:
            yield session

    @contextlib.contextmanager
    def writing(self) -> Iterator[Batch]:
        """Give a batch; what is put into it is written whole at the end of the block, or not at all after an error."""
        with self.clear(), self._writer.begin() as connection:
            yield Batch(connection, self._upserts)

    def run_id(self, name: str) -> int | None:
        """Return the number of a run; None when there is none of the name."""
        with self.session() as session:
            return session.exec(select(Run.id).where(col(Run.name) == storable(name))).first()

    @contextlib.contextmanager
    def clear(self) -> Iterator[None]:
        """Say what is wrong with the database as `DatabaseError`."""
        try:
            yield
        except (DBAPIError, NoConnectionError, OverflowError) as error:
            raise DatabaseError(f"{self}: {_reason(error)}") from error


def _parsed(url: str | Path) -> URL:
    """Return the URL of a database, with the driver that EAS uses."""
    if isinstance(url, Path) or "://" not in url:
        return URL.create("sqlite", database=str(url))
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise DatabaseError("the URL of the database is not well formed") from error
    backend = parsed.drivername.partition("+")[0]
    if backend in ("postgresql", "postgres"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite" or not parsed.database or parsed.database == ":memory:":
        raise DatabaseError(f"{_shown(parsed)} names neither a file of SQLite nor a database of PostgreSQL")
    return parsed.set(drivername="sqlite")


def _shown(url: URL) -> str:
    if url.drivername == "sqlite":
        return str(url.database)
    return url.set(drivername=url.get_backend_name()).render_as_string(hide_password=True)


def _may_exist(url: URL) -> bool:
    """Tell whether to connect would not make the file."""
    return url.drivername != "sqlite" or str(url.database).startswith("file:") or Path(str(url.database)).exists()


def _engine(url: URL, timeout_s: float, *, migrating: bool = False) -> Engine:
    """Return an engine; one that migrates leaves no connection, and no foreign keys where they hinder it.

    SQLite changes a table by dropping it, which would delete all rows that refer to it.
    """
    pool: dict[str, Any] = {"poolclass": NullPool} if migrating else {}
    if url.drivername == "sqlite":
        engine = create_engine(url, connect_args={"timeout": timeout_s}, **pool)

        @event.listens_for(engine, "connect")
        def set_up(connection: sqlite3.Connection, _: object) -> None:
            connection.isolation_level = None  # so that it is `begin` that begins, as sqlite3 does not before queries
            if migrating:
                _write_ahead(connection, timeout_s)
            connection.execute(f"PRAGMA foreign_keys = {'OFF' if migrating else 'ON'}")
            connection.execute("PRAGMA synchronous = NORMAL")

        @event.listens_for(engine, "begin")
        def begin(connection: Connection) -> None:
            # Writers take the lock at once: two readers that wanted to become writers would wait for each other.
            connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))

        return engine
    try:
        engine = create_engine(url, connect_args={"connect_timeout": max(2, math.ceil(timeout_s))}, **pool)
    except ModuleNotFoundError as error:
        raise DatabaseError(f"{_shown(url)} needs a driver; pip install 'eas[postgres]' brings it") from error

    @event.listens_for(engine, "connect")
    def limit(connection: Any, _: object) -> None:
        connection.execute(f"SET lock_timeout = {round(timeout_s * 1000)}")
        connection.commit()

    return engine


def _write_ahead(connection: sqlite3.Connection, timeout_s: float) -> None:
    """Let readers and a writer go on beside each other. This, unlike all else, does not wait for locks of itself."""
    end = time.monotonic() + timeout_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                raise
            time.sleep(0.01)
        else:
            return


def _reason(error: DBAPIError | NoConnectionError | OverflowError) -> str:
    """Return in one line what was wrong."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    name = getattr(cause, "sqlite_errorname", "")
    known = (reason for start, reason in _SQLITE_REASONS.items() if name.startswith(start))
    return next(known, " ".join(str(cause).split()))
