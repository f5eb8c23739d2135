"""The input folder of a site: a folder that this machine sees, or `s3://BUCKET/PREFIX`; what is in it, and where."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eas_provenance.s3 import Bucket

S3 = "s3://"
UNKNOWN = "the site names no input folder: `inputs` in the file of sites does, or EAS_INPUTS"


def below(folder: str, path: str) -> str:
    """Return where a file or folder below an input folder is; without a path the folder itself."""
    folder = folder if folder.startswith(S3) else os.path.expanduser(folder)  # noqa: PTH111 - it may be in S3
    return f"{folder.rstrip('/')}/{path}" if path else folder.rstrip("/") or "/"


def split(where: str) -> tuple[str, str]:
    """Return the bucket and the key, or prefix, of a place in S3."""
    bucket, _, key = where.removeprefix(S3).partition("/")
    return bucket, key


def matching(folder: str, pattern: str, bucket: Callable[[str], Bucket]) -> list[str]:
    """Return the names of the files of a folder that match a pattern, in order; none when there is no such folder.

    Raises
    ------
    OSError, ImportError, eas_provenance.errors.RepositoryError
        When it cannot be read.
    """
    names: Iterable[str]
    if folder.startswith(S3):
        name, prefix = split(folder)
        names = bucket(name).names(prefix)
    else:
        names = _files(folder)
    return sorted(name for name in names if fnmatchcase(name, pattern))


def _files(folder: str) -> list[str]:
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return []
