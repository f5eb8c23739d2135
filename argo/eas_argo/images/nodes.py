"""How an image gets to the nodes of a cluster that pulls from no registry."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from eas_argo.images import tools
from eas_argo.images.tools import Progress, Tool, ToolError

SCRIPT = "EAS_LOAD_IMAGE"
"""Names a program that is called with the name of an image and a folder with a Containerfile."""
Load = Callable[[Tool, str, Path, Progress], "str | None"]


class Loader(NamedTuple):
    """A way to the nodes: `what` describes it, `load` returns the digest under which nodes know the image, if any."""

    what: str
    load: Load


def find(command: str | None, context: str | None, environment: Mapping[str, str]) -> Loader:
    """Return the way to the nodes: the command that is given, a script of the environment, or that of kind or k3d.

    Raises
    ------
    ToolError
        When there is none.
    """
    if command:
        return Loader(command, _by_command(command))
    if script := environment.get(SCRIPT):
        return Loader(script, _by_script(script))
    kind, _, cluster = (context or "").partition("-")
    if kind in _BY_CONTEXT and cluster:
        template = _BY_CONTEXT[kind].replace("{cluster}", shlex.quote(cluster))
        return Loader(template, _by_command(template))
    raise ToolError(f"how do images get to the nodes? --load-command COMMAND or {SCRIPT} says it, or --push REGISTRY")


_BY_CONTEXT = {
    "kind": "kind load image-archive --name {cluster} {archive}",
    "k3d": "k3d image import --cluster {cluster} {archive}",
}
"""kind and k3d call their contexts `kind-NAME` and `k3d-NAME`."""


def _by_command(command: str) -> Load:
    def load(tool: Tool, image: str, scratch: Path, progress: Progress) -> str:
        file = scratch / "image.tar"
        digest = tool.save(image, file, scratch, progress)
        words = [word.replace("{image}", image).replace("{archive}", str(file)) for word in shlex.split(command)]
        tools.run(words if "{archive}" in command else [*words, str(file)], f"loading {image}", progress)
        return digest

    return load


def _by_script(script: str) -> Load:
    def load(_tool: Tool, image: str, scratch: Path, progress: Progress) -> None:
        folder = scratch / "only"
        folder.mkdir()
        (folder / "Containerfile").write_text(f"FROM {image}\n", "utf-8")
        tools.run([str(Path(script).absolute()), image, str(folder)], f"loading {image}", progress)

    return load
