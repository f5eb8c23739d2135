"""The task does what its test configuration says."""

from pathlib import Path

from eas.cli import main

CONTAINER = Path(__file__).parents[1]
TASK = Path(__file__).stem.removeprefix("test_")


def test_configuration() -> None:
    """It runs with its data, and passes quality control."""
    configuration = CONTAINER / "test_task_configs" / f"{TASK}.ini"
    registry = CONTAINER.parents[1] / "registry.yaml"
    assert main(["test", str(configuration), "--registry", str(registry)]) == 0
