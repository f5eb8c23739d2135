"""What a container's entry says of nodes and of priority."""

from typing import Any

import pytest

from eas_compiler.placement import node_selector_problem, priority_class_problem, tolerations_problem
from tests.compiler.compiling import node


@pytest.mark.parametrize("value", [{}, {"disk": "ssd"}, {"example.org/zone": "a", "empty": ""}])
def test_labels_of_nodes(value: Any) -> None:
    """Labels have names, with a domain perhaps, and values, which may be empty."""
    assert node_selector_problem(node(value)) is None


@pytest.mark.parametrize(
    "value", ["ssd", ["a"], {"disk": 1}, {"{{workflow.name}}": "a"}, {"a": "{{=1}}"}, {"a b": "c"}]
)
def test_wrong_labels_of_nodes(value: Any) -> None:
    """What Kubernetes would refuse, or Argo would replace, is a mistake."""
    assert node_selector_problem(node(value)) == "must be labels of nodes and their values, both texts"


@pytest.mark.parametrize(
    "value",
    [[], [{"operator": "Exists"}], [{"key": "gpu", "value": "yes", "effect": "NoExecute", "tolerationSeconds": 60}]],
)
def test_tolerations(value: Any) -> None:
    """Tolerations are those of Kubernetes."""
    assert tolerations_problem(node(value)) is None


@pytest.mark.parametrize(
    "value",
    [{}, [1], [{}], [{"keys": "a"}], [{"effect": "Never"}], [{"key": "a", "tolerationSeconds": True}], [{"key": 1}]],
)
def test_wrong_tolerations(value: Any) -> None:
    """An unknown field or word in a toleration is a mistake."""
    problem = tolerations_problem(node(value))
    assert problem is not None
    assert problem.startswith("must be a list of tolerations: key, operator")


@pytest.mark.parametrize(("value", "good"), [("batch-low", True), ("Batch", False), ("{{x}}", False), (3, False)])
def test_priority_class(value: Any, good: bool) -> None:  # noqa: FBT001 - a case
    """A priority class is called as Kubernetes allows."""
    assert (priority_class_problem(node(value)) is None) == good
