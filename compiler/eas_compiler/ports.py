"""What goes from port to port: a file is of one type where it is made and where it is read."""

from __future__ import annotations

from collections.abc import Iterator

from eas_compiler import names
from eas_compiler.diagnostics import Diagnostics, related
from eas_compiler.gathers import can_gather
from eas_compiler.names import Pattern
from eas_compiler.producers import shown
from eas_compiler.tree import Chain, File, Task, walk

Made = tuple[File, Task]


class Makers:
    """The files that the tasks of a chain make, to be found by name."""

    def __init__(self, chain: Chain) -> None:
        self.tasks = [item for item in walk(chain.body) if isinstance(item, Task)]
        self._same: dict[Pattern, list[Made]] = {}
        self._open: list[Made] = []
        for task in self.tasks:
            for file in task.outputs.values():
                self._same.setdefault(file.pattern, []).append((file, task))
                if names.variables(file.pattern):
                    self._open.append((file, task))

    def __iter__(self) -> Iterator[Made]:
        """Yield all files."""
        for made in self._same.values():
            yield from made

    def of(self, file: File, task: Task) -> list[Made]:
        """Return what a file that a task reads may be: files of the same name, else of names that may be the same.

        Of a name that it gathers, all files that match.
        """
        if file.port in task.gathers:
            return [one for one in self if can_gather(file, task, one)]
        if file.pattern in self._same:
            return self._same[file.pattern]
        return list(self._likely(file, task))

    def read(self) -> Iterator[Made]:
        """Yield all that tasks read, files and names that are gathered, each with its reader."""
        for task in self.tasks:
            for file in (*task.inputs.values(), *(one for gather in task.gathers.values() for one in gather.names)):
                yield file, task

    def _likely(self, file: File, task: Task) -> Iterator[Made]:
        domains = task.common.scope.domains
        is_open = bool(names.variables(file.pattern))
        for other, maker in self if is_open else self._open:
            if names.overlap(file.pattern, domains, other.pattern, maker.common.scope.domains):
                yield other, maker


def types_of(file: File, task: Task, side: str) -> set[str]:
    """Return the types that a file of a task can have there; none when they are not known."""
    if any(variant.type.open for variant in task.variants):
        return set()
    ports = (getattr(variant.type, side).get(file.port) for variant in task.variants)
    return {port.type for port in ports if port is not None}


def check(makers: Makers, diagnostics: Diagnostics) -> None:
    """Report files that are read as of another type than they are made."""
    for file, task in makers.read():
        wanted = types_of(file, task, "inputs")
        for other, maker in makers.of(file, task) if wanted else ():
            given = types_of(other, maker, "outputs")
            if given and not given & wanted:
                _report(file, task, (other, maker), (wanted, given), diagnostics)
                break


def _report(file: File, task: Task, made: Made, types: tuple[set[str], set[str]], diagnostics: Diagnostics) -> None:
    wanted, given = (" or ".join(sorted(one)) for one in types)
    other, maker = made
    meant, scope = (other, maker.common.scope) if file.port in task.gathers else (file, task.common.scope)
    message = f"{file.port} takes a file of type {wanted}, but {shown(meant.name, scope)} is of type {given}"
    others = [name for name, one in maker.outputs.items() if types_of(one, maker, "outputs") & types[0]]
    hint = f"the output {others[0]!r} of that task is of type {wanted}" if others else None
    place = related(other.node, f"it is made here, as {other.port!r}")
    diagnostics.error("file-type", file.node, message, hint, place)
