"""Finding and loading a program: a stand-alone script with one marked function, or an executable."""

from __future__ import annotations

import contextlib
import functools
import os
import sys
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from eas_worker.api import MARK, ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType

    Entry = Callable[[Any], None]

FOLDERS = {"task": "task_implementations", "qc": "task_qc_implementations"}

#: What an entry point is put into before it is called, for those who look into a program: a debugger, a profiler.
around: ContextVar[Callable[[Entry], Entry]] = ContextVar("around", default=lambda entry: entry)


def find(programs: Path, kind: str, task: str) -> Path | None:
    """Return the program of a task type, or None where there is none.

    It is a script of Python, or an executable of that name with any suffix.

    Parameters
    ----------
    programs : Path
        The folder that holds ``task_implementations`` and ``task_qc_implementations``.
    kind : str
        ``"task"`` or ``"qc"``.
    task : str
        The task type.
    """
    folder = programs / FOLDERS[kind]
    path = folder / f"{task}.py"
    if path.is_file():
        return path
    others = [other for other in (folder / task, *sorted(folder.glob(f"{task}.*"))) if other.is_file()]
    return next((other for other in others if os.access(other, os.X_OK)), next(iter(others), None))


@contextlib.contextmanager
def loaded(path: Path, kind: str) -> Iterator[Entry]:
    """Load a program for as long as the block lasts, and give its entry point.

    The module stands in `sys.modules` meanwhile, because pickling and dataclasses look their module up there.
    """
    if path.suffix != ".py":
        from eas_worker import foreign

        yield around.get()(foreign.entry(path, kind))
        return
    name = f"eas_program_{kind}_{path.stem}"
    status = path.stat()
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = str(path)
    try:
        exec(_code(str(path), status.st_mtime_ns, status.st_size), vars(module))  # noqa: S102 - that is what it is for
        yield around.get()(_entry(vars(module), kind, path))
    finally:
        del sys.modules[name]


@functools.cache
def _code(path: str, _modified_ns: int, _size: int) -> CodeType:
    """Compile a script: once for a process and all its forks, unless it is changed."""
    return compile(Path(path).read_bytes(), path, "exec", dont_inherit=True)


def _entry(names: dict[str, object], kind: str, path: Path) -> Entry:
    """Return the one function that is marked as the entry point of this kind."""
    entries = [value for value in names.values() if callable(value) and getattr(value, MARK, None) == kind]
    if len(entries) != 1:
        raise ContractError(f"{path.name} must have one function marked @{kind}, it has {len(entries)}")
    return entries[0]
