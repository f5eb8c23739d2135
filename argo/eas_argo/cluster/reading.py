"""Reading Workflows that come again and again: what stands there word for word as it did is not read once more.

Every event of a watch carries its whole object, of which most is as it was. To read the JSON of a Workflow of some
thousand nodes takes a hundred times as long as to see which of its nodes have another text.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

from eas_argo.cluster import depth, members, status
from eas_argo.cluster.members import Members
from eas_argo.cluster.status import Json, Node, StatusError

_string = json.decoder.scanstring  # type: ignore[attr-defined]
_value = json.JSONDecoder().raw_decode
_BEHIND_MANAGED = '],"name":"'
"""What ends the notes of who owns which field: they are half of an object, and in the words of the server alone."""


_SHOWN = 200


class Update(NamedTuple):
    """A Workflow as it is now, and what of its nodes is not as it was when it was read last.

    `metadata` lacks the notes of who owns which field, `status` the nodes. `nodes` gives all of them, `problem` says
    why they cannot be had.
    """

    uid: str
    name: str
    version: str
    metadata: Json
    spec: Json
    status: Json
    changed: list[Node]
    gone: frozenset[str]
    nodes: Callable[[], Iterator[Node]]
    odd: tuple[str, ...] = ()
    problem: str = ""


class _Seen:
    """What of a Workflow was read last."""

    def __init__(self, version: str = "") -> None:
        self.version = version
        self.nodes = Members()
        self.members: dict[str, tuple[str, Any]] = {}
        self.compressed = ""

    def member(self, name: str, text: str, at: int) -> tuple[Any, int]:
        """Return a member that seldom changes, and where it ends."""
        known, value = self.members.get(name, ("", None))
        if known and text.startswith(known, at):
            return value, at + len(known)
        value, end = _value(text, at)
        self.members[name] = text[at:end], value
        return value, end


class Reader:
    """Reads Workflows, each of which it remembers until it is to forget it."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def forget(self, uid: str) -> None:
        """Read a Workflow as if for the first time when a newer version of it comes."""
        if uid in self._seen:
            self._seen[uid] = _Seen(self._seen[uid].version)

    def drop(self, uid: str) -> None:
        """Forget a Workflow that was deleted."""
        self._seen.pop(uid, None)

    def forget_all(self) -> None:
        """Read all Workflows as if for the first time."""
        self._seen.clear()

    def read(self, text: str) -> Update | None:
        """Return what is new in the JSON of a Workflow; None when a newer one was read before, or the same.

        Raises
        ------
        ValueError
            When it is no JSON.
        NoWorkflowError
            When it is that of something else.
        """
        try:
            return _Reading(self._seen, text).update()
        except _OldError:
            return None
        except (IndexError, NoWorkflowError, RecursionError, ValueError):
            plain = depth.loads(text)  # laid out in another way than the server does it, too deep, or no JSON at all
        try:
            return _Reading(self._seen, json.dumps(plain, separators=(",", ":"))).update()
        except _OldError:
            return None
        except (IndexError, ValueError) as error:
            raise NoWorkflowError(f"this is no Workflow: {text[:_SHOWN]}") from error


class NoWorkflowError(Exception):
    """What was to be read is no Workflow."""


class _OldError(Exception):
    """There is nothing new in a Workflow."""


class _Reading:
    """One reading of the text of a Workflow."""

    def __init__(self, seen: dict[str, _Seen], text: str) -> None:
        self._all, self._text = seen, text
        self._seen = _Seen()
        self._uid = self._name = ""
        self._found: dict[str, Json] = {"metadata": {}, "spec": {}, "status": {}}
        self._fresh: dict[str, Any] = {}
        self._read_nodes = Members()

    def update(self) -> Update:
        _walk(self._text, 0, self._part)
        metadata, spec, state = (self._found[part] for part in ("metadata", "spec", "status"))
        if not self._uid or not self._name or not all(isinstance(part, dict) for part in (spec, state)):
            raise NoWorkflowError("not a Workflow")
        problem, nodes = "", self._seen.nodes
        try:
            nodes = self._nodes(state) or nodes
        except StatusError as error:
            problem = str(error)
        changed, odd = [], []
        for identifier, value in self._fresh.items():
            node = status.checked(identifier, value, self._name)
            if node is None:
                odd.append(f"the node {identifier[:100]!r} is none of Argo's")
            else:
                changed.append(node)
        version = _text(metadata.get("resourceVersion"))
        gone = nodes.lacking(self._seen.nodes)
        self._seen.nodes, self._seen.version = nodes, version
        self._all[self._uid] = self._seen
        each = partial(_each, nodes, self._name)
        return Update(self._uid, self._name, version, metadata, spec, state, changed, gone, each, tuple(odd), problem)

    def _part(self, name: str, at: int) -> int:
        """Read one of the parts of an object; its metadata come first."""
        if name == "metadata":
            end = _walk(self._text, at, self._metadatum)
            metadata = self._found["metadata"]
            self._uid, self._name = (_text(metadata.get(key)) for key in ("uid", "name"))
            self._seen = self._all.get(self._uid) or _Seen()
            if is_old(_text(metadata.get("resourceVersion")), self._seen.version):
                raise _OldError
            return end
        if name == "status":
            return _walk(self._text, at, self._state)
        value, end = self._seen.member(name, self._text, at)
        self._found[name] = value
        return end

    def _metadatum(self, name: str, at: int) -> int:
        if name == "managedFields":
            end = self._text.find(_BEHIND_MANAGED, at)
            if end > 0:
                return end + 1
        value, end = _value(self._text, at)
        if name != "managedFields":
            self._found["metadata"][name] = value
        return end

    def _state(self, name: str, at: int) -> int:
        if name == "nodes":
            self._read_nodes, self._fresh, end = members.read(self._text, at, self._seen.nodes)
            return end
        value, end = self._seen.member(f"status {name}", self._text, at)
        self._found["status"][name] = value
        return end

    def _nodes(self, state: Json) -> Members:
        """Return all nodes, wherever they are kept; none when there are none yet."""
        compressed = state.pop("compressedNodes", None)
        if self._read_nodes:
            return self._read_nodes
        if isinstance(compressed, str) and compressed:
            if compressed == self._seen.compressed:
                return self._seen.nodes
            try:
                self._read_nodes, self._fresh, _ = members.read(status.unpacked(compressed), 0, self._seen.nodes)
            except (IndexError, RecursionError, ValueError) as error:
                raise StatusError("its compressed nodes are damaged") from error
            self._seen.compressed = compressed
        elif isinstance(version := state.get("offloadNodeStatusVersion"), str) and version:
            raise status.offloaded(version)
        return self._read_nodes


def _each(nodes: Members, name: str) -> Iterator[Node]:
    for identifier, text in nodes:
        if (node := status.checked(identifier, json.loads(text), name)) is not None:
            yield node


def _walk(text: str, at: int, take: Callable[[str, int], int]) -> int:
    """Walk through the object at a position of compact JSON, and return where it ends.

    `take` is told of the name of every member and of where its value begins, and returns where that ends.
    """
    if text[at] != "{":
        raise ValueError("not an object")
    if text[at + 1] == "}":
        return at + 2
    end = "{"
    while end != "}":
        if text[at + 1] != '"':
            raise ValueError("not compact")
        name, at = _string(text, at + 2)
        if text[at] != ":":
            raise ValueError("not compact")
        at = take(name, at + 1)
        end = text[at]
        if end not in ",}":
            raise ValueError("not compact")
    return at + 1


def is_old(version: str, known: str) -> bool:
    """Tell whether a version of an object is no newer than one that is known; they are numbers that grow."""
    if version.isdigit() and known.isdigit():
        return int(version) <= int(known)
    return bool(version) and version == known


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
