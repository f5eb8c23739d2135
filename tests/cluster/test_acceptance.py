"""Argo accepts what the compiler writes: its linter, and a server that holds manifests against the full definitions."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from eas_compiler.compile import Options, compile_chain
from eas_compiler.emit import to_yaml
from tests.cluster.workflows import kubectl
from tests.property.chains import REGISTRY_FILE, Case, cases
from tests.reference.tricky import TRICKY

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("cluster")]

PROJECT = Path(__file__).parents[2]
DOCUMENTS = [*sorted((PROJECT / "chains").glob("*.json")), *sorted((PROJECT / "tests/golden/manifests").glob("*.yaml"))]
OURS = Options(registry=PROJECT / "registry.yaml")
SHAPES = Options(registry=REGISTRY_FILE)
SOME = settings(max_examples=12, deadline=None, database=None, derandomize=True, phases=[Phase.generate])


def write(folder: Path, name: str, chain: bytes, options: Options) -> None:
    """Compile a chain into a folder."""
    workflow, _ = compile_chain(f"{name}.json", chain, options)
    assert workflow is not None, name
    (folder / f"{name}.yaml").write_text(to_yaml(workflow), "utf-8")


def check(folder: Path) -> None:
    """Fail with what Argo has against the manifests in a folder."""
    linted = subprocess.run(["argo", "lint", "--offline", str(folder)], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, f"{linted.stdout}{linted.stderr}"
    kubectl("create", "--dry-run=server", "--filename", str(folder))


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_argo_accepts_the_demo_chains(path: Path, tmp_path: Path) -> None:
    """Argo takes every demo chain, and every manifest that other tests compare with."""
    if path.parent.name == "chains":
        write(tmp_path, path.stem, path.read_bytes(), OURS)
    else:
        shutil.copy(path, tmp_path)
    check(tmp_path)


def test_argo_accepts_every_construct(tmp_path: Path) -> None:
    """Argo takes the chains that show the rules of the language."""
    for tricky in TRICKY:
        write(tmp_path, tricky.name.replace(" ", "-"), json.dumps(tricky.chain).encode(), SHAPES)
    check(tmp_path)


@SOME
@given(cases())
def test_argo_accepts_whatever_is_valid(tmp_path_factory: pytest.TempPathFactory, case: Case) -> None:
    """Argo takes the manifest of any valid chain."""
    folder = tmp_path_factory.mktemp("generated")
    write(folder, "chain", json.dumps(case.chain).encode(), SHAPES)
    check(folder)
