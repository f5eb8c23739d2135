"""The folder of a run: what it was made from, its journal, and who works on it.

`workflow.json` is what runs, `chain.json` and `registry.yaml` what it was compiled from, `about.json` what else there
is to know before it begins, and `nodes.jsonl` the journal. An engine holds a lock on `engine` as long as it lives,
however it ends; a request to end the run is a file `cancel`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from eas_provenance.errors import BusyError, RepositoryError
from eas_provenance.journal import Journal

_CANCEL = "cancel"
_ENGINE = "engine"
_PATIENCE_S = 5.0
"""How long an engine tries to get its lock: whoever looks whether there is one, or what it left, holds it meanwhile."""


class Sources(NamedTuple):
    """What a run is made from: the Workflow, the text of the chain, and that of the registry, as far as it is known."""

    workflow: dict[str, Any]
    chain: bytes | None
    registry: bytes | None


class RunFolder:
    """The folder of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = Journal(path / "nodes.jsonl")

    @property
    def name(self) -> str:
        """The name of the run."""
        return self.path.name

    def make(self, sources: Sources, about: dict[str, Any]) -> None:
        """Note a run before anything of it happens: all of it, or nothing.

        Raises
        ------
        RepositoryError
            When there is one of this name, or it cannot be written.
        """
        draft = self.path.with_name(f".{self.name}.{os.getpid()}")
        try:
            draft.mkdir(parents=True)
            (draft / "workflow.json").write_text(json.dumps(sources.workflow), "utf-8")
            (draft / "chain.json").write_bytes(sources.chain or b"")
            (draft / "registry.yaml").write_bytes(sources.registry or b"")
            (draft / "about.json").write_text(json.dumps(about), "utf-8")
            (draft / "nodes.jsonl").touch()
            draft.rename(self.path)
        except OSError as error:
            raise RepositoryError(f"cannot note the run in {self.path}: {error.strerror}") from error
        finally:
            shutil.rmtree(draft, ignore_errors=True)

    def sources(self) -> Sources:
        """Return what the run was made from."""
        return Sources(self._object("workflow.json"), self._read("chain.json"), self._read("registry.yaml"))

    def about(self) -> dict[str, Any]:
        """Return what else was noted of it at its beginning."""
        return self._object("about.json")

    def note(self, about: dict[str, Any]) -> None:
        """Note in the place of what was noted at its beginning."""
        draft = self.path / f".about.{os.getpid()}"
        try:
            draft.write_text(json.dumps(about), "utf-8")
            draft.replace(self.path / "about.json")
        except OSError as error:
            raise RepositoryError(f"cannot note the run in {self.path}: {error.strerror}") from error

    def _object(self, name: str) -> dict[str, Any]:
        try:
            found = json.loads(self._read(name))
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise RepositoryError(f"{self.path / name} is damaged")
        return found

    def _read(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise RepositoryError(f"cannot read {self.path / name}: {error.strerror}") from error

    # -----------------------------------------------------------------------------------------------------------------
    # Who works on it

    @contextlib.contextmanager
    def engine(self) -> Iterator[None]:
        """Be the engine of the run, the only one, until the end of the block; older requests to end it are void.

        Raises
        ------
        BusyError
            When there is one.
        """
        with self._lock_file() as stream:
            end = time.monotonic() + _PATIENCE_S
            while not _locked(stream, fcntl.LOCK_EX):
                if time.monotonic() > end:
                    raise BusyError(f"an engine is at work on {self.name} already")
                time.sleep(0.02)
            (self.path / _CANCEL).unlink(missing_ok=True)
            yield

    def has_engine(self) -> bool:
        """Whether an engine works on the run."""
        with self._lock_file() as stream:
            return not _locked(stream, fcntl.LOCK_SH)

    @contextlib.contextmanager
    def _lock_file(self) -> Iterator[int]:
        try:
            stream = os.open(self.path / _ENGINE, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise RepositoryError(f"cannot open {self.path / _ENGINE}: {error.strerror}") from error
        try:
            yield stream
        finally:
            os.close(stream)

    def cancel(self, *, at_once: bool) -> None:
        """Ask the engine to end the run: to let programs end themselves, or to end them at once."""
        draft = self.path / f".{_CANCEL}"
        draft.write_text("2" if at_once else "1", "utf-8")
        draft.replace(self.path / _CANCEL)

    def cancelled(self) -> int:
        """Return how urgently the run is to end: 0 not at all, 1 soon, 2 at once."""
        try:
            return 2 if (self.path / _CANCEL).read_bytes() == b"2" else 1
        except FileNotFoundError:
            return 0


def _locked(stream: int, kind: int) -> bool:
    try:
        fcntl.flock(stream, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
