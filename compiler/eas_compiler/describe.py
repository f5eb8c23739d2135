"""Descriptions: what travels in a step's environment, for `eas_worker.assignment` to evaluate."""

from __future__ import annotations

import marshal
from collections.abc import Iterable
from typing import Any, NamedTuple

from eas_compiler import names
from eas_compiler.link import Links
from eas_compiler.names import Index, Pattern
from eas_compiler.registry import TaskType
from eas_compiler.source import Node
from eas_compiler.tree import (
    Branch,
    Common,
    File,
    Group,
    Item,
    Loop,
    Question,
    Repeat,
    Scope,
    Sequence,
    Task,
    Variable,
    Variant,
)
from eas_worker import expressions


class Record(NamedTuple):
    """An artifact with records of a task: number `k` in the attempt's folder; a whole folder when there are many."""

    k: int
    path: str
    scope: Scope
    is_folder: bool


def pattern(given: Pattern, scope: Scope) -> Any:
    """Return a pattern as descriptions carry it."""
    if len(given) == 1 and isinstance(given[0], str):
        return given[0]
    return [_piece(piece, scope) for piece in given]


def _piece(piece: names.Piece, scope: Scope) -> Any:
    if isinstance(piece, str):
        return piece
    if isinstance(piece, Index):
        return {"index": piece.id} | ({"plus": piece.offset} if piece.offset else {})
    return table_of(piece, scope)


def table_of(piece: names.Table, scope: Scope) -> dict[str, Any]:
    """Return a table as descriptions carry it: nested lists, and the loops by which they are looked up."""
    firsts = [(name, scope.domains[name].first) for name in piece.ids]

    def level(prefix: tuple[int, ...]) -> Any:
        if len(prefix) == len(piece.ids):
            return piece.entries.get(prefix, "")
        domain = scope.domains[piece.ids[len(prefix)]]
        assert domain.last is not None
        return [level((*prefix, index)) for index in range(domain.first, domain.last + 1)]

    return {"table": level(()), "of": firsts}


class Types:
    """What descriptions say of task types: made once, as many tasks are alike. What is equal is the same object."""

    def __init__(self) -> None:
        self._metadata: dict[str, dict[str, Any]] = {}
        self._settings: dict[Any, dict[str, Any]] = {}

    def metadata(self, kind: TaskType) -> dict[str, Any]:
        """Return the metadata that tasks of a type emit."""
        if kind.name not in self._metadata:
            self._metadata[kind.name] = {name: _without_doc(one) for name, one in kind.metadata.items()}
        return self._metadata[kind.name]

    def settings(self, kind: TaskType, given: dict[str, Node]) -> dict[str, Any]:
        """Return what the worker needs to know of the settings of a type, of which some are given."""
        if any(isinstance(node.value, (dict, list)) for node in given.values()):
            found = _setting_types(kind.settings, given)
            return self._settings.setdefault(marshal.dumps(found, 2), found)
        key = kind.name, frozenset(name for name, node in given.items() if _texts(node.value))
        if key not in self._settings:
            found = _setting_types(kind.settings, given)
            self._settings[key] = self._settings.setdefault(marshal.dumps(found, 2), found)
        return self._settings[key]

    def any(self, given: Iterable[str]) -> dict[str, Any]:
        """Return the same of a type that takes all settings."""
        found = {name: {"type": "any"} for name in given}
        return self._settings.setdefault(marshal.dumps(found, 2), found)


class Describer:
    """Builds one description, and collects the records that its step needs."""

    def __init__(self, common: Common, scope: Scope, links: Links, types: Types) -> None:
        self.common, self.scope, self.links, self.types = common, scope, links, types
        self.sources: list[dict[str, Any]] = []
        self.records: list[Record] = []
        self._numbers: dict[str, int] = {}
        self._parameters: set[str | None] = set()
        self.loops = [self._loop(variable) for variable in scope.variables]

    def base(self, path: str, node: Node) -> dict[str, Any]:
        """Return what every description has."""
        return {"path": path, "source": node.place}

    def task(self, task: Task, variant: Variant) -> dict[str, Any]:
        """Return the description of a task of one type."""
        kind, scope = variant.type, self.scope
        overrides = task.overrides
        given = {name: member.plain() for name, member in task.settings.items()}
        requested = self._requested(task)
        resources = overrides.get("resources", {})
        ephemeral_storage_gb = resources.get("ephemeral_storage_gb", kind.container.ephemeral_storage_gb)
        found = {
            **self.base(task.common.path, task.common.node),
            "task": kind.name,
            "name": pattern(task.common.name, scope) if task.common.name is not None else None,
            "job_name": pattern(task.common.job_name, scope),
            "working_directory": pattern(task.common.directory, scope),
            "inputs": self._files(task, task.inputs, "inputs", variant) | self._gathers(task, variant),
            "outputs": self._files(task, task.outputs, "outputs", variant),
            "settings": given,
            "setting_types": self.types.settings(kind, task.settings),
            "metadata": self.types.metadata(kind),
            "qc": overrides.get("qc", {}),
            "limits": {
                "cpu": resources.get("cpu", kind.container.cpu),
                "gpu": resources.get("gpu", kind.container.gpu),
                "memory_gb": resources.get("memory_gb", kind.container.memory_gb),
                "threads": resources.get("threads", max(1, int(resources.get("cpu", kind.container.cpu)))),
                "time_s": resources.get("time_s", kind.time_limit_s),
                **({"ephemeral_storage_gb": ephemeral_storage_gb} if ephemeral_storage_gb is not None else {}),
            },
            "request": requested,
            "after": self._after(task),
            "places": self._places(task),
        }
        if overrides.get("cache") is False or any(one.many for one in task.outputs.values()):
            found["cache"] = False
        if kind.open:
            found["open"] = True
            found["setting_types"] = self.types.any(given)
        return found

    def question(self, question: Question, at: Item, own: Item | None) -> dict[str, Any]:
        """Return a question as descriptions carry it; `own` is the task whose gate answers it."""
        request: dict[str, Any] = {}
        for text in sorted(question.names):
            item = _named_item(at, text)
            request[text] = "self" if own is not None and item is own else self._number(item)
        found: dict[str, Any] = {
            "kind": question.kind,
            "at": at.common.path,
            "place": question.node.place,
            "request": request,
        }
        self._note_parameters(question.node)
        if isinstance(at, Loop):
            found["loop"] = {**at.variable.entry, "request": request}
        else:
            value = question.node.value
            found["expression"] = value if isinstance(value, str) else f"({value})"
        if isinstance(at, Repeat):
            found |= {"variable": at.variable.id, "maximum": at.maximum}
        return found

    def gate(self, description: dict[str, Any], questions: dict[str, Any]) -> dict[str, Any]:
        """Return the description of a task's gate, which judges what the task made and answers questions."""
        needless = ("metadata", "after")
        return {key: value for key, value in description.items() if key not in needless} | {"questions": questions}

    @property
    def parameters(self) -> frozenset[str | None]:
        """The parameters of the chain that the parts built so far need; None among them for all."""
        return frozenset(self._parameters)

    def finish(self, description: dict[str, Any], parameters: dict[str, Any]) -> dict[str, Any]:
        """Add what the parts built so far need."""
        everything = None in self._parameters
        used = {name: value for name, value in parameters.items() if everything or name in self._parameters}
        found = {**description, "loops": self.loops, "parameters": used, "records": self.sources}
        return {key: value for key, value in found.items() if value or key in _ALWAYS or value not in ({}, [], None)}

    # ---- parts

    def _loop(self, variable: Variable) -> dict[str, Any]:
        entry = {key: value for key, value in variable.entry.items() if key != "at"}  # the worker has it from the path
        return entry if "repeat" in entry else entry | self._range_request(variable)

    def _range_request(self, variable: Variable) -> dict[str, Any]:
        """Note what the range of a loop needs: parameters, and metadata of tasks."""
        self._parameters |= _keys_of(variable.entry.get("range"), "parameters")
        request = {text: self._number(item) for text, item in variable.requested.items()}
        return {"request": request} if request else {}

    def _files(self, task: Task, files: dict[str, File], side: str, variant: Variant) -> dict[str, Any]:
        ports = getattr(variant.type, side)
        found = {}
        for port, file in files.items():
            found[port] = {"name": pattern(file.name, self.scope), "type": ports[port].type if port in ports else "any"}
            if file.directory != task.common.directory:
                found[port]["directory"] = pattern(file.directory, self.scope)
            if port in ports and ports[port].optional:
                found[port]["optional"] = True
            if (side == "inputs" and port in ports and ports[port].many) or file.many:
                found[port]["many"] = True
            family = self.links.families.of(file.pattern) if side == "outputs" else None
            if family is not None:
                place = names.join((f"{family.folder}/",), *((Index(one, 0), "/") for one in family.ids))
                found[port]["family"] = pattern(place, self.scope)
            makers = self.links.makers.get((task.common.path, port)) if side == "inputs" else None
            if makers:
                found[port]["makers"] = list(makers)
        return found

    def _gathers(self, task: Task, variant: Variant) -> dict[str, Any]:
        found = {}
        for port, gather in task.gathers.items():
            known = variant.type.inputs.get(port)
            sources = self.links.gathered[task.common.path, port].sources
            outside = {id(one.file): number for number, one in enumerate(sources) if one.file is not None}
            found[port] = {
                "names": [self._name_of(task, file, outside) for file in gather.names],
                "type": known.type if known else "any",
                "min": known.minimum if known else 1,
            }
            if known and known.maximum is not None:
                found[port]["max"] = known.maximum
        return found

    def _name_of(self, task: Task, file: File, outside: dict[int, int]) -> dict[str, Any]:
        """Return a name that is gathered, and the number of its file among the sources when it is from outside."""
        found = {"name": pattern(file.name, self.scope)}
        if file.directory != task.common.directory:
            found["directory"] = pattern(file.directory, self.scope)
        how = "found" if names.has_wildcards(file.name) else "from"
        return found | ({how: outside[id(file)]} if id(file) in outside else {})

    def _after(self, task: Task) -> list[str]:
        """Return the patterns of the paths that a task waits for, but for the makers of single files."""
        paths = [one.item.common.path for one in task.common.requires]
        for port in task.gathers:
            paths += [item.common.path for item in self.links.gathered[task.common.path, port].items]
        return paths

    def _requested(self, task: Task) -> dict[str, int]:
        keys: set[str | None] = set()
        for node in task.settings.values():
            self._note_parameters(node)
            keys |= _keys(node, "requested_metadata")
        requested = task.common.scope.requested
        used = (
            requested
            if None in keys
            else {text: item for text, item in requested.items() if text in keys or expressions.is_expression(text)}
        )
        return {text: self._number(item) for text, item in used.items()} if keys else {}

    def _places(self, task: Task) -> dict[str, str]:
        places: dict[str, str] = {}
        for name, node in task.settings.items():
            _note_places(node, f"settings/{name}", places)
        return places

    def _note_parameters(self, node: Node) -> None:
        self._parameters |= _keys(node, "parameters")

    # ---- records of other tasks

    def _number(self, item: Item) -> int:
        """Return the number of an item's metadata among the sources, adding it when it is new."""
        path = item.common.path
        if path not in self._numbers:
            source = self._source(item)
            self._numbers[path] = len(self.sources)
            self.sources.append(source)
        return self._numbers[path]

    def _source(self, item: Item) -> dict[str, Any]:
        if isinstance(item, Task):
            number = len(self.records)
            depth = len(item.common.scope.variables)
            is_folder = item.common.scope.variables != self.scope.variables[:depth]
            self.records.append(Record(number, item.common.path, item.common.scope, is_folder))
            return {"kind": "task", "path": item.common.path, "k": number}
        if isinstance(item, Group):
            return {"kind": "group", "body": self._named(item.body)}
        if isinstance(item, Branch):
            return {
                "kind": "branch",
                "of": [self._named(body) for body in (item.then, item.otherwise) if body is not None],
            }
        depth = len(item.common.scope.variables)
        entry = item.variable.entry
        found = {"loop": entry, "depth": depth, "body": self._named(item.body)}
        if isinstance(item, Repeat):
            return {"kind": "repeat", **found}
        self._parameters |= _keys_of(entry["range"], "parameters")
        needs = {text: self._source(one) for text, one in item.variable.requested.items()}
        return {"kind": "loop", **found, "needs": needs}

    def _named(self, body: Sequence) -> list[Any]:
        scope = body.items[0].common.scope if body.items else self.scope
        return [
            [pattern(item.common.name, scope), self._source(item)]
            for item in body.items
            if item.common.name is not None
        ]


def _named_item(at: Item, text: str) -> Item:
    """Return the item that a name means in the question of flow control: a do-while sees its body's first."""
    children = {one.text: one.item for one in at.children} if isinstance(at, Repeat) else {}
    return children[text] if text in children else at.common.scope.requested[text]


_ALWAYS = ("after", "loops")


def _setting_types(specifications: dict[str, Any], given: dict[str, Node]) -> dict[str, Any]:
    """Return what the worker needs to know of settings: bounds only where the compiler could not check them."""
    found = {}
    for name, specification in specifications.items():
        node = given.get(name)
        if node is not None and isinstance(node.value, dict) and "fields" in specification:
            found[name] = {"type": "object", "fields": _setting_types(specification["fields"], node.value)}
        elif node is not None and _texts(node.plain()):
            found[name] = _without_doc(specification)
        else:
            found[name] = {key: value for key, value in specification.items() if key in ("type", "default")}
            if "fields" in specification:
                found[name]["fields"] = _setting_types(specification["fields"], {})
    return found


def _without_doc(specification: dict[str, Any]) -> dict[str, Any]:
    """Return a specification without the texts for people."""
    bare = {key: value for key, value in specification.items() if key not in ("doc", "fields")}
    if "fields" in specification:
        bare["fields"] = {name: _without_doc(field) for name, field in specification["fields"].items()}
    return bare


def _texts(given: Any) -> list[str]:
    """Return the expressions in a JSON value."""
    if isinstance(given, str):
        return [given] if expressions.is_expression(given) else []
    parts = given.values() if isinstance(given, dict) else given if isinstance(given, list) else ()
    return [text for part in parts for text in _texts(part)]


def _keys(node: Node, name: str) -> set[str | None]:
    return _keys_of(node.plain(), name)


def _keys_of(given: Any, name: str) -> set[str | None]:
    return set[str | None]().union(*(expressions.parse(text).keys(name) for text in _texts(given)))


def _note_places(node: Node, where: str, places: dict[str, str]) -> None:
    if isinstance(node.value, str):
        if expressions.is_expression(node.value) and expressions.parse(node.value).uses:
            places[where] = node.place
        return
    for key, child in node.children():
        _note_places(child, f"{where}/{key}", places)
