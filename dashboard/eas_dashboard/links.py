"""Addresses of pages: which pages there are, what leads to them, and what of an address is believed.

An address may come from anybody. Whatever it says is text of bounded length; it names a run, a task or a file only if
the database knows one of that name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

FILTERS: dict[str, dict[str, Any]] = {
    "run": {"tab": "Overview", "type": None, "beneath": "", "search": "", "state": [], "page": 1},
    "files": {"folder": None, "name": "", "file_page": 1},
    "logs": {"at": "", "text": "", "severity": [], "of": None, "line_page": 1},
}
"""What the filters of pages are called in addresses, and how they are when nothing is asked for. Streamlit lets nobody
but a filter change what an address says of it: so no two pages share a name.
"""
_LONGEST = 2000


class Where(NamedTuple):
    """A page and what it is to show."""

    page: str
    query: dict[str, str]

    @property
    def href(self) -> str:
        """The address, relative to that of any other page."""
        return f"{self.page}?{urlencode(self.query)}" if self.query else self.page


def to_run(run: str, tab: str = "", *, type: str = "", source: str = "") -> Where:  # noqa: A002 - as it is called
    """Lead to a run: to one of its tabs, and to the tasks of a type or of a place in the chain."""
    return Where("run", _given({"run": run, "tab": tab, "type": type, "source": source}))


def to_task(run: str, path: str) -> Where:
    """Lead to a task."""
    return Where("task", {"run": run, "path": path})


def to_files(run: str, directory: str = "", file: str = "", version: int = 0) -> Where:
    """Lead to the files of a run: of a directory, or to a version of one of them."""
    if not file:
        return Where("files", _given({"run": run, "folder": directory}))
    query = {"run": run, "directory": directory, "file": file, "version": str(version or "")}
    return Where("files", _given(query))


def to_logs(run: str, path: str = "") -> Where:
    """Lead to what the tasks at or beneath a path said."""
    return Where("logs", _given({"run": run, "at": path}))


def _given(query: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in query.items() if text}


def to_outcomes(run: str) -> Where:
    """Lead to what a run found."""
    return Where("outcomes", {"run": run})


def asked(query: Mapping[str, str], name: str) -> str:
    """Return what an address says of something, which is nothing where it cannot be meant."""
    given = query.get(name, "")
    return given if len(given) <= _LONGEST and "\0" not in given else ""


def number(query: Mapping[str, str], name: str) -> int | None:
    """Return a number of an address, None where there is none."""
    given = asked(query, name)
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None
