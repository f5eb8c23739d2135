"""Packages that numba compiles when they are first used, kept for later processes.

numba keeps each function for itself. Of two processes that compile a package at a time, or of one that is killed, it
keeps parts that do not fit together, and whoever loads them ends in a segmentation fault. So one process compiles at a
time, into a folder that counts when it is whole.
"""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

Loaded = TypeVar("Loaded")
_WHOLE = "whole"


def kept(package: str, load: Callable[[], Loaded]) -> Loaded:
    """Load a package whose compiled code is kept in a folder of the user, and return what loading it gives.

    The folder is one for each version of Python and numba and each kind of processor, below `NUMBA_CACHE_DIR` or
    `~/.cache/eas/numba`. Where that cannot be written, as in a pod, what is there is copied first.

    Parameters
    ----------
    package : str
        Name and version of the package.
    load : callable
        Imports it, and has all of it compiled that will be used.
    """
    import llvmlite.binding  # type: ignore[import-untyped]
    import numba

    processor = f"{platform.machine()}-{llvmlite.binding.get_host_cpu_name()}"
    name = f"{package}-numba-{numba.__version__}-python-{platform.python_version()}-{processor}"
    config: Any = numba.config
    config.reload_config()  # lest it does so meanwhile, because its environment has changed
    before = config.CACHE_DIR
    with filled(_home() / name) as folder:
        config.CACHE_DIR = str(folder)
        try:
            return load()
        finally:
            config.CACHE_DIR = before


def _home() -> Path:
    if given := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eas" / "numba"


@contextmanager
def filled(folder: Path) -> Iterator[Path]:
    """Give a folder that is whole, or to be made whole in this context, in which nobody else is then.

    What somebody left who did not come to the end is deleted. Where the folder cannot be written it is another one,
    with what this one has when it is whole.
    """
    if (folder / _WHOLE).exists() and os.access(folder, os.W_OK):
        yield folder
        return
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(f"{folder.name}.lock").open("w")
    except OSError:
        yield _copied(folder)
        return
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / _WHOLE).exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        yield folder
        (folder / _WHOLE).touch()


def _copied(folder: Path) -> Path:
    copy = Path(tempfile.mkdtemp(prefix="eas-numba-"))
    if (folder / _WHOLE).exists():
        shutil.copytree(folder, copy, dirs_exist_ok=True)
    return copy
