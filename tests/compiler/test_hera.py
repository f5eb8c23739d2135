"""Hera, the Python library for Argo, understands what the compiler writes."""

import json
from pathlib import Path
from typing import Any

import pytest
from hera.workflows import Workflow

from eas_compiler.compile import Options, compile_chain
from eas_compiler.emit import to_json

PROJECT = Path(__file__).parents[2]
CHAINS = sorted((PROJECT / "chains").glob("*.json"))


def given_back(manifest: dict[str, Any]) -> Any:
    """Return a manifest as Hera writes it after reading it."""
    workflow = Workflow.from_dict(manifest)
    assert isinstance(workflow, Workflow)
    return json.loads(json.dumps(workflow.to_dict()))


@pytest.mark.parametrize("path", CHAINS, ids=lambda path: path.stem)
def test_hera_gives_back_what_it_reads(path: Path) -> None:
    """Hera drops the keys that Argo does not know; of a manifest it drops and changes nothing."""
    workflow, _ = compile_chain(path.name, path.read_bytes(), Options(registry=PROJECT / "registry.yaml"))
    assert workflow is not None
    manifest = json.loads(to_json(workflow))
    assert given_back(manifest) == manifest


def test_hera_drops_what_argo_does_not_know() -> None:
    """The comparison shows a key that does not belong where it stands."""
    template = {"name": "chain", "dag": {"tasks": []}}
    manifest: dict[str, Any] = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "x"},
        "spec": {"entrypoint": "chain", "templates": [template]},
    }
    spec = manifest["spec"] | {"templates": [template | {"imagePolicy": "Never"}]}
    assert given_back(manifest | {"spec": spec}) == manifest
