"""Which gate answers which question of flow control."""

from eas_compiler.parts import local_name
from eas_compiler.tree import Branch, Item, Loop, Question, Repeat, Sequence, Task, flat, walk

Asked = dict[int, tuple[Task, list[tuple[Item, Question]]]]


def asked(body: Sequence) -> Asked:
    """Return the questions that need the metadata of a single task of the same list, by that task's identity."""
    found: Asked = {}
    for sequence in _lists(body):
        here = {id(item): item for item in flat(sequence)}
        for item in here.values():
            if isinstance(item, Repeat):
                requested = item.common.scope.requested | {one.text: one.item for one in item.children}
                _attribute(item, item.criterion, requested, {id(one) for one in flat(item.body)}, found)
            elif isinstance(item, (Loop, Branch)):
                question = item.number if isinstance(item, Loop) else item.criterion
                _attribute(item, question, item.common.scope.requested, set(here), found)
    return found


def _attribute(item: Item, question: Question, requested: dict[str, Item], here: set[int], found: Asked) -> None:
    if question.table is not None or len(question.names) != 1:
        return
    target = requested[next(iter(question.names))]
    if isinstance(target, Task) and id(target) in here:
        found.setdefault(id(target), (target, []))[1].append((item, question))


def _lists(body: Sequence) -> list[Sequence]:
    """Return the chain's list and those of all units."""
    found = [body]
    for item in walk(body):
        if isinstance(item, (Loop, Repeat)):
            found.append(item.body)
        elif isinstance(item, Branch):
            found += [branch for branch in (item.then, item.otherwise) if branch is not None]
    return found


def key_of(item: Item) -> str:
    """Name the question of an item among those that a gate answers."""
    return "again" if isinstance(item, Repeat) else local_name(item.common.path)
