"""How a program ended, in the words of the records."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from eas_worker.api import ContractError, Failed, NoWork
from eas_worker.expressions import ExpressionError
from eas_worker.surroundings import Stopped

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from types import TracebackType

_LIMIT_BYTES = 4000
_TERMINATION_LOG = "/dev/termination-log"


class Ending(NamedTuple):
    """How a program ended; see `eas_worker.records.RunRecord`."""

    status: str
    exit_status: int
    message: str
    traceback: str = ""


DONE = Ending("done", 0, "")


def ending_of(error: BaseException) -> Ending:
    """Return what an exception says about the end of a program."""
    if isinstance(error, Failed):
        return Ending("failed", 10, str(error) or "failed")
    if isinstance(error, NoWork):
        return Ending("no_work", 11, str(error) or "there is nothing to do")
    if isinstance(error, Stopped):
        return Ending("raised", 143, "it was told to stop (SIGTERM)")
    if isinstance(error, (ContractError, ExpressionError)):
        return Ending("raised", 1, str(error))
    import traceback

    message = "".join(traceback.format_exception_only(type(error), error)).strip()
    return Ending("raised", 1, message, "".join(traceback.format_exception(type(error), error, _in_program(error))))


def _in_program(error: BaseException) -> TracebackType | None:
    """Return the part of a traceback that the author knows, without the worker's frames that lead to the program."""
    own, frames = __name__.partition(".")[0], error.__traceback__
    part = frames
    while part is not None and part.tb_frame.f_globals.get("__name__", "").partition(".")[0] == own:
        part = part.tb_next
    return part or frames


def tell(environment: Mapping[str, str], message: str) -> None:
    """Write a message to where Kubernetes looks for the last words of a container, if there is such a place."""
    named = environment.get("EAS_TERMINATION_LOG")
    # Without a name the place is only written to when it exists: outside a container it must not come into being.
    flags = os.O_WRONLY | os.O_TRUNC | (os.O_CREAT if named else 0)
    try:
        file = os.open(named or _TERMINATION_LOG, flags, 0o644)
    except OSError:
        return  # nobody listens
    with os.fdopen(file, "wb") as stream:
        stream.write(cut(message, _LIMIT_BYTES))


def cut(text: str, limit: int) -> bytes:
    """Return the text in UTF-8, cut to so many bytes between two characters."""
    return text.encode(errors="replace")[:limit].decode(errors="ignore").encode()


def remove(folder: Path) -> None:
    """Remove a temporary folder, if it was ever made."""
    if folder.exists():
        import shutil

        shutil.rmtree(folder)
