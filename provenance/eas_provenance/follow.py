"""Following the journal of a run on this machine: the site that keeps a run in the database."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select
from sqlmodel import col

from eas_provenance.database import Database
from eas_provenance.errors import BusyError, RepositoryError
from eas_provenance.runs import RunFolder
from eas_provenance.states import States, Task
from eas_provenance.store import Store
from eas_provenance.sync import Origin, Sync, register
from eas_provenance.tables import Cursor, Run


class Follower:
    """Keeps one run in the database; `observe` is told of every task that is not what it was.

    `log` gives what the running try of a node has logged so far.

    Raises
    ------
    DatabaseError
        When the run cannot be noted.
    RepositoryError
        When its folder cannot be read.
    """

    def __init__(
        self,
        database: Database,
        store: Store,
        folder: RunFolder,
        observe: Callable[[Task], object] = lambda _: None,
        log: Callable[[str], bytes | None] = lambda _: None,
    ) -> None:
        self._folder, self._observe = folder, observe
        sources, about = folder.sources(), folder.about()
        run_id = register(database, folder.name, sources, about)
        origin = Origin(run_id, prefix(folder), about["parameters"]["seed"], store.files.read, log)
        self._sync = Sync(database, origin, sources.workflow)
        self._position, self._known = 0, _cursor(database, run_id)

    @property
    def states(self) -> States:
        """The states of the run's tasks, as far as it was followed."""
        return self._sync.states

    def follow(self) -> None:
        """Take what the journal has more than before."""
        for position, update in self._folder.journal.updates(self._position):
            self._position = position
            for task in self._sync.take(update, is_known=position <= self._known):
                self._observe(task)

    def write(self, *, is_alive: bool) -> None:
        """Write what was taken; `is_alive` tells whether an engine works on the run.

        Raises
        ------
        DatabaseError
            When it cannot be written; it is tried again with the next call.
        """
        self._sync.flush(str(self._position), is_alive=is_alive)


def prefix(folder: RunFolder) -> str:
    """Return the prefix of a run's keys in the repository."""
    return f"{folder.name}-{folder.about()['uid']}"


def _cursor(database: Database, run_id: int) -> int:
    """Return how far the journal had been written before, and by whomever."""
    with database.session() as session:
        return int(session.execute(select(col(Cursor.position)).where(col(Cursor.run_id) == run_id)).scalar() or 0)


def catch_up(database: Database, store: Store) -> list[str]:
    """Take whatever the database does not know of runs that nobody follows any more, as their engines are dead.

    Return what is wrong with runs of which that cannot be done; they do not hide the others.

    Raises
    ------
    DatabaseError
        When the database cannot be read or written.
    """
    problems = []
    with database.session() as session:
        columns = (col(Run.name), col(Run.state), col(Cursor.position))
        rows = session.execute(select(*columns).join(Cursor, col(Cursor.run_id) == col(Run.id), isouter=True))
        known = {name: (state, position) for name, state, position in rows}
    for folder in store.runs():
        try:
            if _is_left(folder, *known.get(folder.name, ("running", None))) and not folder.has_engine():
                with folder.engine():  # so that none begins meanwhile: whoever writes older rows must not be the last
                    follower = Follower(database, store, folder)
                    follower.follow()
                    follower.write(is_alive=False)
        except BusyError:
            continue  # one has just begun, and keeps the run itself
        except RepositoryError as error:
            problems.append(str(error))
    return problems


def _is_left(folder: RunFolder, state: str, position: str | None) -> bool:
    """Return whether the database lacks something of a run: it is running for it, or has gone on since."""
    return state == "running" or int(position or 0) < folder.journal.size_bytes
