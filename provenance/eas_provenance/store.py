"""The store: the file repository, the folders of runs, and the database, in one folder of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from eas_provenance.repository import Directory
from eas_provenance.runs import RunFolder

DEFAULT = "eas-store"


class Store:
    """A folder with `files/` (the repository), `runs/NAME/`, `eas.db` (the database) and `work/` (attempts)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.files = Directory(self.folder / "files")

    @property
    def database(self) -> Path:
        """Where the database is, unless another one is named."""
        return self.folder / "eas.db"

    def run(self, name: str) -> RunFolder:
        """Return the folder of a run, whether there is one or not."""
        return RunFolder(self.folder / "runs" / name)

    def runs(self) -> Iterator[RunFolder]:
        """Yield the folders of all runs, in the order of their names."""
        for path in sorted((self.folder / "runs").glob("[!.]*")):
            if path.is_dir():
                yield RunFolder(path)

    def may_go_on(self, name: str) -> bool:
        """Return whether somebody may still work on a run: an engine here or, for a run that is not here, elsewhere."""
        folder = self.run(name)
        return not folder.path.is_dir() or folder.has_engine()

    def work(self, name: str) -> Path:
        """Return the folder in which a run's attempts work."""
        return self.folder / "work" / name
