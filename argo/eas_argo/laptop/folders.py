"""The folder of a try: laid out before its program starts, and emptied into the file repository when it has ended."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Protocol

from eas_argo.laptop.engine import Work
from eas_argo.laptop.server import OUTPUT

RECORDS = "records"
_TERMINATION_LOG = "termination-log"
_MESSAGE_BYTES = 4096
_OUTPUT_BYTES = 1 << 20
_FOLDERS = {"in", RECORDS}
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
    if os.path.exists(place):
        shutil.rmtree(place)
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
    sums = _sums(f"{place}/products")
    for path, key, _ in work.outputs:
        if path == RECORDS:
            _keep_output(place)
        made = f"{place}/{path}"
        if os.path.isdir(made):
            files.put_tree(key, Path(made))
        elif os.path.exists(made):
            files.put(key, Path(made), sums.get(path))


def _keep_output(place: str) -> None:
    """Put the end of what a program printed beside its records: here are no pods that could be asked for it."""
    output, kept = f"{place}/{OUTPUT}", f"{place}/{RECORDS}/output.txt"
    size = os.path.getsize(output) if os.path.exists(output) else 0
    if not size:
        return
    os.makedirs(f"{place}/{RECORDS}", exist_ok=True)
    if size <= _OUTPUT_BYTES:
        os.rename(output, kept)
        return
    with open(output, "rb") as stream, open(kept, "wb") as end:
        stream.seek(size - _OUTPUT_BYTES)
        end.write(stream.read())


def _sums(products: str) -> dict[str, str]:
    """Return the SHA-256 of the outputs, from the records of the products."""
    names = os.listdir(products) if os.path.exists(products) else ()
    return {f"out/{name}": json.loads(Path(products, name).read_bytes())["sha256"] for name in names}


def message(folder: Path) -> str:
    """Return the last words of a try, as many of them as Kubernetes takes."""
    with contextlib.suppress(OSError), open(f"{folder}/{_TERMINATION_LOG}", "rb") as stream:
        return stream.read(_MESSAGE_BYTES).decode("utf-8", "replace").strip()
    return ""


def clue(folder: Path) -> str:
    """Return what else may tell why a program failed without a word: the last line that it printed."""
    with contextlib.suppress(OSError), open(f"{folder}/{OUTPUT}", "rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - _MESSAGE_BYTES))
        return stream.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
    return ""


def parameters(work: Work, folder: Path) -> dict[str, str]:
    """Return the output parameters that a try wrote, or their defaults; one that has neither is not there."""
    found = {}
    for one in work.pod.results:
        file = f"{folder}/{one.path}"
        if os.path.isfile(file):
            found[one.name] = Path(file).read_text("utf-8", "replace").strip()
        elif one.default is not None:
            found[one.name] = one.default
    return found


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
