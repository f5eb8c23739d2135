"""Real programs: an executor that runs each try in a fork of a preloaded server, in a folder of its own."""

from __future__ import annotations

import hashlib
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self, TypeVar

import eas_worker
from eas_argo.laptop import disk, folders
from eas_argo.laptop.errors import SiteError
from eas_argo.laptop.folders import Files
from eas_argo.laptop.forks import DiedError, Exited, Forks, Started
from eas_argo.laptop.manifest import OUT_OF_MEMORY, Manifest, Pod
from eas_argo.laptop.memory import Watch
from eas_argo.laptop.past import SHUTDOWN
from eas_argo.laptop.server import end_group
from eas_argo.laptop.work import Ended, Work
from eas_worker import programs

GRACE_S = 3.0
"""How long a program may take to end itself after it was told to."""
DEADLINE = "Pod was active on the node longer than the specified deadline"
"""What Argo says of a program that is over its time."""
_T = TypeVar("_T")


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
    containers : sequence of Path
        Hold a folder of programs for each image; the first that has it counts.
    files : Files
        Where inputs come from and outputs go.
    folder : Path
        Below it every try gets a folder, which goes with the try unless they are to be kept. What an earlier life of
        the engine left there is removed.
    keep : bool
        Whether to keep the folders.

    Raises
    ------
    SiteError
        When the folder cannot be made; later by `start` and `wait`, when the disk turns out to be broken or full. The
        tries that it concerns are not told to have ended then. `wait` first tells of those that have.
    """

    def __init__(
        self, manifest: Manifest, containers: Sequence[Path], files: Files, folder: Path, *, keep: bool = False
    ) -> None:
        self._containers, self._files, self._folder, self._keep = containers, files, folder, keep
        pods = [template for template in manifest.templates.values() if isinstance(template, Pod)]
        self._scripts = sorted({str(script) for pod in pods for script in scripts(containers, pod)})
        self._tasks = {pod.name: pod.task for pod in pods}
        self._running: dict[str, _Running] = {}
        self._told: list[tuple[str, Ended]] = []
        self._broken: SiteError | None = None
        self._sweeper = ThreadPoolExecutor(1)  # to remove a large folder takes longer than to run a program
        self._spare: list[Path] = []  # to remove and make folders takes file systems longer than to rename them
        try:
            folders.sweep(folder)
            if not keep and folder.is_dir():
                folders.remove(folder)  # the server of an engine that was killed may not have ended yet
            folder.mkdir(parents=True, exist_ok=True)
            self._begin()
        except OSError as error:
            raise SiteError(f"cannot work in {folder}: {_said(error)}") from error

    def _begin(self) -> None:
        """Start the server that starts programs."""
        self._forks = Forks(self._scripts, self._tasks, self._folder / "server.log")
        self._watch = Watch(self._forks.pid)

    def __enter__(self) -> Self:
        """Be ready to start."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the server with all that it runs, and remove what is left of the folders."""
        self._forks.close(GRACE_S)
        self._sweeper.shutdown(cancel_futures=True)
        if not self._keep:
            shutil.rmtree(self._folder, ignore_errors=True)
        folders.sweep(self._folder)

    def start(self, work: Work) -> None:
        """Lay out the folder of a try and have its program started."""
        if self._broken is not None:
            raise self._broken
        folder = self._folder / folders.folder_name(work.id)
        try:
            spare = self._spare.pop() if self._spare else None
            variables = self._with_room(lambda: folders.lay_out(work, folder, self._files, spare))
        except SiteError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever else folder and repository say, this try has ended
            disk.check(self._folder)
            self._told.append((work.id, Ended("Error", -1, f"cannot prepare: {_said(error)}", {})))
            self._discard(folder)
            return
        self._running[work.id] = _Running(work, folder)
        variables |= {"EAS_PROGRAMS": str(folder_of(self._containers, work.pod.image))}
        self._forks.start(work.id, work.pod.name, work.pod.verb, work.environment | variables, folder)

    def wait(self, timeout_s: float) -> list[tuple[str, Ended]]:
        """Return the tries that have ended, waiting for one for some time; end those that take too much."""
        if self._broken is None:
            self._listen(0.0 if self._told else timeout_s)
        told, self._told = self._told, []
        if not told and self._broken is not None:
            raise self._broken
        return told

    def _listen(self, timeout_s: float) -> None:
        """Take what the server tells, at most until it is time to look after something that runs."""
        now = time.monotonic()
        if now >= self._watch.next_look:
            self._end_those_too_large(now)
        looks = [now + timeout_s]
        for one in self._running.values():
            one.end_if_late(now)
            if one.pid is not None:
                looks += [one.next_look, self._watch.next_look]
        try:
            for event in self._forks.receive(min(looks) - now):
                self._take(event)
        except DiedError as error:
            self._give_up(str(error))

    def _end_those_too_large(self, now: float) -> None:
        watched = {one.pid: one for one in self._running.values() if one.pid is not None and not one.reason}
        for pid in self._watch.over({pid: one.work.pod.memory_bytes for pid, one in watched.items()}):
            one = watched[pid]
            one.reason, one.patience = OUT_OF_MEMORY, now + GRACE_S
            end_group(pid, signal.SIGKILL)

    def _take(self, event: Started | Exited) -> None:
        one = self._running[event.id]
        if isinstance(event, Started):
            one.pid = event.pid
            if one.reason:  # it was told to stop before it began
                end_group(event.pid, signal.SIGKILL)
            return
        self._end(event)

    def _give_up(self, reason: str) -> None:
        """Give up what ran in a server that is no more, and start another."""
        for one in self._running.values():
            if one.pid is not None:
                end_group(one.pid, signal.SIGKILL)
        self._forks.close(0)
        for identifier in list(self._running):
            self._end(Exited(identifier, None, reason))
        try:
            self._begin()
        except OSError as error:
            self._broken = SiteError(f"cannot work in {self._folder}: {_said(error)}")

    def _end(self, event: Exited) -> None:
        """Note that a try has ended, unless it is the disk's fault."""
        try:
            self._told.append((event.id, self._ended(self._running.pop(event.id), event)))
        except SiteError as error:
            self._broken = error

    def _ended(self, one: _Running, event: Exited) -> Ended:
        """Keep what a try left, and say how it ended."""
        try:
            parameters = folders.parameters(one.work, one.folder)
            message = folders.message(one.folder)
            if event.status and not message:
                message = folders.clue(one.folder) or disk.trouble(self._folder)
            self._with_room(lambda: folders.keep(one.work, one.folder, self._files))
        except SiteError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            disk.check(self._folder)
            return Ended("Error", -1, _said(error), {})
        finally:
            self._discard(one.folder, is_alone=event.is_alone)
        if event.status and not one.reason:
            self._acquit_disk(message)
        return _how(one, event.status, event.reason if event.status is None else message, parameters)

    def _acquit_disk(self, message: str) -> None:
        """Make sure that the disk is not to blame for a failure.

        A program that filled the disk itself cannot be told from one that found it full until its folder is gone.

        Raises
        ------
        SiteError
            When the disk is to blame.
        """
        if disk.is_short_of_room(message) or disk.trouble(self._folder):
            self._sweep()
            disk.check(self._folder, has_been_full=True)

    def _with_room(self, action: Callable[[], _T]) -> _T:
        """Do something with files; when the disk is full, again, once the folders that nobody needs any more are gone.

        Raises
        ------
        SiteError
            When the disk is broken, or still full.
        """
        try:
            return action()
        except Exception as error:
            if disk.breakage(error) is None:
                raise
        self._sweep()
        try:
            return action()
        except Exception as error:
            cause = disk.breakage(error)
            if cause is None:
                raise
            raise SiteError(f"cannot work in {self._folder}: {_said(error, cause)}") from error

    def _sweep(self) -> None:
        """Wait until all folders that nobody needs any more are gone."""
        self._sweeper.submit(lambda: None).result()

    def _discard(self, folder: Path, *, is_alone: bool = False) -> None:
        """Have a folder removed; one that is as new, and in which nobody can work any more, is for the next try."""
        if self._keep:
            return
        if is_alone and folders.is_as_new(folder):
            self._spare.append(folder)
        else:
            self._sweeper.submit(shutil.rmtree, folder, ignore_errors=True)

    def stop(self, *, at_once: bool) -> None:
        """Tell all programs to end within the time of grace, or end them at once."""
        for one in self._running.values():
            one.stop(at_once=at_once)


def _how(one: _Running, status: int | None, message: str, parameters: dict[str, str]) -> Ended:
    """Return how a try ended in Argo's words; without a status it was lost."""
    if status is None:
        return Ended("Error", -1, message, parameters)
    if one.reason == OUT_OF_MEMORY:
        if status == -signal.SIGKILL:
            return Ended("Failed", 137, OUT_OF_MEMORY, parameters)
    elif one.reason == DEADLINE or (one.reason and status):  # who is done when all is shut down need not be repeated
        return Ended("Failed", 143, one.reason, parameters)
    if status < 0:
        return Ended("Failed", 128 - status, f"killed by {_name(-status)}", parameters)
    missing = [result.name for result in one.work.pod.results if result.name not in parameters]
    if status == 0 and missing:
        return Ended("Error", 64, f"the output parameter {missing[0]} is missing", parameters)
    return Ended("Succeeded" if status == 0 else "Failed", status, message, parameters)


def _name(number: int) -> str:
    """Return the name of a signal, where it has one."""
    return signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"


def _said(error: Exception, cause: OSError | None = None) -> str:
    """Return what an error and its cause say, without the number that the system has for it."""
    said = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
    why = cause.strerror if cause is not None else None
    return said if why is None or why in said else f"{said}: {why}"


def image_name(image: str) -> str:
    """Return the folder of an image's programs: `eas/eas_base:0.1` leads to `eas_base`."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]


def folder_of(containers: Sequence[Path], image: str) -> Path:
    """Return the folder of an image's programs: in the first place that has it, or where it should be."""
    folders = [place / image_name(image) for place in containers]
    return next((folder for folder in folders if folder.is_dir()), folders[-1])


def code_of(containers: Sequence[Path], image: str) -> str:
    """Return the SHA-256 of the sources from which the programs of an image run: its folder, and the worker.

    It is the same for all programs of an image, as the digest of the image would be: any of them may use any module.
    """
    digest = hashlib.sha256()
    for folder in (folder_of(containers, image), Path(eas_worker.__file__).parent):
        for path in sorted(folder.rglob("*")):
            relative = path.relative_to(folder)
            if path.is_file() and not {"__pycache__", "test_task_configs"} & set(relative.parts):
                digest.update(f"{folder.name}/{relative.as_posix()}\0{path.stat().st_size}\0".encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()


def scripts(containers: Sequence[Path], pod: Pod) -> list[Path]:
    """Return the program and the quality control of a pod's task, as far as there are any."""
    folder = folder_of(containers, pod.image)
    found = (programs.find(folder, kind, pod.description["task"]) for kind in ("task", "qc"))
    return [path for path in found if path is not None]
