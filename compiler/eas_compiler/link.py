"""Pass 3, link: files and metadata to edges.

Invariant of the result, when nothing was reported: every file has one producer in the run; every input is made by a
task that its reader can see, or comes from outside the chain; what the items of each list wait for forms no circle.
Cost does not grow with iterations.
"""

from typing import NamedTuple

from eas_compiler import circles, gathers, names, producers
from eas_compiler.diagnostics import Diagnostics, related
from eas_compiler.elsewhere import is_of_site
from eas_compiler.gathers import Families, Source
from eas_compiler.names import Indices, Pattern
from eas_compiler.producers import shown
from eas_compiler.tree import (
    Branch,
    Chain,
    File,
    Gather,
    Group,
    Item,
    Loop,
    Repeat,
    Requirement,
    Scope,
    Sequence,
    Task,
    bodies,
    flat,
    walk,
)

__all__ = ["Earlier", "External", "Links", "Wait", "link", "shown"]


MAX_TRIES = 50_000
"""How often a file that a reader means in some iteration is compared with one that is made: about a second."""


class _TooManyError(Exception):
    """Files that are read would have to be compared with too many others."""


class Wait(NamedTuple):
    """An item of the same list that has to be there first.

    `file` is set when a file is waited for that both branches of the conditional `item` make. With `where`, the wait
    concerns only these combinations of the indices of `ids`. `gather` names the port that gathers what the item makes,
    whatever becomes of it; unless the name is empty, the items that one port waits for must not all be blocked.
    """

    item: Item
    file: Pattern | None
    ids: tuple[str, ...]
    where: frozenset[tuple[int, ...]] | None
    gather: str | None = None


class Earlier(NamedTuple):
    """A file that `item`, of the body of a do-while, made `distance` iterations ago; an item of the body reads it."""

    item: Item
    file: Pattern
    distance: int


class External(NamedTuple):
    """A file that no task of the chain makes."""

    task: Task
    file: File
    pattern: Pattern


class Gathered(NamedTuple):
    """What a port gathers from: `items` are waited for, wherever around the task they stand."""

    items: tuple[Item, ...]
    sources: tuple[Source, ...]


class Links(NamedTuple):
    """The edges of a chain.

    waits
        What each item waits for, by its path, and what one branch of a conditional waits for in addition, by its path.
    externals
        The files from outside.
    exports
        Which files both branches of the conditional at a path make.
    makers
        The conditionals that make the file of an input, by the task's path and the port.
    earlier
        What each item, or branch of it, takes from earlier iterations of the do-while whose body it stands in, by its
        path.
    gathered
        What each port gathers from, by the task's path and the port.
    families
        The families of files that are gathered.
    """

    waits: dict[str, tuple[Wait, ...]]
    externals: tuple[External, ...]
    exports: dict[str, tuple[Pattern, ...]]
    makers: dict[tuple[str, str], tuple[str, ...]]
    earlier: dict[str, tuple[Earlier, ...]]
    gathered: dict[tuple[str, str], Gathered]
    families: Families


class _Visible(NamedTuple):
    """A file that the tasks of a list can see: `item` of the list makes it, itself or by both of its branches."""

    pattern: Pattern
    item: Item


class _Frame(NamedTuple):
    """A list around a task.

    `item` of the list holds the task; `unit` is its path, or that of the branch of it in which the task is; `repeat` is
    the do-while whose body the list is.
    """

    path: str
    item: Item
    unit: str
    scope: Scope
    repeat: Repeat | None


class _Case(NamedTuple):
    """A file name that is looked for, in the iterations that `fixed` leaves."""

    pattern: Pattern
    fixed: Indices


class _Found(NamedTuple):
    frame: _Frame
    visible: _Visible
    fixed: Indices


def link(chain: Chain, diagnostics: Diagnostics) -> Links:
    """Return the edges of a chain; report files without a visible producer or with two, and circles."""
    linker = _Linker(chain, diagnostics)
    linker.collect(chain.body, None)
    producers.check(linker.made, diagnostics)
    linker.descend(chain.body, chain.body.path, Scope((), chain.parameters, {}), (), (), None)
    waits = linker.waits
    circles.check(linker.lists.values(), waits, diagnostics)
    return Links(
        waits,
        tuple(linker.externals),
        linker.exports,
        linker.makers,
        {path: tuple(found) for path, found in linker.earlier.items()},
        linker.gathered,
        linker.families,
    )


class _Linker:
    def __init__(self, chain: Chain, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self.made: list[tuple[File, Task]] = [
            (file, item) for item in walk(chain.body) if isinstance(item, Task) for file in item.outputs.values()
        ]
        self.made_open = [one for one in self.made if names.variables(one[0].pattern)]
        self.made_many = [one for one in self.made if one[0].many]
        self.made_as: dict[Pattern, tuple[File, Task]] = {}
        for one in self.made:
            self.made_as.setdefault(one[0].pattern, one)
        self.visible: dict[str, list[_Visible]] = {}
        self.open: dict[str, list[_Visible]] = {}
        self.literal: dict[str, dict[Pattern, list[_Visible]]] = {}
        self.exports: dict[str, tuple[Pattern, ...]] = {}
        self._waits: dict[str, dict[tuple[int, Pattern | None, str | None], Wait]] = {}
        self.lists: dict[str, list[Item]] = {}
        self._here: dict[str, set[int]] = {}
        self.externals: list[External] = []
        self.makers: dict[tuple[str, str], tuple[str, ...]] = {}
        self.tries = 0
        self.earlier: dict[str, list[Earlier]] = {}
        self.gathered: dict[tuple[str, str], Gathered] = {}
        self.families = Families(self.made, [item for item in walk(chain.body) if isinstance(item, Task)])

    # ---- what each list can see

    def collect(self, sequence: Sequence, path: str | None) -> list[_Visible]:
        """Note the files that a list makes for its own tasks; `path` is that of the list that a group stands in."""
        where = sequence.path if path is None else path
        found = self.visible.setdefault(where, [])
        self.lists.setdefault(where, [])
        for item in sequence.items:
            if isinstance(item, Group):
                self.collect(item.body, where)
                continue
            self.lists[where].append(item)
            inside = [self.collect(body, None) for body in bodies(item)]
            if isinstance(item, Task):
                found.extend(_Visible(file.pattern, item) for file in item.outputs.values() if not file.many)
            elif isinstance(item, Branch) and len(inside) == 2:
                other = {one.pattern for one in inside[1]}
                both = tuple(dict.fromkeys(one.pattern for one in inside[0] if one.pattern in other))
                self.exports[item.common.path] = both
                found.extend(_Visible(pattern, item) for pattern in both)
        index = self.literal[where] = {}
        for one in found:
            index.setdefault(one.pattern, []).append(one)
        self.open[where] = [one for one in found if names.variables(one.pattern)]
        return found

    # ---- what each item waits for

    def descend(
        self,
        sequence: Sequence,
        path: str,
        scope: Scope,
        frames: tuple[_Frame, ...],
        requires: tuple[Requirement, ...],
        repeat: Repeat | None,
    ) -> None:
        """Link the items of a list; `frames` are the lists around it, `requires` what groups around an item ask for."""
        for item in sequence.items:
            wanted = (*requires, *item.common.requires)
            if isinstance(item, Group):
                self.descend(item.body, path, scope, frames, wanted, repeat)
                continue
            inner = (*frames, _Frame(path, item, item.common.path, scope, repeat))
            for requirement in wanted:
                self._require(requirement, inner)
            if isinstance(item, Task):
                for file in item.inputs.values():
                    self._find(item, file, inner)
                for gather in item.gathers.values():
                    self._gather(item, gather, inner)
            for body in bodies(item):
                if isinstance(item, Loop) and item.variable.domain.size == 0:
                    continue  # without iterations nothing inside takes anything
                variable = (item.variable,) if isinstance(item, (Loop, Repeat)) else ()
                deeper = scope._replace(variables=(*scope.variables, *variable))
                unit = body.path if isinstance(item, Branch) else item.common.path
                around = (*frames, _Frame(path, item, unit, scope, repeat))
                self.descend(body, body.path, deeper, around, (), item if isinstance(item, Repeat) else None)

    def _require(self, requirement: Requirement, frames: tuple[_Frame, ...]) -> None:
        targets = list(flat(requirement.item.body)) if isinstance(requirement.item, Group) else [requirement.item]
        for frame in frames:
            here = self._here.get(frame.path)
            if here is None:
                here = self._here[frame.path] = {id(item) for item in self.lists[frame.path]}
            for target in targets:
                if id(target) in here:
                    self._wait(frame.unit, Wait(target, None, (), None))

    def _wait(self, unit: str, wait: Wait) -> None:
        waits = self._waits.setdefault(unit, {})
        key = id(wait.item), wait.file, wait.gather
        other = waits.get(key)
        if other is None:
            waits[key] = wait
            return
        same = other.ids == wait.ids and other.where is not None and wait.where is not None
        where = other.where | wait.where if same and other.where and wait.where else None
        waits[key] = other._replace(where=where, ids=other.ids if where else ())

    @property
    def waits(self) -> dict[str, tuple[Wait, ...]]:
        """What each item, or branch of a conditional, waits for, by its path."""
        return {path: tuple(found.values()) for path, found in self._waits.items()}

    def _find(self, task: Task, file: File, frames: tuple[_Frame, ...]) -> None:
        cases = [_Case(file.pattern, {})]
        domains = task.common.scope.domains
        for frame in reversed(frames):
            found: list[_Found] = []
            try:
                cases = [rest for case in cases for rest in self._search(case, frame, domains, found)]
            except _TooManyError:
                message = "it takes too long to find out who makes this file in which iteration"
                hint = "write names that are read as they are written where the files are made"
                self.diagnostics.error("too-many-names", file.node, message, hint)
                return
            for one in found:
                self._note(one)
                if isinstance(one.visible.item, Branch):
                    key = (task.common.path, file.port)
                    self.makers[key] = (*self.makers.get(key, ()), one.visible.item.common.path)
        seen: set[Pattern] = set()
        for case in cases:
            if case.pattern not in seen:
                seen.add(case.pattern)
                self._outside(task, file, case, domains)

    def _note(self, found: _Found) -> None:
        """Let the item that holds the reader wait for the one that makes the file."""
        file = found.visible.pattern if isinstance(found.visible.item, Branch) else None
        here = found.frame.scope.domains
        ids = tuple(name for name in here if name in found.fixed)
        where = frozenset({tuple(found.fixed[name] for name in ids)}) if ids else None
        self._wait(found.frame.unit, Wait(found.visible.item, file, ids, where))

    def _search(self, case: _Case, frame: _Frame, domains: names.Domains, found: list[_Found]) -> list[_Case]:
        """Look for a file in one list; return the cases left. Earlier iterations of a do-while are no waits."""
        is_literal = not names.variables(case.pattern)  # of other literal names none can be the same
        for visible in self.literal[frame.path].get(case.pattern, ()) if is_literal or not case.fixed else ():
            found.append(_Found(frame, visible, case.fixed))
            return []
        near = (self.open if is_literal else self.visible)[frame.path]
        if case.fixed:  # the reader has been divided into its iterations
            self.tries += len(near)
            if self.tries > MAX_TRIES:
                raise _TooManyError
        for visible in near:
            pattern = names.fix(visible.pattern, case.fixed)
            if pattern == case.pattern:
                found.append(_Found(frame, visible, case.fixed))
                return []
            if frame.repeat is not None:
                distance, rest = self._earlier(case, visible.pattern, frame.repeat)
                if distance:
                    self.earlier.setdefault(frame.unit, []).append(Earlier(visible.item, visible.pattern, distance))
                    return [left for one in rest for left in self._search(one, frame, domains, found)]
            left = {name: domain for name, domain in domains.items() if name not in case.fixed}
            if names.overlap(case.pattern, left, pattern, left):
                parts = self._split(case, pattern, left)
                if parts is not None:
                    return [one for part in parts for one in self._search(part, frame, domains, found)]
        return [case]

    def _earlier(self, case: _Case, pattern: Pattern, repeat: Repeat) -> tuple[int, list[_Case]]:
        """Return how many iterations of a do-while ago the file was made, 0 for never, and the cases left."""
        loop = repeat.variable.id
        first = repeat.variable.domain.first
        if loop in case.fixed:
            here = case.fixed[loop]
            made = (
                number
                for number in range(first, here)
                if names.fix(pattern, case.fixed | {loop: number}) == case.pattern
            )
            return here - next(made, here), []
        for distance in range(1, repeat.maximum):
            if names.shift(names.fix(pattern, case.fixed), loop, distance) == case.pattern:
                starts = range(first, first + distance)
                return distance, [_Case(names.fix(case.pattern, {loop: at}), case.fixed | {loop: at}) for at in starts]
        return 0, []

    def _split(self, case: _Case, pattern: Pattern, left: names.Domains) -> list[_Case] | None:
        """Return the case split by the loops on which it depends whether the names are the same; None when too many."""
        ids = names.variables(case.pattern) | names.variables(pattern)
        total = names.size(ids, left)
        if not ids or total is None or total > names.MAX_TABLE:
            return None
        order = [name for name in left if name in ids]
        return [_Case(names.fix(case.pattern, at), case.fixed | at) for at in names.combinations(order, left)]

    # ---- files that are gathered

    def _gather(self, task: Task, gather: Gather, frames: tuple[_Frame, ...]) -> None:
        """Let a task, or what holds it, wait for all that can make what a port gathers, however that ends."""
        waits: list[tuple[str, Item]] = []
        sources: dict[Source, None] = {}
        for file, makers in gathers.checked(gather, task, self.families, self.made, self.diagnostics):
            for one in makers:
                sources[Source(file.directory, self.families.of(one[0].pattern), None)] = None
                holder = self._holder(one[1], frames) if gathers.meets_here(file, task, one) else None
                if holder is not None and holder not in waits:
                    waits.append(holder)
            if not makers and (not names.has_wildcards(file.name) or is_of_site(file.directory)):
                sources[Source(file.directory, None, file)] = None
                self.externals.append(External(task, file, file.pattern))
        units = {unit for unit, _ in waits}
        name = f"{task.common.path}:{gather.port}" if len(units) == 1 else ""
        for unit, item in waits:
            self._wait(unit, Wait(item, None, (), None, name))
        self.gathered[task.common.path, gather.port] = Gathered(tuple(item for _, item in waits), tuple(sources))

    def _holder(self, maker: Task, frames: tuple[_Frame, ...]) -> tuple[str, Item] | None:
        """Return the item that holds a maker in the innermost list around both it and the reader, and who waits for it.

        None for the branch of a conditional that is not taken when the reader's is.
        """
        path = maker.common.path
        for frame in reversed(frames):
            for item in self.lists[frame.path]:
                here = item.common.path
                if path == here or (path.startswith(here) and path[len(here)] in "[?#/"):
                    return None if item is frame.item else (frame.unit, item)
        raise AssertionError("the chain's own list is around all tasks")

    # ---- files that nobody in sight makes

    def _outside(self, task: Task, file: File, case: _Case, domains: names.Domains) -> None:
        left = {name: domain for name, domain in domains.items() if name not in case.fixed}
        same = self.made_as.get(case.pattern)
        literal = [] if same is None else [same]
        for other, producer in self.made if names.variables(case.pattern) else [*literal, *self.made_open]:
            if names.overlap(case.pattern, left, other.pattern, producer.common.scope.domains):
                self._out_of_reach(task, file, other, producer)
                return
        for other, producer in self.made_many:
            if producers.may_be(other, producer, file, task):
                self._out_of_reach(task, file, other, producer)
                return
        self.externals.append(External(task, file, case.pattern))

    def _out_of_reach(self, task: Task, file: File, made: File, producer: Task) -> None:
        name = shown(file.name, task.common.scope)
        where = _barrier(producer.common.path, task.common.path)
        if made.many:
            others = shown(made.name, producer.common.scope)
            message = f"{name} may be one of the files {others}, whose names only the run knows"
            hint = "only a port that gathers (`many`) reads such files"
        elif where.endswith("]"):
            loop = where.rsplit("[", 1)[-1][:-1]
            message = f"{name} is made inside the loop over {loop!r} and cannot be read from outside that iteration"
            hint = (
                "only a port that gathers (`many`) reads files of a loop from outside; or move this task into the loop"
            )
        elif where.endswith("#"):
            message = f"{name} is made inside a do-while loop and cannot be read from there"
            hint = "tasks of the body see the files of their own and of earlier iterations"
        elif "?" in where:
            message = f"{name} is made in one branch of a conditional only"
            hint = "a file can be read behind a conditional when both branches make it"
        else:
            message = f"in some iterations {name} may be the name of a file that is made elsewhere"
            hint = "give the two files names that cannot be confused"
        self.diagnostics.error("out-of-reach", file.node, message, hint, related(made.node, "it is made here"))


def _barrier(producer: str, reader: str) -> str:
    """Return the innermost loop or branch around the producer that is not around the reader: what hides the file."""
    left, right = producer.split("/"), reader.split("/")
    depth = 0
    while depth < min(len(left), len(right)) and left[depth] == right[depth]:
        depth += 1
    hidden = [part for part in left[depth:-1] if part.endswith(("]", "#")) or "?" in part]
    if hidden:
        return hidden[0]
    return next((part for part in left[:depth] if part.endswith("]")), "")
