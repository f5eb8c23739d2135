"""What reports cannot learn from the database, and are told by whoever knows the site."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from eas_provenance.queries import MessageRow, RunRow
    from eas_provenance.store import Store


def _of_engine(store: Store, run: RunRow) -> bool:
    return store.run(run.name).has_engine()


def _nothing(_store: Store, _run: RunRow, _path: str) -> Iterable[MessageRow]:
    return ()


class Hooks(NamedTuple):
    """What a site knows of a run that goes on.

    `is_alive` tells whether somebody works on it. `live` gives the lines that running tries at or beneath a path have
    written so far, with the keys that they will have in the database; it is asked again and again.
    """

    is_alive: Callable[[Store, RunRow], bool] = _of_engine
    live: Callable[[Store, RunRow, str], Iterable[MessageRow]] = _nothing
