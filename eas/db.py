"""The verbs of `eas db`: the database of the runs is saved, restored and upgraded."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eas.terminal import OK, OUTSIDE, add_store, add_verb, fail, write

if TYPE_CHECKING:
    from eas_provenance.database import Database


def register(verbs: Any) -> None:
    """Add the verbs."""
    summary = "save, restore and upgrade the database of runs"
    parser = verbs.add_parser(
        "db", help=summary, description=f"{summary.capitalize()}; the files of runs are not in it."
    )
    actions = parser.add_subparsers(metavar="VERB", required=True)

    one = add_verb(actions, "save", save, "write all that the database knows to a file")
    one.add_argument("file", type=Path, metavar="FILE", help="the backup; one that is there already is replaced")
    add_store(one)

    one = add_verb(actions, "restore", restore, "fill an empty database from a backup, of either kind of database")
    one.add_argument("file", type=Path, metavar="FILE", help="the backup")
    one.add_argument("--replace", action="store_true", help="give up what the database holds now")
    add_store(one)

    one = add_verb(actions, "upgrade", upgrade, "bring the schema of the database up to that of this EAS")
    add_store(one)


def save(arguments: argparse.Namespace) -> int:
    """Write a backup."""
    from eas_provenance import backup

    with _there(arguments) as database:
        backup.save(database, arguments.file, _progress("saved"))
    return OK


def restore(arguments: argparse.Namespace) -> int:
    """Restore a backup."""
    from eas_provenance import backup
    from eas_provenance.database import Database
    from eas_provenance.store import Store

    with Database(arguments.db or Store(arguments.store).database) as database:
        backup.restore(arguments.file, database, replace=arguments.replace, progress=_progress("restored"))
    return OK


def upgrade(arguments: argparse.Namespace) -> int:
    """Upgrade the schema, and say what became of it."""
    with _there(arguments) as database:
        before = database.revision()
        if before is None:
            return fail(f"{database}: there is no database", OUTSIDE)
        database.upgrade()
        after = database.revision()
    write(f"schema {after}, as it was" if after == before else f"schema {after}, from {before}")
    return OK


def _there(arguments: argparse.Namespace) -> Database:
    """Return the database that is meant, and make nothing of it that is not there."""
    from eas_provenance.database import Database
    from eas_provenance.store import Store

    if arguments.db is None and not arguments.store.is_dir():
        raise SystemExit(fail(f"there is no store {arguments.store} yet; `eas run` makes one", OUTSIDE))
    return Database(arguments.db or Store(arguments.store).database)


def _progress(done_word: str) -> Callable[[int, int], None]:
    """Return what shows how many rows are done: while they are, on terminals alone."""

    def show(done: int, total: int) -> None:
        if done == total:
            sys.stderr.write(f"{done_word} {total:,} rows\n")
        elif sys.stderr.isatty():
            sys.stderr.write(f"{done_word} {done:,} of {total:,} rows\r")

    return show
