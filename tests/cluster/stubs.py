"""The image whose programs do what a script says, and chains that hand their script to it."""

import shutil
from pathlib import Path
from typing import Any

import yaml

Node = dict[str, Any]

HERE = Path(__file__).parent
REGISTRY_FILE = HERE / "registry.yaml"
REGISTRY: Node = yaml.safe_load(REGISTRY_FILE.read_text("utf-8"))
IMAGE: str = REGISTRY["containers"]["stubs"]["image"]
WORKER = HERE.parents[1] / "containers/eas_base/eas_worker"


def write_image(folder: Path, base: str | None) -> None:
    """Write all that the image is built from; `base` is what it is made from instead of Debian's Python."""
    source = HERE / "image"
    recipe = source.joinpath("Containerfile").read_text("utf-8")
    lines = [f"FROM {base}" if base and line.startswith("FROM ") else line for line in recipe.splitlines()]
    folder.joinpath("Containerfile").write_text("\n".join([*lines, ""]), "utf-8")
    shutil.copytree(WORKER, folder / "eas_worker", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(source / "scripts.py", folder)
    for kind, program in (("task", "program.py"), ("task_qc", "judge.py")):
        programs = folder / f"{kind}_implementations"
        programs.mkdir()
        for task in REGISTRY["tasks"]:
            shutil.copy(source / program, programs / f"{task}.py")


def scripted(chain: Node, script: Node) -> Node:
    """Return a chain whose every task takes the script as a setting."""
    parameters = {**chain.get("parameters", {}), "script": script}
    return {**chain, "parameters": parameters, "task_list": [_scripted(node) for node in chain["task_list"]]}


def _scripted(node: Node) -> Node:
    branches: Node = {
        key: [_scripted(inner) for inner in node[key]] for key in ("task_list", "else_task_list") if key in node
    }
    return {**node, **branches} if branches else {**node, "script": "(parameters['script'])"}


def plain(script: Node) -> Node:
    """Return a script as `eas simulate` takes it: without the fields that only the image knows."""
    return {
        key: {field: entry[field] for field in ("metadata", "verdict") if field in entry}
        for key, entry in script.items()
    }
