"""Gathering: which tasks can make the files that a port gathers, and where families that are gathered are kept.

A family that is gathered has a folder of its own in the repository, so that all its files, and what each of them is
worth, are one artifact however many there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from eas_compiler import names
from eas_compiler.diagnostics import Diagnostics, did_you_mean, related
from eas_compiler.elsewhere import is_of_site
from eas_compiler.names import Pattern
from eas_compiler.producers import shown
from eas_compiler.tree import File, Gather, Scope, Task, Variable

_MAX_TRIED = 200
"""At how many combinations of indices that a glob and a family share they are compared one by one."""
_MAX_FOLDER = 120
"""Characters of a folder's name: percent-encoding makes three of one."""

Made = tuple[File, Task]


class Family(NamedTuple):
    """A folder of files: those of all iterations of the loops but `ids`, whose indices name folders within it."""

    folder: str
    ids: tuple[str, ...]


class Source(NamedTuple):
    """What a port gathers from: a family below a directory, or, without one, `file` from outside the chain."""

    directory: Pattern
    family: Family | None
    file: File | None


class Families:
    """The families of a chain that are gathered, by the patterns of their files."""

    def __init__(self, made: list[Made], tasks: list[Task]) -> None:
        self._of: dict[Pattern, Family] = {}
        self.makers: dict[tuple[str, str], list[list[Made]]] = {}
        groups = _Groups()
        for task in tasks:
            for gather in task.gathers.values():
                found = [[one for one in made if can_gather(file, task, one)] for file in gather.names]
                self.makers[task.common.path, gather.port] = found
                for maker in (maker for makers in found for maker in makers):
                    groups.add(maker, task)
        if self.makers:
            self._of = groups.families([(file, task) for task in tasks for file in task.inputs.values()] + made)

    def of(self, pattern: Pattern) -> Family | None:
        """Return the family of a file; None for one that nobody gathers."""
        return self._of.get(pattern)


class _Group(NamedTuple):
    """Files that are kept together: their patterns, each with its loops, and the tasks that gather some of them."""

    patterns: dict[Pattern, names.Domains]
    gathering: list[Task]

    def has(self, file: File, task: Task) -> bool:
        """Tell whether a file may be one of these."""
        here = task.common.scope.domains
        return file.pattern in self.patterns or any(
            names.overlap(file.pattern, here, pattern, there) for pattern, there in self.patterns.items()
        )


class _Groups:
    """Families in the making."""

    def __init__(self) -> None:
        self._groups: list[_Group] = []

    def add(self, maker: Made, gathering: Task) -> None:
        """Note that a task gathers what another one makes."""
        pattern = maker[0].pattern
        group = next((one for one in self._groups if pattern in one.patterns), None)
        if group is None:
            group = _Group({pattern: maker[1].common.scope.domains}, [])
            self._groups.append(group)
        group.gathering.append(gathering)

    def families(self, files: list[Made]) -> dict[Pattern, Family]:
        """Return the families by pattern; `files` are all that tasks read and make.

        One reader may mean files of several makers, in different iterations: these have to be kept together.
        """
        while any(self._extend(file, task) for file, task in files):
            pass
        found = {}
        for group in self._groups:
            members = [(file, task) for file, task in files if file.pattern in group.patterns]
            around = [task.common.scope.variables for task in (*(task for _, task in members), *group.gathering)]
            file, task = min(members, key=lambda one: (-len(one[1].common.scope.variables), one[0].node.start))
            family = Family(_folder(file, task.common.scope), _shared(around))
            found.update(dict.fromkeys(group.patterns, family))
        return found

    def _extend(self, file: File, task: Task) -> bool:
        """Add a file to the group that it may be in, and join groups that it connects; tell whether that is new."""
        near = [group for group in self._groups if group.has(file, task)]
        if not near or (len(near) == 1 and file.pattern in near[0].patterns):
            return False
        first, *others = near
        first.patterns.setdefault(file.pattern, task.common.scope.domains)
        for other in others:
            first.patterns.update(other.patterns)
            first.gathering.extend(other.gathering)
        self._groups = [group for group in self._groups if not any(group is other for other in others)]
        return True


def _shared(around: list[tuple[Variable, ...]]) -> tuple[str, ...]:
    """Return the loops that are around all: of these only one iteration is concerned, so that it has its own folder.

    Iterations of a do-while see those before them.
    """
    found = []
    for level in zip(*around, strict=False):
        if any(one is not level[0] for one in level) or "repeat" in level[0].entry:
            break
        found.append(level[0].id)
    return tuple(found)


def _folder(file: File, scope: Scope) -> str:
    """Return a readable name that no file can have, as braces in the names of files are encoded.

    Of a family of one file it is that file's name, which is then free.
    """
    from eas_compiler import forms

    def piece(one: names.Piece) -> str:
        if isinstance(one, str):
            return forms.encoded(one)
        return f"{{{one.id}}}" if isinstance(one, names.Index) else f"{{{'.'.join(one.ids)}}}"

    name = "".join(map(piece, file.name))
    if len(name) <= _MAX_FOLDER:
        return name
    import hashlib

    return f"{{{hashlib.sha256(shown(file.pattern, scope).encode()).hexdigest()[:16]}}}"


# --------------------------------------------------------------------------------------------------------------------
# Who can make what is gathered


def can_gather(wanted: File, task: Task, made: Made) -> bool:
    """Tell whether a file of a family may be gathered by some name, in whatever iterations."""
    file, maker = made
    if maker.common.path == task.common.path:
        return False  # what it makes itself it does not wait for
    here, there = _domains(task), _domains(maker)
    if not names.overlap(wanted.directory, here, file.directory, there):
        return False
    if file.many:
        return names.may_meet(wanted.name, file.name)
    return _matches(wanted.name, here, file.name, there)


def _domains(task: Task) -> names.Domains:
    """Return the indices of the loops around a task; one without iterations is taken for one that may have some."""
    domains = task.common.scope.domains
    return {name: one if one.size != 0 else names.Domain(one.first, None) for name, one in domains.items()}


def _matches(glob: Pattern, here: names.Domains, name: Pattern, there: names.Domains) -> bool:
    if names.has_wildcards(glob):
        return names.matches(glob, here, name, there)
    return names.overlap(glob, here, name, there)


def meets_here(wanted: File, task: Task, made: Made) -> bool:
    """Tell whether a file is gathered from the iterations that the reader itself is in."""
    file, maker = made
    shared = _common(task, maker)
    if file.many:
        return True
    return any(
        _matches(names.fix(wanted.name, at), left, names.fix(file.name, at), right)
        for at, left, right in _instances(wanted.name, task, file.name, maker, shared)
    )


def elsewhere(wanted: File, task: Task, made: Made) -> Variable | None:
    """Return the loop around both of whose other iterations, too, a file would be gathered; nobody can wait for these.

    Of a do-while, the iterations before are there already.
    """
    file, maker = made
    shared = _common(task, maker)
    for depth, variable in enumerate(shared):
        if "repeat" in variable.entry or variable.domain.size in {0, 1}:
            continue
        outer = shared[:depth]
        for at, left, right in _instances(wanted.name, task, file.name, maker, outer):
            if _meets_others(names.fix(wanted.name, at), left, names.fix(file.name, at), right, variable):
                return variable
    return None


def _meets_others(glob: Pattern, here: names.Domains, name: Pattern, there: names.Domains, loop: Variable) -> bool:
    """Tell whether a glob in one iteration of a loop matches a file of another."""
    if loop.id not in names.variables(name):
        return False  # it has one maker only, which is here
    if loop.id not in names.variables(glob):
        return _matches(glob, here, name, there)
    first, last = loop.domain.first, loop.domain.last
    tried = range(first, min(first + _MAX_TRIED, last + 1 if last is not None else first + _MAX_TRIED))
    for index in tried:
        at = names.fix(glob, {loop.id: index})
        for part in (names.Domain(first, index - 1), names.Domain(index + 1, last)):
            is_empty = part.last is not None and part.last < part.first
            if not is_empty and _matches(at, here, name, there | {loop.id: part}):
                return True
    return False


def _common(task: Task, maker: Task) -> tuple[Variable, ...]:
    found = []
    for one, other in zip(task.common.scope.variables, maker.common.scope.variables, strict=False):
        if one is not other:
            break
        found.append(one)
    return tuple(found)


def _instances(
    glob: Pattern, task: Task, name: Pattern, maker: Task, shared: tuple[Variable, ...]
) -> Iterator[tuple[names.Indices, names.Domains, names.Domains]]:
    """Yield the indices that loops around both have at once, and the domains that are left for each.

    Where they are too many, the loops are taken as independent: when in doubt, a name matches.
    """
    here, there = _domains(task), _domains(maker)
    used = names.variables(glob) & names.variables(name)
    ids = [one.id for one in shared if one.id in used]
    total = names.size(set(ids), here)
    if total is None or total > _MAX_TRIED:
        yield {}, here, there
        return
    for at in names.combinations(ids, here):
        yield (
            at,
            {key: one for key, one in here.items() if key not in at},
            {key: one for key, one in there.items() if key not in at},
        )


# --------------------------------------------------------------------------------------------------------------------
# Diagnostics


def report_nothing(file: File, task: Task, made: list[Made], diagnostics: Diagnostics) -> None:
    """Report a glob that no file of the chain matches."""
    name = shown(file.name, task.common.scope)
    known = {shown(one.name, maker.common.scope)[1:-1]: one for one, maker in made if maker is not task}
    hint = did_you_mean(name[1:-1], sorted(known)) or "files from outside the chain are named one by one"
    near = [one for text, one in known.items() if repr(text) in hint]
    places = [related(one.node, "this one is made here") for one in near[:1]]
    message = f"no task of the chain makes a file that matches {name}"
    diagnostics.error("nothing-to-gather", file.node, message, hint, *places)


def report_elsewhere(file: File, task: Task, made: Made, loop: Variable, diagnostics: Diagnostics) -> None:
    """Report a glob that reaches into other iterations of a loop that its task stands in."""
    name = shown(file.name, task.common.scope)
    message = f"{name} also matches files of other iterations of the loop over {loop.name!r}"
    hint = f"gather behind the loop, or name this iteration alone, as in 'f_{{{loop.name}_index}}_*'.format(**metadata)"
    places = (related(made[0].node, "they are made here"), *loop.as_related)
    diagnostics.error("out-of-reach", file.node, message, hint, *places)


def checked(
    gather: Gather, task: Task, families: Families, made: list[Made], diagnostics: Diagnostics
) -> list[tuple[File, list[Made]]]:
    """Return the makers for each name that a port gathers; those that nobody can wait for are reported."""
    found = []
    for file, makers in zip(gather.names, families.makers[task.common.path, gather.port], strict=True):
        if not makers and names.has_wildcards(file.name) and not is_of_site(file.directory):
            report_nothing(file, task, made, diagnostics)
            continue
        reaching = ((one, elsewhere(file, task, one)) for one in makers)
        wrong = next(((one, loop) for one, loop in reaching if loop is not None), None)
        if wrong is not None:
            report_elsewhere(file, task, *wrong, diagnostics)
        found.append((file, makers))
    return found
