"""The registry and the folders of the containers say the same."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.containers.site import CONTAINERS, REGISTRY, ROOT, container_of

SCHEMA = json.loads((ROOT / "compiler/eas_compiler/schemas/registry.schema.json").read_text())
WITH_PROGRAM = [task for task, entry in REGISTRY["tasks"].items() if entry.get("program") != "none"]
FOLDERS = sorted(path.parent for path in CONTAINERS.glob("*/Dockerfile"))


def validator() -> jsonschema.Draft202012Validator:
    """Return what checks a registry."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    return jsonschema.Draft202012Validator(SCHEMA)


def test_registry_is_valid() -> None:
    """The registry follows its schema."""
    assert [error.message for error in validator().iter_errors(REGISTRY)] == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("tasks", "verify", "contaner"), "all"),
        (("tasks", "verify", "container"), []),
        (("tasks", "verify", "program"), "some"),
        (("tasks", "verify", "inputs", "lightcurve", "min"), 2),
        (("tasks", "binning", "settings", "cadence", "default"), 5),
        (("tasks", "null", "settings", "seconds", "default"), "text"),
        (("tasks", "null", "settings", "seconds", "fields"), {}),
        (("tasks", "null", "settings", "seconds", "type"), "double"),
        (("containers", "eas_base", "cpu"), 0),
        (("containers", "eas_base", "memory_gb"), "8Gi"),
        (("Tasks",), {}),
    ],
)
def test_schema_refuses(place: tuple[str, ...], value: object) -> None:
    """The schema refuses unknown keys and values that mean nothing."""
    broken = json.loads(json.dumps(REGISTRY))
    entry: Any = broken
    for key in place[:-1]:
        entry = entry[key]
    entry[place[-1]] = value
    assert not validator().is_valid(broken)


def test_names_are_declared() -> None:
    """Every container and every file type that a task names is there."""
    for entry in REGISTRY["tasks"].values():
        assert entry["container"] in {"all", *REGISTRY["containers"]}
        for ports in (entry.get("inputs", {}), entry.get("outputs", {})):
            assert {port["type"] for port in ports.values()} <= set(REGISTRY["types"])


def test_every_task_is_described() -> None:
    """Whatever a user meets has a sentence about it."""
    for entry in REGISTRY["tasks"].values():
        assert entry["doc"].endswith(".")
        assert entry["label"]
        for part in ("inputs", "outputs", "settings", "metadata"):
            assert all(item["doc"] for item in entry.get(part, {}).values())


def test_programs_are_there() -> None:
    """A task type has a program in its container unless the registry says that there is none; none is left over."""
    found = {path.stem: path.parts[-3] for path in CONTAINERS.glob("*/task_implementations/*.py")}
    assert found == {task: container_of(task) for task in WITH_PROGRAM}
    judged = {path.stem: path.parts[-3] for path in CONTAINERS.glob("*/task_qc_implementations/*.py")}
    assert judged.items() <= found.items()


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_folder_of_a_container(folder: Path) -> None:
    """A container has an image of its name that is not run by root, and requirements that are pinned."""
    assert REGISTRY["containers"][folder.name]["image"] == f"eas/{folder.name}:0.1"
    lines = (folder / "Dockerfile").read_text().splitlines()
    assert [line for line in lines if line.startswith("USER")][-1] == "USER 1000:1000"
    assert "ARG BASE_IMAGE=" in "\n".join(lines)
    requirements = [line for line in (folder / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w-]+==[\w.]+( ; python_version [<>=]+ \"[\d.]+\")?", line) for line in requirements)
