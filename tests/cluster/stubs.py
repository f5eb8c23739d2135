"""The image whose programs do what a script says, and chains that hand their script to it."""

import json
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from tests.property.chains import REGISTRY_FILE as SHAPES_FILE

Node = dict[str, Any]

HERE = Path(__file__).parent
REGISTRY_FILE = HERE / "registry.yaml"
REGISTRY: Node = yaml.safe_load(REGISTRY_FILE.read_text("utf-8"))
IMAGE: str = REGISTRY["containers"]["stubs"]["image"]
BOX = {"image": IMAGE, "cpu": 0.02, "gpu": 0, "memory_gb": 0.1, "doc": "Programs that do what a script says."}
IMAGE_SOURCE = HERE / "image"
WORKER = HERE.parents[1] / "containers/eas_base/eas_worker"


def _in_stubs(file: Path) -> Node:
    registry: Node = yaml.safe_load(file.read_text("utf-8"))
    given = {one: REGISTRY["tasks"]["make"]["settings"][one] for one in ("script", "called")}
    for kind in registry["tasks"].values():
        kind["container"] = "stubs"
        kind.pop("resources", None)
        kind["settings"] = {**kind.get("settings", {}), **given}
    return {**registry, "containers": {"stubs": BOX}}


SHAPES = _in_stubs(SHAPES_FILE)
"""The task types of generated chains, all of which run in the image of the stubs and take a script."""
DEMOS = _in_stubs(HERE.parents[1] / "registry.yaml")
"""The task types of the demo chains, as if stubs did their work."""


def write_image(folder: Path, base: str | None) -> None:
    """Write all that the image is built from; `base` is what it is made from instead of Debian's Python."""
    recipe = IMAGE_SOURCE.joinpath("Containerfile").read_text("utf-8")
    lines = [f"FROM {base}" if base and line.startswith("FROM ") else line for line in recipe.splitlines()]
    folder.joinpath("Containerfile").write_text("\n".join([*lines, ""]), "utf-8")
    shutil.copytree(WORKER, folder / "eas_worker", ignore=shutil.ignore_patterns("__pycache__"))
    write_programs(folder, {*REGISTRY["tasks"], *SHAPES["tasks"], *DEMOS["tasks"]})


def write_programs(folder: Path, tasks: Collection[str]) -> None:
    """Write the programs and the quality control of task types, and what these have in common, to a folder."""
    for kind, program in (("task", "program.py"), ("task_qc", "judge.py")):
        programs = folder / f"{kind}_implementations"
        programs.mkdir(parents=True)
        for task in tasks:
            shutil.copy(IMAGE_SOURCE / program, programs / f"{task}.py")
    shutil.copy(IMAGE_SOURCE / "scripts.py", folder)


def scripted(chain: Node, script: Node) -> Node:
    """Return a chain whose every task takes the script, and its own name, as settings."""
    parameters = {**chain.get("parameters", {}), "script": json.dumps(script)}
    return {**chain, "parameters": parameters, "task_list": [_scripted(node) for node in chain["task_list"]]}


def _scripted(node: Node) -> Node:
    branches: Node = {
        key: [_scripted(inner) for inner in node[key]] for key in ("task_list", "else_task_list") if key in node
    }
    if branches:
        return {**node, **branches}
    called = {"called": node["name"]} if node.get("name") else {}
    return {**node, "script": "(parameters['script'])", **called}


def plain(script: Node) -> Node:
    """Return a script as `eas simulate` takes it: without the fields that only the image knows."""
    return {
        key: {field: entry[field] for field in ("metadata", "verdict") if field in entry}
        for key, entry in script.items()
    }
