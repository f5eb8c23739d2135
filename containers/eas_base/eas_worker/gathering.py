"""Gathering: the files of a folder that match some names and have passed, in the order of iterations.

Beside the files of a family stands, for each, what it is worth: a file counts by that, never by its being there. So it
does beside what was found in the site's input folder, where all has passed.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from eas_worker.assignment import Assignment, FileRef

WORTHS = "{verdicts}"
"""The folder with what files are worth, in that of their family: no file can have that name."""
OPEN = ("pass", "warn")
"""Verdicts that let others go on."""
_INDEX = re.compile(r"\[[^\]]*\]|#\d+")
"""What tells an iteration in a path."""


class Worth(NamedTuple):
    """What a file is worth: the path of its maker and its verdict, and the file itself, None when it was not made.

    `loop_variables` are those around its maker. An output that is many files has one for all of them, as a list; they
    stand in a folder in place of the file.
    """

    path: str
    verdict: str
    loop_variables: dict[str, Any]
    product: dict[str, Any] | list[dict[str, Any]] | None


def chosen(known: Iterable[dict[str, Any]], wanted: Sequence[FileRef], path: str) -> list[dict[str, Any]]:
    """Return what a task gathers, each file once: in the order of the names it wants, of iterations, of names.

    Parameters
    ----------
    known : iterable of dict
        Records of `Worth`.
    wanted : sequence of FileRef
        Names and globs.
    path : str
        The task that gathers. What is from later iterations of a do-while around it, or from another branch, is left of
        an earlier life of the run, and passed over.
    """
    passed = [one for one in known if one["verdict"] in OPEN and one["product"] and is_seen(one["path"], path)]
    passed.sort(key=lambda one: (order_of(one["path"]), one["product"]["directory"], one["product"]["name"]))
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for reference in wanted:
        for one in passed:
            directory, name = one["product"]["directory"], one["product"]["name"]
            if directory == reference.directory and fnmatchcase(name, reference.name):
                found.setdefault((directory, name), one)
    return list(found.values())


class Arrived(NamedTuple):
    """A file that was gathered: where it is, what is known of it, and the loop variables around its maker."""

    file: Path
    product: dict[str, Any]
    loop_variables: dict[str, Any]


def gathered(folder: Path, description: dict[str, Any], port: str, assignment: Assignment) -> list[Arrived]:
    """Return the files that a port gathers of those that were brought into a folder.

    There are, numbered, folders of families and single files from outside the chain; what is known of the latter is in
    `.products`.
    """
    from eas_worker.records import read_json, sha256

    files: dict[tuple[str, str], Path] = {}
    makers: dict[tuple[str, str], str] = {}
    known = []
    for record in (folder / port).glob(f"*/{WORTHS}/*"):
        worth, kept = read_json(record), record.parents[1] / record.name
        is_many = isinstance(worth["product"], list)
        for product in worth["product"] if is_many else filter(None, [worth["product"]]):
            known.append(worth | {"product": product})
            place = product["directory"], product["name"]
            files[place] = kept / key_of(product["name"]) if is_many else kept
            if is_many and worth["verdict"] in OPEN and is_seen(worth["path"], assignment.path):
                _check_maker(product["name"], makers.setdefault(place, worth["path"]), worth["path"])
    names = assignment.gathers[port].names
    for wanted, given in zip(names, description["inputs"][port]["names"], strict=True):
        if "from" in given:
            number = str(given["from"])
            file, record = folder / port / number, folder / ".products" / port / number
            product = {"type": wanted.type, "metadata": {}, "sha256": sha256(file) if file.is_file() else ""}
            product |= read_json(record) if record.is_file() else {}
            product |= {"directory": wanted.directory, "name": wanted.name}
            known.append(Worth("", "pass", {}, product)._asdict())
            files[wanted.directory, wanted.name] = file
    return [
        Arrived(files[one["product"]["directory"], one["product"]["name"]], one["product"], one["loop_variables"])
        for one in chosen(known, names, assignment.path)
    ]


def _check_maker(name: str, one: str, other: str) -> None:
    """Refuse a file of which one iteration has overwritten that of another, since only the run knows such names."""
    from eas_worker.api import ContractError

    if one != other and _INDEX.sub("", one) == _INDEX.sub("", other):
        first, second = sorted([one, other], key=order_of)
        raise ContractError(f"{name} was made by {first} and again by {second}; their names must differ")


def key_of(name: str) -> str:
    """Return how the name of a file stands in keys."""
    from urllib.parse import quote  # it takes long to load, and the compiler needs the module

    return quote(name, "~")


def is_seen(maker: str, reader: str) -> bool:
    """Tell whether a task can see what another has made, as far as loops and branches around both tell."""
    for left, right in zip(maker.split("/"), reader.split("/"), strict=False):
        if left == right:
            continue
        (one, _, number), (other, _, here) = left.partition("#"), right.partition("#")
        if number and here and one == other:
            return int(number) < int(here)
        bases = [part.partition("[")[0].partition("?")[0] for part in (left, right)]
        return bases[0] != bases[1]  # else it is another iteration of one loop, or the other branch
    return True


def order_of(path: str) -> list[tuple[str, int]]:
    """Return what sorts paths by their parts, and numbers in them by their size."""
    return [(text, int(number or -1)) for text, number in re.findall(r"(\D+)(\d*)", path)]


def shortage(count: int, port: str, least: int, most: int | None) -> str:
    """Return why a number of files is too small or too large for a port; nothing when it is neither."""
    files = f"{count} file{'' if count == 1 else 's'}"
    if count < least:
        return f"input {port!r} gathered {files} that passed, and needs at least {least}"
    return f"input {port!r} gathered {files}, and takes at most {most}" if most is not None and count > most else ""
