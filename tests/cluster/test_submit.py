"""What a user does with a cluster: submit and follow, be told what is wrong, cancel, do again, read logs."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cluster.stubs import REGISTRY_FILE
from tests.cluster.workflows import delete, kubectl

pytestmark = pytest.mark.cluster
EAS = [str(Path(sys.executable).with_name("eas"))]
REGISTRY = ["--registry", str(REGISTRY_FILE)]
MINUTE_S = 60


def make(name: str) -> dict[str, Any]:
    """Return a task that makes a file."""
    return {"task": "make", "outputs": {"file": f"'{name}'"}, "script": "(parameters['script'])"}


def called(folder: Path) -> str:
    """Return how the runs of a test are called, by its folder."""
    return f"submit-{re.sub('[^a-z0-9]+', '-', folder.name.lower()).strip('-')}"[:40]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a folder of its own, with this cluster as the default, and delete what was submitted from it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EAS_SITE", "cluster")
    monkeypatch.setenv("EAS_DATABASE", f"sqlite:///{tmp_path}/eas.db")
    yield tmp_path
    listed = json.loads(kubectl("get", "workflows", "--output", "json"))["items"]
    delete(*(one["metadata"]["name"] for one in listed if one["metadata"]["name"].startswith(called(tmp_path))))


def chain(folder: Path, *tasks: dict[str, Any], script: dict[str, Any]) -> str:
    """Write a chain whose runs are called after the folder."""
    document = {"job_name": called(folder), "parameters": {"script": json.dumps(script)}, "task_list": tasks}
    (folder / "chain.json").write_text(json.dumps(document), "utf-8")
    return "chain.json"


def eas(*arguments: str, code: int = 0, **more: Any) -> subprocess.CompletedProcess[str]:
    """Run EAS, which must end with a status."""
    done = subprocess.run([*EAS, *arguments], capture_output=True, text=True, check=False, **more)
    assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
    return done


def test_a_run_that_fails_and_is_done_again(image: None, site: Path) -> None:
    """It is followed to its end; done again it is one run, whose tries are all there, and whose files can be had."""
    file = chain(site, make("a"), make("b"), script={"/t0": {"raises": 1}})
    report = json.loads(eas("run", file, *REGISTRY, "--json", code=1).stdout)
    assert {task["path"]: task["state"] for task in report["tasks"]} == {"/t0": "error", "/t1": "succeeded"}
    again = json.loads(eas("rerun", report["run"], "--failed", "--json").stdout)
    assert (again["run"], again["phase"]) == (report["run"], "Succeeded")
    details = json.loads(eas("show", report["run"], "/t0", "--json").stdout)
    programs = [(one["number"], one["phase"]) for one in details["attempts"] if one["step"] == "run"]
    assert programs == [(0, "Failed"), (1, "Succeeded")]
    untouched = json.loads(eas("show", report["run"], "/t1", "--json").stdout)
    assert [one["number"] for one in untouched["attempts"] if one["step"] == "run"] == [0]
    assert "the script lets this try raise" in eas("logs", f"{report['run']}/t0").stdout  # its pod is gone
    eas("get", report["run"], "-o", "out")
    assert sorted(path.name for path in (site / "out").rglob("*") if path.is_file()) == ["a", "b"]


def test_cancelling(image: None, site: Path) -> None:
    """A run that is cancelled ends, and does what is left when it is done again."""
    file = chain(site, make("a"), script={"make": {"seconds": 600}})
    run = json.loads(eas("submit", file, *REGISTRY, "--json").stdout)["run"]
    eas("cancel", run, "--now")
    assert json.loads(eas("show", run, "--json").stdout)["state"] == "cancelled"
    assert "has ended already" in eas("cancel", run, code=1).stderr


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"image": "eas/nowhere:test"}, "eas/nowhere:test"), ({"cpu": 4000}, "Insufficient cpu")],
    ids=["image", "cpu"],
)
def test_what_cannot_begin(cluster: None, site: Path, change: dict[str, Any], reason: str) -> None:
    """Within a minute `eas show` tells why pods of a run do not begin."""
    registry = yaml.safe_load(REGISTRY_FILE.read_text("utf-8"))
    registry["containers"]["stubs"] |= change
    (site / "registry.yaml").write_text(yaml.safe_dump(registry), "utf-8")
    run = json.loads(eas("submit", chain(site, make("a"), script={}), "--json").stdout)["run"]
    end = time.monotonic() + MINUTE_S
    while not (said := _waiting(run)):
        assert time.monotonic() < end, "nobody says why it waits"
    assert reason in said[0]


def _waiting(run: str) -> list[str]:
    """Return why a run waits; nothing as long as the database does not know it."""
    shown = subprocess.run([*EAS, "show", run, "--json"], capture_output=True, text=True, check=False)
    found: list[str] = json.loads(shown.stdout)["waiting"] if shown.returncode == 0 else []
    return found


def test_a_name_that_is_taken(cluster: None, site: Path) -> None:
    """Nobody's run is replaced by another of the same name; the same one is the one that is there."""
    name = f"{called(site)}-taken"
    file = chain(site, make("a"), script={})
    given = ["submit", file, *REGISTRY, "--name", name, "--json"]
    first = json.loads(eas(*given).stdout)
    assert json.loads(eas(*given).stdout) == first
    chain(site, make("b"), script={})
    assert f"there is a workflow '{name}' already" in eas(*given, code=3).stderr


def test_without_rights(cluster: None, site: Path) -> None:
    """Whoever may not submit is told which right is missing: here, as the account of tasks."""
    config = yaml.safe_load(kubectl("config", "view", "--minify", "--raw", "--flatten"))
    token = kubectl("create", "token", "eas-runner").strip()
    config["users"] = [{"name": config["users"][0]["name"], "user": {"token": token}}]
    (site / "restricted").write_text(yaml.safe_dump(config), "utf-8")
    file = chain(site, make("a"), script={})
    done = eas("submit", file, *REGISTRY, code=3, env={**os.environ, "KUBECONFIG": str(site / "restricted")})
    assert "eas-runner may not create workflows.argoproj.io in the namespace" in done.stderr
    assert "kubectl auth can-i create workflows.argoproj.io" in done.stderr


@pytest.mark.filterwarnings("ignore:The `json` method is deprecated")  # Hera's own call of Pydantic
def test_hera(cluster: None, site: Path) -> None:
    """Clients of Argo's API server submit what the compiler wrote as it is."""
    if "ARGO_TEST_SERVER" not in os.environ:
        pytest.fail("ARGO_TEST_SERVER names no API server of Argo", pytrace=False)
    from hera.workflows import WorkflowsService
    from hera.workflows.models import Workflow, WorkflowCreateRequest

    program = Path(sys.executable).with_name("eas-compile")
    command = [str(program), chain(site, make("a"), script={}), "--format", "json", *REGISTRY]
    manifest = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    service = WorkflowsService(host=os.environ["ARGO_TEST_SERVER"], verify_ssl=False, token="")
    made = service.create_workflow(
        WorkflowCreateRequest(workflow=Workflow.model_validate(json.loads(manifest))), namespace="eas"
    )
    assert made.metadata is not None
    assert str(made.metadata.name).startswith(called(site))
