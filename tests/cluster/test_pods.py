"""What a program finds in its pod: no rights, no token, and nothing that it could write but its own folder."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from eas_compiler.compile import Options, compile_chain
from eas_compiler.emit import to_json
from tests.cluster.stubs import REGISTRY_FILE
from tests.cluster.workflows import delete, kubectl, submit, told, wait

pytestmark = pytest.mark.cluster

LOOKING = r"""
import json, os
def fails(path):
    try:
        open(path, "w")
    except OSError as error:
        return error.strerror
status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
found = {
    "user": os.getuid(),
    "capabilities": status["CapEff"] + status["CapBnd"] + status["CapPrm"],
    "no new privileges": status["NoNewPrivs"],
    "seccomp": status["Seccomp"],
    "root": fails("/opt/file"),
    "tmp": fails("/tmp/file"),
    "token": os.path.exists("/var/run/secrets/kubernetes.io"),
}
open("/eas/no_work", "w").write(json.dumps(found))
"""
"""What is run in the place of a program; what it finds leaves as the output parameter that every pod may have."""
NONE = "0" * 48


@pytest.fixture(scope="module")
def pod(image: None) -> Iterator[dict[str, Any]]:
    """Run the program that looks around in the pod of a task, and return what was found, and the pod as it was made."""
    chain = json.dumps({"task_list": [{"task": "lazy"}]}).encode()
    workflow, _ = compile_chain("pods.json", chain, Options(registry=REGISTRY_FILE))
    assert workflow is not None
    specification = workflow["spec"]
    (template,) = (
        one for one in specification["templates"] if one.get("container", {}).get("command", [""])[-1] == "run"
    )
    template["container"] |= {"command": ["python3", "-c", LOOKING]}
    specification |= {"templates": [template], "entrypoint": template["name"]}
    del specification["podGC"]
    name = submit(to_json(workflow))
    try:
        ended = wait(name)
        assert ended["status"]["phase"] == "Succeeded", told(ended)
        (found,) = {
            parameter["value"]
            for node in ended["status"]["nodes"].values()
            for parameter in node["outputs"]["parameters"]
        }
        made = json.loads(
            kubectl("get", "pods", "--selector", f"workflows.argoproj.io/workflow={name}", "--output=json")
        )
        yield {"found": json.loads(found), "specification": made["items"][0]["spec"]}
    finally:
        delete(name)


def test_program_has_no_rights(pod: dict[str, Any]) -> None:
    """A program is not root, has no capability and gets none, and may write to its own folder alone."""
    found = pod["found"]
    assert (found["user"], found["capabilities"], found["no new privileges"]) == (1000, NONE, "1")
    assert found["seccomp"] == "2"
    assert (found["root"], found["tmp"]) == ("Read-only file system", "Read-only file system")


def test_program_has_no_token(pod: dict[str, Any]) -> None:
    """The token of the service account is mounted into Argo's own containers, and nowhere else."""
    assert pod["found"]["token"] is False
    specification = pod["specification"]
    containers = {one["name"]: one for one in (*specification["initContainers"], *specification["containers"])}
    mounts = {name: {mount["name"] for mount in one["volumeMounts"]} for name, one in containers.items()}
    assert {name for name, volumes in mounts.items() if "argo-token" in volumes} == {"init", "wait"}
    assert specification["automountServiceAccountToken"] is False


def test_all_containers_are_restricted(pod: dict[str, Any]) -> None:
    """Every container of a pod, Argo's own too, is as the restricted Pod Security Standard wants it."""
    specification = pod["specification"]
    for container in (*specification["initContainers"], *specification["containers"]):
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False, container["name"]
        assert context["readOnlyRootFilesystem"] is True, container["name"]
        assert context["capabilities"] == {"drop": ["ALL"]}, container["name"]
    context = specification["securityContext"]
    assert (context["runAsNonRoot"], context["seccompProfile"]) == (True, {"type": "RuntimeDefault"})
