"""What earlier lives of a run's engine came to, so that a later one does only what is left.

A run outlives its engine: the nodes that had ended when it died or was stopped stay as they are, and with them all
that they stand for. Some may be done anew on purpose; whatever depends on those is done anew as well, which only shows
as the engine goes along.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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
        The nodes as they were last, by name.
    anew : collection of str
        Names of nodes that are done again although they had ended. What they stand in must be among them.
    """

    def __init__(self, nodes: Mapping[str, Node] | None = None, anew: Collection[str] = ()) -> None:
        self._nodes, self._anew = nodes or {}, frozenset(anew)

    def ended(self, name: str) -> Node | None:
        """Return a node that had ended of itself and stays as it is; None when there is none."""
        node = self._nodes.get(name)
        return node if node is not None and name not in self._anew and _has_ended(node) else None

    def opened(self, name: str) -> Node | None:
        """Return a node that had begun and goes on; None when there is none."""
        node = self._nodes.get(name)
        return node if node is not None and name not in self._anew and not _has_ended(node) else None

    def tries(self, name: str) -> int:
        """Return how many tries of a program have ended; their numbers are not used again."""
        count = 0
        while (node := self._nodes.get(f"{name}({count})")) is not None and _has_ended(node):
            count += 1
        return count

    def beneath(self, name: str) -> bool:
        """Return whether anything stands beneath a node."""
        return any(other.startswith((f"{name}.", f"{name}(")) for other in self._nodes)


def _has_ended(node: Node) -> bool:
    return node["phase"] in ENDED and node.get("message") != SHUTDOWN


def ancestors(name: str, nodes: Mapping[str, Node]) -> list[str]:
    """Return the names of what a node stands in: lists and fan-outs, the run itself last.

    A fan-out's child is named `group(0:x)`; its boundary is the list around the group, so names are what leads there.
    """
    ends = range(len(name) - 1, 0, -1)
    return [name[:end] for end in ends if name[end] in ".(" and name[:end] in nodes]
