"""The demo chains come to the tasks that were observed of them, from the command line on."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reference.comparing import differing_fields
from tests.reference.interpreter import lines_by_path

ROOT = Path(__file__).parents[2]
ORACLES = sorted((ROOT / "tests/golden/oracle").glob("*.jsonl"))


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda path: path.stem)
def test_demo_chain_comes_to_the_tasks_observed(oracle: Path, tmp_path: Path) -> None:
    """Every task of the oracle is there with its settings, files and order, and no other."""
    chain, _, outcome = oracle.stem.partition(".")
    script = tmp_path / "script.json"
    script.write_text(json.dumps({"transit_detection": {"metadata": {"outcome": outcome}}} if outcome else {}))
    command = [sys.executable, "-m", "eas", "simulate", f"chains/{chain}.json", "--json", "--metadata", str(script)]
    shown = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    got = lines_by_path(map(json.loads, shown.stdout.splitlines()))
    want = lines_by_path(map(json.loads, oracle.read_text(encoding="utf-8").splitlines()))
    assert got.keys() == want.keys()
    for path, line in want.items():
        assert [key for key in differing_fields(line, got[path]) if key in line] == [], path


def test_there_is_an_oracle() -> None:
    """The comparison above compares something."""
    assert len(ORACLES) == 7
