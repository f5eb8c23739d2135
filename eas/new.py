"""The verbs `new container` and `new task`: a folder with all that a task type takes, which works at once."""

from __future__ import annotations

import argparse
import contextlib
import gzip
import random
import re
import tempfile
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from eas.configurations import FOLDER, shown
from eas.terminal import OK, OUTSIDE, WRONG_INPUT, WRONG_USE, add_verb, fail, write
from eas_compiler import cli as compiler

if TYPE_CHECKING:
    from eas_compiler.registry import Registry

SKELETONS = Path(__file__).parent / "skeletons"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}")
_SAMPLES, _CADENCE_S, _NOISE = 480, 1800.0, 1e-4


class RefusedError(Exception):
    """Something cannot be made; the message says why, and nothing was changed."""


class Wanted(NamedTuple):
    """What is to be made: a task in a container, the registry that gets their entries, and where it gets them from.

    `has_container` tells that the container is there already, `source` is the registry as it is now.
    """

    container: str
    task: str
    has_container: bool
    registry: Path
    source: Path

    @property
    def folder(self) -> Path:
        """The folder of the container."""
        return self.registry.parent / "containers" / self.container


def register(verbs: Any) -> None:
    """Add the verb with its two kinds."""
    new = add_verb(verbs, "new", lambda _: WRONG_USE, "make a container, or a task type in one, that works at once")
    kinds = new.add_subparsers(metavar="KIND", required=True)
    one = add_verb(kinds, "container", _new, "make the folder of a container, with a task type in it")
    one.add_argument("container", metavar="NAME", help="of small letters, digits and _")
    one.add_argument("--task", metavar="TASK", help="the name of its task type (default: that of the container)")
    _add_registry(one)
    one.set_defaults(has_container=False)
    one = add_verb(kinds, "task", _new, "make a task type in a container of yours")
    one.add_argument("task", metavar="NAME", help="of small letters, digits and _")
    one.add_argument("--container", metavar="CONTAINER", required=True, help="where its programs go")
    _add_registry(one)
    one.set_defaults(has_container=True)


def _add_registry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--registry",
        metavar="FILE",
        help="the registry that gets the entries (default: ./registry.yaml, made from the packaged one if need be)",
    )


def _new(arguments: argparse.Namespace) -> int:
    from eas_compiler.compile import registry_path

    registry = Path(arguments.registry or "registry.yaml").absolute()
    source = registry if registry.exists() or arguments.registry else Path(registry_path(None))
    task = arguments.task or arguments.container
    wanted = Wanted(arguments.container, task, arguments.has_container, registry, source)
    try:
        made = make(wanted)
    except RefusedError as error:
        return fail(str(error), WRONG_INPUT)
    except OSError as error:
        return fail(f"cannot make {shown(wanted.folder)}: {error.strerror or error}", OUTSIDE)
    what = f"task type {task}" if wanted.has_container else f"container {wanted.container}, with the task type {task}"
    lines = [f"made the {what}:", *(f"  {shown(path)}" for path in made)]
    lines += [f"{shown(registry)} has {'an entry' if wanted.has_container else 'entries'} for it", ""]
    write("\n".join([*lines, f"`eas test {wanted.container}/{task}` runs it, `eas types {task}` describes it"]))
    return OK


def make(wanted: Wanted) -> list[Path]:
    """Make it, and return the files of the container that are new.

    Raises
    ------
    RefusedError
        When names are wrong or taken, or the registry takes no entries.
    OSError
        When something cannot be written; what was written before is gone then.
    """
    text = _with_entries(wanted, _checked(wanted))
    folder, contents = wanted.folder, _contents(wanted)
    folder.parent.mkdir(parents=True, exist_ok=True)
    if wanted.has_container:
        _add(folder, contents)
    else:
        with tempfile.TemporaryDirectory(prefix=".eas-new-", dir=folder.parent) as scratch:
            _add(Path(scratch) / folder.name, contents)
            (Path(scratch) / folder.name).rename(folder)
    try:
        _replace(wanted.registry, text)
    except BaseException:
        _remove(folder, contents)
        raise
    return [folder / path for path in contents]


def _add(folder: Path, contents: dict[str, bytes]) -> None:
    """Write files into a folder, all or none, and none in the place of another."""
    new: list[str] = []
    try:
        for path, content in contents.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            with (folder / path).open("xb") as file:
                new.append(path)
                file.write(content)
    except BaseException:
        _remove(folder, new)
        raise


def _remove(folder: Path, new: Iterable[str]) -> None:
    """Remove files that were made before something broke, and the folders that are empty then."""
    for path in new:
        (folder / path).unlink(missing_ok=True)
        for parent in (folder / path).parents:
            with contextlib.suppress(OSError):
                parent.rmdir()
            if parent == folder:
                break


def _replace(registry: Path, text: str) -> None:
    """Write a registry at once and whole."""
    registry = registry.resolve()
    part = registry.with_name(f".{registry.name}.part")
    try:
        part.write_text(text, "utf-8")
        part.replace(registry)
    finally:
        part.unlink(missing_ok=True)


# ---------------------------------------------------------------------------------------------------------------------
# What is checked


def _checked(wanted: Wanted) -> Registry:
    """Return the registry, when the names are good and nothing is there yet that would be overwritten."""
    from eas_compiler.compile import read_registry
    from eas_compiler.diagnostics import Diagnostics
    from eas_compiler.registry import FLOW_CONTROL

    for what, name in (("container", wanted.container), ("task type", wanted.task)):
        if not _NAME.fullmatch(name):
            raise RefusedError(f"{name!r} is no name for a {what}: small letters, digits and _, a letter first")
        if name in FLOW_CONTROL or name == "all":
            raise RefusedError(f"{name!r} means something else in chains and registries; choose another name")
    diagnostics = Diagnostics()
    registry = read_registry(wanted.source, diagnostics)
    if registry is None or diagnostics.errors:
        compiler.show_all(diagnostics)
        raise RefusedError(f"{shown(wanted.source)} is broken, and gets no entries before it is mended")
    if wanted.task in registry.tasks:
        raise RefusedError(f"there is a task type {wanted.task!r} already; choose another name")
    is_known, is_there = wanted.container in registry.containers, wanted.folder.exists()
    if wanted.has_container and not (is_known and is_there):
        what = "folder" if is_known else "entry in the registry"
        hint = f"`eas new container NAME --task {wanted.task}` makes one"
        raise RefusedError(f"{wanted.container} has no {what} here, at {shown(wanted.folder)}; {hint}")
    if not wanted.has_container and (is_known or is_there):
        where = shown(wanted.folder) if is_there else f"the registry {shown(wanted.source)}"
        raise RefusedError(f"there is a container {wanted.container!r} already, in {where}; choose another name")
    taken = [path for path in _paths(wanted).values() if wanted.has_container and (wanted.folder / path).exists()]
    if taken:
        raise RefusedError(f"{shown(wanted.folder / taken[0])} is there already, and is not overwritten")
    return registry


# ---------------------------------------------------------------------------------------------------------------------
# The registry


def _with_entries(wanted: Wanted, registry: Registry) -> str:
    """Return the text of the registry with new entries, all else as it is."""
    from eas_compiler.diagnostics import Diagnostics
    from eas_compiler.registry import load

    entries = {"tasks": _filled("task.yaml", wanted)}
    if not wanted.has_container:
        entries = {"containers": _filled("container.yaml", wanted), **entries}
    text = before = registry.source.text if registry.source.text.endswith("\n") else f"{registry.source.text}\n"
    for section, entry in entries.items():
        text = _inserted(text, section, entry)
    after = load(str(wanted.registry), text.encode(), Diagnostics())
    if after is None or after.task(wanted.task) is None or _data(text, without=wanted) != _data(before):
        by_hand = "\n\n".join(f"{section}:\n{textwrap.indent(entry, '  ')}" for section, entry in entries.items())
        raise RefusedError(f"{shown(wanted.source)} is not laid out as the packaged registry; add by hand:\n{by_hand}")
    return text


def _inserted(text: str, section: str, entry: str) -> str:
    """Return a YAML text with an entry at the end of a section, its text as it was where there is no such section."""
    import yaml

    try:
        root = yaml.compose(text, _loader())
    except yaml.YAMLError:
        return text
    found = [value for key, value in getattr(root, "value", ()) if key.value == section] if root else []
    if not found or not isinstance(found[0], yaml.MappingNode) or found[0].flow_style or not found[0].value:
        return text
    lines = text.splitlines(keepends=True)
    end = found[0].end_mark.line
    while not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#"):
        end -= 1
    added = textwrap.indent(entry, " " * found[0].value[0][0].start_mark.column)
    blank = "\n" if section == "tasks" else ""
    return "".join([*lines[:end], blank, added, *lines[end:]])


def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _data(text: str, without: Wanted | None = None) -> Any:
    """Return what a registry says, without the entries of something that is new."""
    import yaml

    data = yaml.load(text, _loader())  # noqa: S506 - a safe loader
    if without is not None:
        data["tasks"].pop(without.task, None)
        if not without.has_container:
            data["containers"].pop(without.container, None)
    return data


# ---------------------------------------------------------------------------------------------------------------------
# The folder


def _paths(wanted: Wanted) -> dict[str, str]:
    """Return by skeletons where in the container their copies go; those of a task have its name."""
    task = wanted.task
    of_container = {
        "Dockerfile": "Dockerfile",
        "requirements.txt": "requirements.txt",
        ".dockerignore": ".dockerignore",
    }
    of_task = {
        "program.py": f"task_implementations/{task}.py",
        "judge.py": f"task_qc_implementations/{task}.py",
        "configuration.ini": f"{FOLDER}/{task}.ini",
        "metadata.yaml": f"{FOLDER}/{task}.gz.metadata.yaml",
        "curve.gz": f"{FOLDER}/{task}.gz",
        "test.py": f"tests/test_{task}.py",
    }
    return of_task if wanted.has_container else of_container | of_task


def _contents(wanted: Wanted) -> dict[str, bytes]:
    """Return what to write, by paths in the folder of the container."""
    made = {
        "curve.gz": _curve(),
        ".dockerignore": f"**/__pycache__\n{FOLDER}\ntests\n".encode(),
        "requirements.txt": b"# What the image brings beside what is in eas_base, pinned: NAME==VERSION.\n",
    }
    paths = _paths(wanted)
    return {path: made.get(skeleton) or _filled(skeleton, wanted).encode() for skeleton, path in paths.items()}


def _filled(skeleton: str, wanted: Wanted) -> str:
    """Return a skeleton with the names filled in; programs have none."""
    text = (SKELETONS / skeleton).read_text("utf-8")
    if skeleton.endswith(".py"):
        return text
    return text.format(container=wanted.container, task=wanted.task, base="eas/eas_base:0.1")


def _curve() -> bytes:
    """Return a light curve of 10 d with white noise and three outliers, as a file."""
    chance = random.Random(1)  # noqa: S311 - no secret
    flux = [1 + chance.gauss(0, _NOISE) for _ in range(_SAMPLES)]
    for outlier in (100, 200, 300):
        flux[outlier] += 20 * _NOISE
    rows = (f"{number * _CADENCE_S} {value:.6f} 0 {_NOISE}\n" for number, value in enumerate(flux))
    return gzip.compress(f"# time [s], relative flux, flag, uncertainty\n{''.join(rows)}".encode(), mtime=0)
