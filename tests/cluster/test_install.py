"""The manifests of `argo/install/`: what they give to whom, in a namespace of their own that is deleted again."""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.workflows import kubectl

pytestmark = [pytest.mark.cluster, pytest.mark.usefixtures("cluster")]

INSTALL = Path(__file__).parents[2] / "argo/install"
NAMESPACE = "eas-install-test"
RIGHTS = {
    "eas-runner": {"workflowtaskresults.argoproj.io": {"create", "patch"}},
    "eas-parent": {
        "workflowtaskresults.argoproj.io": {"create", "patch"},
        "workflows.argoproj.io": {"get", "create", "patch"},
    },
    "eas-sync": {"workflows.argoproj.io": {"get", "list", "watch"}, "namespaces": {"get"}},
    "eas-viewer": {},
    "default": {},
}
"""All that the service accounts may do, but for what everybody may: to ask what they may do."""
OF_EVERYBODY = re.compile(r"self\w+\.(authorization|authentication)\.k8s\.io")


def overlay(folder: Path, base: str) -> str:
    """Return the manifests of an overlay for the namespace of the tests, in which no service is started."""
    given = {
        "namespace": NAMESPACE,
        "resources": [os.path.relpath(INSTALL / base, folder.resolve())],
        "patches": [
            {
                "target": {"kind": "Deployment"},
                "patch": json.dumps([{"op": "replace", "path": "/spec/replicas", "value": 0}]),
            }
        ],
    }
    (folder / "kustomization.yaml").write_text(json.dumps(given), "utf-8")
    return kubectl("kustomize", str(folder))


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Apply the overlay for kind, and return what kubectl said; the namespace is deleted in the end."""
    manifests = overlay(tmp_path_factory.mktemp("kind"), "kind")
    try:
        done = subprocess.run(
            ["kubectl", "apply", "--filename", "-"], input=manifests, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        yield done.stdout + done.stderr
    finally:
        kubectl("delete", "namespace", NAMESPACE, "--wait=false", "--ignore-not-found")


@pytest.mark.parametrize("base", ["base", "kind"])
def test_server_accepts_the_manifests(installed: str, tmp_path: Path, base: str) -> None:
    """A server takes every object as it is, field for field."""
    (tmp_path / "manifests.yaml").write_text(overlay(tmp_path, base), "utf-8")
    kubectl("apply", "--dry-run=server", "--validate=strict", "--filename", str(tmp_path / "manifests.yaml"))


def test_services_meet_the_restricted_standard(installed: str) -> None:
    """The namespace enforces the restricted Pod Security Standard, and no pod of a service would be refused."""
    namespace = json.loads(kubectl("get", "namespace", NAMESPACE, "--output", "json"))
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert "deployment.apps/eas-sync created" in installed
    assert "would violate PodSecurity" not in installed


@pytest.mark.parametrize("account", RIGHTS)
def test_rights_of_service_accounts(installed: str, account: str) -> None:
    """A service account may do what it needs, and nothing else."""
    who = f"system:serviceaccount:{NAMESPACE}:{account}"
    listed = kubectl("auth", "can-i", "--list", "--namespace", NAMESPACE, "--as", who, "--no-headers")
    found: dict[str, set[str]] = {}
    for line in listed.splitlines():
        resource, rest = re.match(r"(\S*)(.*)", line).groups()  # type: ignore[union-attr] # it matches any line
        if resource and not OF_EVERYBODY.fullmatch(resource):
            found[resource] = set(rest.rpartition("[")[2].rstrip("]").split())
        elif not resource:
            assert rest.rpartition("[")[2] == "get]", "paths of no resource are for reading"
    assert found == RIGHTS[account]


def test_only_the_service_that_needs_it_has_a_token(installed: str) -> None:
    """The sync alone is given a token."""
    deployments = json.loads(kubectl("get", "deployments", "--namespace", NAMESPACE, "--output", "json"))["items"]
    given = {
        one["metadata"]["name"]: one["spec"]["template"]["spec"]["automountServiceAccountToken"] for one in deployments
    }
    assert given == {"database": False, "eas-sync": True, "eas-viewer": False, "s3": False}
