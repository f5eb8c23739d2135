"""What the wheel holds, and what the lock file says."""

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(target: str, source: Path, folder: Path) -> Path:
    """Build a distribution from the sources and return its path."""
    command = [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = folder.glob("*.whl" if target == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module", params=["repository", "source distribution"])
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """Return the opened wheel of the project."""
    folder = tmp_path_factory.mktemp("dist")
    source = ROOT
    if request.param == "source distribution":
        subprocess.run(["tar", "-xzf", build("sdist", ROOT, folder)], cwd=folder, check=True)
        (source,) = (path for path in folder.iterdir() if path.is_dir())
    return zipfile.Path(build("wheel", source, folder))


def files(folder: Path) -> set[str]:
    """Return the files below a folder, without what Python leaves."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return {path.as_posix() for path in found if "__pycache__" not in path.parts}


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("argo/eas_argo/containers", "containers"),
        ("compiler/eas_compiler/registry.yaml", "registry.yaml"),
        ("compiler/eas_compiler/templates", "templates"),
        ("eas/chains", "chains"),
    ],
)
def test_package_data_is_not_copied(link: str, target: str) -> None:
    """What a package ships stands once in the repository, where people look for it."""
    assert (ROOT / link).is_symlink()
    assert (ROOT / link).samefile(ROOT / target)


@pytest.mark.parametrize(
    ("packaged", "source"),
    [
        ("eas/chains", "chains"),
        ("eas_compiler/templates", "templates"),
        ("eas_provenance/migrations", "provenance/eas_provenance/migrations"),
        ("eas_worker", "containers/eas_base/eas_worker"),
    ],
)
def test_wheel_holds_whole_folders(wheel: zipfile.Path, packaged: str, source: str) -> None:
    """An installed EAS has the demo chains, the templates, the steps of the schema and the worker."""
    expected = {f"{packaged}/{name}" for name in files(ROOT / source)}
    assert expected
    assert expected <= set(wheel.root.namelist())


def test_wheel_holds_the_registry(wheel: zipfile.Path) -> None:
    """The packaged registry is the one of the repository."""
    assert (wheel / "eas_compiler/registry.yaml").read_bytes() == (ROOT / "registry.yaml").read_bytes()


def test_wheel_holds_programs_and_one_worker(wheel: zipfile.Path) -> None:
    """The laptop engine has the programs of all containers, and shares the worker with them."""
    names = wheel.root.namelist()
    programs = {f"eas_argo/containers/{name}" for name in files(ROOT / "containers") if "task_implementations" in name}
    assert programs
    assert programs <= set(names)
    assert not [name for name in names if "eas_base/eas_worker" in name]


def test_lock_file_names_no_host() -> None:
    """Where packages come from is for whoever installs to say."""
    assert not re.search(r"://|--index-url|--find-links", (ROOT / "requirements.lock").read_text(encoding="utf-8"))


def test_lock_file_is_complete() -> None:
    """Every requirement of the lock file has a hash."""
    entries = re.split(r"\n(?=[a-z])", (ROOT / "requirements.lock").read_text(encoding="utf-8"))[1:]
    assert entries
    assert not [entry for entry in entries if "--hash=sha256:" not in entry]


def test_make_lists_its_targets() -> None:
    """`make` alone is help."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    shown = subprocess.run(["make"], cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    for target in ("env", "demo", "test", "lint", "bench", "lock", "clean"):
        assert f"make {target} " in shown
