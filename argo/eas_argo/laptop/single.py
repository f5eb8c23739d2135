"""One program at a time: an executor for whoever wants to look into a program, or to run it in its image."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Self

from eas_argo.images.tools import Tool
from eas_argo.laptop import folders
from eas_argo.laptop.folders import Files
from eas_argo.laptop.manifest import Manifest
from eas_argo.laptop.programs import folder_of
from eas_argo.laptop.work import Ended, Work
from eas_worker import runtime

Launch = Callable[[Work, Path, Mapping[str, str]], int]
"""Has a try run in its folder, with its variables, and returns the exit status."""


class Single:
    """An executor that has each try run to its end by a function before it begins with the next.

    There are no limits of memory and time: who steps through a program takes the time that it takes.

    Parameters
    ----------
    launch : callable
        Has a try run.
    files : Files
        Where inputs come from and outputs go.
    folder : Path
        Below it every try gets a folder, which stays.
    """

    def __init__(self, launch: Launch, files: Files, folder: Path) -> None:
        self._launch, self._files, self._folder = launch, files, folder
        self._told: list[tuple[str, Ended]] = []

    def __enter__(self) -> Self:
        """Be ready to start."""
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Leave everything as it is."""

    def start(self, work: Work) -> None:
        """Have a try run to its end."""
        folder = self._folder / folders.folder_name(work.id)
        variables = folders.lay_out(work, folder, self._files)
        status = self._launch(work, folder, work.environment | variables | {"EAS_TASK": work.pod.task})
        message, parameters = folders.message(folder) or folders.clue(folder), folders.parameters(work, folder)
        folders.keep(work, folder, self._files)
        phase = "Succeeded" if status == 0 else "Failed"
        self._told.append((work.id, Ended(phase, status, message if status else "", parameters)))

    def wait(self, timeout_s: float) -> list[tuple[str, Ended]]:  # noqa: ARG002 - nothing runs by now
        """Return the tries that have ended."""
        told, self._told = self._told, []
        return told

    def stop(self, *, at_once: bool) -> None:
        """Do nothing: nothing runs by now."""


def here(containers: Sequence[Path]) -> Launch:
    """Return what runs programs in this process, where a debugger can look at them."""

    def launch(work: Work, folder: Path, environment: Mapping[str, str]) -> int:
        programs = str(folder_of(containers, work.pod.image))
        with contextlib.chdir(folder):
            return runtime.execute(work.pod.verb, {**environment, "EAS_PROGRAMS": programs})

    return launch


def in_image(tool: Tool, files: Path) -> Launch:
    """Return what runs programs in their images; `files` is the folder that inputs are links into."""

    def launch(work: Work, folder: Path, environment: Mapping[str, str]) -> int:
        inside = {**environment, "EAS_FOLDER": "/eas", "EAS_TERMINATION_LOG": "/eas/termination-log"}
        return tool.try_out(work.pod.image, work.pod.verb, inside, {folder: "/eas", files: f"{files}:ro"})

    return launch


def executor(launch: Launch) -> Callable[..., Single]:
    """Return what makes an executor as `Programs` is made, but for this function."""

    def make(_manifest: Manifest, _containers: Sequence[Path], files: Files, folder: Path, *, keep: bool) -> Single:  # noqa: ARG001 - all stays
        return Single(launch, files, folder)

    return make
