"""A chain as a picture, for Graphviz (DOT) or Mermaid: what makes what from what.

Loops, branches and do-whiles are frames around their tasks, each drawn once however often it runs. What an author wrote
stands in quoted labels only, with every character that means something to a drawing program escaped.
"""

from collections.abc import Iterator
from typing import NamedTuple

from eas_compiler import names
from eas_compiler.link import External, Links, shown
from eas_compiler.names import Pattern
from eas_compiler.render import visible
from eas_compiler.tree import Branch, Chain, File, Group, Item, Loop, Repeat, Sequence, Task, walk

_LONGEST = 60
"""Characters of an expression or a name that are shown."""


class _Box(NamedTuple):
    """A task, the question of a conditional, or a file from outside the chain; `kind` says which."""

    id: str
    kind: str
    lines: tuple[str, ...]


class _Frame(NamedTuple):
    """What is drawn around the tasks of a loop, a branch or a do-while."""

    id: str
    title: str
    parts: list["_Box | _Frame"]


class _Arrow(NamedTuple):
    """From one box or frame to another: a `file`, `metadata` that is asked for, or a `branch` that is taken."""

    kind: str
    start: str
    end: str
    text: str


def to_dot(chain: Chain, links: Links) -> str:
    """Return a chain as a directed graph for Graphviz."""
    drawing = _Drawing(chain, links)
    inside = _boxes_by_frame(drawing.parts)
    lines = ["digraph chain {", "  compound=true;", "  node [shape=box];"]
    lines += _dot_parts(drawing.parts, "  ")
    for arrow in drawing.arrows:
        ends = {"lhead": arrow.end, "ltail": arrow.start}
        given = [f"{side}={frame}" for side, frame in ends.items() if frame in inside]
        given += [f"label={_dot_text(arrow.text)}"] if arrow.text else []
        given += ["style=dashed"] if arrow.kind == "metadata" else []
        start, end = (inside.get(name, name) for name in (arrow.start, arrow.end))
        lines.append(f"  {start} -> {end}" + (f" [{', '.join(given)}]" if given else "") + ";")
    return "\n".join([*lines, "}", ""])


def to_mermaid(chain: Chain, links: Links) -> str:
    """Return a chain as a flow chart for Mermaid."""
    drawing = _Drawing(chain, links)
    lines = ["flowchart TD", *_mermaid_parts(drawing.parts, "  ")]
    for arrow in drawing.arrows:
        line = "-.->" if arrow.kind == "metadata" else "-->"
        text = f'|"{_mermaid_text(arrow.text)}"|' if arrow.text else ""
        lines.append(f"  {arrow.start} {line}{text} {arrow.end}")
    return "\n".join([*lines, ""])


class _Drawing:
    """The boxes, frames and arrows of a chain."""

    def __init__(self, chain: Chain, links: Links) -> None:
        self.arrows: list[_Arrow] = []
        self._ids: dict[str, str] = {}
        self.parts = self._list(chain.body)
        tasks = [item for item in walk(chain.body) if isinstance(item, Task)]
        self._makers: dict[Pattern, list[Task]] = {}
        for task in tasks:
            for file in task.outputs.values():
                self._makers.setdefault(file.pattern, []).append(task)
        for item in walk(chain.body):
            self._requests(item)
        for task in tasks:
            for file in task.inputs.values():
                self._reads(task, file)
            for port in task.gathers:
                self._gathers(task, port, links)
        self._externals(links.externals)

    def _list(self, sequence: Sequence) -> list[_Box | _Frame]:
        return [part for item in sequence.items for part in self._item(item)]

    def _item(self, item: Item) -> Iterator[_Box | _Frame]:
        path = item.common.path
        if isinstance(item, Task):
            yield _Box(self._id(path), "task", _title(item))
        elif isinstance(item, Group):
            yield from self._list(item.body)
        elif isinstance(item, (Loop, Repeat)):
            yield self._frame(path, _title(item)[0], item.body)
        else:
            question = _Box(self._id(path), "question", _title(item))
            yield question
            for name, body in (("then", item.then), ("else", item.otherwise)):
                if body is not None:
                    frame = self._frame(body.path, name, body)
                    self.arrows.append(_Arrow("branch", question.id, frame.id, name))
                    yield frame

    def _frame(self, path: str, title: str, body: Sequence) -> _Frame:
        frame = self._id(path, "cluster_")
        return _Frame(frame, title, self._list(body) or [_Box(f"{frame}_empty", "task", ("nothing",))])

    def _id(self, path: str, prefix: str = "n") -> str:
        """Return a name for what is at a path, in which nothing stands that an author wrote."""
        return self._ids.setdefault(path, f"{prefix}{len(self._ids)}")

    # ---- arrows

    def _requests(self, item: Item) -> None:
        ends = [item] if not isinstance(item, Group) else [one for one in walk(item.body) if isinstance(one, Task)]
        for requirement in item.common.requires:
            for end in ends:
                for start in _shown_as(requirement.item):
                    self.arrows.append(_Arrow("metadata", self._id(start), self._id(end.common.path), ""))

    def _reads(self, task: Task, file: File) -> None:
        for maker in self._makers.get(file.pattern) or self._other_makers(task, file):
            text = shown(file.name, task.common.scope)[1:-1]
            self.arrows.append(_Arrow("file", self._id(maker.common.path), self._id(task.common.path), text))

    def _gathers(self, task: Task, port: str, links: Links) -> None:
        for file, makers in zip(task.gathers[port].names, links.families.makers[task.common.path, port], strict=True):
            text = shown(file.name, task.common.scope)[1:-1]
            starts = dict.fromkeys(maker.common.path for _, maker in makers)
            self.arrows += [_Arrow("file", self._id(start), self._id(task.common.path), text) for start in starts]

    def _other_makers(self, task: Task, file: File) -> list[Task]:
        """Return the tasks that make the file under another pattern, as in earlier iterations of a do-while."""
        here = task.common.scope.domains
        found = []
        for pattern, makers in self._makers.items():
            if names.overlap(file.pattern, here, pattern, makers[0].common.scope.domains):
                found += makers
        return found

    def _externals(self, externals: tuple[External, ...]) -> None:
        for one in externals:
            name = shown(one.file.name, one.task.common.scope)[1:-1]
            box = _Box(self._id(f"file {name}"), "file", (name,))
            if box not in self.parts:
                self.parts.append(box)
            arrow = _Arrow("file", box.id, self._id(one.task.common.path), "")
            if arrow not in self.arrows:
                self.arrows.append(arrow)


def _title(item: Item) -> tuple[str, ...]:
    """Say what an item is, in one line or two."""
    name = (shown(item.common.name, item.common.scope)[1:-1],) if item.common.name else ()
    if isinstance(item, Task):
        return (*name, " or ".join(variant.type.name for variant in item.variants))
    if isinstance(item, Loop):
        times = item.number.table.constant if item.number.table is not None else None
        often = "" if times is None else " (once)" if times == 1 else f" ({times} times)"
        return (f"for each {item.variable.name}{often}",)
    if isinstance(item, Repeat):
        return (f"again while {_short(item.criterion.node.value)} (at most {item.maximum} times)",)
    return (_short(item.criterion.node.value),) if isinstance(item, Branch) else name


def _shown_as(item: Item) -> list[str]:
    """Return the paths of the boxes or frames that stand for an item: of a sub-chain those of its tasks."""
    if isinstance(item, Group):
        return [path for inner in item.body.items for path in _shown_as(inner)]
    return [item.common.path]


def _short(value: object) -> str:
    text = str(value).strip()
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


# --------------------------------------------------------------------------------------------------------------------
# DOT

_SHAPES = {"task": "", "question": ", shape=diamond", "file": ", shape=note"}


def _boxes_by_frame(parts: list[_Box | _Frame]) -> dict[str, str]:
    """Return a box of each frame: Graphviz draws arrows between boxes only, and cuts them off at frames."""
    found: dict[str, str] = {}
    for part in parts:
        if isinstance(part, _Frame):
            found |= _boxes_by_frame(part.parts)
            first = part.parts[0]
            found[part.id] = first.id if isinstance(first, _Box) else found[first.id]
    return found


def _dot_parts(parts: list[_Box | _Frame], indent: str) -> Iterator[str]:
    for part in parts:
        if isinstance(part, _Box):
            yield f"{indent}{part.id} [label={_dot_text(*part.lines)}{_SHAPES[part.kind]}];"
        else:
            yield f"{indent}subgraph {part.id} {{"
            yield f"{indent}  label={_dot_text(part.title)};"
            yield from _dot_parts(part.parts, f"{indent}  ")
            yield f"{indent}}}"


def _dot_text(*lines: str) -> str:
    escaped = [visible(line).replace("\\", "\\\\").replace('"', '\\"') for line in lines]
    return '"' + "\\n".join(escaped) + '"'


# --------------------------------------------------------------------------------------------------------------------
# Mermaid

_BRACKETS = {"task": ("[", "]"), "question": ("{", "}"), "file": ("[/", "/]")}


def _mermaid_parts(parts: list[_Box | _Frame], indent: str) -> Iterator[str]:
    for part in parts:
        if isinstance(part, _Box):
            open_, close = _BRACKETS[part.kind]
            text = "<br/>".join(map(_mermaid_text, part.lines))
            yield f'{indent}{part.id}{open_}"{text}"{close}'
        else:
            yield f'{indent}subgraph {part.id}["{_mermaid_text(part.title)}"]'
            yield from _mermaid_parts(part.parts, f"{indent}  ")
            yield f"{indent}end"


def _mermaid_text(text: str) -> str:
    """Return a text in which what Mermaid or HTML could take for its own stands as numbers of characters."""
    plain = " _-.,()[]{}=:/+*'"
    return "".join(one if one.isalnum() or one in plain else f"#{ord(one)};" for one in visible(text))
