"""Files: directories, their files, the versions of each, and who made and read them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlmodel import Session

from eas_provenance.queries.base import RUN, TASK, USED, VERSION, Page, count, fetch, has_text, mapping


class FileFilter(NamedTuple):
    """Which files are meant: those of a directory, of a type, with some text in their names."""

    directory: str | None = None
    type: str | None = None
    search: str = ""


ALL_FILES = FileFilter()


class DirectoryRow(NamedTuple):
    """A working directory of a run: how many files, how many versions of them, and their sizes in all."""

    directory: str
    files: int
    versions: int
    size_bytes: int


class VersionRow(NamedTuple):
    """A version of a file: what it is, which try of which task made it, and what that one was worth.

    `version` counts the versions of the file in its run from 1; `source` is the place of the task in the chain.
    """

    run: str
    directory: str
    name: str
    version: int
    versions: int
    path: str
    number: int
    port: str
    type: str
    size_bytes: int
    sha256: str
    key: str
    verdict: str | None
    made: str | None
    source: str


class InputRow(NamedTuple):
    """A file that a task read, and who made it; `made_by` is None when that is not known, as for files from outside."""

    port: str
    position: int
    number: int
    directory: str
    name: str
    sha256: str
    made_by: str | None
    made_at: str | None
    """The place of the maker in the chain."""


class ReaderRow(NamedTuple):
    """A task that read a version of a file."""

    path: str
    number: int
    port: str
    type: str
    source: str


def directories(session: Session, run_id: int) -> tuple[DirectoryRow, ...]:
    """Return the working directories of a run that have files, by name."""
    files = (
        select(
            VERSION.c.directory,
            VERSION.c.name,
            func.count().label("versions"),
            func.sum(VERSION.c.size_bytes).label("size"),
        )
        .where(VERSION.c.run_id == run_id)
        .group_by(VERSION.c.directory, VERSION.c.name)
        .subquery()
    )
    query = select(files.c.directory, func.count(), func.sum(files.c.versions), func.sum(files.c.size))
    rows = fetch(session, query.group_by(files.c.directory).order_by(files.c.directory))
    return tuple(DirectoryRow(row[0], *map(int, row[1:])) for row in rows)


def files(
    session: Session, run_id: int, where: FileFilter = ALL_FILES, *, limit: int | None = 100, offset: int = 0
) -> Page[VersionRow]:
    """Return the newest version of each file of a run, by directory and name; without a limit all of them."""
    wanted = [VERSION.c.run_id == run_id]
    if where.directory is not None:
        wanted.append(VERSION.c.directory == where.directory)
    if where.type is not None:
        wanted.append(VERSION.c.type == where.type)
    if where.search:
        wanted.append(has_text(where.search, VERSION.c.name))
    names = select(VERSION.c.directory, VERSION.c.name).where(*wanted).distinct()
    if limit is None:
        found = _versions(session, run_id, and_(*wanted))
    else:
        some = fetch(session, names.order_by(VERSION.c.directory, VERSION.c.name).limit(limit).offset(offset))
        found = _versions(session, run_id, _named(some))
    newest = {(one.directory, one.name): one for one in found}
    return Page(tuple(newest.values()), count(session, names), offset)


def versions(session: Session, run_id: int, directory: str, name: str) -> tuple[VersionRow, ...]:
    """Return all versions of a file of a run, the oldest first."""
    return _versions(session, run_id, _named([(directory, name)]))


def newest_passed(session: Session, directory: str, name: str) -> VersionRow | None:
    """Return the newest version of a file, of whatever run made it, that has passed quality control."""
    of_file = and_(VERSION.c.directory == directory, VERSION.c.name == name)
    passed = select(VERSION.c.run_id).where(of_file, VERSION.c.verdict.in_(("pass", "warn")))
    for row in fetch(session, passed.order_by(VERSION.c.made.desc(), VERSION.c.run_id.desc()).limit(1)):
        good = [one for one in versions(session, row.run_id, directory, name) if one.verdict in ("pass", "warn")]
        return good[-1]
    return None


def outputs(session: Session, run_id: int, path: str) -> tuple[VersionRow, ...]:
    """Return the versions of files that a task made, in all its tries, by port."""
    names = select(VERSION.c.directory, VERSION.c.name).where(VERSION.c.run_id == run_id, VERSION.c.path == path)
    found = _versions(session, run_id, _named(fetch(session, names.distinct())))
    return tuple(sorted((one for one in found if one.path == path), key=lambda one: (one.port, one.name, one.version)))


def inputs(session: Session, run_id: int, path: str) -> tuple[InputRow, ...]:
    """Return the files that the tries of a task read, by try and port, with those who made them."""
    made = and_(
        VERSION.c.run_id == USED.c.run_id,
        VERSION.c.directory == USED.c.directory,
        VERSION.c.name == USED.c.name,
        VERSION.c.sha256 == USED.c.sha256,
    )
    maker = and_(TASK.c.run_id == VERSION.c.run_id, TASK.c.path == VERSION.c.path)
    columns = [USED.c[name] for name in InputRow._fields if name in USED.c]
    query = (
        select(*columns, VERSION.c.path.label("made_by"), TASK.c.source.label("made_at"))
        .outerjoin(VERSION, made)
        .outerjoin(TASK, maker)
        .where(USED.c.run_id == run_id, USED.c.path == path)
        .order_by(USED.c.number, USED.c.port, USED.c.position, VERSION.c.number)
    )
    found = {(row.number, row.port, row.position): InputRow(**mapping(row)) for row in fetch(session, query)}
    return tuple(found.values())


def readers(session: Session, run_id: int, version: VersionRow, *, limit: int = 100) -> Page[ReaderRow]:
    """Return the tasks that read a version of a file."""
    read = and_(
        USED.c.run_id == run_id,
        USED.c.directory == version.directory,
        USED.c.name == version.name,
        USED.c.sha256 == version.sha256,
    )
    reader = and_(TASK.c.run_id == USED.c.run_id, TASK.c.path == USED.c.path)
    wanted = select(USED.c.path, USED.c.number, USED.c.port, TASK.c.type, TASK.c.source).join(TASK, reader).where(read)
    rows = fetch(session, wanted.order_by(TASK.c.position, USED.c.number).limit(limit))
    return Page(tuple(ReaderRow(*row) for row in rows), count(session, wanted))


def _named(names: Sequence[Any]) -> ColumnElement[bool]:
    """Return the condition that a file is one of some, each a directory and a name."""
    return or_(false(), *(and_(VERSION.c.directory == one[0], VERSION.c.name == one[1]) for one in names))


def _versions(session: Session, run_id: int, files_meant: ColumnElement[bool]) -> tuple[VersionRow, ...]:
    """Return all versions of some files, by directory and name, the oldest first."""
    maker = and_(TASK.c.run_id == VERSION.c.run_id, TASK.c.path == VERSION.c.path)
    query = (
        select(VERSION, RUN.c.name.label("run"), TASK.c.source)
        .join(RUN, RUN.c.id == VERSION.c.run_id)
        .outerjoin(TASK, maker)
        .where(VERSION.c.run_id == run_id, files_meant)
        .order_by(VERSION.c.directory, VERSION.c.name, VERSION.c.made, VERSION.c.number)
    )
    rows: list[VersionRow] = []
    counts: dict[tuple[str, str], int] = {}
    for row in fetch(session, query):
        file = (row.directory, row.name)
        counts[file] = counts.get(file, 0) + 1
        known = {name: value for name, value in mapping(row).items() if name in VersionRow._fields}
        rows.append(VersionRow(**known | {"version": counts[file], "versions": 0, "source": row.source or ""}))
    return tuple(row._replace(versions=counts[row.directory, row.name]) for row in rows)
