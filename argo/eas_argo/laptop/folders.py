"""The folder of a try: laid out before its program starts, and emptied into the file repository when it has ended.

A program may leave there what it likes: nothing is opened that is not a plain file, and no link is followed.
"""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import json
import os
import shutil
import stat
import uuid
from pathlib import Path
from typing import Protocol

from eas_argo.laptop.server import OUTPUT
from eas_argo.laptop.work import Work

RECORDS = "records"
_TERMINATION_LOG = "termination-log"
_MESSAGE_BYTES = 4096
_OUTPUT_BYTES = 1 << 20
_RECORD_BYTES = 1 << 20
_PARAMETER_BYTES = 1 << 18  # more is not taken by Argo
_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFLNK: "a link", stat.S_IFDIR: "a folder"}
_FOLDERS = {"in", RECORDS, "verdicts"}
_FILES = {"answers", "closed", "no_work", OUTPUT, _TERMINATION_LOG}


class Files(Protocol):
    """What the engine needs of a file repository.

    An exception that comes of the file system is an `OSError`, or has one as its cause.
    """

    def path(self, key: str) -> Path:
        """Return where a key's file is."""

    def put(self, key: str, source: Path, sha256: str | None = None) -> None:
        """Keep a file."""

    def put_tree(self, key: str, source: Path) -> None:
        """Keep all files of a folder."""


def folder_name(identifier: str) -> str:
    """Return the name of the folder in which a try works."""
    return hashlib.sha256(identifier.encode()).hexdigest()[:16]


def lay_out(work: Work, folder: Path, files: Files, spare: Path | None = None) -> dict[str, str]:
    """Make the folder of a try with links to its inputs; return the variables that lead its program there.

    It may be made of a spare one that is as new. What an earlier life of the engine left in its place is removed.

    Raises
    ------
    OSError
        When the folder cannot be made, or an input is missing.
    """
    place, parents = str(folder), set()
    if os.path.lexists(place):
        remove(folder)
    if spare is not None and os.path.exists(spare):
        os.rename(spare, place)
    else:
        os.mkdir(place)
    for path, key, is_optional in work.inputs:
        kept, link = files.path(key), f"{place}/{path}"
        if os.path.exists(kept):
            parent = os.path.dirname(link)
            if parent not in parents:
                os.makedirs(parent, exist_ok=True)
                parents.add(parent)
            os.symlink(kept, link)
        elif not is_optional:
            raise FileNotFoundError(errno.ENOENT, f"the input {key} is missing")
    return {"EAS_FOLDER": place, "EAS_TERMINATION_LOG": f"{place}/{_TERMINATION_LOG}"}


def keep(work: Work, folder: Path, files: Files) -> None:
    """Put what a try left into the repository: files whose checksums the worker noted only if they still match.

    What has been put is not there any more, so that this can be done again when it broke off.
    """
    place = str(folder)
    sums = {path: _sum(place, path) for path, _, _ in work.outputs if path.startswith("out/")}
    for path, key, _ in work.outputs:
        if path == RECORDS:
            _keep_output(place)
        made, mode = f"{place}/{path}", _mode(place, path)
        if stat.S_ISDIR(mode):
            _remove_links(made)
            files.put_tree(key, Path(made))
        elif stat.S_ISREG(mode):
            files.put(key, Path(made), sums.get(path))
        elif mode:
            raise _refusal(path, mode)


def _keep_output(place: str) -> None:
    """Put the end of what a program printed beside its records: here are no pods that could be asked for it."""
    output, kept = f"{place}/{OUTPUT}", f"{place}/{RECORDS}/output.txt"
    records = _mode(place, RECORDS)
    if not stat.S_ISREG(_mode(place, OUTPUT)) or (records and not stat.S_ISDIR(records)):
        return
    size = os.lstat(output).st_size
    if not size:
        return
    os.makedirs(f"{place}/{RECORDS}", exist_ok=True)
    if size <= _OUTPUT_BYTES:
        os.rename(output, kept)
        return
    end = _read(place, OUTPUT, _OUTPUT_BYTES, at_end=True)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(kept)
    with open(kept, "xb") as stream:
        stream.write(end or b"")


def _sum(place: str, output: str) -> str | None:
    """Return the SHA-256 of an output from its record, None when there is no record."""
    path = f"products{output.removeprefix('out')}"
    content = _read(place, path, _RECORD_BYTES)
    if content is None:
        mode = _mode(place, path)
        if stat.S_ISDIR(mode) and stat.S_ISDIR(_mode(place, output)):
            return None  # it is many files; the gate compares them with what was committed
        if mode:
            raise _refusal(path, mode)
        return None
    try:
        return str(json.loads(content)["sha256"])
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise ValueError(f"{path} is no record of an output") from error


def _remove_links(folder: str) -> None:
    """Remove the links in a folder: what they lead to is not the program's to give."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                os.unlink(entry.path)
            elif entry.is_dir(follow_symlinks=False):
                _remove_links(entry.path)


def _mode(place: str, path: str) -> int:
    """Return the mode of what a program left at a path, that of a link for what is behind one; 0 for nothing."""
    mode = 0
    for part in path.split("/"):
        place = f"{place}/{part}"
        try:
            mode = os.lstat(place).st_mode
        except (FileNotFoundError, NotADirectoryError):
            return 0
        if stat.S_ISLNK(mode):
            break
    return mode


def _refusal(path: str, mode: int) -> OSError:
    return OSError(errno.EINVAL, f"{path} is {_KINDS.get(stat.S_IFMT(mode), 'a device')}, not a file")


def _read(place: str, path: str, limit: int, *, at_end: bool = False) -> bytes | None:
    """Return the first bytes of a file that a program left, or the last ones; None where there is no plain file."""
    if not stat.S_ISREG(_mode(place, path)):
        return None
    # Somebody may still work there, and replace the file now.
    number = os.open(f"{place}/{path}", os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(number, "rb") as stream:
        status = os.fstat(number)
        if not stat.S_ISREG(status.st_mode):
            return None
        if at_end:
            stream.seek(max(0, status.st_size - limit))
        return stream.read(limit)


def message(folder: Path) -> str:
    """Return the last words of a try, as many of them as Kubernetes takes."""
    with contextlib.suppress(OSError):
        return _text(_read(str(folder), _TERMINATION_LOG, _MESSAGE_BYTES))
    return ""


def clue(folder: Path) -> str:
    """Return what else may tell why a program failed without a word: the last line that it printed."""
    with contextlib.suppress(OSError):
        return _text(_read(str(folder), OUTPUT, _MESSAGE_BYTES, at_end=True)).rpartition("\n")[2]
    return ""


def _text(content: bytes | None) -> str:
    return (content or b"").decode("utf-8", "replace").strip()


def parameters(work: Work, folder: Path) -> dict[str, str]:
    """Return the output parameters that a try wrote, or their defaults; one that has neither is not there.

    Raises
    ------
    OSError
        When one cannot be read, or is larger than Argo would take.
    """
    found = {}
    for one in work.pod.results:
        content = _read(str(folder), one.path, _PARAMETER_BYTES + 1)
        if content is not None:
            if len(content) > _PARAMETER_BYTES:
                size = f"{_PARAMETER_BYTES >> 10} KiB"
                raise OSError(errno.EFBIG, f"the output parameter {one.name} is larger than {size}")
            found[one.name] = _text(content)
        elif one.default is not None:
            found[one.name] = one.default
    return found


def remove(folder: Path) -> None:
    """Remove a folder in which somebody may still work; the name is free at once.

    Raises
    ------
    OSError
        When it cannot be renamed. What cannot be removed stays under another name until `sweep`.
    """
    aside = f"{folder.parent}/.{folder.name}.{uuid.uuid4().hex}"
    os.rename(folder, aside)
    shutil.rmtree(aside, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what is left of folders that had this name."""
    for left in folder.parent.glob(f".{glob.escape(folder.name)}.{'[0-9a-f]' * 32}"):
        shutil.rmtree(left, ignore_errors=True)


def is_as_new(folder: Path) -> bool:
    """Remove the files of a try; return whether nothing is left but folders that the next try would make as well.

    Only the programs know of other things, and they may be large; this does not touch them.
    """
    try:
        with os.scandir(folder) as entries:
            return all(map(_is_cleared, entries))
    except OSError:
        return False


def _is_cleared(entry: os.DirEntry[str]) -> bool:
    """Remove what the engine or the worker made, but for folders that stay; return whether that is all there was."""
    if not entry.is_dir(follow_symlinks=False):
        return entry.name in _FILES and _is_removed(entry)
    if entry.name not in _FOLDERS:
        return False
    with os.scandir(entry.path) as inner:
        return all(one.is_symlink() and _is_removed(one) for one in inner)


def _is_removed(entry: os.DirEntry[str]) -> bool:
    os.unlink(entry.path)
    return True
