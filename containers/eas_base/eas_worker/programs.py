"""Finding and loading a program: a stand-alone script with one marked function."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eas_worker.api import MARK, ContractError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType

FOLDERS = {"task": "task_implementations", "qc": "task_qc_implementations"}


def find(programs: Path, kind: str, task: str) -> Path | None:
    """Return the script of a task type, or None where there is none.

    Parameters
    ----------
    programs : Path
        The folder that holds ``task_implementations`` and ``task_qc_implementations``.
    kind : str
        ``"task"`` or ``"qc"``.
    task : str
        The task type.
    """
    path = programs / FOLDERS[kind] / f"{task}.py"
    return path if path.is_file() else None


class _Loader(SourceFileLoader):
    """Loads a script that is compiled once for all forks of a process, and leaves nothing beside it."""

    def get_code(self, fullname: str) -> CodeType:
        """Return the script's code as it is now."""
        status = Path(self.get_filename(fullname)).stat()
        return _code(self.get_filename(fullname), status.st_mtime_ns, status.st_size)


@functools.cache
def _code(path: str, _modified_ns: int, _size: int) -> CodeType:
    return compile(Path(path).read_bytes(), path, "exec", dont_inherit=True)


@contextlib.contextmanager
def loaded(path: Path, kind: str) -> Iterator[Callable[[Any], None]]:
    """Load a script for as long as the block lasts, and give its entry point.

    The module stands in `sys.modules` meanwhile, because pickling and dataclasses look their module up there.
    """
    name = f"eas_program_{kind}_{path.stem}"
    loader = _Loader(name, str(path))
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    assert spec is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        loader.exec_module(module)
        yield _entry(vars(module), kind, path)
    finally:
        del sys.modules[name]


def _entry(names: dict[str, object], kind: str, path: Path) -> Callable[[Any], None]:
    """Return the one function that is marked as the entry point of this kind."""
    entries = [value for value in names.values() if callable(value) and getattr(value, MARK, None) == kind]
    if len(entries) != 1:
        raise ContractError(f"{path.name} must have one function marked @{kind}, it has {len(entries)}")
    return entries[0]
