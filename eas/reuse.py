"""Results of earlier runs on this machine, to be taken over; and why those of some tasks cannot be."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from eas.terminal import THIS_MACHINE
from eas_argo.laptop.reuse import Result
from eas_provenance.database import Database
from eas_provenance.queries.reuse import PASSED, ResultRow, result
from eas_provenance.repository import Directory

_INDEX = re.compile(r"\[([^\]=]*)=(\d+)\]|#(\d+)")


class Kept:
    """The results of the runs in a store.

    `codes` are those of the programs, by task type: what other code has made is no result of theirs.
    """

    def __init__(self, database: Database, files: Directory, codes: Mapping[str, str]) -> None:
        self._database, self._files, self._codes = database, files, codes

    def find(self, task: str, content: str) -> Result | None:
        """Return a result that has passed, by its content; None when there is none, or it is not whole any more."""
        code = self._codes.get(task)
        if not code:
            return None
        with self._database.session() as session:
            row = result(session, THIS_MACHINE, task, code, content)
        return self._whole(row, content) if row is not None else None

    def _whole(self, row: ResultRow, content: str) -> Result | None:
        folder = f"{row.prefix}/.records{records_of(row.path)}"
        record, judged = self._read(f"{folder}/attempt-{row.number}/run.json"), self._read(f"{folder}/qc.json")
        if record.get("content") != content or judged.get("verdict") not in PASSED:
            return None
        source = record.get("reused") or {"run": row.run, "path": row.path, "attempt": row.number}
        products = {
            port: f"{row.prefix}/.products/{quote(directory, '/~')}/{quote(name, '~')}.json"
            for port, (_, directory, name) in row.files.items()
        }
        files = {port: key for port, (key, _, _) in row.files.items()}
        if not all(map(self._files.has, (*files.values(), *products.values()))):
            return None
        return Result(source["run"], source["path"], source["attempt"], record, judged, files, products)

    def _read(self, key: str) -> dict[str, Any]:
        data = self._files.read(key)
        found = json.loads(data) if data is not None else {}
        return found if isinstance(found, dict) else {}


def records_of(path: str) -> str:
    """Return the folder of a task's records: that of `/t0[size=1]/t2` is `/t0[size]/t2/1`."""
    indices = ".".join(index or number for _, index, number in _INDEX.findall(path))
    pattern = _INDEX.sub(lambda match: f"[{match[1]}]" if match[2] else "#", path)
    return f"{pattern}/{indices}" if indices else pattern
