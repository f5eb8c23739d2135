"""Programs that build images: docker, podman or buildah, whichever is there, each with its own words."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import subprocess
import tarfile
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from eas_argo.images import archive

KNOWN = ("docker", "podman", "buildah")
_PROBES = {"docker": ["version", "--format", "{{.Server.Version}}"], "podman": ["info"], "buildah": ["info"]}
_TOLD = 20
"""How many of the last lines of a program that failed are shown."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_NEVER_STARTED = (125, 126, 127)
"""How docker and podman end when the image is not there, or its command cannot be started."""
Progress = Callable[[str], None]


class ToolError(Exception):
    """A program failed, or there is none; `lines` are the last ones that it wrote."""

    def __init__(self, message: str, lines: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.lines = tuple(lines)


def run(command: Sequence[str], what: str, progress: Progress = lambda _: None) -> None:
    """Run a program, and hand on its lines as they come.

    Raises
    ------
    ToolError
        When it cannot be started or fails; `what` says what it was for.
    """
    last: deque[str] = deque(maxlen=_TOLD)
    try:
        running = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        raise ToolError(f"{what}: cannot start {command[0]}: {error.strerror}") from error
    with running:
        assert running.stdout is not None
        try:
            for line in running.stdout:
                last.append(line.rstrip())
                progress(line.rstrip())
        except KeyboardInterrupt:
            running.terminate()
            raise
    if running.returncode:
        raise ToolError(f"{what} failed: {command[0]} ended with {running.returncode}", list(last))


class Tool(NamedTuple):
    """One of them: `kind` is which, `command` how it is started."""

    kind: str
    command: tuple[str, ...]

    def build(self, image: str, folder: Path, values: Mapping[str, str], labels: Mapping[str, str]) -> list[str]:
        """Return the command that builds an image from a folder; `values` are those of the `ARG`s."""
        command = [*self.command, "build"]
        if self.kind != "docker":
            command += ["--layers", "--format", "oci"]
        for option, given in (("--build-arg", values), ("--label", labels)):
            for key, value in given.items():
                command += [option, f"{key}={value}"]
        recipe = next(name for name in ("Dockerfile", "Containerfile") if (folder / name).is_file())
        return [*command, "--tag", image, "--file", str(folder / recipe), str(folder)]

    def try_out(self, image: str, verb: str, environment: Mapping[str, str], mounts: Mapping[Path, str]) -> int:
        """Run the worker of an image as the user of this process, and return its exit status.

        Raises
        ------
        ToolError
            When the image cannot be run.
        """
        if self.kind == "buildah":
            raise ToolError("buildah builds images, but does not run them; docker and podman do")
        command = [*self.command, "run", "--rm", "--user", f"{os.getuid()}:{os.getgid()}"]
        if self.kind == "podman":
            command += ["--userns", "keep-id"]
        for folder, inside in mounts.items():
            command += ["--volume", f"{folder}:{inside}"]
        for name, value in environment.items():
            command += ["--env", f"{name}={value}"]
        done = subprocess.run([*command, image, verb], stdin=subprocess.DEVNULL, check=False)
        if done.returncode in _NEVER_STARTED:
            raise ToolError(f"{image} cannot be run: {self.command[0]} ended with {done.returncode}")
        return done.returncode

    def push(self, image: str, target: str, scratch: Path, progress: Progress) -> str:
        """Push an image under a name, and return the digest that the registry knows it by."""
        what, file = f"pushing {target}", scratch / "digest"
        if self.kind != "docker":
            run([*self.command, "push", "--digestfile", str(file), image, f"docker://{target}"], what, progress)
            said = file.read_text("utf-8")
        else:
            lines: list[str] = []
            run([*self.command, "tag", image, target], what, progress)
            run([*self.command, "push", target], what, lines.append)
            said = "\n".join(line for line in lines if "digest:" in line)
        digest = _DIGEST.search(said)
        if digest is None:
            raise ToolError(f"{what}: {self.kind} names no digest")
        return digest[0]

    def save(self, image: str, file: Path, scratch: Path, progress: Progress) -> str:
        """Write an image to an archive, and return its digest."""
        layout = scratch / "layout"
        if self.kind != "docker":
            run([*self.command, "push", "--quiet", image, f"oci:{layout}:image"], f"saving {image}", progress)
        else:
            saved = scratch / "saved.tar"
            run([*self.command, "save", "--output", str(saved), image], f"saving {image}", progress)
            with tarfile.open(saved) as found:
                found.extractall(layout, filter="data")
        try:
            return archive.sealed(layout, image, file)
        except (OSError, ValueError, KeyError) as error:
            raise ToolError(f"saving {image}: {self.kind} wrote no OCI layout ({error})") from error


def find(wanted: str | None = None) -> Tool:
    """Return the tool that is wanted, a command line perhaps, or the first one that is there and works.

    Raises
    ------
    ToolError
        When there is none.
    """
    given = [wanted] if wanted else list(KNOWN)
    why = []
    for one in given:
        command = tuple(shlex.split(one))
        kind = next((name for name in KNOWN if command and Path(command[0]).name == name), None)
        if kind is None:
            raise ToolError(f"{one!r} is none of {', '.join(KNOWN)}")
        if shutil.which(command[0]) is None:
            why.append(f"{kind} is not installed")
            continue
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            probe = subprocess.run([*command, *_PROBES[kind]], capture_output=True, check=False, timeout=60)
            if probe.returncode == 0:
                return Tool(kind, command)
        why.append(f"{kind} does not answer" + (" (is its daemon running?)" if kind == "docker" else ""))
    raise ToolError("nothing here can build images: " + ", ".join(why))
