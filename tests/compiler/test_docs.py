"""What the documents say of the language is what the compiler does."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from eas_compiler.compile import Options, check
from tests.compiler.compiling import told

ROOT = Path(__file__).parents[2]
LANGUAGE = (ROOT / "docs/language.md").read_text(encoding="utf-8")
BLOCKS = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", LANGUAGE, re.DOTALL | re.MULTILINE)]
CHAINS = [block for block in BLOCKS if isinstance(block, dict) and "task" not in block]


@pytest.mark.parametrize("chain", CHAINS, ids=range(len(CHAINS)))
def test_chains_of_the_language_pass(chain: dict[str, Any]) -> None:
    """A chain that is shown can be copied and checked."""
    found = check("example.json", json.dumps(chain).encode(), Options(registry=ROOT / "registry.yaml"))
    assert not found.diagnostics.errors, told(found.diagnostics)


def test_there_are_chains() -> None:
    """The document shows whole chains."""
    assert len(CHAINS) >= 4


def test_codes_in_documents_exist() -> None:
    """A code that a document names is one that the compiler gives."""
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "compiler/eas_compiler").glob("*.py"))
    for code in re.findall(r"^\| code \| `([a-z-]+)`", LANGUAGE, re.MULTILINE):
        assert f'"{code}"' in source
