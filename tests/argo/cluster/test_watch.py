"""A watch tells in the end what is there, whatever breaks on the way."""

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eas_argo.cluster import watch
from eas_argo.cluster.connection import Connection
from eas_argo.cluster.errors import ClusterError
from eas_argo.cluster.watch import Gone, Heard, Listed, Lost, Odd, Present, Watch
from tests.argo.cluster.serving import Server, served
from tests.argo.cluster.writing import Json, node, workflow


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Connection]]:
    """Return a server, and the way to it."""
    monkeypatch.setattr(watch, "FIRST_WAIT_S", 0.01)
    with served(tmp_path, monkeypatch) as (server, connection):
        yield server, connection


class Follower:
    """What somebody knows who takes all that a watch tells."""

    def __init__(self, connection: Connection, **how: Any) -> None:
        self.nodes: dict[str, dict[str, Json]] = {}
        self.told: list[Any] = []
        self.is_over = threading.Event()
        self.watch = Watch(connection, self.is_over.wait, **how)

    def take(self, event: Any) -> None:
        """Take one event."""
        self.told.append(event)
        if isinstance(event, Present):
            known = self.nodes.setdefault(event.update.uid, {})
            known.update({one["id"]: one for one in event.update.changed})
            for identifier in event.update.gone:
                del known[identifier]
        elif isinstance(event, Gone):
            self.nodes.pop(event.uid, None)
        elif isinstance(event, Listed):
            self.nodes = {uid: nodes for uid, nodes in self.nodes.items() if uid in event.uids}

    def until(self, is_enough: Any) -> None:
        """Follow until something holds when the server has been heard."""
        for event in self.watch.events():
            self.take(event)
            if isinstance(event, Heard) and is_enough():
                return


def phases(server: Server) -> dict[str, dict[str, str]]:
    """Return the phases of all nodes that are there."""
    return {
        uid: {identifier: one["phase"] for identifier, one in each["status"]["nodes"].items()}
        for uid, each in server.objects.items()
    }


def known(follower: Follower) -> dict[str, dict[str, str]]:
    """Return the phases of all nodes that are known."""
    return {
        uid: {identifier: one["phase"] for identifier, one in nodes.items()} for uid, nodes in follower.nodes.items()
    }


def test_list_and_watch(site: tuple[Server, Connection]) -> None:
    """All pages of a list come first, then what happens."""
    server, connection = site
    for number in range(5):
        server.put(workflow("", [node("a")], uid=f"u{number}", name=f"w{number}"))
    follower = Follower(connection, page=2)
    follower.until(lambda: len(follower.nodes) == 5)
    assert sum(isinstance(event, Listed) for event in follower.told) == 1
    server.put(workflow("", [node("a", phase="Failed")], uid="u3", name="w3"))
    server.put(workflow("", [], uid="u4", name="w4"), "DELETED")
    follower.until(lambda: known(follower) == phases(server))
    assert not any(isinstance(event, Lost) for event in follower.told)


def test_once(site: tuple[Server, Connection]) -> None:
    """What is there now is told, and no more; a server that refuses is an error."""
    server, connection = site
    server.put(workflow("", [node("a")]))
    told = list(Watch(connection, lambda _: True).once())
    assert [type(event) for event in told] == [Present, Listed, Heard]
    server.trouble = lambda: "500"
    with pytest.raises(ClusterError):
        list(Watch(connection, lambda _: True).once())


def test_too_old(site: tuple[Server, Connection]) -> None:
    """A watch that the server does not remember begins anew with a list; what was deleted meanwhile is not in it."""
    server, connection = site
    server.put(workflow("", [node("a")]))
    server.put(workflow("", [node("a")], uid="v", name="v"))
    follower = Follower(connection)
    follower.until(lambda: len(follower.nodes) == 2)
    server.put(workflow("", [], uid="v", name="v"), "DELETED")
    server.put(workflow("", [node("a", phase="Failed"), node("b")]))
    server.compact()
    follower.until(lambda: known(follower) == phases(server))
    assert follower.nodes.keys() == {"u"}


def test_something_else(site: tuple[Server, Connection]) -> None:
    """What is no Workflow is passed over, and hides nothing."""
    server, connection = site
    server.put({"metadata": {"uid": "x", "name": "x"}, "spec": 3})
    server.put(workflow("", [node("a")]))
    follower = Follower(connection)
    follower.until(lambda: "u" in follower.nodes)
    assert any(isinstance(event, Odd) for event in follower.told)


def test_a_server_that_was_put_back(site: tuple[Server, Connection]) -> None:
    """Versions that are lower than before are believed when a list has them."""
    server, connection = site
    server.version = 1000
    server.put(workflow("", [node("a")]))
    follower = Follower(connection)
    follower.until(lambda: "u" in follower.nodes)
    server.version, server.history, server.oldest = 10, [], 5
    server.put(workflow("", [node("a", phase="Failed")]))
    server.trouble = iter(["410"]).__next__
    server.oldest = 2000
    server.trouble = lambda: ""
    for event in follower.watch.events():
        follower.take(event)
        server.oldest = 0 if isinstance(event, Listed) else server.oldest
        if isinstance(event, Heard) and known(follower) == phases(server):
            break


@pytest.mark.parametrize("seed", range(6))
def test_whatever_breaks(site: tuple[Server, Connection], seed: int) -> None:
    """Lines that are cut off, come twice or never, refusals and old versions: in the end it is known what is there."""
    server, connection = site
    chance = random.Random(seed)
    follower = Follower(connection, page=3)
    server.trouble = lambda: chance.choice(["", "", "", "cut", "half", "410", "500", "twice"])

    def happen() -> None:
        for _ in range(40):
            uid = f"u{chance.randrange(4)}"
            nodes = [node(str(one), phase=chance.choice(["Running", "Failed"])) for one in range(chance.randrange(5))]
            server.put(workflow("", nodes, uid=uid, name=uid), chance.choice(["MODIFIED", "MODIFIED", "DELETED"]))
            if chance.random() < 0.1:
                server.compact()
        server.trouble = lambda: ""

    happening = threading.Thread(target=happen)
    happening.start()
    follower.until(lambda: not happening.is_alive() and known(follower) == phases(server))
    happening.join()


def test_waits_grow(site: tuple[Server, Connection], monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is down is asked ever more seldom, and never at the same moment by all."""
    monkeypatch.setattr(watch, "FIRST_WAIT_S", 0.5)
    server, connection = site
    server.trouble = lambda: "500"
    waits: list[float] = []

    def wait(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) == 9

    lost = [event for event in Watch(connection, wait).events() if isinstance(event, Lost)]
    assert [event.wait_s for event in lost] == waits
    assert all(0.5 * 0.5 * 2**at <= wait <= 0.5 * 2**at for at, wait in enumerate(waits[:6]))
    assert max(waits) <= watch.LONGEST_WAIT_S
