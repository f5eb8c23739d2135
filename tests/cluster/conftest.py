"""What the tests on a cluster need: programs on the PATH, a cluster, the image of the stubs on its nodes."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.cluster.stubs import IMAGE, write_image


@pytest.fixture(scope="session")
def cluster() -> None:
    """Fail at once, and say what is missing, where there is no cluster to test on."""
    missing = [name for name in ("kubectl", "argo") if not shutil.which(name)]
    if missing or "KUBECONFIG" not in os.environ:
        what = f"{' and '.join(missing)} on the PATH" if missing else "KUBECONFIG"
        pytest.fail(f"the tests of the cluster need {what}; see docs/cluster.md", pytrace=False)
    asked = subprocess.run(
        ["kubectl", "get", "workflows", "--output", "name"], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        pytest.fail(f"the cluster does not answer, or knows no workflows: {asked.stderr}", pytrace=False)


@pytest.fixture(scope="session")
def image(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Bring the image of the stubs to the nodes of the cluster."""
    folder = tmp_path_factory.mktemp("image")
    write_image(folder, os.environ.get("EAS_TEST_BASE_IMAGE"))
    for command in loading(folder):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"


def loading(folder: Path) -> list[list[str]]:
    """Return the commands that build the image in a folder and bring it to the nodes."""
    if "EAS_LOAD_IMAGE" in os.environ:
        return [[str(Path(os.environ["EAS_LOAD_IMAGE"]).absolute()), IMAGE, str(folder)]]
    build = ["docker", "build", "--tag", IMAGE, "--file", str(folder / "Containerfile"), str(folder)]
    cluster, name = context()
    if cluster == "kind":
        return [build, ["kind", "load", "docker-image", "--name", name, IMAGE]]
    if cluster == "k3d":
        return [build, ["k3d", "image", "import", "--cluster", name, IMAGE]]
    pytest.fail("this is neither kind nor k3d: set EAS_LOAD_IMAGE, see docs/cluster.md", pytrace=False)


def context() -> tuple[str, str]:
    """Return the kind of cluster and its name: kind and k3d call their contexts `kind-NAME` and `k3d-NAME`."""
    asked = subprocess.run(["kubectl", "config", "current-context"], capture_output=True, text=True, check=True)
    cluster, _, name = asked.stdout.strip().partition("-")
    return cluster, name
