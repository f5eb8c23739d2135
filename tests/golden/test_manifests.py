"""A small chain for each construct of the language, and its manifest beside it: read them to see what becomes of one.

`pytest tests/golden --remake` writes the manifests anew; look at what has changed before you commit.
"""

import json
from pathlib import Path

import pytest
import yaml

from eas_argo.laptop.manifest import load
from eas_compiler.compile import Options, compile_chain
from eas_compiler.emit import to_json, to_yaml

HERE = Path(__file__).parent / "manifests"
CHAINS = sorted(HERE.glob("*.json"))
OPTIONS = Options(registry=HERE.parents[1] / "property/registry.yaml", seed="1")


@pytest.mark.parametrize("chain", CHAINS, ids=lambda path: path.stem)
def test_manifest_is_the_golden_one(chain: Path, remake: bool) -> None:  # noqa: FBT001 - a fixture
    """A chain gives the manifest beside it, which the embedded engine takes, in YAML and in JSON alike."""
    workflow, found = compile_chain(chain.name, chain.read_bytes(), OPTIONS)
    assert workflow is not None
    assert not len(found.diagnostics)
    text = to_yaml(workflow)
    golden = chain.with_suffix(".yaml")
    if remake:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")
    assert yaml.safe_load(text) == workflow == json.loads(to_json(workflow))
    assert load(workflow).templates.keys() == {one["name"] for one in workflow["spec"]["templates"]}


def test_every_manifest_has_its_chain() -> None:
    """No manifest is left of a chain that is gone."""
    assert {path.stem for path in HERE.glob("*.yaml")} == {path.stem for path in CHAINS}
