"""What earlier lives of a run's engine came to, so that a later one does only what is left.

A run outlives its engine: the nodes that had ended when it died or was stopped stay as they are, and with them all
that they stand for. Lives are numbered, and a node is as old as the life in which it was told last. As with `make`,
what is older than something it depends on is done again, and so is what somebody asked for after it was done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Node = dict[str, Any]
SHUTDOWN = "workflow shutdown with strategy: Terminate"
"""What Argo says of nodes that had not ended when somebody ended the run."""
ENDED = ("Succeeded", "Failed", "Error")


class Past:
    """The nodes of earlier lives by name.

    Parameters
    ----------
    nodes : mapping
        The nodes as they were last.
    lives : mapping
        The numbers of the lives in which they were told last.
    again : mapping
        The nodes that somebody asked to be done again, with all that they stand in: the life before which they must
        not have been told.
    numbers : mapping
        How many numbers of tries are used up, by the node around them.
    """

    def __init__(
        self,
        nodes: Mapping[str, Node] | None = None,
        lives: Mapping[str, int] | None = None,
        again: Mapping[str, int] | None = None,
        numbers: Mapping[str, int] | None = None,
    ) -> None:
        self._nodes, self._lives, self._again, self._numbers = nodes or {}, lives or {}, again or {}, numbers or {}
        self.now = max((*self._lives.values(), *self._again.values()), default=0) + 1
        """The number of the life that begins now."""

    def ended(self, name: str, since: int = 0) -> Node | None:
        """Return a node that ended of itself, and did so since a life; None when there is none."""
        node = self._known(name, since)
        return node if node is not None and _has_ended(node) else None

    def opened(self, name: str, since: int = 0) -> Node | None:
        """Return a node that began, since a life, and goes on; None when there is none."""
        node = self._known(name, since)
        return node if node is not None and not _has_ended(node) else None

    def _known(self, name: str, since: int) -> Node | None:
        return self._nodes.get(name) if self.life(name) >= self.oldest(name, since) else None

    def oldest(self, name: str, since: int) -> int:
        """Return the life before which a node must not have been told, when what it depends on is of some life."""
        return max(since, self._again.get(name, 0))

    def life(self, name: str) -> int:
        """Return the life in which a node was told last; 0 for one that is not known."""
        return self._lives.get(name, 0)

    def tries(self, name: str, since: int) -> tuple[int, int]:
        """Return the number of the next try of a program, and how many since a life count against those that are due.

        One that was shut down does not count, but its number is not used again.
        """
        number = self._numbers.get(name, 0)
        return number, sum(self.ended(f"{name}({one})", since) is not None for one in range(number))

    def items(self, name: str, first: int = 0) -> int:
        """Return how many items a fan-out had that began with a number, as far as they were begun."""
        count = 0
        while self.life(f"{name}({count}:{first + count})"):
            count += 1
        return count

    def ran(self, name: str) -> bool:
        """Return whether a node was more than left out."""
        return name in self._nodes and self._nodes[name]["type"] != "Skipped"


def _has_ended(node: Node) -> bool:
    return node["phase"] in ENDED and node.get("message") != SHUTDOWN
