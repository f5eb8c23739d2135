"""What an image is built from: a folder with a Dockerfile, here or in another git repository."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

_BASE = re.compile(r"(?m)^ARG +BASE_IMAGE=(\S+) *$")
RECIPES = ("Dockerfile", "Containerfile")


class SourceError(Exception):
    """The folder of a container cannot be had; `is_outside` where that is no mistake in the registry."""

    def __init__(self, message: str, *, is_outside: bool = False) -> None:
        super().__init__(message)
        self.is_outside = is_outside


class Git(NamedTuple):
    """A folder in a git repository, at a commit, branch or tag."""

    url: str
    ref: str
    path: str


class Recipe(NamedTuple):
    """A folder that an image is built from: `file` is its Dockerfile, `base` what that one is made from by default."""

    folder: Path
    file: Path
    base: str | None
    revision: str | None = None


def recipe(folder: Path, revision: str | None = None) -> Recipe:
    """Return what a folder says of its image.

    Raises
    ------
    SourceError
        When it has no Dockerfile.
    """
    for name in RECIPES:
        file = folder / name
        if file.is_file():
            base = _BASE.search(file.read_text("utf-8", "replace"))
            return Recipe(folder, file, base[1] if base else None, revision)
    raise SourceError(f"there is no Dockerfile in {folder}")


def fetched(source: Git, into: Path) -> Recipe:
    """Clone a repository into a new folder, and return what its folder says of the image.

    Raises
    ------
    SourceError
        When git cannot have it, or it lacks the ref or the folder.
    """
    _git("clone", "--quiet", "--no-checkout", "--", source.url, str(into))
    commit = _commit(into, source.ref)
    if commit is None:
        raise SourceError(f"{source.url} has no commit, branch or tag {source.ref!r}")
    _git("-C", str(into), "checkout", "--quiet", "--detach", commit)
    folder = (into / source.path).resolve()
    if not folder.is_relative_to(into.resolve()) or not folder.is_dir():
        raise SourceError(f"{source.url} has no folder {source.path!r} at {source.ref}")
    return recipe(folder, commit)


def _commit(clone: Path, ref: str) -> str | None:
    for name in (f"refs/remotes/origin/{ref}", ref):
        command = [
            "git",
            "-C",
            str(clone),
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            f"{name}^{{commit}}",
        ]
        found = subprocess.run(command, capture_output=True, text=True, check=False)
        if found.returncode == 0:
            return found.stdout.strip()
    return None


def _git(*arguments: str) -> None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise SourceError("git is not installed", is_outside=True) from error
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"git ended with {done.returncode}"]
        raise SourceError(f"git: {said[-1]}", is_outside=True)


def staged(found: Recipe, wheels: Path | None, into: Path) -> Path:
    """Copy the folder of an image, and wheels into a folder of it, and return the copy: what is built from."""
    folder = into / "context"
    shutil.copytree(found.folder, folder, ignore=shutil.ignore_patterns("__pycache__", ".git", "wheels"))
    if wheels is not None:
        (folder / "wheels").mkdir()
        for wheel in sorted(wheels.glob("*.whl")):
            shutil.copy(wheel, folder / "wheels")
    return folder
