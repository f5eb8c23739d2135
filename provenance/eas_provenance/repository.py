"""The file repository as a folder: keys to files, put at once and whole, and checked."""

from __future__ import annotations

import contextlib
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from eas_provenance.errors import RepositoryError
from eas_worker.records import sha256 as sha256_of

_PARTS = ".part"
_NO_NAME = re.compile("[\\0\\ud800-\\udfff]")
"""What no name of a file can hold: the null character, and surrogates."""


class Directory:
    """A repository in a folder of this machine.

    A file becomes visible under its key at once and whole, or not at all: it is written beside the others and then
    renamed. Of several puts under one key the last counts. What is kept can be read by everybody and written by nobody.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts = folder / _PARTS
        try:
            self._parts.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RepositoryError(f"cannot make {folder}: {error.strerror}") from error

    def path(self, key: str) -> Path:
        """Return where a key's file is, or would be; raise `RepositoryError` for what cannot be a key."""
        return Path(self._place(key))

    def _place(self, key: str) -> str:
        parts = key.split("/")
        if _NO_NAME.search(key) or any(part in ("", ".", "..") for part in parts) or parts[0] == _PARTS:
            raise RepositoryError(f"not a key: {key!r}")
        return f"{self.folder}/{key}"

    def put(self, key: str, source: Path, sha256: str | None = None) -> None:
        """Move a file under a key; with `sha256`, only when its content is the expected one.

        Raises
        ------
        RepositoryError
            When the content is another, or the file cannot be written. Nothing is visible then.
        """
        target = self.path(key)
        try:
            with self._movable(source) as whole:
                if sha256 is not None and sha256_of(whole) != sha256:
                    raise RepositoryError(f"the content of {key} changed on its way")
                whole.chmod(0o444)
                try:
                    whole.replace(target)
                except FileNotFoundError:  # as for the first file of a folder
                    target.parent.mkdir(parents=True, exist_ok=True)
                    whole.replace(target)
        except OSError as error:
            raise RepositoryError(f"cannot keep {key}: {error.strerror}") from error

    @contextlib.contextmanager
    def _movable(self, source: Path) -> Iterator[Path]:
        """Give a file that only has to be renamed: the source itself, or a copy of what lies elsewhere or is a link."""
        if not source.is_symlink() and source.stat().st_dev == self._parts.stat().st_dev:
            yield source
            return
        part = self._parts / uuid.uuid4().hex
        try:
            shutil.copyfile(source, part)
            yield part
        finally:
            part.unlink(missing_ok=True)
        source.unlink()

    def put_bytes(self, key: str, content: bytes) -> None:
        """Keep a text under a key.

        Raises
        ------
        RepositoryError
            When it cannot be written.
        """
        part = self._parts / uuid.uuid4().hex
        try:
            part.write_bytes(content)
        except OSError as error:
            raise RepositoryError(f"cannot keep {key}: {error.strerror}") from error
        self.put(key, part)

    def link(self, key: str, other: str) -> None:
        """Keep the file of another key under a key, too: what is kept is never written again, so that one will do.

        Raises
        ------
        RepositoryError
            When there is no such file, or it cannot be done.
        """
        source, target = self.path(other), self.path(key)
        part = self._parts / uuid.uuid4().hex
        try:
            try:
                part.hardlink_to(source)
            except OSError:  # as on file systems without links, or with too many of one file
                shutil.copyfile(source, part)
                part.chmod(0o444)
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
        except OSError as error:
            raise RepositoryError(f"cannot keep {key}: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)

    def put_tree(self, key: str, source: Path) -> None:
        """Keep all files of a folder under one prefix, one after the other."""
        for file in sorted(source.rglob("*")):
            if file.is_file():
                self.put(f"{key}/{file.relative_to(source).as_posix()}", file)

    def has(self, key: str) -> bool:
        """Return whether there is a file under a key."""
        return self.path(key).is_file()

    def open(self, key: str) -> IO[bytes]:
        """Open the file of a key; raise `FileNotFoundError` when there is none."""
        return self.path(key).open("rb")

    def read(self, key: str) -> bytes | None:
        """Return the content of a key, None when there is none."""
        try:
            with open(self._place(key), "rb") as stream:  # noqa: PTH123 - called often: a Path takes as long as the rest
                return stream.read()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return None
        except OSError as error:
            raise RepositoryError(f"cannot read {key}: {error.strerror}") from error
