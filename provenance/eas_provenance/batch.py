"""How rows are written: a statement for each table, made once, and its values, handed to the driver as they are."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy
from pydantic_core import PydanticSerializationError, to_json
from sqlalchemy import JSON, Connection, CursorResult, Executable, Result
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DataError

from eas_provenance.tables import Run, Table

Row = Mapping[str, Any]
Values = list[tuple[Any, ...]]

_NO_TEXT = dict.fromkeys([0, *range(0xD800, 0xE000)], "\N{REPLACEMENT CHARACTER}")


def storable(text: str) -> str:
    """Return a text with replacement characters for what databases cannot hold: null characters and surrogates."""
    return text.translate(_NO_TEXT)


def json_text(value: Any) -> str:
    """Return a value as JSON, `storable`; by pydantic's writer, which takes a sixth of the time of Python's."""
    try:
        return to_json(value, inf_nan_mode="null").decode()
    except PydanticSerializationError:  # surrogates
        return storable(json.dumps(value, ensure_ascii=False))


class Batch:
    """What is written as one transaction; `Database.writing` gives it."""

    def __init__(self, connection: Connection, upserts: dict[type[Table], Upsert]) -> None:
        self._connection, self._upserts = connection, upserts

    def put(self, table: type[Table], rows: Iterable[Row]) -> None:
        """Write rows, each in the place of the one that has its key.

        The key is the primary one; of a run, its name. A column that a row does not name gets its default. Texts are
        made `storable`.

        Raises
        ------
        KeyError
            When a row lacks a column without default, or names one that is not there.
        """
        upsert = self._upsert(table)
        if values := upsert.values(rows if isinstance(rows, Sequence) else list(rows)):
            self._write(upsert.statement, values)

    def put_run(self, row: Row) -> int:
        """Write a run in the place of the one that has its name, and return its number."""
        upsert = self._upsert(Run)
        written = self._write(f"{upsert.statement} RETURNING id", upsert.values([row]))
        return int(written.scalar_one())

    def delete(self, table: type[Table], **equal: Any) -> None:
        """Delete the rows that have these values."""
        there = _sql(table)
        self.execute(sqlalchemy.delete(there).where(*(there.c[name] == value for name, value in equal.items())))

    def keep_only(self, table: type[Table], run_id: int, keys: Collection[tuple[Any, ...]]) -> None:
        """Delete the rows of a run whose keys, without the `run_id`, are not among these."""
        there = _sql(table)
        key = [column for column in there.primary_key if column.name != "run_id"]
        found = {tuple(row) for row in self.execute(sqlalchemy.select(*key).where(there.c.run_id == run_id))}
        for one in found.difference(keys):
            self.delete(table, run_id=run_id, **{column.name: part for column, part in zip(key, one, strict=True)})

    def execute(self, statement: Executable) -> Result[Any]:
        """Execute a statement of SQLAlchemy as a part of the batch."""
        return self._connection.execute(statement)

    def _upsert(self, table: type[Table]) -> Upsert:
        if table not in self._upserts:
            self._upserts[table] = Upsert(table, self._connection.dialect)
        return self._upserts[table]

    def _write(self, statement: str, values: Values) -> CursorResult[Any]:
        try:
            return self._connection.exec_driver_sql(statement, values)
        except (DataError, UnicodeEncodeError):
            # To look for what cannot be stored costs as much as to store it, so that is done when it is too late. To
            # write again the rows before it changes nothing.
            clean = [tuple(storable(one) if isinstance(one, str) else one for one in row) for row in values]
            if clean == values:
                raise
            return self._connection.exec_driver_sql(statement, clean)


class Upsert:
    """The statement that writes rows of a table in the place of those that have their keys, and the values it takes."""

    def __init__(self, table: type[Table], dialect: Dialect) -> None:
        there = _sql(table)
        columns = [column for column in there.columns if column.name != "id"]  # which the database gives
        key = {"name"} if table is Run else {column.name for column in there.primary_key}
        quote = dialect.identifier_preparer.quote
        changes = ", ".join(f"{quote(one.name)} = excluded.{quote(one.name)}" for one in columns if one.name not in key)
        names = ", ".join(quote(one.name) for one in columns)
        marks = ", ".join("?" if dialect.paramstyle == "qmark" else "%s" for _ in columns)
        self.statement = (
            f"INSERT INTO {quote(there.name)} ({names}) VALUES ({marks})"  # noqa: S608 - the names are those of tables.py
            f" ON CONFLICT ({', '.join(quote(one) for one in sorted(key))})"
            f" DO {f'UPDATE SET {changes}' if changes else 'NOTHING'}"
        )
        self._names = {one.name for one in columns}
        self._defaults = {name: one.default for name, one in table.model_fields.items() if not one.is_required()}
        self._columns = [(itemgetter(one.name), isinstance(one.type, JSON)) for one in columns]

    def values(self, rows: Sequence[Row]) -> Values:
        """Return what the statement takes for rows; a column at a time, which is faster than row by row."""
        if unknown := set().union(*rows) - self._names:
            raise KeyError(*sorted(unknown))
        try:
            return self._values(rows)
        except KeyError:
            return self._values([self._defaults | dict(row) for row in rows])

    def _values(self, rows: Sequence[Row]) -> Values:
        columns = (map(json_text, map(get, rows)) if is_json else map(get, rows) for get, is_json in self._columns)
        return list(zip(*columns, strict=True))


def _sql(table: type[Table]) -> sqlalchemy.Table:
    return Table.metadata.tables[str(table.__tablename__)]
