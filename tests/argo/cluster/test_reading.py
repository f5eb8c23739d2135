"""Workflows that come again and again are read right, whatever stands in them and however they are laid out."""

import base64
import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_argo.cluster import status
from eas_argo.cluster.reading import NoWorkflowError, Reader, is_old
from tests.argo.cluster.writing import Json, as_event, node, workflow


def read(reader: Reader, one: Json, **layout: Any) -> Any:
    """Read a Workflow as the server lays it out, or in another way."""
    return reader.read(json.dumps(one, **({"separators": (",", ":")} | layout)))


def test_only_what_changed() -> None:
    """A second reading gives the nodes with another text, new ones, and the names of those that are gone."""
    reader = Reader()
    first = read(reader, workflow("1", [node("a"), node("b"), node("c")]))
    assert [one["name"] for one in first.changed] == ["w", "w.a", "w.b", "w.c"]
    again = read(reader, workflow("2", [node("a"), node("b", phase="Failed"), node("d")]))
    assert [one["name"] for one in again.changed] == ["w.b", "w.d"]
    assert again.gone == {"w-c"}
    assert [one["name"] for one in again.nodes()] == ["w", "w.a", "w.b", "w.d"]
    assert [one["name"] for one in first.nodes()] == ["w", "w.a", "w.b", "w.c"]


@pytest.mark.parametrize("layout", [{"indent": 1}, {"separators": (", ", ": ")}, {"sort_keys": True}])
def test_any_layout(layout: Json) -> None:
    """What is not laid out as the server does it is read as well."""
    reader = Reader()
    assert len(read(reader, workflow("1", [node("a")]), **layout).changed) == 2
    assert len(read(reader, workflow("2", [node("a"), node("b")]), **layout).changed) == 1


def test_what_is_old_is_not_read() -> None:
    """A version that was read, or one before it, tells nothing new; also after its text was forgotten."""
    reader = Reader()
    assert read(reader, workflow("10", [node("a")])) is not None
    assert read(reader, workflow("10", [])) is None
    assert read(reader, workflow("9", [])) is None
    reader.forget("u")
    assert read(reader, workflow("10", [])) is None
    assert len(read(reader, workflow("11", [node("a")])).changed) == 2
    reader.forget_all()
    assert read(reader, workflow("3", [])) is not None


def test_compressed_nodes() -> None:
    """They are read as others are; the same text is not unpacked again."""
    reader, plain = Reader(), workflow("1", [node("a"), node("b")])
    packed = json.dumps(plain["status"].pop("nodes"), separators=(",", ":")).encode()
    plain["status"]["compressedNodes"] = base64.b64encode(gzip.compress(packed)).decode()
    assert len(read(reader, plain).changed) == 3
    plain["metadata"]["resourceVersion"] = "2"
    again = read(reader, plain)
    assert (again.changed, again.gone, again.problem) == ([], frozenset(), "")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"compressedNodes": base64.b64encode(b"\x28\xb5\x2f\xfdxx").decode()}, "compressed by zstd"),
        ({"compressedNodes": base64.b64encode(b"xxxx").decode()}, "WORKFLOW_COMPRESSION_ALGORITHM=gzip"),
        ({"compressedNodes": "%"}, "damaged"),
        ({"compressedNodes": base64.b64encode(gzip.compress(b"{}")[:-4]).decode()}, "damaged"),
        ({"compressedNodes": base64.b64encode(gzip.compress(b"[1]")).decode()}, "damaged"),
        ({"offloadNodeStatusVersion": "fnv:7"}, "nodeStatusOffLoad"),
    ],
)
def test_nodes_that_cannot_be_had(given: Json, said: str) -> None:
    """The reason is told, with what to do about it; what was known stays."""
    reader = Reader()
    read(reader, workflow("1", [node("a")]))
    one = workflow("2", [])
    one["status"] = {"phase": "Running", **given}
    found = read(reader, one)
    assert said in found.problem
    assert (found.changed, found.gone, len(list(found.nodes()))) == ([], frozenset(), 2)


def test_large_nodes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A little text may unpack to more than there is memory for."""
    monkeypatch.setattr(status, "MOST_BYTES", 1 << 20)
    with pytest.raises(status.StatusError, match="larger than 1 MiB"):
        status.unpacked(base64.b64encode(gzip.compress(b" " * (2 << 20))).decode())


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", '{"metadata":{}}', '{"metadata":{"uid":"u","name":"w"},"spec":3}']
)
def test_what_is_no_workflow(text: str) -> None:
    """It is said to be none; what is no JSON at all may be the half of one."""
    with pytest.raises((NoWorkflowError, ValueError)):
        Reader().read(text)


HOSTILE: list[Any] = [
    None, 3, [], {}, {"id": "w-x"}, {"id": "other", "name": "n", "type": "Pod", "phase": "Running"},
    {"id": "w-x", "name": 3, "type": "Pod", "phase": "Running"},
    {"id": "w-x", "name": "n", "type": "Pod", "phase": "Sleeping"},
    {"id": "w-x", "name": "no number", "type": "Pod", "phase": "Running", "nodeFlag": {"retried": True}},
]  # fmt: skip


@pytest.mark.parametrize("given", HOSTILE)
def test_hostile_nodes(given: Any) -> None:
    """What is no node is left out, and said to be odd."""
    one = workflow("1", [node("a")])
    one["status"]["nodes"]["w-x"] = given
    found = read(Reader(), one)
    assert [one["name"] for one in found.changed] == ["w", "w.a"]
    assert found.odd == ("the node 'w-x' is none of Argo's",)


def test_hostile_members() -> None:
    """Members of other types than Argo's are left out; only the root stands in nothing."""
    given = node("a") | {
        "message": 3, "startedAt": "yesterday", "inputs": [], "boundaryID": None, "nodeFlag": 1,
        "outputs": {"exitCode": "12; rm", "parameters": [3, {"name": 1}, {"name": "p", "value": {}}]},
    }  # fmt: skip
    found = read(Reader(), workflow("1", [given])).changed[1]
    assert found == {
        "id": "w-a", "name": "w.a", "type": "Pod", "phase": "Running", "templateName": "t", "boundaryID": "",
        "inputs": {"parameters": []}, "outputs": {"parameters": [{"name": "p", "value": ""}]},
    }  # fmt: skip


@given(st.lists(st.tuples(st.sets(st.integers(0, 9)), st.text(max_size=5)), min_size=1, max_size=6))
def test_as_if_read_whole(versions: list[tuple[set[int], str]]) -> None:
    """What a reader knows after any sequence is what one knows that reads the last alone."""
    reader, known = Reader(), dict[str, Json]()
    for number, (names, message) in enumerate(versions):
        one = workflow(str(number + 1), [node(str(name), message=message * (name % 3)) for name in names])
        found = reader.read(as_event(one)[len('{"type":"MODIFIED","object":') : -1])
        assert found is not None
        known |= {each["id"]: each for each in found.changed}
        known = {identifier: each for identifier, each in known.items() if identifier not in found.gone}
    alone = Reader().read(json.dumps(one))
    assert alone is not None
    assert known == {each["id"]: each for each in alone.changed}


@pytest.mark.parametrize(
    ("version", "known", "old"),
    [("1", "", False), ("2", "1", False), ("1", "1", True), ("9", "10", True), ("a", "a", True), ("a", "b", False)],
)
def test_versions(version: str, known: str, *, old: bool) -> None:
    """They are numbers that grow; of others only equality can be told."""
    assert is_old(version, known) is old
