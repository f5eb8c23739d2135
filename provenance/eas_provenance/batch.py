"""How rows are written: a statement for each table, made once, and its values, handed to the driver as they are."""

from __future__ import annotations

import json
import operator
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

import sqlalchemy
from pydantic_core import PydanticSerializationError, SchemaSerializer, core_schema
from sqlalchemy import JSON, Connection, Executable, Result
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DataError

from eas_provenance.tables import Run, Table

Row = Mapping[str, Any]
Values = list[tuple[Any, ...]]

_NO_TEXT = dict.fromkeys([0, *range(0xD800, 0xE000)], "\N{REPLACEMENT CHARACTER}")
_to_json = SchemaSerializer(core_schema.any_schema(), core_schema.CoreConfig(ser_json_inf_nan="null")).to_json
"""The writer of pydantic takes a fifth of the time of Python's."""
_MOST_MARKS = 999
"""How many values every SQLite takes in a statement."""


def storable(text: str) -> str:
    """Return a text with replacement characters for what databases cannot hold: null characters and surrogates."""
    return text.translate(_NO_TEXT)


class Batch:
    """What is written as one transaction; `Database.writing` gives it."""

    def __init__(self, connection: Connection, upserts: dict[type[Table], Upsert]) -> None:
        self._connection, self._upserts = connection, upserts

    def put(self, table: type[Table], rows: Iterable[Row]) -> None:
        """Write rows, each in the place of the one that has its key.

        The key is the primary one; of a run, its name. A column that a row does not name gets its default. Texts that
        the database cannot hold become `storable` ones.

        Raises
        ------
        KeyError
            When a row lacks a column that has no default, or the columns of other rows and names one that is not there.
        """
        if some := rows if isinstance(rows, Sequence) else list(rows):
            self._put(self._upsert(table), some)

    def put_run(self, row: Row) -> int:
        """Write a run in the place of the one that has its name, and return its number."""
        self.put(Run, [row])
        there = _sql(Run)
        return int(
            self.execute(sqlalchemy.select(there.c.id).where(there.c.name == storable(row["name"]))).scalar_one()
        )

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

    def _put(self, upsert: Upsert, rows: Sequence[Row]) -> None:
        try:
            self._execute(upsert.statements(rows))
        except (DataError, KeyError, PydanticSerializationError, UnicodeEncodeError):
            # Nearly all rows are whole and storable, and to look costs as much as to write them. Some may have been
            # written before the first one that is not; to write them again changes nothing.
            mended = [upsert.mended(row) for row in rows]
            if mended == rows:
                raise
            self._execute(upsert.statements(mended))

    def _execute(self, statements: Iterable[tuple[str, Values]]) -> None:
        for statement, values in statements:
            self._connection.exec_driver_sql(statement, values)


class Upsert:
    """The statement that writes rows of a table in the place of those that have their keys, and the values it takes.

    SQLite takes many rows with a statement faster than one by one; PostgreSQL does not take two of one key so, and its
    driver sends all of them at once anyway.
    """

    def __init__(self, table: type[Table], dialect: Dialect) -> None:
        there = _sql(table)
        jsons = [one.name for one in there.columns if isinstance(one.type, JSON)]
        plain = [one.name for one in there.columns if one.name not in ("id", *jsons)]  # the database gives the id
        key = ["name"] if table is Run else [one.name for one in there.primary_key]
        quoted = {name: dialect.identifier_preparer.quote(name) for name in plain + jsons}
        changes = ", ".join(f"{name} = excluded.{name}" for one, name in quoted.items() if one not in key)
        is_sqlite = dialect.name == "sqlite"
        marks = f"({', '.join(('?' if is_sqlite else '%s') for _ in quoted)})"
        into = f"INSERT INTO {there.name} ({', '.join(quoted.values())}) VALUES"
        conflict = f"ON CONFLICT ({', '.join(quoted[one] for one in key)}) DO"
        conflict += f" UPDATE SET {changes}" if changes else " NOTHING"
        self._many = _MOST_MARKS // len(quoted) if is_sqlite else 1
        self._of_one = f"{into} {marks} {conflict}"
        self._of_many = f"{into} {', '.join([marks] * self._many)} {conflict}"
        self._names = quoted.keys()
        self._defaults = {
            name: one.default for name, one in table.model_fields.items() if name in quoted and not one.is_required()
        }
        self._plain, self._jsons = itemgetter(*plain), [itemgetter(one) for one in jsons]
        self._json_names = frozenset(jsons)

    def statements(self, rows: Sequence[Row]) -> Iterator[tuple[str, Values]]:
        """Yield what writes rows, with its values; raise an error for rows that have to be mended."""
        values = self._values(rows)
        single = len(values) % self._many if self._many > 1 else len(values)
        if single:
            yield self._of_one, values[:single]
        if single < len(values):
            groups = zip(*[iter(values[single:])] * self._many, strict=True)
            yield self._of_many, list(map(tuple, map(chain.from_iterable, groups)))

    def _values(self, rows: Sequence[Row]) -> Values:
        """Return the values of rows.

        No step of this is one of Python's for each row: that would take as long as to write it.
        """
        plain = map(self._plain, rows)
        if not self._jsons:
            return list(plain)
        texts = (map(bytes.decode, map(_to_json, map(get, rows))) for get in self._jsons)
        return list(map(operator.add, plain, zip(*texts, strict=True)))

    def mended(self, row: Row) -> dict[str, Any]:
        """Return a row with defaults for what it lacks, and with texts that are storable."""
        if unknown := row.keys() - self._names:
            raise KeyError(*sorted(unknown))
        return {
            name: _storable_json(value)
            if name in self._json_names
            else storable(value)
            if isinstance(value, str)
            else value
            for name, value in (self._defaults | dict(row)).items()
        }


def _storable_json(value: Any) -> Any:
    return json.loads(storable(json.dumps(value, ensure_ascii=False)))  # null characters are escaped


def _sql(table: type[Table]) -> sqlalchemy.Table:
    return Table.metadata.tables[str(table.__tablename__)]
