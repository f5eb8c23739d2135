"""The store: the file repository, and what is known of each run. The database will stand beside them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any

from eas_provenance.repository import Directory, RepositoryError

DEFAULT = "eas-store"


class Store:
    """A folder with `files/` (the repository), `runs/NAME/` (what was run, and its node updates) and `work/` (attempts)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.files = Directory(self.folder / "files")

    def begin(self, name: str, workflow: dict[str, Any], chain: bytes, about: dict[str, Any]) -> RunLog:
        """Note a run before anything of it happens; return where its node updates go."""
        folder = self.folder / "runs" / name
        try:
            folder.mkdir(parents=True)
            (folder / "workflow.json").write_text(json.dumps(workflow), "utf-8")
            (folder / "chain.json").write_bytes(chain)
            (folder / "run.json").write_text(json.dumps(about), "utf-8")
            return RunLog((folder / "nodes.jsonl").open("a", encoding="utf-8"))
        except OSError as error:
            raise RepositoryError(f"cannot note the run in {folder}: {error.strerror}") from error

    def work(self, name: str) -> Path:
        """Return the folder in which a run's attempts work."""
        return self.folder / "work" / name


class RunLog:
    """The node updates of a run, as they come: a line of JSON each."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def write(self, node: dict[str, Any]) -> None:
        """Append an update."""
        self._stream.write(json.dumps(node) + "\n")

    def close(self) -> None:
        """Write out what is left."""
        self._stream.close()

