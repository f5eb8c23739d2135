"""Following the Workflows of a namespace: a list of all, then whatever changes, however often the way to them breaks.

What is lost on the way comes again: the objects of a watch are whole, and a list says which of them are still there.
"""

from __future__ import annotations

import contextlib
import json
import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple, Protocol

from eas_argo.cluster import depth
from eas_argo.cluster.errors import ClusterError
from eas_argo.cluster.reading import NoWorkflowError, Reader, Update, is_old
from eas_argo.cluster.status import Json

OURS = "eas/managed=true"
"""What the compiler writes on every Workflow."""
PAGE = 20
"""How many Workflows are asked for at once: each may have some megabytes."""
TURN_S = 50
"""How long the server keeps a watch [s]; what is silent for much longer is dead."""
SILENCE_S = TURN_S + 15.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 30.0
_EVENT = re.compile(rb'\{"type":"([A-Z]+)","object":')


class Api(Protocol):
    """As much of a connection as following takes; both methods raise `ClusterError`."""

    @property
    def workflows(self) -> str:
        """The path of the workflows in the namespace."""

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Any:
        """Return the object at a path."""

    def stream(
        self, path: str, query: Mapping[str, Any] | None = None, silence_s: float = ...
    ) -> AbstractContextManager[Iterator[bytes]]:
        """Give the lines of an answer as they come."""


class Present(NamedTuple):
    """A Workflow is there, and is as the update says."""

    update: Update


class Gone(NamedTuple):
    """A Workflow was deleted."""

    uid: str


class Listed(NamedTuple):
    """These Workflows are there, by uid, and no others; what is new of them was told before."""

    uids: frozenset[str]


class Odd(NamedTuple):
    """Something else than a Workflow came; it is passed over."""

    reason: str


class Heard(NamedTuple):
    """The server has been heard; all that it had to say was told before."""


class Lost(NamedTuple):
    """The server cannot be followed now, and why; it is tried again after some time [s]."""

    reason: str
    wait_s: float


Event = Present | Gone | Listed | Odd | Heard | Lost


class Watch:
    """Follows the Workflows that a selector of labels, or of fields, means.

    `wait` is given the seconds to wait before another try, and returns whether to give up.
    """

    def __init__(
        self, api: Api, wait: Callable[[float], object], *, labels: str = OURS, fields: str = "", page: int = PAGE
    ) -> None:
        self._api, self._wait, self._page = api, wait, page
        chosen = {"labelSelector": labels, "fieldSelector": fields}
        self._chosen = {key: value for key, value in chosen.items() if value}
        self.reader = Reader()
        self._version = self._known = ""
        self._failures = 0

    def once(self) -> Iterator[Event]:
        """Yield what is there now.

        Raises
        ------
        ClusterError
            When it cannot be had.
        """
        uids: set[str] = set()
        more, version = "", ""
        while True:
            asked = {**self._chosen, "limit": self._page, **({"continue": more} if more else {})}
            items, about = _listed(self._api.get(self._api.workflows, asked))
            if not more:
                version = _text(about.get("resourceVersion"))
                if version != self._known and is_old(version, self._known):
                    self.reader.forget_all()  # the server was put back to what it had been some time ago
            for item in items:
                uids.add(_uid(item))
                yield from self._read(json.dumps(item, separators=(",", ":")))
            more = _text(about.get("continue"))
            if not more:
                break
        self._version = self._known = version
        yield Listed(frozenset(uids))
        yield Heard()

    def family(self, uid: str, names: Iterable[str], labels: Iterable[str]) -> list[Update]:
        """Return a Workflow, and those that have labels, as they are now, each as if it were read for the first time.

        It has one of these names; a Workflow of the name that has another uid is another one.

        Raises
        ------
        ClusterError
            When they cannot be had.
        """
        items = [item for name in names if (item := self._there(name)) is not None and _uid(item) == uid]
        for label in labels:
            asked: Json = {"labelSelector": label, "limit": self._page}
            while True:
                listed, about = _listed(self._api.get(self._api.workflows, asked))
                items += listed
                asked["continue"] = _text(about.get("continue"))
                if not asked["continue"]:
                    break
        found = []
        for item in items:
            self.reader.drop(_uid(item))
            with contextlib.suppress(NoWorkflowError):  # which the watch has told
                found.append(self.reader.read(json.dumps(item, separators=(",", ":"))))
        return [update for update in found if update is not None]

    def _there(self, name: str) -> Any:
        """Return the Workflow of a name, None when there is none."""
        try:
            return self._api.get(f"{self._api.workflows}/{name}")
        except ClusterError as error:
            if error.status == 404:
                return None
            raise

    def events(self) -> Iterator[Event]:
        """Yield what is there, and whatever happens from then on, until it is to give up."""
        while True:
            start = time.monotonic()
            try:
                if not self._version:
                    yield from self.once()
                yield from self._turn()
                self._failures = 0
            except ClusterError as error:
                if error.status is not None:  # it answers, but not this; mostly that the version is too old (410)
                    self._known, self._version = self._version or self._known, ""
                wait_s = self._wait_s()
                yield Lost(str(error), wait_s)
            else:
                wait_s = FIRST_WAIT_S if time.monotonic() - start < FIRST_WAIT_S else 0.0
            if self._wait(wait_s):
                return

    def _wait_s(self) -> float:
        """Return how long to wait after another failure [s]: ever longer, and never as long as others do."""
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(self._failures, 10))
        self._failures += 1
        return wait_s * (0.5 + random.random() / 2)  # noqa: S311 - no secret

    def _turn(self) -> Iterator[Event]:
        """Yield what one watch tells, until the server ends it."""
        query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": TURN_S}
        query |= {**self._chosen, "resourceVersion": self._version}
        with self._api.stream(self._api.workflows, query, SILENCE_S) as lines:
            for line in lines:
                yield from self._line(line)
                yield Heard()
                self._failures = 0
        yield Heard()

    def _line(self, line: bytes) -> Iterator[Event]:
        """Yield what a line of a watch tells; one that was cut off is told again by the next watch."""
        start = _EVENT.match(line)
        if start is None or not line.endswith(b"}}"):
            raise ClusterError("the watch broke off")
        kind, text = start[1], line[start.end() : -1].decode("utf-8", "replace")
        try:
            if kind in (b"ADDED", b"MODIFIED", b"DELETED"):
                yield from self._read(text)
                if kind == b"DELETED":
                    uid = _uid(depth.loads(text))
                    self.reader.drop(uid)
                    yield Gone(uid)
            elif kind == b"BOOKMARK":
                about = _mapping(_mapping(depth.loads(text)).get("metadata"))
                self._version = _text(about.get("resourceVersion")) or self._version
            elif kind == b"ERROR":
                told = _mapping(depth.loads(text))
                raise ClusterError(f"the watch ended: {_text(told.get('message'))}", None, told.get("code") or 500)
        except ValueError as error:
            raise ClusterError("the watch broke off") from error

    def _read(self, text: str) -> Iterator[Event]:
        try:
            update = self.reader.read(text)
        except NoWorkflowError as error:
            yield Odd(str(error))
        else:
            if update is not None:
                self._version = self._version and update.version
                yield Present(update)


def _listed(page: Any) -> tuple[list[Any], Json]:
    items, about = (page.get("items"), page.get("metadata")) if isinstance(page, dict) else (None, None)
    if not isinstance(items, list) or not isinstance(about, dict):
        raise ClusterError("what should be a list of Workflows is none")
    return items, about


def _uid(item: Any) -> str:
    return _text(_mapping(_mapping(item).get("metadata")).get("uid"))


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
