"""Seconds between two times, in the words of each database."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

_TIME = "^[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]"


class seconds_between(GenericFunction[float]):  # noqa: N801 - it is written as other functions of SQL are
    """The seconds from one time to another, both as text; null when one is not there."""

    type = Float()
    inherit_cache = True


@compiles(seconds_between, "sqlite")
def _in_sqlite(element: seconds_between, compiler: Any, **options: Any) -> str:
    begin, end = (compiler.process(one, **options) for one in element.clauses)
    return f"((julianday({end}) - julianday({begin})) * 86400.0)"


@compiles(seconds_between, "postgresql")
def _in_postgresql(element: seconds_between, compiler: Any, **options: Any) -> str:
    begin, end = (compiler.process(one, **options) for one in element.clauses)
    are_times = " AND ".join(f"{one} ~ '{_TIME}'" for one in (begin, end))  # it ends for what it cannot cast
    between = f"EXTRACT(EPOCH FROM CAST({end} AS timestamptz) - CAST({begin} AS timestamptz))"
    return f"CASE WHEN {are_times} THEN CAST({between} AS double precision) END"


def seconds(begin: str | None, end: str | None) -> float | None:
    """Return the seconds from one time to another; None when one is not there, or is no time."""
    if begin is None or end is None:
        return None
    try:
        return (datetime.fromisoformat(end) - datetime.fromisoformat(begin)).total_seconds()
    except (ValueError, TypeError):  # a TypeError when one of them has no zone
        return None
