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
from eas_argo.laptop.errors import SiteError
from eas_argo.laptop.server import OUTPUT

RECORDS = "records"
_TERMINATION_LOG = "termination-log"
_MESSAGE_BYTES = 4096
_OUTPUT_BYTES = 1 << 20
_BROKEN = {errno.EDQUOT, errno.EIO, errno.ENOSPC, errno.EROFS, errno.ESTALE}
"""What the system says of a disk that is out of quota, defective, full, read-only, or not there any more."""
_OURS = {"in", "out", "products", "records", "qc", "answers", "closed", "no_work", OUTPUT, _TERMINATION_LOG}
"""What the engine and the worker leave in a folder, all of it small when the outputs are gone."""
_NO_ROOM = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))
_PROBE = bytes(1 << 16)
_ENOUGH = 0.05
"""The share of a disk that must be free for a program that found it full to have only itself to blame."""


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


def lay_out(work: Work, folder: Path, files: Files) -> dict[str, str]:
    """Make the folder of a try with links to its inputs; return the variables that lead its program there.

    What an earlier life of the engine left in its place is removed.

    Raises
    ------
    OSError
        When the folder cannot be made, or an input is missing.
    """
    try:
        folder.mkdir()
    except FileExistsError:
        shutil.rmtree(folder)
        folder.mkdir()
    for path, key, is_optional in work.inputs:
        kept = files.path(key)
        if kept.exists():
            link = folder / path
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(kept)
        elif not is_optional:
            raise FileNotFoundError(2, f"the input {key} is missing")
    return {"EAS_FOLDER": str(folder), "EAS_TERMINATION_LOG": str(folder / _TERMINATION_LOG)}


def keep(work: Work, folder: Path, files: Files) -> None:
    """Put what a try left into the repository: files whose checksums the worker noted only if they still match.

    What has been put is not there any more, so that this can be done again when it broke off.
    """
    sums = _sums(folder)
    for path, key, _ in work.outputs:
        if path == RECORDS:
            _keep_output(folder)
        made = folder / path
        if made.is_dir():
            files.put_tree(key, made)
        elif made.exists():
            files.put(key, made, sums.get(path))


def _keep_output(folder: Path) -> None:
    """Put the end of what a program printed beside its records: here are no pods that could be asked for it."""
    output = folder / OUTPUT
    size = output.stat().st_size if output.exists() else 0
    if not size:
        return
    kept = folder / RECORDS / "output.txt"
    kept.parent.mkdir(exist_ok=True)
    if size <= _OUTPUT_BYTES:
        output.rename(kept)
        return
    with output.open("rb") as stream:
        stream.seek(size - _OUTPUT_BYTES)
        kept.write_bytes(stream.read())


def _sums(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of the outputs, from the records of the products."""
    records = (folder / "products").glob("*")
    return {f"out/{record.name}": json.loads(record.read_bytes())["sha256"] for record in records}


def message(folder: Path) -> str:
    """Return the last words of a try, as many of them as Kubernetes takes."""
    with contextlib.suppress(OSError), (folder / _TERMINATION_LOG).open("rb") as stream:
        return stream.read(_MESSAGE_BYTES).decode("utf-8", "replace").strip()
    return ""


def clue(folder: Path) -> str:
    """Return what else may tell why a program failed without a word: the last line that it printed."""
    with contextlib.suppress(OSError), (folder / OUTPUT).open("rb") as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - _MESSAGE_BYTES))
        return stream.read().decode("utf-8", "replace").strip().rpartition("\n")[2]
    return ""


def parameters(work: Work, folder: Path) -> dict[str, str]:
    """Return the output parameters that a try wrote, or their defaults; one that has neither is not there."""
    found = {}
    for one in work.pod.results:
        file = folder / one.path
        if file.is_file():
            found[one.name] = file.read_text("utf-8", "replace").strip()
        elif one.default is not None:
            found[one.name] = one.default
    return found


def is_small(folder: Path) -> bool:
    """Tell whether a folder holds nothing that a program made of its own accord, which might be large."""
    try:
        return all(entry.name in _OURS for entry in folder.iterdir())
    except OSError:
        return False


def remove(folder: Path) -> None:
    """Remove a folder as far as that is possible."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.is_dir(follow_symlinks=False):
                remove(Path(entry))
            else:
                Path(entry).unlink()
        folder.rmdir()


def breakage(error: BaseException | None) -> OSError | None:
    """Return what the system says of a broken disk, if that is behind an exception."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in _BROKEN:
            return error
        error = error.__cause__
    return None


def is_short_of_room(said: str) -> bool:
    """Tell whether the last words of a program are that there is no room on a disk."""
    return any(words in said for words in _NO_ROOM)


def trouble(folder: Path) -> str:
    """Return what the system says when a file is written in a folder; nothing when all is well."""
    probe = folder / "probe"
    try:
        try:
            probe.write_bytes(_PROBE)
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        return error.strerror or str(error)
    return ""


def check_disk(folder: Path) -> None:
    """Make sure that a disk is well, and that one that was full a moment ago is not about to be so again.

    Raises
    ------
    SiteError
        When it is not so.
    """
    said, disk = trouble(folder), os.statvfs(folder)
    if not said and disk.f_bavail < _ENOUGH * disk.f_blocks:
        said = os.strerror(errno.ENOSPC)
    if said:
        raise SiteError(f"cannot work in {folder}: {said}")
