"""Which ends of a pod are not its program's: the pattern of the templates, against what a kubelet and Argo say."""

import re
from pathlib import Path

import pytest

TEMPLATES = sorted(
    path
    for path in (Path(__file__).parents[2] / "templates").glob("*.yaml")
    if "lastRetry.message matches" in path.read_text("utf-8")
)
OF_THE_NODE = (
    "The node was low on resource: memory. Threshold quantity: 200Mi, available: 190Mi. ",
    "Pod was terminated in response to imminent node shutdown.",
    "Pod was rejected: Pod was rejected as the node is shutting down.",
    "Pod was rejected: Node didn't have enough resource: memory, requested: 8, used: 9, capacity: 10",
    "Pod was rejected: The node had condition: [MemoryPressure]. ",
    "Preempted in order to admit critical pod",
    "can't find failed message for pod a namespace b",
)
OF_THE_PROGRAM = (
    "main: Error (exit code 10): Pod was rejected: no transit",
    "main: Error (exit code 1): the node was low on resource",
    "main: OOMKilled (exit code 137)",
    "Pod was active on the node longer than the specified deadline",
    "Pod ephemeral local storage usage exceeds the total limit of containers 1G. ",
    'Usage of EmptyDir volume "work" exceeds the limit "1G". ',
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_pattern_of_retries(path: Path) -> None:
    """What a node does to a pod is tried again; what a program did, or takes too much of, is not, whatever it says."""
    (pattern,) = re.findall(r"lastRetry\.message matches '([^']*)'", path.read_text("utf-8"))
    assert [one for one in OF_THE_NODE if not re.match(pattern, one)] == []
    assert [one for one in OF_THE_PROGRAM if re.search(pattern, one)] == []


def test_all_pods_are_tried_again() -> None:
    """Every template of a pod has the pattern."""
    assert {path.stem for path in TEMPLATES} == {"ask", "inline", "qc", "rescue", "task"}
