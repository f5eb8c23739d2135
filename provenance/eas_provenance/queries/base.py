"""What all queries share: the tables, pages of rows, and conditions on paths.

Queries ask for columns and not for objects, because nobody changes what they find, and rows are several times faster.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import ColumnElement, Row, Select, func, or_, select
from sqlmodel import Session

from eas_provenance.tables import Table

TABLES = Table.metadata.tables
RUN, TASK, ATTEMPT, TASK_TYPE = TABLES["run"], TABLES["task"], TABLES["attempt"], TABLES["task_type"]
USED, VERSION, EMITTED, CRITERION = TABLES["used"], TABLES["version"], TABLES["emitted"], TABLES["criterion"]
MESSAGE, PROBLEM, TAG, DOCUMENT = TABLES["message"], TABLES["problem"], TABLES["tag"], TABLES["document"]
CURSOR = TABLES["cursor"]

FAILING = ("failed", "error")
"""States of a task that make its run fail."""
PROGRAM, GATE = "run", "qc"
"""The steps of a task."""

PART = re.compile(r"/t\d+|\[[^\]]*\]|\?\w+|#\d+")
"""A part of a path."""
_PART_BEGINS = "/[?#"

Found = TypeVar("Found")


class Page(NamedTuple, Generic[Found]):
    """Some of the rows that there are; `total` says how many there are, `offset` how many come before these."""

    rows: tuple[Found, ...]
    total: int
    offset: int = 0

    @property
    def left(self) -> int:
        """How many rows come after these."""
        return max(0, self.total - self.offset - len(self.rows))


def fetch(session: Session, statement: Select[Any]) -> Sequence[Any]:
    """Return all rows that a statement finds."""
    return session.connection().execute(statement).all()


def first(session: Session, statement: Select[Any]) -> Any:
    """Return the first row that a statement finds, None without any."""
    return session.connection().execute(statement.limit(1)).first()


def count(session: Session, statement: Select[Any]) -> int:
    """Return how many rows a statement finds."""
    found: int = session.connection().execute(select(func.count()).select_from(statement.subquery())).scalar_one()
    return found


def mapping(row: Row[Any]) -> dict[str, Any]:
    """Return a row by the names of its columns, as the fields of a tuple have them."""
    return dict(row._mapping)  # noqa: SLF001 - public in spite of its name


def as_object(value: Any) -> dict[str, Any]:
    """Return what should be an object of JSON; an empty one if it is something else."""
    return value if isinstance(value, dict) else {}


def parts(path: str) -> list[str]:
    """Return the parts of a path: `/t0`, `[size=1]`, `?then`, `#2`."""
    return PART.findall(path)


def pattern_of(path: str) -> str:
    """Return a path without its indices, as in `/t0[size]/t1#/t0`: the same for all iterations."""
    return re.sub(r"=[^\]]*\]|(?<=#)\d+", lambda found: "]" if found[0].endswith("]") else "", path)


def beneath(path_column: Any, path: str) -> ColumnElement[bool]:
    """Return the condition that a path is the given one or stands beneath it; an empty one has all beneath it.

    It compares beginnings and no ranges, as databases sort texts in different ways.
    """
    return or_(path_column == path, func.substr(path_column, 1, len(path) + 1).in_(beginnings(path)))


def beginnings(path: str) -> tuple[str, ...]:
    """Return how paths begin that stand beneath one: so that `/t10` does not stand beneath `/t1`."""
    return tuple(path + one for one in _PART_BEGINS)


def has_text(text: str, *columns: Any) -> ColumnElement[bool]:
    """Return the condition that one of some columns has a text in it, in capitals or not."""
    return or_(*(one.icontains(text, autoescape=True) for one in columns))


def chunks(values: list[str], size: int = 500) -> Iterable[list[str]]:
    """Cut a list into pieces that a statement can hold."""
    return (values[begin : begin + size] for begin in range(0, len(values), size))
