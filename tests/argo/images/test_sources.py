"""What an image is built from: folders, here and in other git repositories."""

import subprocess
from pathlib import Path

import pytest

from eas_argo.images.sources import Git, SourceError, fetched, recipe, staged


def git(*arguments: str) -> str:
    """Run git in the name of nobody."""
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    return subprocess.run(["git", *who, *arguments], check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Make a repository with a container in a folder, a tag, a branch, and a link that leads out of it."""
    folder = tmp_path / "repository"
    git("init", "--quiet", "--initial-branch=main", str(folder))
    (folder / "images/deep").mkdir(parents=True)
    (folder / "images/deep/Dockerfile").write_text("ARG BASE_IMAGE=eas/eas_base:0.1\nFROM ${BASE_IMAGE}\n", "utf-8")
    (folder / "out").symlink_to(tmp_path)
    git("-C", str(folder), "add", ".")
    git("-C", str(folder), "commit", "--quiet", "--message=one")
    git("-C", str(folder), "tag", "v1")
    git("-C", str(folder), "checkout", "--quiet", "-b", "next")
    (folder / "images/deep/Dockerfile").write_text("FROM scratch\n", "utf-8")
    git("-C", str(folder), "commit", "--quiet", "--all", "--message=two")
    return folder


def test_folder_of_another_repository(repository: Path, tmp_path: Path) -> None:
    """A tag, a branch and a commit lead to the folder as it was then."""
    commit = git("-C", str(repository), "rev-parse", "v1")
    bases = [
        fetched(Git(str(repository), ref, "images/deep"), tmp_path / f"clone{number}").base
        for number, ref in enumerate(("v1", "next", commit))
    ]
    assert bases == ["eas/eas_base:0.1", None, "eas/eas_base:0.1"]
    assert fetched(Git(str(repository), "v1", "images/deep"), tmp_path / "again").revision == commit


@pytest.mark.parametrize(
    ("ref", "path", "message"),
    [
        ("v9", "images/deep", "has no commit, branch or tag 'v9'"),
        ("--all", "images/deep", "has no commit, branch or tag '--all'"),
        ("v1", "images/flat", "has no folder 'images/flat' at v1"),
        ("v1", "out", "has no folder 'out' at v1"),
        ("v1", "images", "there is no Dockerfile in "),
    ],
)
def test_what_a_repository_lacks(repository: Path, tmp_path: Path, ref: str, path: str, message: str) -> None:
    """A ref or folder that is not there is a mistake, as is one that lies outside."""
    with pytest.raises(SourceError, match=message) as caught:
        fetched(Git(str(repository), ref, path), tmp_path / "clone")
    assert not caught.value.is_outside


def test_repository_that_cannot_be_had(tmp_path: Path) -> None:
    """A repository that cannot be cloned is no mistake in the registry."""
    with pytest.raises(SourceError, match="git: fatal: ") as caught:
        fetched(Git(str(tmp_path / "nowhere"), "v1", "."), tmp_path / "clone")
    assert caught.value.is_outside


def test_staged_folder(tmp_path: Path) -> None:
    """What is built from is a copy without caches, with the wheels that are given and no others."""
    folder, wheels = tmp_path / "deep", tmp_path / "given"
    for one in (folder / "__pycache__", folder / "wheels", wheels):
        one.mkdir(parents=True)
    for file in (folder / "Containerfile", folder / "wheels/old.whl", wheels / "new.whl", wheels / "note.txt"):
        file.write_text("x", "utf-8")
    copy = staged(recipe(folder), wheels, tmp_path / "scratch")
    assert sorted(str(one.relative_to(copy)) for one in copy.rglob("*")) == [
        "Containerfile",
        "wheels",
        "wheels/new.whl",
    ]
