"""The folder of a try: laid out before its program starts, and emptied into the file repository when it has ended."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Protocol

from eas_argo.laptop.engine import Work
from eas_argo.laptop.server import OUTPUT

RECORDS = "records"
_TERMINATION_LOG = "termination-log"
_MESSAGE_BYTES = 4096
_OUTPUT_BYTES = 1 << 20


class Files(Protocol):
    """What the engine needs of a file repository."""

    def path(self, key: str) -> Path:
        """Return where a key's file is."""

    def put(self, key: str, source: Path, sha256: str | None = None) -> None:
        """Keep a file."""

    def put_tree(self, key: str, source: Path) -> None:
        """Keep all files of a folder."""


def lay_out(work: Work, folder: Path, files: Files) -> dict[str, str]:
    """Make the folder of a try with links to its inputs; return the variables that lead its program there.

    Raises
    ------
    OSError
        When the folder cannot be made, or an input is missing.
    """
    folder.mkdir(parents=True)
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
    """Put what a try left into the repository: files whose checksums the worker noted only if they still match."""
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
    if not output.exists() or not output.stat().st_size:
        return
    with output.open("rb") as stream:
        stream.seek(max(0, output.stat().st_size - _OUTPUT_BYTES))
        last = stream.read()
    (folder / RECORDS).mkdir(exist_ok=True)
    (folder / RECORDS / "output.txt").write_bytes(last)


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
    """Return what else may tell why a program failed without a word: a full disk, or the last line that it printed."""
    if not os.statvfs(folder).f_bavail:
        return "No space left on device"
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
