"""The verb `get`: files of a run are copied to a folder, under their real names, and checked."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol

from eas import text
from eas.reports.common import reading, repository
from eas.terminal import OK, OUTSIDE, WRONG_INPUT, add_json, add_store, add_verb, fail, say, write

if TYPE_CHECKING:
    from sqlmodel import Session

    from eas_provenance.queries import RunRow, VersionRow

_BLOCK_BYTES = 1 << 20
_PATIENCE_S = 2.0
_MOST = 20
_HINTS = 500
"""Names that a wrong one is compared with."""


def register(verbs: Any) -> None:
    """Add the verb."""
    one = add_verb(verbs, "get", _get, "copy files of a run to a folder")
    one.add_argument("run", metavar="RUN", help="the name of the run, or how it alone begins")
    one.add_argument("file", nargs="?", metavar="FILE", help="DIR/NAME, or a directory (default: all files)")
    one.add_argument(
        "-o", "--output", type=Path, metavar="DIR", default=Path(), help="where to, as DIR/DIRECTORY/NAME (default: .)"
    )
    one.add_argument("--force", action="store_true", help="replace files that are there")
    add_store(one)
    add_json(one)


def _get(arguments: argparse.Namespace) -> int:
    with reading(arguments) as found:
        name, files_of = found.run.name, repository(arguments, found)
        try:
            files = wanted(found.session, found.run, arguments.file)
        except UnknownFileError as error:
            return fail(str(error), WRONG_INPUT)
    try:
        copied = copy(files_of, files, arguments.output, force=arguments.force, progress=_progress())
    except ThereAlreadyError as error:
        return fail(f"{error}; --force replaces what is there", WRONG_INPUT)
    except OSError as error:
        return fail(f"cannot write {error.filename or arguments.output}: {error.strerror or error}", OUTSIDE)
    if arguments.json:
        write(json.dumps({"run": name, **copied.as_data()}, indent=2))
    else:
        size_mb = sum(one.version.size_bytes for one in copied.files) / 1e6
        write(f"{len(copied.files):,} of {len(files):,} files ({size_mb:.3g} MB) copied to {arguments.output}")
    for problem in copied.problems[:_MOST]:
        say(text.safe(problem))
    if len(copied.problems) > _MOST:
        say(f"and {len(copied.problems) - _MOST:,} more: with --json")
    return OUTSIDE if copied.problems else OK


def _progress() -> Callable[[int, int], None]:
    """Return what shows how many files are done, when that takes its time: on terminals alone."""
    start = time.monotonic()

    def show(done: int, total: int) -> None:
        if sys.stderr.isatty() and time.monotonic() > start + _PATIENCE_S:
            sys.stderr.write(f"\r{done:,} of {total:,} files" + "\n" * (done == total))
            sys.stderr.flush()

    return show


# ---------------------------------------------------------------------------------------------------------------------
# Which files


class UnknownFileError(LookupError):
    """A run has no such file; the message says so, with a hint."""


def wanted(session: Session, run: RunRow, name: str | None) -> tuple[VersionRow, ...]:
    """Return the newest versions of all files of a run, of those in a directory, or of one that is `DIRECTORY/NAME`.

    Of a directory, or all, without those that the newest try of their task did not make again.
    """
    from eas_provenance.queries import FileFilter, directories, files

    if name is None:
        return tuple(row for row in files(session, run.id, limit=None).rows if row.verdict != "replaced")
    name = name.rstrip("/")
    known = [one.directory for one in directories(session, run.id)]
    inside = [one for one in known if one == name or one.startswith(f"{name}/")]
    rows = (row for one in inside for row in files(session, run.id, FileFilter(one), limit=None).rows)
    found = tuple(row for row in rows if row.verdict != "replaced")
    return found or (only(session, run, name),)


def only(session: Session, run: RunRow, name: str) -> VersionRow:
    """Return the newest version of one file, `DIRECTORY/NAME`; the directory may be left out where there is but one."""
    from eas_provenance.queries import FileFilter, directories, files, versions
    from eas_worker.functions import did_you_mean

    known = [one.directory for one in directories(session, run.id)]
    directory, slash, file = name.rpartition("/")
    if not slash and len(known) == 1:
        directory = known[0]
    found = versions(session, run.id, directory, file)
    if found:
        return found[-1]
    where = FileFilter(directory if directory in known else None)
    near = [f"{one.directory}/{one.name}" for one in files(session, run.id, where, limit=_HINTS).rows]
    hint = did_you_mean(f"{directory}/{file}", [*known, *near]) or (
        f"it has files in {', '.join(known[:_MOST])}" if known else "it made none"
    )
    raise UnknownFileError(f"{run.name} has no file {name!r}; {hint}")


# ---------------------------------------------------------------------------------------------------------------------
# Copies


class Copy(NamedTuple):
    """A file that was copied, and where to."""

    version: VersionRow
    path: Path


class Copied(NamedTuple):
    """What was copied, and what could not be, each in a line that says why."""

    files: tuple[Copy, ...]
    problems: tuple[str, ...]

    def as_data(self) -> dict[str, Any]:
        """Return it for programs."""
        names = ("directory", "name", "version", "type", "size_bytes", "sha256", "verdict")
        return {
            "files": [{"file": str(path)} | {name: getattr(one, name) for name in names} for one, path in self.files],
            "problems": list(self.problems),
        }


class ThereAlreadyError(FileExistsError):
    """There is something already where a file would go to."""


class _BadFileError(Exception):
    """A file is not there any more, is not what it was, or has a name that leads elsewhere; the message says so."""


class Opens(Protocol):
    """A repository whose files can be read."""

    def open(self, key: str) -> IO[bytes]:
        """Open the file of a key; raise `RepositoryError` or `OSError` when that cannot be."""


def copy(
    repository: Opens,
    files: Sequence[VersionRow],
    folder: Path,
    *,
    force: bool = False,
    progress: Callable[[int, int], object] = lambda _done, _total: None,
) -> Copied:
    """Copy files to `folder/DIRECTORY/NAME`, each whole or not at all; what is wrong with one does not stop the others.

    Raises
    ------
    ThereAlreadyError
        When something is there already, and `force` is not given; nothing was copied then.
    OSError
        When a copy cannot be written; those before it are there.
    """
    targets, problems = _targets(files, folder)
    there = [] if force else [path for _, path in targets if os.path.lexists(path)]
    if there:
        more = f" and {len(there) - 1:,} others are" if len(there) > 1 else " is"
        raise ThereAlreadyError(f"{there[0]}{more} there already")
    folder.mkdir(parents=True, exist_ok=True)
    copied = []
    for done, one in enumerate(targets, 1):
        try:
            _copy(repository, one, folder)
            copied.append(one)
        except _BadFileError as error:
            problems.append(f"{one.version.directory}/{one.version.name}: {error}")
        progress(done, len(targets))
    return Copied(tuple(copied), tuple(problems))


def _targets(files: Iterable[VersionRow], folder: Path) -> tuple[list[Copy], list[str]]:
    """Return where files go to, and those whose names would lead out of the folder: a database may hold anything."""
    good, bad = [], []
    for one in files:
        parts = [*one.directory.split("/"), one.name]
        if any(part in ("", ".", "..") or "\0" in part for part in parts) or "/" in one.name:
            bad.append(f"{one.directory}/{one.name}: this is no name that a file could have in a folder")
        else:
            good.append(Copy(one, folder.joinpath(*parts)))
    return good, bad


def _copy(repository: Opens, one: Copy, folder: Path) -> None:
    """Copy a file beside its target, check it, and only then give it its name."""
    with _part(folder) as part:
        if _copy_bytes(repository, one.version, part) != one.version.sha256:
            raise _BadFileError("its content is not what the run made; it was changed, or made again just now")
        if not one.path.parent.resolve().is_relative_to(folder.resolve()):
            raise _BadFileError(f"a link leads out of {folder}")
        one.path.parent.mkdir(parents=True, exist_ok=True)
        Path(part.name).replace(one.path)


@contextmanager
def _part(folder: Path) -> Iterator[IO[bytes]]:
    """Give a new file, which is gone at the end unless it was renamed."""
    from tempfile import NamedTemporaryFile

    with NamedTemporaryFile(prefix=".eas-get-", dir=folder, delete=False) as part:
        try:
            Path(part.name).chmod(0o666 & ~_umask())
            yield part
        finally:
            Path(part.name).unlink(missing_ok=True)


def _umask() -> int:
    """Return which rights new files do not get; there is no way to ask without setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _copy_bytes(repository: Opens, version: VersionRow, part: IO[bytes]) -> str:
    """Copy the content of a version, and return its SHA-256."""
    import hashlib

    from eas_provenance.errors import RepositoryError

    digest = hashlib.sha256()
    try:
        source = repository.open(version.key)
    except RepositoryError as error:
        raise _BadFileError(str(error)) from error
    except OSError as error:
        raise _BadFileError(f"it is not there any more ({error.strerror})") from error
    with source:
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
            part.write(block)
    part.flush()
    return digest.hexdigest()
