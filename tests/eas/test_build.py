"""`eas build`, with a builder that writes down how it was called and does what real ones do to files."""

import json
from pathlib import Path

import pytest

from eas.cli import main

DIGEST = f"sha256:{'12' * 32}"
BUILDER = f"""#!/bin/sh
echo "$(basename "$0") $*" >> "$CALLS"
case "$1" in
    version|info) [ "$DEAD" != "$(basename "$0")" ]; exit ;;
    build)
        for context in "$@"; do :; done
        ls "$context" "$context/wheels" 2>/dev/null | tr '\\n' ' ' >> "$CALLS"; echo >> "$CALLS"
        echo "STEP 1: a"
        if [ -e "$context/broken" ]; then echo "gcc: no such compiler" >&2; exit 7; fi ;;
    push)
        for target in "$@"; do :; done
        case "$target" in
            oci:*)
                layout=$(echo "$target" | cut -d: -f2)
                mkdir -p "$layout/blobs"; echo '{{}}' > "$layout/oci-layout"
                echo '{{"manifests": [{{"digest": "{DIGEST}"}}]}}' > "$layout/index.json" ;;
            *) if [ "$2" = --digestfile ]; then printf %s {DIGEST} > "$3"; fi; echo "0.1: digest: {DIGEST} size: 9" ;;
        esac ;;
esac
"""
REGISTRY = """
types: {}
containers:
  base: {image: "x/base:1", cpu: 1, memory_gb: 1}
  top: {image: "x/top:1", cpu: 1, memory_gb: 1}
  other: {image: "x/other:1", cpu: 1, memory_gb: 1}
tasks:
  climb: {container: top}
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with a registry and containers, where builders are that write down their calls."""
    (tmp_path / "bin").mkdir()
    for name in ("podman", "docker", "load"):
        program = tmp_path / "bin" / name
        program.write_text(BUILDER if name != "load" else '#!/bin/sh\necho "load $*" >> "$CALLS"\n', "utf-8")
        program.chmod(0o755)
    for name, base in (("base", "python:3"), ("top", "x/base:1")):
        (tmp_path / "containers" / name).mkdir(parents=True)
        (tmp_path / "containers" / name / "Dockerfile").write_text(
            f"ARG BASE_IMAGE={base}\nFROM ${{BASE_IMAGE}}\n", "utf-8"
        )
    (tmp_path / "registry.yaml").write_text(REGISTRY, "utf-8")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    monkeypatch.setenv("CALLS", str(tmp_path / "calls"))
    monkeypatch.setenv("DEAD", "docker")
    monkeypatch.delenv("EAS_LOAD_IMAGE", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "calls"


def told(calls: Path, word: str) -> list[str]:
    """Return the calls that do a thing, without the folders of this test."""
    lines = calls.read_text("utf-8").splitlines() if calls.exists() else []
    return [line for line in lines if word in line.split()[:2]]


def test_base_is_built_first(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A task type leads to its container, and that one to what it is made from, which alone gets the base image."""
    assert main(["build", "climb", "--base-image", "python@sha256:1"]) == 0
    first, second = told(calls, "build")
    assert "--build-arg BASE_IMAGE=python@sha256:1" in first
    assert "--tag x/base:1" in first
    assert "BASE_IMAGE" not in second
    assert "--tag x/top:1" in second
    assert [line.split()[:3] for line in capsys.readouterr().out.splitlines()] == [
        ["x/base:1", "no", "digest"],
        ["x/top:1", "no", "digest"],
    ]
    assert not Path("registry.lock").exists()


def test_builder_that_works_is_taken(calls: Path) -> None:
    """A docker without its daemon is passed over."""
    assert main(["build", "base"]) == 0
    assert told(calls, "podman")
    assert [line.split()[1] for line in told(calls, "docker")] == ["version"]


def test_all_that_have_a_folder_are_built(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without names all containers are built, but for those without a folder, which are named."""
    assert main(["build"]) == 0
    assert len(told(calls, "build")) == 2
    assert "left out: other" in capsys.readouterr().err


@pytest.mark.parametrize("builder", ["podman", "docker"])
def test_pushed_images_are_locked(
    calls: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, builder: str
) -> None:
    """What is pushed lies below the registry, and its digest is in the lock file, beside those of other images."""
    monkeypatch.setenv("DEAD", "")
    Path("registry.lock").write_text(f"x/other:1 {DIGEST}\n", "utf-8")
    assert main(["build", "base", "--push", "r.example.org/eas/", "--builder", builder, "--json"]) == 0
    assert "r.example.org/eas/x/base:1" in told(calls, "push")[0]
    (built,) = json.loads(capsys.readouterr().out)
    assert (built["container"], built["image"], built["digest"]) == ("base", "x/base:1", DIGEST)
    assert Path("registry.lock").read_text("utf-8").splitlines()[1:] == [f"x/base:1 {DIGEST}", f"x/other:1 {DIGEST}"]


def test_images_are_loaded_by_a_command(calls: Path) -> None:
    """A command gets an archive, and what it loads is known by digest."""
    assert main(["build", "base", "--load-command", "load {image} --file {archive}"]) == 0
    (loaded,) = told(calls, "load")
    assert loaded.startswith("load x/base:1 --file /")
    assert f"x/base:1 {DIGEST}" in Path("registry.lock").read_text("utf-8")


def test_images_are_loaded_by_a_script(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A script that builds and loads has no digest to tell, so the image is no longer locked."""
    Path("registry.lock").write_text(f"x/base:1 {DIGEST}\n", "utf-8")
    monkeypatch.setenv("EAS_LOAD_IMAGE", "bin/load")
    assert main(["build", "base", "--load"]) == 0
    assert told(calls, "load")[0].startswith("load x/base:1 /")
    assert "x/base" not in Path("registry.lock").read_text("utf-8")


def test_no_way_to_the_nodes(calls: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is built it must be known how images get to the nodes."""
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    assert main(["build", "base", "--load"]) == 3
    assert "how do images get to the nodes?" in capsys.readouterr().err
    assert not told(calls, "build")


def test_failed_build_shows_why(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A build that fails is an error with the last lines of the builder; what was pushed before is locked."""
    Path("containers/top/broken").touch()
    assert main(["build", "top", "--push", "r"]) == 1
    said = capsys.readouterr().err
    assert "  gcc: no such compiler\n" in said
    assert "eas: building top failed: podman ended with 7" in said
    assert "x/base:1" in Path("registry.lock").read_text("utf-8")


def test_wheels_are_the_only_source_of_packages(calls: Path) -> None:
    """Wheels are in the folder that is built from, and pip asks no index then."""
    Path("mine").mkdir()
    Path("mine/numpy.whl").touch()
    assert main(["build", "base", "--wheels", "mine"]) == 0
    assert "--build-arg PIP_NO_INDEX=1" in told(calls, "build")[0]
    assert "numpy.whl" in calls.read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["tp"], 2, "no container or task type 'tp'; did you mean 'top'?"),
        (["other"], 1, "there is no Dockerfile in"),
        (["base", "--builder", "make"], 3, "'make' is none of docker, podman, buildah"),
        (["base", "--builder", "/nowhere/buildah"], 3, "nothing here can build images: buildah is not installed"),
        (["base", "--builder", "docker"], 3, "docker does not answer (is its daemon running?)"),
        (["base", "--registry", "nowhere.yaml"], 1, "cannot read the registry"),
    ],
)
def test_what_cannot_be_built(
    calls: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], status: int, message: str
) -> None:
    """What is missing is said, and the exit status tells whose mistake it is."""
    assert main(["build", *arguments]) == status
    assert message in capsys.readouterr().err


def test_circle_of_images(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Images that are made from each other are never built."""
    Path("containers/base/Dockerfile").write_text("ARG BASE_IMAGE=x/top:1\n", "utf-8")
    assert main(["build", "top"]) == 2
    assert "in a circle: top → base → top" in capsys.readouterr().err
