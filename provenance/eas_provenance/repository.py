"""The file repository as a folder: keys to files, put atomically and checked, never changed afterwards."""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

_CHUNK = 1 << 20


class RepositoryError(Exception):
    """A file could not be kept or found; the message says which and why."""


class Directory:
    """A repository in a folder of this machine.

    A file becomes visible under its key at once and whole, or not at all: it is written beside the others and then renamed. What is kept
    can be read by everybody and written by nobody.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts = folder / ".part"
        try:
            self._parts.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RepositoryError(f"cannot make {folder}: {error.strerror}") from error

    def path(self, key: str) -> Path:
        """Return where a key's file is, or would be."""
        parts = key.split("/")
        if any(part in ("", ".", "..") for part in parts):
            raise RepositoryError(f"not a key: {key!r}")
        return self.folder.joinpath(*parts)

    def put(self, key: str, source: Path, sha256: str | None = None) -> None:
        """Keep a file under a key; with `sha256`, only when its content is the expected one.

        Raises
        ------
        RepositoryError
            When the content is another, or the file cannot be written. Nothing is visible then.
        """
        part = self._parts / uuid.uuid4().hex
        try:
            _move(source, part)
            if sha256 is not None and _sha256(part) != sha256:
                raise RepositoryError(f"the content of {key} changed on its way")
            part.chmod(0o444)
            target = self.path(key)
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
        except OSError as error:
            raise RepositoryError(f"cannot keep {key}: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)

    def put_tree(self, key: str, source: Path) -> None:
        """Keep all files of a folder under one prefix."""
        for file in sorted(source.rglob("*")):
            if file.is_file():
                self.put(f"{key}/{file.relative_to(source).as_posix()}", file)

    def exists(self, key: str) -> bool:
        """Tell whether there is a file or a prefix of this name."""
        return self.path(key).exists()

    def keys(self, prefix: str) -> Iterator[str]:
        """Yield the keys below a prefix, in order."""
        for file in sorted(self.path(prefix).rglob("*")):
            if file.is_file():
                yield file.relative_to(self.folder).as_posix()

    def read(self, key: str) -> bytes | None:
        """Return the content of a key, None when there is none."""
        try:
            return self.path(key).read_bytes()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except OSError as error:
            raise RepositoryError(f"cannot read {key}: {error.strerror}") from error


def _move(source: Path, target: Path) -> None:
    """Move a file; copy it when it lies in another file system or is a link."""
    if source.is_symlink():
        shutil.copyfile(source, target)
        return
    try:
        os.rename(source, target)
    except OSError:
        shutil.copyfile(source, target)
        source.unlink()


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()
