"""The journal keeps every update in its order, whenever its writer dies."""

import errno
import json
from pathlib import Path
from typing import Any

import pytest

from eas_provenance.errors import RepositoryError
from eas_provenance.journal import Entry, Journal, known


def node(name: str, phase: str) -> dict[str, Any]:
    """Write an update."""
    return {"name": name, "id": name, "type": "Pod", "templateName": "t", "phase": phase}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Return a journal without anything."""
    (tmp_path / "nodes.jsonl").touch()
    return Journal(tmp_path / "nodes.jsonl")


def test_order(journal: Journal) -> None:
    """Every update can be read as soon as it was written; reading goes on behind a position."""
    told = [node("a", "Running"), node("b", "Running"), node("a", "Failed")]
    with journal:
        for number, update in enumerate(told):
            journal.write(update)
            assert [entry.update for entry in journal.updates()] == told[: number + 1]
    first, *others = journal.updates()
    assert list(journal.updates(first.position)) == others
    assert others[-1].position == journal.size_bytes
    assert journal.nodes() == {"a": told[2], "b": told[1]}


def test_a_line_that_was_cut(journal: Journal) -> None:
    """What a writer that died left of a line is not read, and the next writer begins anew there."""
    whole = json.dumps(node("a", "Running")) + "\n"
    journal.path.write_text(whole + '{"name": "b", "ph', encoding="utf-8")
    assert list(journal.updates()) == [Entry(len(whole), node("a", "Running"))]
    with journal:
        journal.write(node("c", "Running"))
    assert list(journal.nodes()) == ["a", "c"]


def test_one_line_cut(journal: Journal) -> None:
    """The same when there is no whole line."""
    journal.path.write_text('{"name": "b', encoding="utf-8")
    with journal:
        journal.write(node("c", "Running"))
    assert list(journal.nodes()) == ["c"]


def test_lives(journal: Journal) -> None:
    """Each engine that works on a run has a number."""
    for _ in range(2):
        with journal:
            journal.begin_life()
    assert [entry.update for entry in journal.updates()] == [{"life": 1}, {"life": 2}]


def test_what_is_forgotten() -> None:
    """The node and what stands beneath it goes, and nothing else."""
    names = ["r", "r.a", "r.a(0:0)", "r.a(0:0).b", "r.ab"]
    assert list(known([*(node(name, "Failed") for name in names), {"forget": "r.a"}]).nodes) == ["r", "r.ab"]


def test_what_is_known() -> None:
    """How old nodes are, and what is to be done again since when."""
    updates = [{"life": 1}, node("a", "Failed"), node("b", "Failed"), {"life": 2, "again": ["a"]}, node("b", "Running")]
    assert known(updates) == ({"a": updates[1], "b": updates[4]}, {"a": 1, "b": 2}, {"a": 2}, {})


def test_what_another_life_needs(journal: Journal) -> None:
    """Of half a million nodes that ended alike one is kept; when others began is needed to go on with them."""
    more = {"displayName": "x", "startedAt": "2026-01-01T00:00:00Z", "finishedAt": "2026-01-01T00:00:01Z"}
    with journal:
        for name in ("a", "b"):
            journal.write(node(name, "Succeeded") | more | {"outputs": {"exitCode": "0"}})
        journal.write(node("c", "Failed") | more | {"message": "why"})
    found = journal.known().nodes
    assert found["a"] == {"type": "Pod", "phase": "Succeeded", "outputs": {"exitCode": "0"}}
    assert found["b"] is found["a"]
    assert found["c"] == {"type": "Pod", "phase": "Failed", "message": "why", "startedAt": more["startedAt"]}
    assert journal.nodes()["a"]["displayName"] == "x"


def test_numbers_of_tries() -> None:
    """They are used up by tries that have ended, also those of nodes that are no part of the run any more."""
    tries = [node(f"r.a({number})", "Failed") | {"nodeFlag": {"retried": True}} for number in (0, 1, 2)]
    ended = [one | {"finishedAt": "2026-01-01T00:00:00Z"} for one in tries[:2]]
    found = known([*ended, tries[2], {"forget": "r.a"}])
    assert (found.nodes, found.numbers) == ({}, {"r.a": 2})


def test_told_after_it_was_forgotten() -> None:
    """A node that comes back is a part of the run again."""
    assert list(known([node("r.a", "Failed"), {"forget": "r"}, node("r.a", "Running")]).nodes) == ["r.a"]


@pytest.mark.parametrize(
    "line",
    [
        b"[]\n",
        b"{}\n",
        b"nonsense\n",
        b"\xff\n",
        b"1\n",
        b'{"name":5}\n',
        b'{"name":"a","id":"a"}\n',
        b'{"life":"x"}\n',
    ],
)
def test_what_is_no_update(journal: Journal, line: bytes) -> None:
    """A line that no engine wrote is an error that says where it is."""
    journal.path.write_bytes(b'{"life":1}\n' + line + b"\n")
    with pytest.raises(RepositoryError, match=r"^cannot read .*/nodes.jsonl, byte \d+: "):
        list(journal.updates())


class Full:
    """A file on a disk that becomes full."""

    def __init__(self, room: int | None) -> None:
        self.room = room

    def write(self, data: bytes) -> int:
        """Take a part of it, or nothing."""
        if self.room is None:
            raise OSError(errno.ENOSPC, "No space left on device")
        return min(self.room, len(data))


@pytest.mark.parametrize("room", [None, 3])
def test_a_full_disk(journal: Journal, room: int | None) -> None:
    """It is told in one message."""
    journal._stream = Full(room)  # type: ignore[assignment]
    with pytest.raises(RepositoryError, match=r"^cannot note what happens in .*: No space left on device$"):
        journal.write(node("a", "Running"))
