"""What a run on the cluster comes to is what the simulation says for the same script."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.scenarios import SCENARIOS, Scenario
from tests.cluster.stubs import REGISTRY_FILE, plain, scripted
from tests.cluster.workflows import states, submitted, told, wait

pytestmark = pytest.mark.cluster


def run(program: str, *arguments: str) -> str:
    """Run a program of the project and return what it writes."""
    path = Path(sys.executable).with_name(program)
    done = subprocess.run([path, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def simulated(scenario: Scenario, chain: Path) -> dict[str, str]:
    """Return the state of every task, by its path, as the simulation has it."""
    script = chain.with_suffix(".script")
    script.write_text(json.dumps(plain(scenario.script)), "utf-8")
    lines = run("eas", "simulate", str(chain), "--json", "--metadata", str(script), "--registry", str(REGISTRY_FILE))
    return {line["path"]: line["state"] for line in map(json.loads, lines.splitlines())}


@pytest.fixture(scope="module")
def chains(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Write the chains, each of which hands its script to the image."""
    folder = tmp_path_factory.mktemp("chains")
    for scenario in SCENARIOS:
        chain = scripted({"task_list": scenario.task_list}, scenario.script)
        (folder / f"{scenario.name}.json").write_text(json.dumps(chain), "utf-8")
    return {scenario.name: folder / f"{scenario.name}.json" for scenario in SCENARIOS}


@pytest.fixture(scope="module")
def workflows(image: None, chains: dict[str, Path]) -> Iterator[dict[str, str]]:
    """Submit all chains at once, and delete them when the tests are done."""
    manifests = {
        name: run("eas-compile", "--registry", str(REGISTRY_FILE), str(chain)) for name, chain in chains.items()
    }
    with submitted(manifests) as names:
        yield names


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_cluster_agrees_with_the_simulation(
    scenario: Scenario, chains: dict[str, Path], workflows: dict[str, str]
) -> None:
    """Every task has the same state, and the workflow ends as the run does."""
    expected = simulated(scenario, chains[scenario.name])
    workflow = wait(workflows[scenario.name])
    assert states(workflow) == expected, told(workflow)
    assert workflow["status"]["phase"] == scenario.phase, told(workflow)
