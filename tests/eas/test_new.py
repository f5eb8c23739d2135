"""`eas new` makes what works at once, or nothing."""

import runpy
from pathlib import Path

import pytest
import yaml

from eas import new
from eas.cli import main
from eas_compiler.compile import read_registry
from eas_compiler.diagnostics import Diagnostics

PACKAGED = Path(new.__file__).parents[1] / "registry.yaml"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def everything(folder: Path) -> dict[str, bytes]:
    """Return all files below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_container_works_at_once(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its test passes, and the registry has entries without a mistake beside all that it had."""
    assert main(["new", "container", "my_box", "--task", "clip"]) == 0
    assert "`eas test my_box/clip` runs it" in capsys.readouterr().out
    runpy.run_path("containers/my_box/tests/test_clip.py")["test_configuration"]()
    assert "my_box/clip    pass     3 of 3" in capsys.readouterr().out
    diagnostics = Diagnostics()
    registry = read_registry(None, diagnostics)
    assert registry is not None
    clip = registry.task("clip", diagnostics)
    assert clip is not None
    assert (clip.container.name, list(diagnostics)) == ("my_box", [])
    before, after = (yaml.safe_load(path.read_text()) for path in (PACKAGED, here / "registry.yaml"))
    del after["containers"]["my_box"], after["tasks"]["clip"]
    assert after == before


def test_the_text_of_the_registry_stays(here: Path) -> None:
    """Comments and layout are as they were: what is taken away again leaves the text of before."""
    assert main(["new", "container", "my_box"]) == 0
    before, after = (path.read_text().splitlines() for path in (PACKAGED, here / "registry.yaml"))
    rest = iter(after)
    assert all(line in rest for line in before)  # each after the one before


def test_a_task_in_a_container(here: Path) -> None:
    """It gets programs, data, a test and an entry of its own; files of the container stay as they are."""
    assert main(["new", "container", "my_box"]) == 0
    before = everything(here)
    assert main(["new", "task", "clip", "--container", "my_box"]) == 0
    after = everything(here)
    assert {path for path in after if path not in before} == {
        "containers/my_box/task_implementations/clip.py",
        "containers/my_box/task_qc_implementations/clip.py",
        "containers/my_box/test_task_configs/clip.ini",
        "containers/my_box/test_task_configs/clip.gz",
        "containers/my_box/test_task_configs/clip.gz.metadata.yaml",
        "containers/my_box/tests/test_clip.py",
    }
    assert [path for path in before if after[path] != before[path]] == ["registry.yaml"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("container My-box", "'My-box' is no name for a container: small letters, digits and _, a letter first"),
        ("container box --task ../x", "'../x' is no name for a task type"),
        ("container box --task execution_chain", "'execution_chain' means something else"),
        ("container all", "'all' means something else"),
        ("container box --task verify", "there is a task type 'verify' already"),
        ("container eas_base --task clip", "there is a container 'eas_base' already, in the registry "),
        ("container taken --task clip", "there is a container 'taken' already, in containers/taken"),
        ("task clip --container eas_base", "eas_base has no folder here, at containers/eas_base"),
        ("task clip --container nobody", "nobody has no entry in the registry here"),
        ("container box --registry lost.yaml", "lost.yaml is broken, and gets no entries"),
    ],
)
def test_refused(here: Path, capsys: pytest.CaptureFixture[str], arguments: str, message: str) -> None:
    """What is wrong or taken is told, and nothing is made."""
    (here / "containers" / "taken").mkdir(parents=True)
    (here / "containers" / "taken" / "file").touch()
    assert main(["new", *arguments.split()]) == 1
    assert f"eas: {message}" in capsys.readouterr().err
    assert list(everything(here)) == ["containers/taken/file"]


def test_a_file_of_the_author_is_not_overwritten(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A program that is there already, though no registry knows it, stays."""
    assert main(["new", "container", "box"]) == 0
    program = here / "containers/box/task_implementations/clip.py"
    program.write_text("mine")
    before = everything(here)
    assert main(["new", "task", "clip", "--container", "box"]) == 1
    assert f"eas: {program.relative_to(here)} is there already" in capsys.readouterr().err
    assert everything(here) == before


@pytest.mark.parametrize("text", ['{"types": {}, "containers": {}, "tasks": {}}', "containers: {}\ntasks: {}\n"])
def test_a_registry_of_another_layout(here: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    """Where entries cannot be put without changing the rest, they are shown, to be put there by hand."""
    (here / "registry.yaml").write_text(text)
    assert main(["new", "container", "box"]) == 1
    assert "add by hand:\ncontainers:\n  box:\n    image:" in capsys.readouterr().err
    assert everything(here) == {"registry.yaml": text.encode()}


def test_all_or_nothing(here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """When the registry cannot be written at the end, nothing of the container stays."""
    assert main(["new", "container", "box"]) == 0
    before = everything(here)

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(new, "_replace", broken)
    assert main(["new", "container", "other"]) == 3
    assert main(["new", "task", "clip", "--container", "box"]) == 3
    assert capsys.readouterr().err.count("No space left on device") == 2
    assert everything(here) == before
    assert not (here / "containers" / "other").exists()


def test_the_base_is_the_packaged_one() -> None:
    """New images are made from the image that the packaged registry has for eas_base."""
    image = yaml.safe_load(PACKAGED.read_text())["containers"]["eas_base"]["image"]
    assert f"ARG BASE_IMAGE={image}\n" in new._filled("Dockerfile", new.Wanted("a", "b", False, PACKAGED, PACKAGED))
