"""What pages read: the database, which they never change, and the store beside it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import streamlit as st
from sqlmodel import Session

from eas_provenance.database import Database
from eas_provenance.errors import RepositoryError
from eas_provenance.queries import RunRow
from eas_provenance.store import Store

STORE, DATABASE = "EAS_DASHBOARD_STORE", "EAS_DASHBOARD_DATABASE"
"""The environment says what to show: a URL may hold a password, which no command line should show to others."""
LOCK_S = 5.0
LARGEST_DOWNLOAD = 256 << 20
"""Streamlit holds a download in memory."""

Answer = TypeVar("Answer")


def store() -> Store | None:
    """Return the store; None where there is none on this machine."""
    folder = Path(os.environ.get(STORE, "eas-store"))
    return Store(folder) if folder.is_dir() else None


@contextlib.contextmanager
def session() -> Iterator[Session]:
    """Give a session for queries.

    Raises
    ------
    DatabaseError
        When there is no database, it is older or newer than this EAS, or it cannot be read.
    """
    url = os.environ.get(DATABASE) or str(Path(os.environ.get(STORE, "eas-store")) / "eas.db")
    with _opened(url).session() as session:
        yield session


def _is_current(database: Database) -> bool:
    """Return whether a database that was opened before is still one that can be shown."""
    database.check()
    return True


@st.cache_resource(show_spinner=False, max_entries=4, on_release=Database.close, validate=_is_current)
def _opened(url: str) -> Database:
    return Database.open(url, create=False, timeout_s=LOCK_S)


def of_run(run: RunRow, what: tuple[str, ...], ask: Callable[[], Answer]) -> Answer:
    """Return the answer to a question about a run, asked once if nothing of the run will change any more."""
    if not run.is_over:
        return ask()
    answer: Answer = _kept((os.environ.get(DATABASE, ""), run.uid, run.state, run.ended or "", *what), ask)
    return answer


@st.cache_resource(show_spinner=False, max_entries=32)
def _kept(key: tuple[str, ...], _ask: Callable[[], Any]) -> Any:
    del key  # what is kept is kept for it
    return _ask()


def is_alive(run: RunRow) -> bool:
    """Return whether somebody still works on a run, as far as this machine can tell."""
    kept = store()
    if run.is_over or kept is None:
        return not run.is_over
    try:
        return kept.may_go_on(run.name)
    except RepositoryError:  # what cannot be asked may well be
        return True


def kept_file(key: str) -> Path | None:
    """Return where the file of a key is; None when it is not on this machine."""
    kept = store()
    try:
        path = kept.files.path(key) if kept is not None else None
    except RepositoryError:
        return None
    return path if path is not None and path.is_file() else None
