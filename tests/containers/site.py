"""The programs of the containers, run as a site runs them, with what the registry says about them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml

from tests.worker.harness import Site, Try, described

ROOT = Path(__file__).parents[2]
CONTAINERS = ROOT / "containers"
REGISTRY: dict[str, Any] = yaml.safe_load((ROOT / "registry.yaml").read_text())


def container_of(task: str) -> str:
    """Return the container that a task type runs in."""
    container: str = REGISTRY["tasks"][task]["container"]
    return next(iter(REGISTRY["containers"])) if container == "all" else container


def program(task: str, kind: str = "task_implementations") -> ModuleType:
    """Load the script of a task type to look at its functions."""
    path = CONTAINERS / container_of(task) / kind / f"{task}.py"
    spec = importlib.util.spec_from_file_location(f"{kind}_{task}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def described_task(task: str, settings: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Return the description of a task as the compiler writes it from the registry."""
    entry = REGISTRY["tasks"][task]
    return described(
        task,
        settings=settings or {},
        setting_types=entry.get("settings", {}),
        metadata=entry.get("metadata", {}),
        **fields,
    )


class Containers:
    """Runs and judges the tasks of the registry."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def run(
        self,
        task: str,
        settings: dict[str, Any] | None = None,
        inputs: dict[str, Try] | None = None,
        outputs: tuple[str, ...] = (),
        **more: str,
    ) -> Try:
        """Run a program; `more` are `path` and `seed`."""
        names = {port: f"{port}.gz" for port in inputs or {}}
        ports = {"inputs": names, "outputs": {port: f"{port}.gz" for port in outputs}}
        description = described_task(task, settings, path=more.get("path", "/t0"), **ports)
        return self._site(task).run(description, inputs, EAS_SEED=more.get("seed", "1"))

    def judge(self, tried: Try, qc: dict[str, Any] | None = None) -> Try:
        """Judge a task that was run; it is described by its own record."""
        record = tried.run
        ports = {kind: {port: file["name"] for port, file in record[kind].items()} for kind in ("inputs", "outputs")}
        description = described_task(record["task"], given(record["settings"]), path=record["path"], qc=qc, **ports)
        return self._site(record["task"]).judge(description, tried)

    def made(self, task: str, settings: dict[str, Any] | None = None, **more: Any) -> Try:
        """Run a program that has to end well and pass."""
        tried = self.run(task, settings, **more)
        assert tried.run["message"] == ""
        judged = self.judge(tried)
        assert judged.qc["reason"].startswith("pass")
        return tried

    def _site(self, task: str) -> Site:
        count = len(list(self._folder.iterdir()))
        folder = self._folder / f"{count}-{task}"
        folder.mkdir()
        return Site(folder, CONTAINERS / container_of(task))


def given(settings: dict[str, Any]) -> dict[str, Any]:
    """Return complete settings without those that are null, which is how a chain leaves them out."""
    kept = {key: value for key, value in settings.items() if value is not None}
    return {key: given(value) if isinstance(value, dict) else value for key, value in kept.items()}


def hashes(tried: Try) -> dict[str, str]:
    """Return the hash of every product."""
    return {port: product["sha256"] for port, product in tried.run["outputs"].items()}


def chain(path: Path) -> dict[str, Any]:
    """Read a chain."""
    content: dict[str, Any] = json.loads(path.read_text())
    return content
