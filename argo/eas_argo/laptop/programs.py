"""Real programs: an executor that runs each try in a fork of a preloaded server, in a folder of its own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from eas_argo.laptop.engine import Ended, Work
from eas_argo.laptop.manifest import Manifest, Pod
from eas_argo.laptop.server import BEFORE

GRACE_S = 3.0
"""How long a program may take to end itself after it was told to."""
DEADLINE = "Pod was active on the node longer than the specified deadline"


class Files(Protocol):
    """What the engine needs of a file repository."""

    def path(self, key: str) -> Path:
        """Return where a key's file is."""

    def put(self, key: str, source: Path, sha256: str | None = None) -> None:
        """Keep a file."""

    def put_tree(self, key: str, source: Path) -> None:
        """Keep all files of a folder."""


class _Running(NamedTuple):
    work: Work
    folder: Path
    deadline: float


class Programs:
    """An executor of real programs. `containers` holds the folder of each image's programs; attempts work below `folder`."""

    def __init__(self, manifest: Manifest, containers: Path, files: Files, folder: Path, keep: bool = False) -> None:
        self.containers, self.files, self.folder, self.keep = containers, files, folder, keep
        self.scripts = sorted({str(script) for pod in _pods(manifest) for script in scripts(containers, pod)})
        self.running: dict[str, _Running] = {}
        self.pids: dict[str, int] = {}
        self.killed: dict[str, tuple[str, float]] = {}
        self.failed: list[tuple[str, Ended]] = []
        self.number = 0
        self._begin()

    def _begin(self) -> None:
        """Start the server."""
        mine, its = socket.socketpair()
        command = [sys.executable, "-m", "eas_argo.laptop.server", *self.scripts]
        with its:
            self.server = subprocess.Popen(command, stdin=its, env=os.environ | BEFORE, start_new_session=True)
        self.link, self.buffer = mine, b""

    def start(self, work: Work) -> None:
        """Lay out the folder of a try and ask the server to run it."""
        self.number += 1
        folder = self.folder / str(self.number)
        try:
            environment = self._lay_out(work, folder)
        except OSError as error:
            self.failed.append((work.id, Ended("Error", -1, f"cannot prepare {folder}: {error.strerror}", {})))
            return
        self.running[work.id] = _Running(work, folder, time.monotonic() + work.pod.time_limit_s)
        self._send({"id": work.id, "verb": work.pod.verb, "environment": environment, "output": str(folder / "output")})

    def _lay_out(self, work: Work, folder: Path) -> dict[str, str]:
        folder.mkdir(parents=True)
        for path, key, is_optional in work.inputs:
            kept = self.files.path(key)
            if kept.exists():
                link = folder / path
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(kept)
            elif not is_optional:
                raise FileNotFoundError(2, f"there is no {key}")
        return work.environment | {
            "EAS_TASK": json.dumps(work.pod.description),
            "EAS_FOLDER": str(folder),
            "EAS_PROGRAMS": str(self.containers / image_name(work.pod.image)),
            "EAS_TERMINATION_LOG": str(folder / "termination-log"),
        }

    def _send(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # that the server died shows at the next read
            self.link.sendall(json.dumps(message).encode() + b"\n")

    def wait(self, timeout_s: float) -> list[tuple[str, Ended]]:
        """Return the tries that have ended; end those that are over their time."""
        if self.failed:
            failed, self.failed = self.failed, []
            return failed
        self._end_late()
        self.link.settimeout(max(0.01, min([timeout_s, *self._times_left()])))
        try:
            data = self.link.recv(1 << 20)
        except TimeoutError:
            return []
        if not data:
            return self._server_died()
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        ended = []
        for message in map(json.loads, lines):
            if "pid" in message:
                self.pids[message["id"]] = message["pid"]
            elif message["id"] in self.running:
                ended.append((message["id"], self._ended(message["id"], message["status"])))
        return ended

    def _times_left(self) -> Iterable[float]:
        now = time.monotonic()
        yield from (one.deadline - now for name, one in self.running.items() if name not in self.killed)
        yield from (at - now for _, at in self.killed.values())

    def _end_late(self) -> None:
        """Tell programs that are over their time to end, and end those that do not."""
        now = time.monotonic()
        for name, one in self.running.items():
            if name not in self.pids:
                continue
            if name not in self.killed and now > one.deadline:
                self.killed[name] = (DEADLINE, now + GRACE_S)
                _signal(self.pids[name], signal.SIGTERM)
            elif name in self.killed and now > self.killed[name][1]:
                self.killed[name] = (self.killed[name][0], now + GRACE_S)
                _signal(self.pids[name], signal.SIGKILL)

    def _server_died(self) -> list[tuple[str, Ended]]:
        """Give up what ran in a server that is no more, and start another."""
        for pid in self.pids.values():
            _signal(pid, signal.SIGKILL)
        self.server.wait()
        self.link.close()
        self._begin()
        lost = list(self.running)
        return [(name, self._ended(name, None)) for name in lost]

    def _ended(self, name: str, status: int | None) -> Ended:
        running = self.running.pop(name)
        self.pids.pop(name, None)
        reason = self.killed.pop(name, None)
        ended = self._outcome(running, status, reason[0] if reason else None)
        if not self.keep:
            shutil.rmtree(running.folder, ignore_errors=True)
        return ended

    def _outcome(self, running: _Running, status: int | None, reason: str | None) -> Ended:
        """Keep what a try left, and say how it ended."""
        message = _message(running.folder)
        try:
            self._keep(running)
        except Exception as error:  # noqa: BLE001 - whatever the repository says, this try has ended in error
            return Ended("Error", -1, str(error), {})
        parameters = _results(running)
        if status is None:
            return Ended("Error", -1, "the process that started it died", parameters)
        if reason is not None:
            return Ended("Failed", 143, reason, parameters)
        if status < 0:
            return Ended("Failed", 128 - status, f"killed by {signal.Signals(-status).name}", parameters)
        missing = [one.name for one in running.work.pod.results if one.name not in parameters]
        if status == 0 and missing:
            return Ended("Error", 64, f"the output parameter {missing[0]} is missing", parameters)
        return Ended("Succeeded" if status == 0 else "Failed", status, message, parameters)

    def _keep(self, running: _Running) -> None:
        sums = _sums(running)
        for path, key, _ in running.work.outputs:
            made = running.folder / path
            if made.is_dir():
                self.files.put_tree(key, made)
            elif made.exists():
                self.files.put(key, made, sums.get(path))

    def stop(self) -> None:
        """End everything that runs, and the server."""
        for pid in self.pids.values():
            _signal(pid, signal.SIGTERM)
        end = time.monotonic() + GRACE_S
        while self.pids and time.monotonic() < end and self.server.poll() is None:
            for name, _ in self.wait(0.1):
                self.pids.pop(name, None)
        for pid in self.pids.values():
            _signal(pid, signal.SIGKILL)
        self.close()

    def close(self) -> None:
        """End the server and remove what is left of the attempts' folders."""
        self.link.close()
        try:
            self.server.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self.server.kill()
            self.server.wait()
        if not self.keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def image_name(image: str) -> str:
    """Return the folder of an image's programs: `eas/eas_base:0.1` leads to `eas_base`."""
    return image.rsplit("/", 1)[-1].split("@")[0].split(":")[0]


def scripts(containers: Path, pod: Pod) -> list[Path]:
    """Return the program and the quality control of a pod's task, as far as there are any."""
    folder = containers / image_name(pod.image)
    name = f"{pod.description['task']}.py"
    found = (folder / kind / name for kind in ("task_implementations", "task_qc_implementations"))
    return [path for path in found if path.is_file()]


def _pods(manifest: Manifest) -> Iterable[Pod]:
    return (template for template in manifest.templates.values() if isinstance(template, Pod))


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


def _message(folder: Path) -> str:
    with contextlib.suppress(OSError):
        return (folder / "termination-log").read_text("utf-8", "replace").strip()
    return ""


def _results(running: _Running) -> dict[str, str]:
    found = {}
    for one in running.work.pod.results:
        file = running.folder / one.path
        if file.is_file():
            found[one.name] = file.read_text("utf-8").strip()
        elif one.default is not None:
            found[one.name] = one.default
    return found


def _sums(running: _Running) -> dict[str, str]:
    """Return the expected sha256 of the outputs, from the records of the products."""
    found = {}
    for record in (running.folder / "products").glob("*"):
        found[f"out/{record.name}"] = json.loads(record.read_bytes())["sha256"]
    return found
