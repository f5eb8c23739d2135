"""Pass 3, link: files and metadata to edges.

Invariant of the result, when nothing was reported: every file has one producer in the run; every input is made by a
task that its reader can see, or comes from outside the chain; what the items of each list wait for forms no circle.
Cost does not grow with iterations.
"""

from collections.abc import Iterator
from typing import NamedTuple

from eas_compiler import names
from eas_compiler.diagnostics import Diagnostics, related
from eas_compiler.names import Indices, Pattern
from eas_compiler.tree import (
    Branch,
    Chain,
    File,
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


class Wait(NamedTuple):
    """An item of the same list that has to be there first.

    `file` is set when a file is waited for that both branches of the conditional `item` make. With `where`, the wait
    concerns only these combinations of the indices of `ids`.
    """

    item: Item
    file: Pattern | None
    ids: tuple[str, ...]
    where: frozenset[tuple[int, ...]] | None


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
    """

    waits: dict[str, tuple[Wait, ...]]
    externals: tuple[External, ...]
    exports: dict[str, tuple[Pattern, ...]]
    makers: dict[tuple[str, str], tuple[str, ...]]
    earlier: dict[str, tuple[Earlier, ...]]


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
    linker.check_producers()
    linker.descend(chain.body, chain.body.path, Scope((), chain.parameters, {}), (), (), None)
    linker.check_circles()
    waits = {path: tuple(found) for path, found in linker.waits.items()}
    return Links(
        waits,
        tuple(linker.externals),
        linker.exports,
        linker.makers,
        {path: tuple(found) for path, found in linker.earlier.items()},
    )


class _Linker:
    def __init__(self, chain: Chain, diagnostics: Diagnostics) -> None:
        self.diagnostics = diagnostics
        self.made: list[tuple[File, Task]] = [
            (file, item) for item in walk(chain.body) if isinstance(item, Task) for file in item.outputs.values()
        ]
        self.visible: dict[str, list[_Visible]] = {}
        self.literal: dict[str, dict[Pattern, list[_Visible]]] = {}
        self.exports: dict[str, tuple[Pattern, ...]] = {}
        self.waits: dict[str, list[Wait]] = {}
        self.lists: dict[str, list[Item]] = {}
        self.externals: list[External] = []
        self.makers: dict[tuple[str, str], tuple[str, ...]] = {}
        self.earlier: dict[str, list[Earlier]] = {}

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
                found.extend(_Visible(file.pattern, item) for file in item.outputs.values())
            elif isinstance(item, Branch) and len(inside) == 2:
                other = {one.pattern for one in inside[1]}
                both = tuple(dict.fromkeys(one.pattern for one in inside[0] if one.pattern in other))
                self.exports[item.common.path] = both
                found.extend(_Visible(pattern, item) for pattern in both)
        index = self.literal[where] = {}
        for one in found:
            index.setdefault(one.pattern, []).append(one)
        return found

    # ---- one producer for each file

    def check_producers(self) -> None:
        for file, task in self.made:
            domains = task.common.scope.domains
            again = names.repetition(file.pattern, domains)
            if again is not None:
                hint = _repetition_hint(again.unused, task.common.scope)
                message = f"{again.message}: {shown(file.name, task.common.scope)}"
                self.diagnostics.error("two-producers", file.node, message, hint)
        ordered = sorted(self.made, key=lambda one: (_head(one[0].pattern), one[0].node.start))
        for number, (file, task) in enumerate(ordered):
            for other, second in self._near(ordered, number):
                if self._collide(file, task, other, second):
                    one, two = sorted((file, other), key=lambda each: each.node.start)
                    message = f"a second task makes {shown(two.name, (second if two is other else task).common.scope)}"
                    self.diagnostics.error(
                        "two-producers", two.node, message, None, related(one.node, "the first makes it here")
                    )

    def _near(self, ordered: list[tuple[File, Task]], number: int) -> Iterator[tuple[File, Task]]:
        """Yield the later files whose names begin as this one does, as far as it is literal."""
        head = _head(ordered[number][0].pattern)
        for other in ordered[number + 1 :]:
            if not _head(other[0].pattern).startswith(head):
                return
            yield other

    def _collide(self, file: File, task: Task, other: File, second: Task) -> bool:
        if file.pattern == other.pattern and _opposite(task.common.path, second.common.path) is not None:
            return False
        one, two = task.common.scope.domains, second.common.scope.domains
        if not names.overlap(file.pattern, one, other.pattern, two):
            return False
        shared = _opposite(task.common.path, second.common.path)
        if shared is None:
            return True
        common = list(one)[:shared]
        sizes = [names.size(names.variables(each.pattern), domains) for each, domains in ((file, one), (other, two))]
        if any(size is None or size > names.MAX_TABLE for size in sizes):
            return True
        listed = [_by_text(each.pattern, domains, common) for each, domains in ((file, one), (other, two))]
        return any(listed[0][text] != listed[1][text] for text in listed[0].keys() & listed[1].keys())

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
            here = {id(item) for item in self.lists[frame.path]}
            for target in targets:
                if id(target) in here:
                    self._wait(frame.unit, Wait(target, None, (), None))

    def _wait(self, unit: str, wait: Wait) -> None:
        waits = self.waits.setdefault(unit, [])
        for number, other in enumerate(waits):
            if other.item is wait.item and other.file == wait.file:
                same = other.ids == wait.ids and other.where is not None and wait.where is not None
                where = other.where | wait.where if same and other.where and wait.where else None
                waits[number] = other._replace(where=where, ids=other.ids if where else ())
                return
        waits.append(wait)

    def _find(self, task: Task, file: File, frames: tuple[_Frame, ...]) -> None:
        cases = [_Case(file.pattern, {})]
        domains = task.common.scope.domains
        for frame in reversed(frames):
            found: list[_Found] = []
            cases = [rest for case in cases for rest in self._search(case, frame, domains, found)]
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
        for visible in self.literal[frame.path].get(case.pattern, ()) if not case.fixed else ():
            found.append(_Found(frame, visible, case.fixed))
            return []
        for visible in self.visible[frame.path]:
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

    # ---- files that nobody in sight makes

    def _outside(self, task: Task, file: File, case: _Case, domains: names.Domains) -> None:
        left = {name: domain for name, domain in domains.items() if name not in case.fixed}
        for other, producer in self.made:
            if names.overlap(case.pattern, left, other.pattern, producer.common.scope.domains):
                self._out_of_reach(task, file, other, producer)
                return
        self.externals.append(External(task, file, case.pattern))

    def _out_of_reach(self, task: Task, file: File, made: File, producer: Task) -> None:
        name = shown(file.name, task.common.scope)
        where = _barrier(producer.common.path, task.common.path)
        if where.endswith("]"):
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

    # ---- circles

    def check_circles(self) -> None:
        for items in self.lists.values():
            state: dict[str, int] = {}
            for item in items:
                self._visit(item, state, [])

    def _visit(self, item: Item, state: dict[str, int], stack: list[Item]) -> None:
        """Walk an item's waits depth first; an item that is met again on the way closes a circle."""
        todo = [(item, iter(self._all_waits(item)))]
        if state.get(item.common.path):
            return
        state[item.common.path] = 1
        stack.append(item)
        while todo:
            current, waits = todo[-1]
            step = next(waits, None)
            if step is None:
                todo.pop()
                stack.pop()
                state[current.common.path] = 2
                continue
            target = step.item
            if state.get(target.common.path) == 1:
                self._circle(stack[[one.common.path for one in stack].index(target.common.path) :])
            elif not state.get(target.common.path):
                state[target.common.path] = 1
                stack.append(target)
                todo.append((target, iter(self._all_waits(target))))

    def _all_waits(self, item: Item) -> list[Wait]:
        units = [item.common.path, *(body.path for body in bodies(item) if isinstance(item, Branch))]
        return [wait for unit in units for wait in self.waits.get(unit, ())]

    def _circle(self, circle: list[Item]) -> None:
        start = min(range(len(circle)), key=lambda at: circle[at].common.node.start)
        circle = circle[start:] + circle[:start]
        path = " → ".join(map(label, [*circle, circle[0]]))
        at = circle[0].common.node.value.get("task", circle[0].common.node)
        places = [
            related(one.common.node.value["task"], f"{label(one)} is here")
            for one in circle[1:]
            if "task" in one.common.node.value
        ]
        message = (
            f"these tasks wait for each other in a circle: {path}"
            if len(circle) > 1
            else f"{label(circle[0])} waits for itself"
        )
        hint = "a loop, a do-while and a branch wait as a whole for all that their inside needs"
        self.diagnostics.error(
            "circle", at, message, hint if any(not isinstance(one, Task) for one in circle) else None, *places
        )


def label(item: Item) -> str:
    """Name an item for people: its name, else what it is, and where."""
    name = item.common.name
    what = item.common.node.value["task"].value if "task" in item.common.node.value else "task"
    return f"{name[0]!r}" if name is not None and len(name) == 1 else f"{what} ({item.common.path})"


def shown(pattern: Pattern, scope: Scope) -> str:
    """Write a pattern for people: `evs_{size_index}.gz`."""
    by_id = {variable.id: variable.name for variable in scope.variables}

    def piece(one: names.Piece) -> str:
        if isinstance(one, str):
            return one
        if isinstance(one, names.Index):
            plus = f"{one.offset:+d}" if one.offset else ""
            return f"{{{by_id.get(one.id, one.id)}_index{plus}}}"
        return "{" + ",".join(by_id.get(name, name) for name in one.ids) + "}"

    return repr("".join(map(piece, pattern)))


def _repetition_hint(unused: str | None, scope: Scope) -> str:
    name = next((variable.name for variable in scope.variables if variable.id == unused), None)
    if name is None:
        return "put every loop's index in the name, with a character between them"
    return f"put the index of the loop over {name!r} in the name, as in 'f_{{{name}_index}}.gz'.format(**metadata)"


def _head(pattern: Pattern) -> str:
    return pattern[0] if pattern and isinstance(pattern[0], str) else ""


def _by_text(pattern: Pattern, domains: names.Domains, common: list[str]) -> dict[str, tuple[int | None, ...]]:
    ids = sorted(names.variables(pattern))
    found = names.combinations(ids, domains)
    return {names.text(pattern, at): tuple(at.get(name) for name in common) for at in found}


def _opposite(one: str, two: str) -> int | None:
    """Return how many loops are around both when the paths lie in opposite branches of one conditional; else None."""
    loops = 0
    for left, right in zip(one.split("/"), two.split("/"), strict=False):
        if left != right:
            is_same = left.split("?")[0] == right.split("?")[0] and "?" in left and "?" in right
            return loops if is_same else None
        loops += left.endswith(("]", "#"))
    return None


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
