"""The reference interpreter reproduces the tasks that were observed of the demo chains."""

import json
import math
from pathlib import Path

import pytest

from tests.reference.expressions import Json
from tests.reference.interpreter import interpret, lines_by_path, path_key

ROOT = Path(__file__).parents[2]
ORACLES = sorted((ROOT / "tests/golden/oracle").glob("*.jsonl"))


def same(want: Json, got: Json) -> bool:
    """Numbers agree to rounding, all else exactly; a random number only has to be one."""
    if isinstance(want, dict) and "$nondeterministic" in want:
        return isinstance(got, int | float)
    if isinstance(want, bool) or isinstance(got, bool):
        return want is got
    if isinstance(want, int | float) and isinstance(got, int | float):
        return math.isclose(want, got, rel_tol=1e-12, abs_tol=1e-15)
    if isinstance(want, dict) and isinstance(got, dict):
        return want.keys() == got.keys() and all(same(want[key], got[key]) for key in want)
    if isinstance(want, list) and isinstance(got, list):
        return len(want) == len(got) and all(map(same, want, got))
    return bool(want == got)


@pytest.mark.parametrize("oracle", ORACLES, ids=lambda path: path.stem)
def test_demo_chain_results_in_the_tasks_observed(oracle: Path) -> None:
    """Every task of the oracle is there with its settings, files and order, and no other."""
    chain, _, outcome = oracle.stem.partition(".")
    script = {"transit_detection": {"metadata": {"outcome": outcome}}} if outcome else {}
    run = interpret(json.loads((ROOT / f"chains/{chain}.json").read_text()), script, stem=chain)
    got = lines_by_path(run.lines)
    want = lines_by_path(map(json.loads, oracle.read_text().splitlines()))
    assert got.keys() == want.keys()
    for path, line in want.items():
        assert [key for key in line if not same(line[key], got[path][key])] == [], path
    assert not run.failed


def test_there_is_an_oracle() -> None:
    """The comparison above compares something."""
    assert len(ORACLES) == 7


def test_paths_are_in_the_order_of_their_numbers() -> None:
    """Numbers order paths by size, not by their first digit."""
    assert sorted(["/t10", "/t2", "/t2[i=10]/t0", "/t2[i=9]/t1"], key=path_key) == [
        "/t2",
        "/t2[i=9]/t1",
        "/t2[i=10]/t0",
        "/t10",
    ]
