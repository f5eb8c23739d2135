"""The verb `build`: images of containers are built, brought to where pods can have them, and locked by digest."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from eas import text
from eas.terminal import OK, OUTSIDE, WRONG_INPUT, WRONG_USE, add_json, add_verb, fail, say, write

if TYPE_CHECKING:
    from eas_argo.images.nodes import Loader
    from eas_argo.images.sources import Recipe
    from eas_argo.images.tools import Progress, Tool
    from eas_compiler.registry import Container, Registry


def register(verbs: Any) -> None:
    """Add the verb."""
    one = add_verb(verbs, "build", build, "build the images of containers, the base first")
    one.add_argument("names", nargs="*", metavar="NAME", help="containers or task types (default: all containers)")
    one.add_argument(
        "--registry", metavar="FILE", help="the registry (default: ./registry.yaml, else the packaged one)"
    )
    one.add_argument(
        "--containers",
        type=Path,
        metavar="DIR",
        help="has their folders (default: those beside the registry, and the packaged ones)",
    )
    one.add_argument("--builder", metavar="COMMAND", help="docker, podman or buildah (default: the first that works)")
    one.add_argument("--base-image", metavar="IMAGE", help="what the first image is made from, best by digest")
    one.add_argument("--wheels", type=Path, metavar="DIR", help="take Python packages from here, and from nowhere else")
    where = one.add_mutually_exclusive_group()
    where.add_argument("--push", metavar="REGISTRY", help="push to a registry: what stands before the images' names")
    where.add_argument("--load", action="store_true", help="bring them to the nodes: kind, k3d, or $EAS_LOAD_IMAGE")
    where.add_argument(
        "--load-command", metavar="COMMAND", help="bring them there by this; {archive} is an OCI archive"
    )
    one.add_argument("-v", "--verbose", action="store_true", help="show all that the builder says")
    add_json(one)


class _Planned(NamedTuple):
    """An image to build: `before` are the containers that it is made from."""

    container: Container
    recipe: Recipe
    before: str | None


class _Built(NamedTuple):
    container: str
    image: str
    digest: str | None
    seconds: float


class _Shop:
    """What one call of the verb works with: the builder, where images go, and how progress is shown."""

    def __init__(self, arguments: argparse.Namespace, tool: Tool, loader: Loader | None) -> None:
        self.arguments, self.tool, self.loader = arguments, tool, loader

    def make(self, one: _Planned) -> _Built:
        """Build an image and bring it where it belongs."""
        from eas_argo.images import sources

        started, container = time.monotonic(), one.container
        values = {"BASE_IMAGE": self.arguments.base_image} if one.before is None and self.arguments.base_image else {}
        if self.arguments.wheels:
            values["PIP_NO_INDEX"] = "1"
        labels = {"org.opencontainers.image.title": container.name}
        if one.recipe.revision:
            labels["org.opencontainers.image.revision"] = one.recipe.revision
        with tempfile.TemporaryDirectory(prefix="eas-build-") as scratch, self._progress(container.name) as progress:
            folder = sources.staged(one.recipe, self.arguments.wheels, Path(scratch))
            from eas_argo.images.tools import run

            run(self.tool.build(container.image, folder, values, labels), f"building {container.name}", progress)
            digest = self._brought(container.image, Path(scratch), progress)
        return _Built(container.name, container.image, digest, round(time.monotonic() - started, 1))

    def _brought(self, image: str, scratch: Path, progress: Progress) -> str | None:
        if self.arguments.push:
            target = f"{self.arguments.push.rstrip('/')}/{image}"
            return self.tool.push(image, target, scratch, progress)
        return self.loader.load(self.tool, image, scratch, progress) if self.loader is not None else None

    @contextmanager
    def _progress(self, name: str) -> Iterator[Progress]:
        """Give what shows a line of the builder: all lines, or the last one on a terminal."""
        is_shown, wide = sys.stderr.isatty(), os.get_terminal_size(2).columns if sys.stderr.isatty() else 80

        def show(line: str) -> None:
            if self.arguments.verbose:
                sys.stderr.write(f"{line}\n")
            elif is_shown:
                sys.stderr.write(f"\r\x1b[K{text.safe(f'{name}: {line}')[: wide - 1]}")

        show("…")
        try:
            yield show
        finally:
            if is_shown and not self.arguments.verbose:
                sys.stderr.write("\r\x1b[K")


def build(arguments: argparse.Namespace) -> int:
    """Build what is asked for; what was built before something failed is locked."""
    from eas_argo.images import nodes, sources, tools
    from eas_compiler import cli as compiler
    from eas_compiler import lock
    from eas_compiler.compile import read_registry, registry_path
    from eas_compiler.diagnostics import Diagnostics

    diagnostics = Diagnostics()
    registry = read_registry(arguments.registry, diagnostics)
    compiler.show_all(diagnostics)
    if registry is None or diagnostics.errors:
        return WRONG_INPUT
    done: list[_Built] = []
    try:
        with tempfile.TemporaryDirectory(prefix="eas-source-") as clones:
            planned = _planned(arguments, registry, Path(clones))
            tool = tools.find(arguments.builder)
            wants = arguments.load or arguments.load_command
            loader = nodes.find(arguments.load_command, _context(), os.environ) if wants else None
            shop = _Shop(arguments, tool, loader)
            for one in planned:
                done.append(shop.make(one))
                if not arguments.json:
                    write(f"{done[-1].image}  {done[-1].digest or 'no digest'}  {done[-1].seconds:.0f} s")
    except _NameError as error:
        return fail(str(error), WRONG_USE)
    except sources.SourceError as error:
        return fail(str(error), OUTSIDE if error.is_outside else WRONG_INPUT)
    except tools.ToolError as error:
        for line in error.lines:
            sys.stderr.write(f"  {text.safe(line)}\n")
        return fail(str(error), WRONG_INPUT if error.lines and str(error).startswith("building") else OUTSIDE)
    finally:
        if arguments.push or arguments.load or arguments.load_command:
            _lock(lock.path_of(registry_path(arguments.registry)), registry.digests, done)
    if arguments.json:
        write(json.dumps([one._asdict() for one in done], indent=2))
    return OK


class _NameError(Exception):
    """There is nothing of a name to build."""


def _planned(arguments: argparse.Namespace, registry: Registry, clones: Path) -> list[_Planned]:
    """Return what is to be built, each after what it is made from."""
    containers = (arguments.containers,) if arguments.containers else _folders(arguments)
    recipes: dict[str, tuple[Container, Recipe]] = {}
    order: list[_Planned] = []

    def add(name: str, asked_by: tuple[str, ...]) -> None:
        if any(one.container.name == name for one in order):
            return
        if name in asked_by:
            raise _NameError(f"images are made from each other in a circle: {' → '.join((*asked_by, name))}")
        if name not in recipes:
            recipes[name] = _found(name, registry, containers, clones)
        container, recipe = recipes[name]
        before = next((other for other, image in images.items() if image == recipe.base), None)
        if before is not None:
            add(before, (*asked_by, name))
        order.append(_Planned(container, recipe, before))

    images = {name: node.value["image"].plain() for name, node in registry.containers.items() if "image" in node.value}
    for name in _asked(arguments.names, registry, containers):
        add(name, ())
    return order


def _asked(names: list[str], registry: Registry, containers: Sequence[Path]) -> list[str]:
    """Return the containers that are meant; without names, all that have a folder or a source."""
    from eas_argo.laptop.programs import folder_of
    from eas_compiler.diagnostics import did_you_mean

    if not names:
        there = [
            name
            for name, node in registry.containers.items()
            if folder_of(containers, name).is_dir() or "source" in node.value
        ]
        if missing := [name for name in registry.containers if name not in there]:
            say(f"no folder in {containers[-1]}, and so left out: {', '.join(missing)}")
        return there
    found = []
    for name in names:
        task = registry.task(name)
        if name not in registry.containers and task is None:
            known = [*registry.containers, *registry.tasks]
            raise _NameError(
                f"no container or task type {name!r}; {did_you_mean(name, known) or '`eas types` lists them'}"
            )
        found.append(name if name in registry.containers or task is None else task.container.name)
    return found


def _found(name: str, registry: Registry, containers: Sequence[Path], clones: Path) -> tuple[Container, Recipe]:
    from eas_argo.images import sources
    from eas_argo.laptop.programs import folder_of
    from eas_compiler.diagnostics import Diagnostics

    diagnostics = Diagnostics()
    container = registry.container(name, diagnostics)
    if container is None:
        raise sources.SourceError("; ".join(one.message for one in diagnostics))
    if container.source is not None:
        return container, sources.fetched(sources.Git(*container.source), clones / name)
    return container, sources.recipe(folder_of(containers, name))


def _folders(arguments: argparse.Namespace) -> tuple[Path, ...]:
    """Return where folders of containers are: beside the registry that is used, and packaged."""
    from eas.local import containers_beside
    from eas_compiler.compile import registry_path

    return containers_beside(registry_path(arguments.registry))


def _context() -> str | None:
    """Return the current context of the kubeconfig, if there is one."""
    import subprocess

    try:
        asked = subprocess.run(["kubectl", "config", "current-context"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return asked.stdout.strip() or None


def _lock(path: str, digests: dict[str, str], done: list[_Built]) -> None:
    """Write the digests of what was built; what has none any more is no longer locked."""
    from eas_compiler import lock

    known = {one.image: one.digest for one in done if one.digest}
    after = {image: digest for image, digest in digests.items() if image not in {one.image for one in done}} | known
    if after == digests:
        return
    file, new = Path(path), Path(f"{path}.new")
    new.write_text(lock.as_text(after), "utf-8")
    new.replace(file)
    say(f"{file}: {len(after)} images are locked" if after else f"{file}: no image is locked")
