"""Whether the disk of this machine is to blame for a failure: it may be full, defective, read-only or gone."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from eas_argo.laptop.errors import SiteError

_BROKEN = {errno.EDQUOT, errno.EIO, errno.ENOSPC, errno.EROFS, errno.ESTALE}
"""What the system says of a disk that is out of quota, defective, full, read-only, or not there any more."""
_NO_ROOM = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))
_PROBE = bytes(1 << 16)
_ENOUGH = 0.05
"""The share of a disk that must be free for a program that found it full to have only itself to blame."""


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


def check(folder: Path, *, has_been_full: bool = False) -> None:
    """Make sure that files can be written, and that a disk that was full a moment ago is not about to be so again.

    Raises
    ------
    SiteError
        When it is not so.
    """
    said = trouble(folder)
    if not said and has_been_full:
        disk = os.statvfs(folder)
        said = os.strerror(errno.ENOSPC) if disk.f_bavail < _ENOUGH * disk.f_blocks else ""
    if said:
        raise SiteError(f"cannot work in {folder}: {said}")
