"""What happens on a real cluster arrives in the database, also when whoever follows it is killed again and again."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from eas_provenance.database import Database
from eas_provenance.queries import find_run
from tests.cluster.scenarios import LOST, OPEN
from tests.cluster.stubs import REGISTRY_FILE, scripted
from tests.cluster.workflows import delete, submit, wait
from tests.provenance.kept import known

pytestmark = pytest.mark.cluster
EAS = Path(sys.executable).with_name("eas")
LIFE_S = 12.0
"""How long a process lives that is killed."""
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def runs(image: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Submit two chains past EAS, and delete them when the tests are done."""
    names: list[str] = []
    folder = tmp_path_factory.mktemp("chains")
    try:
        for scenario in (OPEN, LOST):
            chain = folder / f"sync-{scenario.name}.json"
            chain.write_text(json.dumps(scripted({"task_list": scenario.task_list}, scenario.script)), "utf-8")
            command = [str(EAS), "compile", "--registry", str(REGISTRY_FILE), str(chain)]
            names.append(submit(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
        yield names
    finally:
        delete(*names)


def sync(database: Path, *more: str) -> list[str]:
    """Return the command that follows the cluster into a database."""
    return [str(EAS), "sync", "--site", "cluster", "--db", str(database), *more]


def end(process: subprocess.Popen[str], number: signal.Signals) -> int:
    """End a process, and return its status."""
    process.send_signal(number)
    return process.wait(60)


def test_killed_again_and_again(runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After any number of kills the database is what one read of the end gives; the last process ends when told to."""
    monkeypatch.setenv("EAS_S3_BUCKET", os.environ.get("EAS_S3_BUCKET", "eas"))
    live, once = tmp_path / "live.db", tmp_path / "once.db"
    for _ in range(3):
        killed = subprocess.Popen(sync(live), stderr=subprocess.DEVNULL, text=True)
        time.sleep(LIFE_S)
        end(killed, signal.SIGKILL)
    last = subprocess.Popen(sync(live), stderr=subprocess.DEVNULL, text=True)
    for name in runs:
        wait(name)
    until = time.monotonic() + PATIENCE_S
    while not all(is_over(live, name) for name in runs):
        assert time.monotonic() < until, "the database does not know that the runs have ended"
        time.sleep(1)
    assert end(last, signal.SIGTERM) == 0
    done = subprocess.run(sync(once, "--once"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for name in runs:
        assert rows(live, name) == rows(once, name), name


def is_over(file: Path, name: str) -> bool:
    """Return whether a run has ended, as far as a database knows."""
    with Database(file) as database, database.session() as session:
        return find_run(session, name).is_over


def rows(file: Path, name: str) -> dict[str, list[object]]:
    """Return what a database knows of a run."""
    with Database(file) as database:
        run_id = database.run_id(name)
        assert run_id is not None
        return known(database, run_id)
