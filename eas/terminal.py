"""What all verbs share: output and messages, exit statuses, arguments of the same kind, the store that they work on."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from eas_compiler.cli import OK, OUTSIDE, WRONG_INPUT, WRONG_USE

if TYPE_CHECKING:
    from eas_provenance.database import Database
    from eas_provenance.store import Store

__all__ = ["INTERRUPTED", "OK", "OUTSIDE", "WRONG_INPUT", "WRONG_USE"]
INTERRUPTED = 130
STORE = "eas-store"
THIS_MACHINE = "this machine"
"""The site of runs that are worked on here, as the database has it."""


def write(text: str) -> None:
    """Write to standard output; leave when that cannot be done, quietly when whoever read has gone."""
    try:
        sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")
        sys.stdout.flush()
    except OSError as error:
        # What is left in the stream would be tried again, and complained about, at the very end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise SystemExit(fail(f"cannot write standard output: {error.strerror}", OUTSIDE)) from error


def say(message: str) -> None:
    """Write a message to standard error."""
    sys.stderr.write(f"eas: {message}\n")


def fail(message: str, status: int) -> int:
    """Write a message, and return the exit status that goes with it."""
    say(message)
    return status


def add_verb(
    verbs: Any, name: str, function: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    """Add a verb, and return its parser."""
    description = f"{summary[0].upper()}{summary[1:]}."
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=summary, description=description)
    parser.set_defaults(verb=function)
    return parser


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option to write for programs."""
    parser.add_argument("--json", action="store_true", help="write JSON")


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add the options that say which runs are meant; `settle` then finds out what was not said."""
    parser.add_argument(
        "--site", metavar="SITE", help="where runs are worked on (default: $EAS_SITE, else that of the sites' file)"
    )
    parser.add_argument(
        "--sites", metavar="FILE", help="the file of sites (default: $EAS_SITES, ./eas.yaml, ~/.config/eas/eas.yaml)"
    )
    parser.add_argument("--store", type=Path, metavar="DIR", help=f"where runs are kept (default: ./{STORE})")
    parser.add_argument(
        "--db", metavar="URL", help="the database of the runs (default: the site's, $EAS_DATABASE, the store's own)"
    )


def settle(arguments: argparse.Namespace) -> int:
    """Find the site of a verb that has one, with its store and its database; return a status when that cannot be.

    From then on `arguments.site` is a site, `arguments.store` a folder, and `arguments.db` None for the store's own.
    """
    if "site" not in arguments:
        return OK
    from eas import sites
    from eas_compiler import cli as compiler

    try:
        site = sites.find(arguments.site, arguments.sites)
    except sites.UnknownSiteError as error:
        return fail(str(error), WRONG_USE)
    except sites.BrokenSitesError as error:
        compiler.show_all(error.diagnostics)
        return WRONG_INPUT
    kept = site.store if isinstance(site, sites.Laptop) else None
    arguments.site, arguments.db = site, arguments.db or site.database
    arguments.store = arguments.store or Path(kept or STORE).expanduser()
    return OK


def positive(text: str) -> int:
    """Read a number of at least 1."""
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)


class Kept(NamedTuple):
    """Where runs are kept: the store, and the database that is open."""

    store: Store
    database: Database


@contextmanager
def kept(arguments: argparse.Namespace) -> Iterator[Kept]:
    """Open what settled arguments name, and bring the database of this machine up to what dead engines left.

    Raises
    ------
    DatabaseError, RepositoryError
        When it cannot be opened.
    """
    from eas.sites import Laptop
    from eas_provenance.database import Database
    from eas_provenance.follow import catch_up
    from eas_provenance.store import Store

    store = Store(arguments.store)
    with Database.open(arguments.db or store.database) as database:
        for problem in catch_up(database, store) if isinstance(arguments.site, Laptop) else ():
            say(problem)
        yield Kept(store, database)
