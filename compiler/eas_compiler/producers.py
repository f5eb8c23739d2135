"""One producer for each file: no two tasks, and no two iterations of one, make the same."""

from collections.abc import Iterator

from eas_compiler import names
from eas_compiler.diagnostics import Diagnostics, related
from eas_compiler.names import Pattern
from eas_compiler.tree import File, Scope, Task, Variable


def check(made: list[tuple[File, Task]], diagnostics: Diagnostics) -> None:
    """Report files that two tasks make, or one task in two iterations."""
    known: dict[tuple[Pattern, tuple[tuple[str, names.Domain], ...]], names.Repetition | None] = {}
    for file, task in made:
        domains = task.common.scope.domains
        core = names.core(file.pattern), tuple(domains.items())  # ends that all have tell no two apart
        if core not in known or known[core] is not None:  # whose message has the whole name
            known[core] = names.repetition(file.pattern, domains)
        again = known[core]
        if again is not None:
            hint, loops = _repetition_hint(again.unused, task.common.scope)
            message = f"{again.message}: {shown(file.name, task.common.scope)}"
            places = (place for one in loops for place in one.as_related)
            diagnostics.error("two-producers", file.node, message, hint, *places)
    ordered = sorted(made, key=lambda one: (_head(one[0].pattern), one[0].node.start))
    doubled: set[int] = set()  # what they collide with, the file of which they are the second one does, too
    for number, (file, task) in enumerate(ordered):
        for other, second in _near(ordered, number) if id(file) not in doubled else ():
            if id(other) not in doubled and _collide(file, task, other, second):
                if other.pattern == file.pattern:
                    doubled.add(id(other))
                one, two = sorted((file, other), key=lambda each: each.node.start)
                message = f"a second task makes {shown(two.name, (second if two is other else task).common.scope)}"
                diagnostics.error(
                    "two-producers", two.node, message, None, related(one.node, "the first makes it here")
                )

    _check_many(made, diagnostics)


def _check_many(made: list[tuple[File, Task]], diagnostics: Diagnostics) -> None:
    """Report files that may be among those of an output which is many."""
    several = [number for number, (file, _) in enumerate(made) if file.many]
    for number in several:
        many, maker = made[number]
        for at, (file, task) in enumerate(made):
            is_seen = at == number or (file.many and at < number) or file.pattern == many.pattern
            if not is_seen and may_be(many, maker, file, task):
                one, two = sorted((many, file), key=lambda each: each.node.start)
                message = f"{shown(file.name, task.common.scope)} may be one of {shown(many.name, maker.common.scope)}"
                hint = "begin or end their names in different ways"
                diagnostics.error("two-producers", two.node, message, hint, related(one.node, "the other is made here"))


def may_be(many: File, maker: Task, file: File, task: Task) -> bool:
    """Tell whether a file may be one of those that an output makes which is many."""
    here, there = task.common.scope.domains, maker.common.scope.domains
    return names.overlap(file.directory, here, many.directory, there) and names.may_meet(file.name, many.name)


def _near(ordered: list[tuple[File, Task]], number: int) -> Iterator[tuple[File, Task]]:
    """Yield the later files whose names begin as this one does, as far as it is literal."""
    head = _head(ordered[number][0].pattern)
    for at in range(number + 1, len(ordered)):
        if not _head(ordered[at][0].pattern).startswith(head):
            return
        yield ordered[at]


def _collide(file: File, task: Task, other: File, second: Task) -> bool:
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


def _repetition_hint(unused: str | None, scope: Scope) -> tuple[str, tuple[Variable, ...]]:
    """Say how to tell iterations apart, and which loops are theirs: the one without an index, and one that hides it."""
    variable = next((variable for variable in scope.variables if variable.id == unused), None)
    if variable is None:
        return "put every loop's index in the name, with a character between them", scope.variables
    if variable.is_shard:
        return "put the rank of the shard in the name, as in 'f_{shard}.gz'.format(**metadata)", (variable,)
    name = variable.name
    inner = [one for one in scope.variables if one.id != unused and name in (one.name, *one.aliases)]
    if inner and scope.variables.index(inner[-1]) > scope.variables.index(variable):
        return f"the inner loop hides the {name!r} of the outer one: give one of them another name", (
            variable,
            inner[-1],
        )
    hint = f"put the index of the loop over {name!r} in the name, as in 'f_{{{name}_index}}.gz'.format(**metadata)"
    return hint, (variable,)


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
