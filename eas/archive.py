"""What the Python API gives of runs that are kept: the archive, a run, and what it found.

Each method asks one of the queries that the reports ask, or has a run worked on as the command does.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from astropy.table import Table  # type: ignore[import-untyped]
    from sqlmodel import Session

    from eas.get import Copied
    from eas.local import Finished, Place
    from eas_provenance.database import Database
    from eas_provenance.queries import Failures, RunRow, TaskDetails, TaskRow, TimingRow, VersionRow
    from eas_provenance.store import Store

_ALL = 1 << 31
_LOOK_S = 0.2
_log = logging.getLogger("eas")


class Archive:
    """What is kept of runs; `eas.open` makes it.

    A question to it or to one of its runs opens the database and closes it again. In a ``with`` block one connection
    serves all questions.

    Examples
    --------
    >>> with eas.open("eas-store") as archive:  # doctest: +SKIP
    ...     print(archive["demo"].outcomes().table())
    """

    def __init__(self, store: str | os.PathLike[str], db: str | None = None) -> None:
        self.folder = Path(store)
        self.url = db if db is not None else os.environ.get("EAS_DATABASE") or None
        self._open: Database | None = None
        self._closing = ExitStack()

    def __repr__(self) -> str:
        return f"<the runs of {self.folder}>"

    def __enter__(self) -> Self:
        self._open = self._closing.enter_context(self._connected())
        return self

    def __exit__(self, *_: object) -> None:
        self._open = None
        self._closing.close()

    def __getitem__(self, name: str) -> Run:
        return self.run(name)

    def __iter__(self) -> Iterator[Run]:
        return iter(self.runs(limit=None))

    @property
    def store(self) -> Store:
        """The store: files, and folders of runs."""
        from eas_provenance.store import Store

        return Store(self.folder)

    def run(self, name: str | None = None) -> Run:
        """Return a run.

        Parameters
        ----------
        name : str, optional
            Its name, or how it alone begins; by default the newest run.

        Raises
        ------
        LookupError
            When there is none, or several names begin so; the message says what may have been meant.
        """
        from eas_provenance.queries import find_run

        with self.session() as session:
            return Run(self, find_run(session, name).name)

    def runs(
        self, *, state: str | Sequence[str] = (), tag: str | None = None, search: str = "", limit: int | None = 50
    ) -> list[Run]:
        """Return runs, the newest first.

        Parameters
        ----------
        state : str or sequence of str
            Only runs in one of these states: `running`, `succeeded`, `failed`, `cancelled`, `interrupted` …
        tag : str, optional
            Only runs with this tag.
        search : str
            Only runs with this text in their names.
        limit : int, optional
            How many at most; None for all.
        """
        from eas_provenance.queries import RunFilter, runs

        where = RunFilter(_several(state), tag, search)
        with self.session() as session:
            return [Run(self, row.name) for row in runs(session, where, limit=_ALL if limit is None else limit).rows]

    @contextmanager
    def database(self) -> Iterator[Database]:
        """Give the database, for what this API does not ask."""
        if self._open is not None:
            yield self._open
        else:
            with self._connected() as database:
                yield database

    @contextmanager
    def session(self) -> Iterator[Session]:
        """Give a session, for `eas_provenance.queries` and for queries of your own."""
        with self.database() as database, database.session() as session:
            yield session

    def place(self, cores: int | None, *, quiet: bool) -> Place:
        """Return where runs are worked on; the archive must be in a ``with`` block."""
        from eas.local import Place

        assert self._open is not None
        return Place(self.store, self._open, cores, quiet=quiet)

    @contextmanager
    def _connected(self) -> Iterator[Database]:
        from eas_provenance.database import Database

        with Database.open(self.url or self.store.database) as database:
            yield database


class Run:
    """A run. What it says is what the database knows at the moment of the question.

    Attributes
    ----------
    name : str
        Its name.
    archive : Archive
        Where it is kept.
    """

    def __init__(self, archive: Archive, name: str) -> None:
        self.archive, self.name = archive, name

    def __repr__(self) -> str:
        return f"<run {self.name}>"

    @property
    def state(self) -> str:
        """Its state, as `running`, `succeeded`, `failed`, `cancelled` or `interrupted`."""
        return self.about().state

    def about(self) -> RunRow:
        """Return the facts of the run: its chain, when and where it ran, and how many tasks are in which state."""
        with self._asking() as (_, row):
            return row

    def tasks(
        self,
        path: str = "",
        *,
        type: str | None = None,  # noqa: A002 - as in chains
        state: str | Sequence[str] = (),
    ) -> list[TaskRow]:
        """Return tasks that were reached, in the order of their paths.

        Parameters
        ----------
        path : str
            Only tasks at or beneath this path, as ``/t0[size=3]/t1``.
        type : str, optional
            Only tasks of this type.
        state : str or sequence of str
            Only tasks in one of these states: `running`, `succeeded`, `failed`, `error`, `blocked` …
        """
        from eas_provenance.queries import TaskFilter, tasks

        where = TaskFilter(path.rstrip("/"), type, _several(state))
        with self._asking() as (session, row):
            return list(tasks(session, row.id, where, limit=_ALL).rows)

    def task(self, path: str) -> TaskDetails:
        """Return all that is known of a task: tries, inputs, outputs, settings, metadata, quality control.

        Raises
        ------
        LookupError
            When no task of the path was reached; the message says which there are.
        """
        from eas_provenance.queries import explain_unknown, task

        with self._asking() as (session, row):
            found = task(session, row.id, path.rstrip("/"))
            if found is None:
                raise LookupError(f"{self.name}: {explain_unknown(session, row.id, path)}")
            return found

    def outcomes(self, type: str | None = None) -> Outcomes:  # noqa: A002 - as in chains
        """Return what was searched and found, over the loop variables.

        Parameters
        ----------
        type : str, optional
            Only what tasks of this type say; by default those of all types, one after the other.
        """
        from eas.reports.outcomes import joined
        from eas_provenance.queries import outcomes

        with self._asking() as (session, row):
            return Outcomes(*joined(outcomes(session, row.id, type=type)))

    def errors(self) -> Failures:
        """Return why tasks failed: the reasons with some tasks each, and flow control that could not go on."""
        from eas_provenance.queries import failures

        with self._asking() as (session, row):
            return failures(session, row.id, limit=_ALL)

    def timings(self) -> list[TimingRow]:
        """Return what the tasks of each type cost: times [s], processor time [s], memory [bytes]."""
        from eas_provenance.queries import timings

        with self._asking() as (session, row):
            return list(timings(session, row.id))

    # -----------------------------------------------------------------------------------------------------------------
    # Files

    def files(self, name: str | None = None) -> list[VersionRow]:
        """Return the files that the run made, of each the newest version.

        Parameters
        ----------
        name : str, optional
            ``DIRECTORY/NAME`` for a single one, or a directory for those in it; by default all.

        Raises
        ------
        LookupError
            When there is none; the message says what may have been meant.
        """
        from eas.get import wanted

        with self._asking() as (session, row):
            return list(wanted(session, row, name))

    def path(self, file: str | VersionRow) -> Path:
        """Return where a file is kept; it is for reading alone.

        Parameters
        ----------
        file : str or VersionRow
            ``DIRECTORY/NAME``, or one of `files`.

        Raises
        ------
        LookupError
            When there is none; the message says what may have been meant.
        """
        from eas.get import only

        if isinstance(file, str):
            with self._asking() as (session, row):
                file = only(session, row, file)
        return self.archive.store.files.path(file.key)

    def read(self, file: str | VersionRow) -> bytes:
        """Return the content of a file, as the run made it; `path` says what is given.

        Raises
        ------
        LookupError
            When there is none; the message says what may have been meant.
        OSError
            When it cannot be read.
        """
        return self.path(file).read_bytes()

    def get(self, folder: str | os.PathLike[str], name: str | None = None, *, force: bool = False) -> Copied:
        """Copy files into a folder, checked, under their real names, as `eas get` does.

        Parameters
        ----------
        folder : path
            Where to; it is made when it is not there.
        name : str, optional
            ``DIRECTORY/NAME`` for a single one, or a directory for those in it; by default all.
        force : bool
            Whether to replace files that are there.

        Returns
        -------
        Copied
            The paths of the copies, and what could not be copied, and why.

        Raises
        ------
        LookupError
            When there is no such file.
        FileExistsError
            When a file is there already, and `force` is not given. Nothing was copied then.
        OSError
            When a copy cannot be written.
        """
        from eas.get import copy

        return copy(self.archive.store.files, self.files(name), Path(folder), force=force)

    # -----------------------------------------------------------------------------------------------------------------
    # Working on it

    def resume(self, *, cores: int | None = None, quiet: bool = True) -> Self:
        """Do what is left of a run that was interrupted or cancelled, until it has ended.

        Parameters
        ----------
        cores : int, optional
            How many cores to use; by default all.
        quiet : bool
            Whether to show no progress on standard error.

        Raises
        ------
        eas_provenance.errors.BusyError
            When somebody works on it.
        eas.local.RefusedError, eas.local.BrokenOffError
            As for `eas.run`.
        """
        from eas import local, working

        return self._work(
            lambda place: local.resume(working.known_folder(place.store, self.name), place, _log.warning),
            cores,
            quiet=quiet,
        )

    def rerun(
        self, *, failed: bool = False, start: str | None = None, cores: int | None = None, quiet: bool = True
    ) -> Self:
        """Do tasks of the run again, and all that depends on them, until it has ended.

        Parameters
        ----------
        failed : bool
            Do the tasks that failed, and those that were blocked by it.
        start : str, optional
            Do the tasks at or beneath this path instead.
        cores : int, optional
            How many cores to use; by default all.
        quiet : bool
            Whether to show no progress on standard error.

        Raises
        ------
        ValueError
            Unless either `failed` or `start` is given.
        eas.local.NothingToDoError
            When there is no such task.
        eas_provenance.errors.BusyError, eas.local.RefusedError, eas.local.BrokenOffError
            As for `resume`.
        """
        from eas import local, working

        if failed == (start is not None):
            raise ValueError("give either failed=True or start=PATH")
        which = working.failed() if start is None else working.beneath(start)
        return self._work(
            lambda place: local.rerun(working.known_folder(place.store, self.name), place, which, _log.warning),
            cores,
            quiet=quiet,
        )

    def _work(self, work: Callable[[Place], Finished], cores: int | None, *, quiet: bool) -> Self:
        with Archive(self.archive.folder, self.archive.url) as archive:
            work(archive.place(cores, quiet=quiet))
        return self

    def wait(self, timeout_s: float | None = None) -> str:
        """Wait until the run has ended, or nobody works on it any more.

        Parameters
        ----------
        timeout_s : float, optional
            How long to wait at most [s]; by default for ever.

        Returns
        -------
        str
            Its state.

        Raises
        ------
        TimeoutError
            When it goes on for longer.
        """
        from eas_provenance.follow import catch_up

        end = None if timeout_s is None else time.monotonic() + timeout_s
        while not (row := self.about()).is_over and self.archive.store.may_go_on(self.name):
            if end is not None and time.monotonic() > end:
                raise TimeoutError(f"{self.name} goes on after {timeout_s:g} s")
            time.sleep(_LOOK_S)
        if not row.is_over:  # its engine has died, or has ended just now, and may have left something
            with self.archive.database() as database:
                catch_up(database, self.archive.store)
        return self.state

    @contextmanager
    def _asking(self) -> Iterator[tuple[Session, RunRow]]:
        from eas_provenance.queries import find_run

        with self.archive.session() as session:
            yield session, find_run(session, self.name)


class Outcomes(list[dict[str, Any]]):
    """What was searched and found: a row for each task, by column; what is not there is None.

    `path`, `type` and `source` (file:line:column of the chain) of the task come first, then the loop variables around
    it, its verdict, and what it emitted.

    Attributes
    ----------
    units : dict
        The unit of each column; an empty text for what has none.
    """

    def __init__(self, units: dict[str, str], rows: Iterable[dict[str, Any]]) -> None:
        super().__init__(rows)
        self.units = units

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return list(self.units)

    def table(self) -> Table:
        """Return an astropy table, with units; what is not there is masked.

        Raises
        ------
        ModuleNotFoundError
            When astropy is not installed; ``pip install 'eas[science]'`` brings it.
        """
        from astropy.table import MaskedColumn, Table
        from astropy.units import Unit  # type: ignore[import-untyped]

        columns = {}
        for name, unit in self.units.items():
            values = [row[name] for row in self]
            filler = _filler(values)
            columns[name] = MaskedColumn(
                [filler if value is None else value for value in values],
                name,
                mask=[value is None for value in values],
                dtype=object if filler is None else None,
                unit=Unit(unit, parse_strict="silent") if unit else None,
            )
        return Table(columns)


def _filler(values: list[Any]) -> bool | float | str | None:
    """Return what stands for None in an array of some values; None where they fit into no array but one of objects."""
    kinds = {type(value) for value in values if value is not None}
    if kinds == {int, float}:
        return 0.0
    fillers: dict[type, bool | float | str] = {bool: False, int: 0, float: 0.0, str: ""}
    return fillers.get(kinds.pop()) if len(kinds) == 1 else None


def _several(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
