"""Real programs: an executor that runs each try in a fork of a preloaded server, in a folder of its own."""

from __future__ import annotations

import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self

from eas_argo.laptop import folders
from eas_argo.laptop.engine import Ended, Work
from eas_argo.laptop.folders import Files
from eas_argo.laptop.forks import DiedError, Exited, Forks, Started
from eas_argo.laptop.manifest import Manifest, Pod
from eas_argo.laptop.past import SHUTDOWN
from eas_argo.laptop.server import end_group

GRACE_S = 3.0
"""How long a program may take to end itself after it was told to."""
DEADLINE = "Pod was active on the node longer than the specified deadline"
"""What Argo says of a program that is over its time."""


class _Running:
    """A try that runs, or is about to; `reason` says why it was told to end, and `patience` until when it may."""

    __slots__ = ("deadline", "folder", "patience", "pid", "reason", "work")

    def __init__(self, work: Work, folder: Path) -> None:
        self.work, self.folder = work, folder
        self.deadline = time.monotonic() + work.pod.time_limit_s
        self.pid: int | None = None
        self.reason = ""
        self.patience = 0.0

    def stop(self, *, at_once: bool) -> None:
        """Tell a program to end because nobody wants it any more."""
        self.reason, self.patience = SHUTDOWN, time.monotonic() + GRACE_S
        if self.pid is not None:
            end_group(self.pid, signal.SIGKILL if at_once else signal.SIGTERM)

    @property
    def next_look(self) -> float:
        """When there may be something to do about it."""
        return self.patience if self.reason else self.deadline

    def end_if_late(self, now: float) -> None:
        """Tell a program that is over its time to end, and end it when it does not."""
        if self.pid is None or now < self.next_look:
            return
        if self.reason:
            end_group(self.pid, signal.SIGKILL)
        else:
            self.reason = DEADLINE
            end_group(self.pid, signal.SIGTERM)
        self.patience = now + GRACE_S


class Programs:
    """An executor of real programs.

    Parameters
    ----------
    manifest : Manifest
        What will be run: its programs are loaded beforehand.
    containers : Path
        Holds a folder of programs for each image.
    files : Files
        Where inputs come from and outputs go.
    folder : Path
        Below it every try gets a folder, which goes with the try unless they are to be kept.
    keep : bool
        Whether to keep the folders.
    """

    def __init__(self, manifest: Manifest, containers: Path, files: Files, folder: Path, *, keep: bool = False) -> None:
        self._containers, self._files, self._folder, self._keep = containers, files, folder, keep
        pods = [template for template in manifest.templates.values() if isinstance(template, Pod)]
        self._scripts = sorted({str(script) for pod in pods for script in scripts(containers, pod)})
        self._tasks = {pod.name: pod.task for pod in pods}
        self._running: dict[str, _Running] = {}
        self._told: list[tuple[str, Ended]] = []
        self._number = 0
        self._sweeper = ThreadPoolExecutor(1)  # to remove a folder can take longer than to run a program in it
        self._folder.mkdir(parents=True, exist_ok=True)
        self._forks = self._begin()

    def _begin(self) -> Forks:
        return Forks(self._scripts, self._tasks, self._folder / "server.log")

    def __enter__(self) -> Self:
        """Be ready to start."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the server with all that it runs, and remove what is left of the folders."""
        self._forks.close(GRACE_S)
        self._sweeper.shutdown(cancel_futures=True)
        if not self._keep:
            shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, work: Work) -> None:
        """Lay out the folder of a try and have its program started."""
        self._number += 1
        folder = self._folder / str(self._number)
        try:
            variables = folders.lay_out(work, folder, self._files)
        except Exception as error:  # noqa: BLE001 - whatever folder and repository say, this try has ended in error
            self._told.append((work.id, Ended("Error", -1, f"cannot prepare: {_said(error)}", {})))
            self._discard(folder)
            return
        self._running[work.id] = _Running(work, folder)
        variables |= {"EAS_PROGRAMS": str(self._containers / image_name(work.pod.image))}
        self._forks.start(work.id, work.pod.name, work.pod.verb, work.environment | variables, folder)

    def wait(self, timeout_s: float) -> list[tuple[str, Ended]]:
        """Return the tries that have ended, waiting for one for some time; end those that are over their time."""
        now = time.monotonic()
        for one in self._running.values():
            one.end_if_late(now)
        looks = [one.next_look - now for one in self._running.values() if one.pid is not None]
        if self._told:
            looks.append(0.0)
        try:
            for event in self._forks.receive(min([timeout_s, *looks])):
                self._take(event)
        except DiedError as error:
            self._give_up(str(error))
        told, self._told = self._told, []
        return told

    def _take(self, event: Started | Exited) -> None:
        one = self._running[event.id]
        if isinstance(event, Started):
            one.pid = event.pid
            if one.reason:  # it was told to stop before it began
                end_group(event.pid, signal.SIGKILL)
            return
        del self._running[event.id]
        self._told.append((event.id, self._ended(one, event.status, event.reason)))

    def _give_up(self, reason: str) -> None:
        """Give up what ran in a server that is no more, and start another."""
        lost = list(self._running.items())
        self._running.clear()
        for _, one in lost:
            if one.pid is not None:
                end_group(one.pid, signal.SIGKILL)
        self._forks.close(0)
        self._forks = self._begin()
        self._told += [(identifier, self._ended(one, None, reason)) for identifier, one in lost]

    def _ended(self, one: _Running, status: int | None, reason: str) -> Ended:
        """Keep what a try left, and say how it ended."""
        try:
            parameters = folders.parameters(one.work, one.folder)
            message = folders.message(one.folder) or (folders.clue(one.folder) if status else "")
            folders.keep(one.work, one.folder, self._files)
        except Exception as error:  # noqa: BLE001 - whatever folder and repository say, this try has ended in error
            return Ended("Error", -1, _said(error), {})
        finally:
            self._discard(one.folder)
        if status is None:
            return Ended("Error", -1, reason, parameters)
        if one.reason:
            return Ended("Failed", 143, one.reason, parameters)
        if status < 0:
            return Ended("Failed", 128 - status, f"killed by {signal.Signals(-status).name}", parameters)
        missing = [result.name for result in one.work.pod.results if result.name not in parameters]
        if status == 0 and missing:
            return Ended("Error", 64, f"the output parameter {missing[0]} is missing", parameters)
        return Ended("Succeeded" if status == 0 else "Failed", status, message, parameters)

    def _discard(self, folder: Path) -> None:
        if not self._keep:
            self._sweeper.submit(shutil.rmtree, folder, ignore_errors=True)

    def stop(self, *, at_once: bool) -> None:
        """Tell all programs to end within the time of grace, or end them at once."""
        for one in self._running.values():
            one.stop(at_once=at_once)


def _said(error: Exception) -> str:
    """Return what an error says, without the number that the system has for it."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__


def image_name(image: str) -> str:
    """Return the folder of an image's programs: `eas/eas_base:0.1` leads to `eas_base`."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


def scripts(containers: Path, pod: Pod) -> list[Path]:
    """Return the program and the quality control of a pod's task, as far as there are any."""
    folder = containers / image_name(pod.image)
    name = f"{pod.description['task']}.py"
    found = (folder / kind / name for kind in ("task_implementations", "task_qc_implementations"))
    return [path for path in found if path.is_file()]
