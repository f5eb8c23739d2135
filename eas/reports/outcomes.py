"""`eas outcomes`: what was searched and found, as a table or a picture over the loop variables."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eas import text
from eas.reports.common import add_run, answer, csv_text, more, reading, shown, table, unit, width
from eas.terminal import OK, OUTSIDE, WRONG_INPUT, add_verb, fail, positive, say, write

if TYPE_CHECKING:
    from eas_provenance.queries import OutcomeTable

_LIMIT = 100
_FIXED = ("path", "type", "source")


def register(verbs: Any) -> None:
    """Add the verb."""
    one = add_verb(verbs, "outcomes", _outcomes, "show what was found, over the loop variables")
    add_run(one)
    one.add_argument("--type", metavar="TYPE", help="of this task type alone")
    one.add_argument("--csv", action="store_true", help="write CSV")
    one.add_argument("--plot", type=Path, metavar="FILE", help="draw a map into a file: .png, .pdf or .svg")
    one.add_argument("--limit", type=positive, default=_LIMIT, metavar="N", help="rows (default: %(default)s)")


def _outcomes(arguments: argparse.Namespace) -> int:
    from eas_provenance.queries import outcomes

    is_all = arguments.csv or arguments.plot is not None or arguments.json
    with reading(arguments) as found:
        run = found.run
        tables = outcomes(found.session, run.id, type=arguments.type, limit=None if is_all else arguments.limit)
    if not tables:
        of_type = f" of type {arguments.type}" if arguments.type else ""
        return fail(text.safe(f"no task{of_type} of {run.name} says an outcome"), WRONG_INPUT)
    if arguments.plot is not None:
        return _plot(arguments.plot, run.name, tables)
    if arguments.csv:
        write(as_csv(tables))
        return OK
    return answer(arguments, lambda: "\n\n".join(map(as_text, tables)), lambda: [as_data(one) for one in tables])


def as_text(found: OutcomeTable) -> str:
    """Return a table for people, as many columns as fit."""
    head = list(map(unit, found.columns, found.units))
    rows = [[shown(value, 30) for value in row.values] for row in found.rows]
    columns = len(head)
    while columns > 1 and text.needed(head[:columns], [row[:columns] for row in rows]) > width():
        columns -= 1
    listed = table(head[:columns], [row[:columns] for row in rows])
    places = ", ".join(dict.fromkeys(row.source for row in found.rows))
    written = [text.safe(f"{found.type} ({places})"), listed, *more(found.total - len(rows), "tasks", "--limit, --csv")]
    return "\n".join([*written, *more(len(head) - columns, "columns", "--csv, --json")])


def as_data(found: OutcomeTable) -> dict[str, Any]:
    """Return a table for programs."""
    found = _apart(found)
    return {
        "type": found.type,
        "units": dict(zip(found.columns, found.units, strict=True)),
        "variables": found.columns[: found.variables],
        "rows": [
            {"path": row.path, "source": row.source, **dict(zip(found.columns, row.values, strict=True))}
            for row in found.rows
        ],
    }


def as_csv(tables: tuple[OutcomeTable, ...]) -> str:
    """Return all tables as one; a type that has not some column has it empty."""
    units, rows = joined(tables)
    return csv_text([unit(name, of) for name, of in units.items()], [list(row.values()) for row in rows])


def joined(tables: tuple[OutcomeTable, ...]) -> tuple[dict[str, str], list[dict[str, Any]]]:
    """Return all tables as one: the units of its columns, and its rows by column; what a type has not is None.

    A column that is called as one of those that every table has here is told from it.
    """
    tables = tuple(map(_apart, tables))
    units = {name: of for one in tables for name, of in zip(one.columns, one.units, strict=True)}
    variables = dict.fromkeys(name for one in tables for name in one.columns[: one.variables])
    columns = dict.fromkeys((*variables, *units))
    rows = []
    for one in tables:
        for row in one.rows:
            about = dict(zip(_FIXED, (row.path, one.type, row.source), strict=True))
            rows.append(about | columns | dict(zip(one.columns, row.values, strict=True)))
    return dict.fromkeys(_FIXED, "") | {name: units[name] for name in columns}, rows


def _apart(table: OutcomeTable) -> OutcomeTable:
    kinds = ("variable" if at < table.variables else "emitted" for at in range(len(table.columns)))
    names = zip(table.columns, kinds, strict=True)
    return table._replace(columns=tuple(f"{name} ({kind})" if name in _FIXED else name for name, kind in names))


def _plot(file: Path, name: str, tables: tuple[OutcomeTable, ...]) -> int:
    try:
        from eas.reports import plot
    except ModuleNotFoundError as error:
        return fail(f"{error.name} is not installed; pip install 'eas[plot]' brings it", OUTSIDE)
    try:
        plot.draw(tables, name).savefig(file)
    except plot.NothingToDrawError as error:
        return fail(f"{name}: {error}", WRONG_INPUT)
    except ValueError as error:  # a kind of file that there is not
        return fail(f"cannot draw {file}: {error}", WRONG_INPUT)
    except OSError as error:
        return fail(f"cannot write {file}: {error.strerror}", OUTSIDE)
    say(f"drawn: {file}")
    return OK
