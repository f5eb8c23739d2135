"""Backups: all rows of a database in one file, which either database takes, at the schema that it was saved with.

The file is compressed by gzip. Its first line says what it is, the revision of the schema, and name, columns and number
of rows of each table; then comes a line for each row, in the order of the tables; the last one has the sha256 of all
before it. Every line is JSON; bytes are base64.
"""

from __future__ import annotations

import base64
import contextlib
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, Self

import sqlalchemy
from sqlalchemy import JSON, Column, Connection, LargeBinary, MetaData, Table, func, select

from eas_provenance import migrations
from eas_provenance.batch import storable
from eas_provenance.database import Database
from eas_provenance.errors import DatabaseError

Progress = Callable[[int, int], object]
"""Is told how many rows are done, and of how many."""

_FORMAT = "eas-backup 1"
_CHUNK_ROWS = 1000
_MOST_BYTES = 1 << 28
"""The longest line: a file that unpacks to more is not meant well."""
_MOST_INTEGER = 1 << 63


class _Part(NamedTuple):
    """What the first line says of a table."""

    name: str
    columns: list[str]
    rows: int


def save(database: Database, file: Path, progress: Progress = lambda _done, _total: None) -> None:
    """Write a backup, as of one moment; a file of that name is replaced once all is written.

    Raises
    ------
    DatabaseError
        When the database cannot be read or the file cannot be written. There is no new file then.
    """
    if database.revision() is None:
        raise DatabaseError(f"{database}: there is nothing to save")
    with database.clear(), _snapshot(database) as connection, _written(file) as stream:
        schema = database.known_revision(connection)
        tables = _tables(connection)
        parts = [_Part(one.name, one.columns.keys(), _count(connection, one)) for one in tables]
        digest = hashlib.sha256()
        total, done = sum(part.rows for part in parts), 0

        def write(line: Any) -> None:
            data = json.dumps(line).encode() + b"\n"
            digest.update(data)
            stream.write(data)

        write({"format": _FORMAT, "schema": schema, "tables": parts})
        for table in tables:
            with connection.execute(select(table).order_by(*table.primary_key)) as rows:
                for row in rows:
                    write([base64.b64encode(one).decode() if isinstance(one, bytes) else one for one in row])
                    done += 1
                    if done % _CHUNK_ROWS == 0:
                        progress(done, total)
        stream.write(json.dumps({"sha256": digest.hexdigest()}).encode() + b"\n")
    progress(total, total)


def restore(
    file: Path, database: Database, *, replace: bool = False, progress: Progress = lambda _done, _total: None
) -> None:
    """Fill a database from a backup, and bring it to the newest schema; with `replace`, in the place of what it holds.

    Raises
    ------
    DatabaseError
        When the file is no whole backup, or the database holds rows or cannot be written. It is as it was then.
    """
    with _Reader(file) as reader, database.migrating() as connection:
        _make_room(connection, database, is_allowed=replace)
        migrations.migrate(connection, reader.schema)
        tables = {one.name: one for one in _tables(connection)}
        reader.expect(tables)
        total, done = sum(part.rows for part in reader.parts), 0
        for part in reader.parts:
            for rows in reader.chunks(tables[part.name], part):
                connection.execute(sqlalchemy.insert(tables[part.name]), rows)
                done += len(rows)
                progress(done, total)
        reader.finish()
        _continue_numbers(connection, tables.values())
        migrations.migrate(connection, migrations.newest())


@contextlib.contextmanager
def _snapshot(database: Database) -> Iterator[Connection]:
    """Give a connection that sees one moment throughout, and reads rows as they are asked for."""
    level = {"isolation_level": "REPEATABLE READ"} if database.engine.dialect.name == "postgresql" else {}
    with database.engine.connect() as connection:
        yield connection.execution_options(yield_per=_CHUNK_ROWS, **level)


@contextlib.contextmanager
def _written(file: Path) -> Iterator[gzip.GzipFile]:
    """Give a file that gets its name when all is written."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        try:
            with part.open("wb") as raw:
                with gzip.GzipFile("", "wb", compresslevel=6, fileobj=raw, mtime=0) as stream:
                    yield stream
                raw.flush()
                os.fsync(raw.fileno())
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DatabaseError(f"cannot write {file}: {error.strerror}") from error


def _tables(connection: Connection) -> list[Table]:
    """Return the tables as they are there, which an older schema had otherwise; those first that others refer to."""
    found = MetaData()
    found.reflect(connection)
    return [one for one in found.sorted_tables if one.name != migrations.NOTE]


def _count(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _make_room(connection: Connection, database: Database, *, is_allowed: bool) -> None:
    """Drop all tables, which must be those of EAS; unless it is allowed, they must be empty."""
    database.known_revision(connection)
    if not is_allowed and any(_count(connection, one) for one in _tables(connection)):
        raise DatabaseError(f"{database}: it is not empty")
    everything = MetaData()
    everything.reflect(connection)
    everything.drop_all(connection)


def _continue_numbers(connection: Connection, tables: Iterable[Table]) -> None:
    """Let PostgreSQL count on from the numbers that were restored; SQLite does so of itself."""
    if connection.dialect.name == "postgresql":
        for table in tables:
            if "id" in table.columns:
                sequence = func.pg_get_serial_sequence(table.name, "id")
                connection.execute(select(func.setval(sequence, func.max(table.c.id))).select_from(table))


class _Reader:
    """A backup that is read, and not believed."""

    def __init__(self, file: Path) -> None:
        self._file, self._digest = file, hashlib.sha256()

    def __enter__(self) -> Self:
        with self._judged():
            self._stream = gzip.open(self._file, "rb")
        try:
            self._begin()
        except BaseException:
            self._stream.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def _begin(self) -> None:
        """Take the first line."""
        try:
            first = self._line()
            if first["format"] != _FORMAT:
                raise self._problem("it is no backup of EAS")
            self.schema = str(first["schema"])
            self.parts = [_Part(str(name), [str(one) for one in names], rows) for name, names, rows in first["tables"]]
            if not all(type(part.rows) is int and part.rows >= 0 for part in self.parts):
                raise self._problem("it is no backup of EAS")
        except (KeyError, TypeError, ValueError) as error:
            raise self._problem("it is no backup of EAS") from error
        if self.schema not in migrations.revisions():
            newest = migrations.newest()
            raise self._problem(f"a newer EAS made it (schema {self.schema}; known are those up to {newest})")

    def expect(self, tables: dict[str, Table]) -> None:
        """Raise an error unless it has exactly these tables."""
        names = [part.name for part in self.parts]
        columns = {part.name: sorted(part.columns) for part in self.parts}
        if sorted(names) != sorted(tables) or columns != {
            name: sorted(one.columns.keys()) for name, one in tables.items()
        }:
            raise self._problem(f"its tables are not those of schema {self.schema}")

    def chunks(self, table: Table, part: _Part) -> Iterator[list[dict[str, Any]]]:
        """Yield the rows of a table, some at a time."""
        takers = [(name, _taker(table.columns[name])) for name in part.columns]
        rows = (self._row(takers, part) for _ in range(part.rows))
        while chunk := list(islice(rows, _CHUNK_ROWS)):
            yield chunk

    def _row(self, takers: list[tuple[str, Callable[[Any], Any]]], part: _Part) -> dict[str, Any]:
        values = self._line()
        try:
            if isinstance(values, list):
                return {name: take(value) for (name, take), value in zip(takers, values, strict=True)}
        except (OverflowError, ValueError) as error:
            raise self._problem(f"it has a row of {part.name} that cannot be one") from error
        raise self._problem(f"it has fewer rows of {part.name} than it should")

    def finish(self) -> None:
        """Raise an error unless the last line follows, and is right."""
        expected = self._digest.hexdigest()
        last = self._line()
        if not isinstance(last, dict) or last.get("sha256") != expected:
            raise self._problem("its content was changed")
        with self._judged():
            if self._stream.read(1):
                raise self._problem("something follows its end")

    def _line(self) -> Any:
        with self._judged():
            data = self._stream.readline(_MOST_BYTES)
            if not data.endswith(b"\n"):
                raise self._problem("a line is too long" if len(data) == _MOST_BYTES else "its end is missing")
            self._digest.update(data)
            return json.loads(data)

    @contextlib.contextmanager
    def _judged(self) -> Iterator[None]:
        try:
            yield
        except EOFError as error:
            raise self._problem("its end is missing") from error
        except gzip.BadGzipFile as error:
            raise self._problem("it is no backup of EAS, or damaged") from error
        except OSError as error:
            raise DatabaseError(f"cannot read {self._file}: {error.strerror}") from error
        except (RecursionError, ValueError, zlib.error) as error:
            raise self._problem("it is damaged") from error

    def _problem(self, what: str) -> DatabaseError:
        return DatabaseError(f"backup {self._file}: {what}")


def _taker(column: Column[Any]) -> Callable[[Any], Any]:
    """Return what makes a value of a column out of JSON; it raises a `ValueError` for what is none."""
    kind = column.type
    if isinstance(kind, JSON):
        return lambda value: value
    types: tuple[type, ...] = (str,)
    convert: Callable[[Any], Any] = storable
    if isinstance(kind, LargeBinary):
        convert = _bytes
    elif isinstance(kind, sqlalchemy.Integer):
        types, convert = (int,), _integer
    elif isinstance(kind, sqlalchemy.Numeric | sqlalchemy.Float):
        types, convert = (int, float), float

    def take(value: Any) -> Any:
        if value is None and column.nullable:
            return None
        if type(value) not in types:
            raise ValueError(column.name)
        return convert(value)

    return take


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def _integer(value: int) -> int:
    if not -_MOST_INTEGER <= value < _MOST_INTEGER:
        raise ValueError(value)
    return value
