"""The journal of a run: the updates of its nodes in a file, in the order in which they happened.

It is to the engine of one machine what the status of a Workflow is to a controller: the truth about how far a run is.
Whoever else wants to know follows the file. A line is one of

- a node in Argo's own words; of several lines about one node the last counts;
- `{"forget": NAME}`: this node and what stands beneath it is no part of the run any more;
- `{"life": NUMBER, "again": [NAME, ...]}`: an engine begins to work on the run, for the first time or again, and is
  to do these nodes again.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple, Self

from eas_provenance.errors import RepositoryError

Update = dict[str, Any]
_CHUNK_BYTES = 1 << 20


class Entry(NamedTuple):
    """An update, and the position behind it in the journal [bytes]."""

    position: int
    update: Update


class Journal:
    """The journal in a file; it is open for writing only inside of `with`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Open it for writing, behind its last whole line."""
        try:
            self._stream = self.path.open("ab", buffering=0)
            self._stream.truncate(self._whole_bytes())
        except OSError as error:
            raise self._problem(error) from error
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _whole_bytes(self) -> int:
        """Return the size up to the end of the last whole line: an engine may have died in the midst of one."""
        size = self.path.stat().st_size
        with self.path.open("rb") as stream:
            while size:
                start = max(0, size - _CHUNK_BYTES)
                stream.seek(start)
                end = stream.read(size - start).rfind(b"\n")
                if end >= 0:
                    return start + end + 1
                size = start
        return 0

    def write(self, update: Update) -> None:
        """Append an update; once this returns, the death of this process does not lose it.

        Raises
        ------
        RepositoryError
            When it cannot be written.
        """
        assert self._stream is not None
        line = json.dumps(update, separators=(",", ":")).encode() + b"\n"
        try:
            whole = self._stream.write(line) == len(line)  # a disk that has just become full takes a part
        except OSError as error:
            raise self._problem(error) from error
        if not whole:
            raise self._problem(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def begin_life(self, again: Collection[str] = ()) -> None:
        """Note that an engine begins to work on the run, and which nodes somebody asked to be done again.

        Raises
        ------
        RepositoryError
            When it cannot be written.
        """
        lives = [entry.update["life"] for entry in self.updates(having=b'"life":') if "life" in entry.update]
        self.write({"life": max(lives, default=0) + 1, **({"again": sorted(again)} if again else {})})

    def _problem(self, error: OSError) -> RepositoryError:
        return RepositoryError(f"cannot note what happens in {self.path}: {error.strerror}")

    @property
    def size_bytes(self) -> int:
        """How much there is of it."""
        try:
            return self.path.stat().st_size
        except OSError as error:
            raise RepositoryError(f"cannot read {self.path}: {error.strerror}") from error

    def updates(self, position: int = 0, *, having: bytes = b"") -> Iterator[Entry]:
        """Yield the whole lines behind a position; those alone that have something in them.

        Raises
        ------
        RepositoryError
            When it cannot be read, or a line is no update.
        """
        try:
            with self.path.open("rb") as stream:
                stream.seek(position)
                for line in stream:
                    if not line.endswith(b"\n"):
                        return
                    position += len(line)
                    if having in line:
                        yield Entry(position, _update(line))
        except (OSError, ValueError) as error:
            raise RepositoryError(f"cannot read {self.path}, byte {position}: {error}") from error

    def known(self) -> Known:
        """Return what follows from all of it; of nodes what another life of an engine has to know."""
        return known((entry.update for entry in self.updates()), Needed())

    def nodes(self) -> dict[str, Update]:
        """Return the nodes by name, as they were last."""
        return known(entry.update for entry in self.updates()).nodes


_TEXTS = ("name", "id", "type", "phase", "templateName")


def _update(line: bytes) -> Update:
    update = json.loads(line)
    is_right = isinstance(update, dict) and (
        all(isinstance(update.get(key), str) for key in _TEXTS)
        or isinstance(update.get("forget"), str)
        or (isinstance(update.get("life"), int) and isinstance(update.get("again", []), list))
    )
    if not is_right:
        raise ValueError("not an update of a node")
    found: Update = update
    return found


class Known(NamedTuple):
    """What follows from a sequence of updates.

    `nodes` are the nodes by name, as they were last; `lives` the numbers of the lives in which that was told; `again`
    the nodes that were to be done again, and the life in which that was asked for; `numbers` how many numbers of tries
    are used up, by the name of the node around them: also of nodes that are no part of the run any more.
    """

    nodes: dict[str, Update]
    lives: dict[str, int]
    again: dict[str, int]
    numbers: dict[str, int]


class Needed:
    """Keeps of nodes what another life of an engine asks for, and what is the same for many only once.

    A run of a hundred thousand tasks has half a million nodes, which would fill gigabytes as they were told.
    """

    def __init__(self) -> None:
        self._same: dict[str, Update] = {}

    def __call__(self, node: Update) -> Update:
        """Return a node with nothing else."""
        names = _OF_DONE if node["phase"] == "Succeeded" else _OF_OTHERS
        kept = {name: node[name] for name in names if name in node}
        return self._same.setdefault(repr(kept), kept)


_OF_DONE = ("type", "phase", "outputs")
_OF_OTHERS = ("type", "phase", "message", "startedAt", "outputs")


def known(updates: Iterable[Update], keep: Callable[[Update], Update] = lambda node: node) -> Known:
    """Return what follows from a sequence of updates; `keep` tells what is kept of a node."""
    found = Known({}, {}, {}, {})
    life = 0
    told: dict[str, int] = {}
    forgotten: dict[str, int] = {}
    for at, update in enumerate(updates):
        if "name" in update:
            name = update["name"]
            found.nodes[name], found.lives[name], told[name] = keep(update), life, at
            if update.get("nodeFlag", {}).get("retried") and "finishedAt" in update:
                around, _, number = name.rpartition("(")
                found.numbers[around] = max(found.numbers.get(around, 0), int(number.rstrip(")")) + 1)
        elif "life" in update:
            life = update["life"]
            found.again.update(dict.fromkeys(update.get("again", ()), life))
        else:
            forgotten[update["forget"]] = at
    for name, at in told.items() if forgotten else ():
        if any(forgotten.get(above, -1) > at for above in (name, *above_it(name))):
            del found.nodes[name], found.lives[name]
    return found


def above_it(name: str) -> list[str]:
    """Return the names of all that a node may stand beneath: names tell it."""
    return [name[:end] for end in range(1, len(name)) if name[end] in ".("]
