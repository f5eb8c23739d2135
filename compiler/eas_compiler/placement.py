"""Where the pods of a container may run: what its registry entry says of nodes, and of priority."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from eas_compiler.source import Node

_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LABEL = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_TOLERATION: dict[str, Any] = {
    "key": _LABEL,
    "operator": re.compile("Equal|Exists"),
    "value": _VALUE,
    "effect": re.compile("NoSchedule|PreferNoSchedule|NoExecute"),
    "tolerationSeconds": None,
}


class Placement(NamedTuple):
    """Fields of a pod, in the words of Kubernetes; None or empty where nothing is said."""

    node_selector: dict[str, str]
    tolerations: list[dict[str, Any]]
    priority_class: str | None


NOWHERE = Placement({}, [], None)


def priority_class_problem(node: Node) -> str | None:
    """Return what is wrong with the name of a priority class."""
    good = isinstance(node.value, str) and _NAME.fullmatch(node.value)
    return None if good else "must be the name of a PriorityClass"


def node_selector_problem(node: Node) -> str | None:
    """Return what is wrong with labels that a node must have."""
    good = isinstance(node.value, dict) and all(
        _LABEL.fullmatch(key) and isinstance(member.value, str) and _VALUE.fullmatch(member.value)
        for key, member in node.value.items()
    )
    return None if good else "must be labels of nodes and their values, both texts"


def tolerations_problem(node: Node) -> str | None:
    """Return what is wrong with taints that are tolerated."""
    good = isinstance(node.value, list) and all(_is_toleration(item.plain()) for item in node.value)
    return None if good else f"must be a list of tolerations: {', '.join(_TOLERATION)}"


def _is_toleration(given: Any) -> bool:
    if not isinstance(given, dict) or not given or given.keys() - _TOLERATION.keys():
        return False
    given = dict(given)
    seconds = given.pop("tolerationSeconds", 0)
    if isinstance(seconds, bool) or not isinstance(seconds, int):
        return False
    return all(isinstance(value, str) and _TOLERATION[key].fullmatch(value) for key, value in given.items())
