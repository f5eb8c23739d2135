"""The store: the file repository, and what is known of each run. The database will stand beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any, Self

from eas_provenance.repository import Directory, RepositoryError

DEFAULT = "eas-store"


class Store:
    """A folder with `files/` (the repository), `runs/NAME/` (what was run, its node updates) and `work/` (attempts)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.files = Directory(self.folder / "files")

    def begin(self, name: str, workflow: dict[str, Any], chain: bytes, about: dict[str, Any]) -> RunLog:
        """Note a run before anything of it happens; return where its node updates go.

        Raises
        ------
        RepositoryError
            When it cannot be written.
        """
        folder = self.folder / "runs" / name
        try:
            folder.mkdir(parents=True)
            (folder / "workflow.json").write_text(json.dumps(workflow), "utf-8")
            (folder / "chain.json").write_bytes(chain)
            (folder / "run.json").write_text(json.dumps(about), "utf-8")
            return RunLog((folder / "nodes.jsonl").open("a", encoding="utf-8", buffering=1))
        except OSError as error:
            raise RepositoryError(f"cannot note the run in {folder}: {error.strerror}") from error

    def work(self, name: str) -> Path:
        """Return the folder in which a run's attempts work."""
        return self.folder / "work" / name


class RunLog:
    """The node updates of a run, as they come: a line of JSON each, so that others can follow."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __enter__(self) -> Self:
        """Be ready to write."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        try:
            self._stream.close()
        except OSError as error:
            raise self._problem(error) from error

    def write(self, node: dict[str, Any]) -> None:
        """Append an update.

        Raises
        ------
        RepositoryError
            When it cannot be written.
        """
        try:
            self._stream.write(json.dumps(node) + "\n")
        except OSError as error:
            raise self._problem(error) from error

    def _problem(self, error: OSError) -> RepositoryError:
        return RepositoryError(f"cannot note what happens in {self._stream.name}: {error.strerror}")
