"""Pass 2, resolve: document and registry to the typed chain, every expression classed, every static one folded.

Invariant of the result, when nothing was reported: every task type, port, setting, name and loop variable that is
mentioned exists; texts that the manifest needs are patterns over loop indices; each question (criterion, number of
iterations) has its answers in a table, or is late.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from eas_compiler import criteria, document, evaluate, leaf, names, ranges
from eas_compiler.describe import pattern as described
from eas_compiler.diagnostics import Diagnostics, did_you_mean, related
from eas_compiler.names import Domain, Pattern
from eas_compiler.registry import FLOW_CONTROL, Registry
from eas_compiler.source import Node
from eas_compiler.tree import (
    Branch,
    Chain,
    Common,
    Group,
    IndexTable,
    Item,
    Loop,
    Question,
    Repeat,
    Requirement,
    Scope,
    Sequence,
    Task,
    Variable,
)
from eas_worker.assignment import LONGEST_PATH_BYTES
from eas_worker.expressions import ExpressionError
from eas_worker.ranges import SHARDS

MAX_ITERATIONS = 50
MAX_LABEL = 1_000
"""The most characters of the name of a task or a job, which each description and report repeats."""
MAX_REPEAT_DEPTH = 90
"""Iterations of do-whiles nest in Argo, which ends at a depth of 100."""
_MAX_SHOWN = 20
"""How many names a hint lists."""
_COMMON: dict[str, type] = {
    "task": str,
    "name": str,
    "requires_metadata_from": list,
    "job_name": str,
    "working_directory": str,
}
_FIELDS: dict[str, dict[str, type]] = {
    "execution_chain": {"task_list": list},
    "execution_for_loop": {"parameter": str, **dict.fromkeys(ranges.FORMS, object), "task_list": list},
    "execution_conditional": {"criterion": object, "task_list": list, "else_task_list": list},
    "execution_do_while_loop": {
        "iteration_name": str,
        "requires_metadata_from_child": list,
        "repeat_criterion": object,
        "task_list": list,
        "max_iterations": object,
    },
}
FIELDS = {kind: _COMMON | own for kind, own in _FIELDS.items()}
"""The fields of each kind of flow control."""
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_INDEX = len("=1000000000")


def resolve(
    root: Node,
    registry: Registry,
    stem: str,
    overrides: dict[str, Any],
    diagnostics: Diagnostics,
    preset: str | None = None,
) -> Chain | None:
    """Return the typed chain; None when there is no task list at all. `stem` names a chain that has no `job_name`.

    Parameters have the values of a preset where it gives them some, and those of `overrides` before all others.
    """
    fields = document.members(root, document.TOP, diagnostics, "a chain")
    given = fields["parameters"].value if "parameters" in fields else {}
    presets = document.presets(fields.get("presets"), given, overrides, diagnostics)
    given = given | presets.get(preset or "", {})
    parameters = document.Parameters(given, overrides, diagnostics, len(root.source.text)).all()
    scope = Scope((), parameters, {})
    job_name = _top(fields.get("job_name"), stem, scope, diagnostics)
    directory = _top_directory(
        fields.get("working_directory"), fields.get("job_name", root), job_name, scope, diagnostics
    )
    if "task_list" not in fields:
        if isinstance(root.value, dict) and "task_list" not in root.value:
            diagnostics.error("missing-key", root._replace(end=root.start + 1), "the chain has no task_list")
        return None
    resolver = _Resolver(registry, diagnostics)
    where = _Where(scope, (job_name,), (directory,), _Labels({}, None), {})
    body = resolver.sequence(fields["task_list"], "", where)
    return Chain(
        node=root,
        job_name=job_name,
        working_directory=directory,
        parameters=parameters,
        subject=fields["subject"].plain() if "subject" in fields else {},
        tags=tuple(item.value for item in document.texts(fields["tags"], diagnostics, "a tag"))
        if "tags" in fields
        else (),
        body=body,
    )


def _top(node: Node | None, default: str, scope: Scope, diagnostics: Diagnostics) -> str:
    pattern = _label(node, scope, diagnostics, "job_name") if node is not None else None
    return names.text(pattern, {}) if pattern is not None else default


def _label(node: Node, scope: Scope, diagnostics: Diagnostics, what: str) -> Pattern | None:
    """Return a name for people as a pattern; None when it is wrong, which is reported."""
    pattern = evaluate.pattern(node, scope, diagnostics, what)
    longest = max(map(len, names.examples(pattern, scope.domains)), default=0) if pattern is not None else 0
    if longest <= MAX_LABEL:
        return pattern
    message = f"{what} has {longest:,} characters; at most {MAX_LABEL:,} are possible"
    diagnostics.error("too-large", node, message, "`description` is free text")
    return None


def _top_directory(node: Node | None, at: Node, default: str, scope: Scope, diagnostics: Diagnostics) -> str:
    pattern = leaf.directory_name(node or at._replace(value=default), scope, diagnostics)
    return names.text(pattern, {}) if pattern else default


class _Labels(NamedTuple):
    """The names that a list's earlier tasks have, and those of the lists around it."""

    here: dict[Pattern, Item]
    outer: _Labels | None

    def find(self, pattern: Pattern) -> Item | None:
        if pattern in self.here:
            return self.here[pattern]
        return self.outer.find(pattern) if self.outer else None

    def texts(self) -> list[str]:
        mine = [str(pattern[0]) for pattern in self.here if len(pattern) == 1]
        return mine + (self.outer.texts() if self.outer else [])


class _VariableName(NamedTuple):
    """A loop variable's name: the first that it has, the others, how descriptions carry it, and what it depends on."""

    name: str
    aliases: tuple[str, ...]
    text: Any
    ids: frozenset[str]


class _Where(NamedTuple):
    """What a list hands down to its tasks."""

    scope: Scope
    job_name: Pattern
    directory: Pattern
    labels: _Labels
    later: dict[str, Node]


class _Resolver:
    """Walks the document from the outside in, and lists in their order."""

    def __init__(self, registry: Registry, diagnostics: Diagnostics) -> None:
        self.registry, self.diagnostics = registry, diagnostics

    def sequence(self, node: Node, path: str, where: _Where) -> Sequence:
        """Resolve a list of tasks."""
        if not node.value:
            self.diagnostics.warning("empty-list", node, "the task list is empty")
        later: dict[str, Node] = {}
        for item in node.value:
            name = item.value.get("name") if isinstance(item.value, dict) else None
            if name is not None and isinstance(name.value, str):
                later.setdefault(name.value, name)
        labels = _Labels({}, where.labels)
        where = where._replace(labels=labels, later=later)
        items = []
        for number, item_node in enumerate(node.value):
            item = self.item(item_node, f"{path}/t{number}", where)
            if item is not None:
                items.append(item)
                self._label(item, labels)
        return Sequence(path, tuple(items))

    def _label(self, item: Item, labels: _Labels) -> None:
        name = item.common.name
        if name is None:
            return
        node = item.common.node.value["name"]
        if name in labels.here:
            other = labels.here[name].common.node.value["name"]
            message = f"the name {node.value!r} is there twice in this list"
            self.diagnostics.error("duplicate-name", node, message, None, related(other, "first here"))
            return
        labels.here[name] = item

    def item(self, node: Node, path: str, where: _Where) -> Item | None:
        """Resolve one task descriptor."""
        if not isinstance(node.value, dict):
            self.diagnostics.error("type", node, f"a task must be an object, not {document.kind(node)}")
            return None
        if "task" not in node.value:
            first = node._replace(end=node.start + 1)
            self.diagnostics.error("missing-key", first, "the task has no `task`, which says what kind it is")
            return None
        kind = node.value["task"].value
        if kind not in FLOW_CONTROL:
            return self._copies(node, path, where) if SHARDS in node.value else self._leaf(node, path, where)
        fields = document.members(node, FIELDS[kind], self.diagnostics, kind)
        common, where = self._common(node, path, where)
        make: dict[str, Callable[[Common, dict[str, Node], _Where], Item]] = {
            "execution_chain": self._group,
            "execution_for_loop": self._loop,
            "execution_conditional": self._branch,
            "execution_do_while_loop": self._repeat,
        }
        return make[kind](common, fields, where)

    def _leaf(self, node: Node, path: str, where: _Where) -> Task:
        common, where = self._common(node, path, where)
        self._check_path(common)
        return leaf.task(common, where.directory, self.registry, self.diagnostics)

    def _copies(self, node: Node, path: str, where: _Where) -> Loop:
        """Resolve a task with `shards`: a loop over ranks around the task.

        The loop has what says when the copies start, and how others ask for them; the task all that may differ.
        """
        loop, where = self._asking(node, path, where)
        given = ranges.of_form(SHARDS, node.value[SHARDS], loop, where.scope, self.diagnostics)
        variable = _variable(loop, _VariableName("shard", (), "shard", frozenset()), given)
        where = _with(where, variable)
        where = self._placed(node, where)
        body = f"{path}[shard]"
        common = Common(f"{body}/t0", node, where.scope, loop.name, (), where.job_name, where.directory)
        self._check_path(common)
        task = leaf.task(common, where.directory, self.registry, self.diagnostics)
        return Loop(loop, variable, given.number or _unknown(loop), Sequence(body, (task,)))

    def _common(self, node: Node, path: str, where: _Where) -> tuple[Common, _Where]:
        common, where = self._asking(node, path, where)
        where = self._placed(node, where)
        return common._replace(job_name=where.job_name, directory=where.directory), where

    def _asking(self, node: Node, path: str, where: _Where) -> tuple[Common, _Where]:
        """Resolve what others call a task, and whose metadata it asks for, which its other fields see."""
        members, scope = node.value, where.scope
        requires = self._requires(members.get("requires_metadata_from"), where)
        scope = _asking_for(scope, requires, members.get("requires_metadata_from"))
        name = None
        if "name" in members and document.of_type(members["name"], str, self.diagnostics, "name"):
            name = _label(members["name"], scope, self.diagnostics, "name")
        return Common(path, node, scope, name, requires, where.job_name, where.directory), where._replace(scope=scope)

    def _placed(self, node: Node, where: _Where) -> _Where:
        """Resolve the job's name and the directory."""
        job_name, directory = node.value.get("job_name"), node.value.get("working_directory")
        if job_name is not None:
            pattern = _label(job_name, where.scope, self.diagnostics, "job_name")
            where = where._replace(job_name=pattern or where.job_name)
        if directory is not None:
            pattern = leaf.directory_name(directory, where.scope, self.diagnostics)
            where = where._replace(directory=pattern or where.directory)
        return where

    def _check_path(self, common: Common) -> None:
        most = len(common.path)
        for one in common.scope.variables:
            most += _INDEX + max(map(len, (one.name, *one.aliases))) - len(one.name)
        if most > LONGEST_PATH_BYTES:
            message = f"the path of this task may take {most} bytes; {LONGEST_PATH_BYTES} are possible"
            loops = (place for one in common.scope.variables for place in one.as_related)
            hint = "give loops shorter parameters"
            self.diagnostics.error("too-large", common.node.value["task"], message, hint, *loops)

    def _requires(self, node: Node | None, where: _Where) -> tuple[Requirement, ...]:
        if node is None or not isinstance(node.value, list):
            if node is not None:
                document.of_type(node, list, self.diagnostics, "requires_metadata_from")
            return ()
        found = []
        for entry in document.texts(node, self.diagnostics, "a name in requires_metadata_from"):
            pattern = evaluate.pattern(entry, where.scope, self.diagnostics, "a name in requires_metadata_from")
            item = where.labels.find(pattern) if pattern is not None else None
            if item is not None:
                found.append(Requirement(entry.value, entry, item))
            elif pattern is not None:
                self._unknown_requirement(entry, where)
        return tuple(found)

    def _unknown_requirement(self, entry: Node, where: _Where) -> None:
        if entry.value in where.later:
            later = where.later[entry.value]
            message = f"{entry.value!r} is not an earlier task of this list"
            place = related(later, "it is here")
            self.diagnostics.error("later-name", entry, message, "move this task behind it", place)
            return
        known = where.labels.texts()
        none = "no earlier task of this list or one around it has a name"
        some = f"names in reach: {', '.join(known[:_MAX_SHOWN])}{', …' if len(known) > _MAX_SHOWN else ''}"
        hint = self.diagnostics.did_you_mean(entry.value, known) or (some if known else none)
        self.diagnostics.error("unknown-name", entry, f"no earlier task is named {entry.value!r}", hint)

    def _task_list(self, fields: dict[str, Node], key: str, path: str, where: _Where) -> Sequence | None:
        return self.sequence(fields[key], path, where) if key in fields else None

    def _missing(self, common: Common, key: str) -> None:
        given, kind = common.node.value, common.node.value["task"]
        fields = FIELDS[kind.value]
        meant = [did_you_mean(one, fields) for one in given if one not in fields]
        if key not in given and f"did you mean {key!r}?" not in meant:
            self.diagnostics.error("missing-key", kind, f"{kind.value} needs {key!r}")

    # ---- execution_chain

    def _group(self, common: Common, fields: dict[str, Node], where: _Where) -> Group:
        self._missing(common, "task_list")
        body = self._task_list(fields, "task_list", common.path, where)
        return Group(common, body or Sequence(common.path, ()))

    # ---- execution_for_loop

    def _loop(self, common: Common, fields: dict[str, Node], where: _Where) -> Loop:
        self._missing(common, "parameter")
        self._missing(common, "task_list")
        name = self._variable_name(fields.get("parameter"), "parameter", where.scope)
        given = ranges.resolve(common, fields, where.scope, self.diagnostics)
        variable = _variable(common, name, given)
        path = f"{common.path}[{variable.name}]"
        body = self._task_list(fields, "task_list", path, _with(where, variable))
        return Loop(common, variable, given.number or _unknown(common), body or Sequence(path, ()))

    def _variable_name(self, node: Node | None, what: str, scope: Scope) -> _VariableName:
        unknown = _VariableName("", (), "", frozenset())
        pattern = evaluate.pattern(node, scope, self.diagnostics, what) if node is not None else None
        if node is None or pattern is None:
            return unknown
        ids = frozenset(names.variables(pattern))
        try:
            texts = list(dict.fromkeys(names.text(pattern, at) for at in evaluate.combinations(ids, scope)))
        except ExpressionError as error:
            self.diagnostics.error("too-many-names", node, f"{what} would need a table: {error.message}")
            return unknown
        for name in texts:
            if not _IDENTIFIER.match(name):
                message = f"{what} {name!r} is no name of a variable"
                hint = "letters, digits and _, at most 63, no digit first"
                self.diagnostics.error("variable-name", node, message, hint)
                return unknown
        if not texts:
            return unknown
        return _VariableName(texts[0], tuple(texts[1:]), described(pattern, scope), ids)

    # ---- execution_conditional

    def _branch(self, common: Common, fields: dict[str, Node], where: _Where) -> Branch:
        self._missing(common, "criterion")
        if not {"task_list", "else_task_list"} & set(common.node.value):
            self._missing(common, "task_list")
        criterion = self._criterion("criterion", fields, where.scope, common)
        then = self._task_list(fields, "task_list", f"{common.path}?then", where)
        otherwise = self._task_list(fields, "else_task_list", f"{common.path}?else", where)
        return Branch(common, criterion, then, otherwise)

    def _criterion(
        self, kind: str, fields: dict[str, Node], scope: Scope, common: Common, last: tuple[str, int] | None = None
    ) -> Question:
        found = criteria.resolve(kind, fields[kind], scope, self.diagnostics, last) if kind in fields else None
        return found or _unknown(common)

    # ---- execution_do_while_loop

    def _repeat(self, common: Common, fields: dict[str, Node], where: _Where) -> Repeat:
        for key in ("iteration_name", "repeat_criterion", "task_list"):
            self._missing(common, key)
        name, aliases, text, ids = self._variable_name(fields.get("iteration_name"), "iteration_name", where.scope)
        maximum = self._maximum(fields.get("max_iterations"), where.scope)
        identifier = _unique(name, where.scope)
        entry = {"var": text, "id": identifier, "at": common.path, "repeat": maximum}
        variable = Variable(
            identifier, name, Domain(1, maximum), entry, ids, False, {}, aliases, place=fields.get("iteration_name")
        )
        where = _with(where, variable)
        scope = where.scope
        self._check_depth(fields.get("max_iterations", common.node.value["task"]), scope)
        body = self._task_list(fields, "task_list", f"{common.path}#", where)
        children = self._children(fields.get("requires_metadata_from_child"), body, scope)
        scope = _asking_for(scope, children, fields.get("requires_metadata_from_child"))
        bodies = body.items if body is not None else ()
        scope = scope._replace(children=frozenset(str(one.common.name[0]) for one in bodies if one.common.name))
        criterion = self._criterion("repeat_criterion", fields, scope, common, (identifier, maximum))
        body = body or Sequence(f"{common.path}#", ())
        return Repeat(common, variable, criterion, children, maximum, body)

    def _maximum(self, node: Node | None, scope: Scope) -> int:
        if node is None:
            return MAX_ITERATIONS
        before = self.diagnostics.errors
        value = document.static(node, scope.parameters, self.diagnostics)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
            return value
        if self.diagnostics.errors == before:
            self.diagnostics.error(
                "max-iterations", node, f"max_iterations must be an integer of at least 1, not {value!r}"
            )
        return 1

    def _check_depth(self, node: Node, scope: Scope) -> None:
        repeats = [variable for variable in scope.variables if "repeat" in variable.entry]
        depth = sum(variable.entry["repeat"] for variable in repeats)
        if depth > MAX_REPEAT_DEPTH:
            around = (place for one in repeats[:-1] for place in one.as_related)
            message = f"max_iterations of nested do-whiles add up to {depth}; {MAX_REPEAT_DEPTH} are possible"
            hint = "Argo nests iterations, and ends at a depth of 100"
            self.diagnostics.error("max-iterations", node, message, hint, *around)

    def _children(self, node: Node | None, body: Sequence | None, scope: Scope) -> tuple[Requirement, ...]:
        if node is None or body is None:
            return ()
        known = {item.common.name: item for item in body.items if item.common.name is not None}
        found = []
        for entry in document.texts(node, self.diagnostics, "a name in requires_metadata_from_child"):
            pattern = evaluate.pattern(entry, scope, self.diagnostics, "a name in requires_metadata_from_child")
            if pattern in known:
                found.append(Requirement(entry.value, entry, known[pattern]))
            elif pattern is not None:
                hint = did_you_mean(entry.value, [str(name[0]) for name in known if len(name) == 1])
                self.diagnostics.error("unknown-name", entry, f"no task of the body is named {entry.value!r}", hint)
        return tuple(found)


def _asking_for(scope: Scope, found: tuple[Requirement, ...], names: Node | None) -> Scope:
    """Return a scope in which the tasks that some names mean are seen; the other names are noted as reported."""
    given = names.value if names is not None and isinstance(names.value, list) else ()
    asked = {one.value for one in given if isinstance(one.value, str)} - {one.text for one in found}
    requested = scope.requested | {one.text: one.item for one in found}
    return scope._replace(requested=requested, missing=(scope.missing | asked) - set(requested))


def _unknown(common: Common) -> Question:
    """Return what stands for a question that is wrong, so that whoever names the task is not wrong as well."""
    return Question("unknown", common.node, IndexTable((), {(): 1}), frozenset())


def _variable(common: Common, name: _VariableName, given: ranges.Range) -> Variable:
    """Return the variable of a loop."""
    identifier = _unique(name.name, common.scope)
    used = given.number.names if given.number else frozenset()
    return Variable(
        identifier,
        name.name,
        given.domain,
        entry={"var": name.text, "id": identifier, "at": common.path, **given.entry},
        depends=given.when.ids | name.ids,
        is_late=given.when.is_late,
        requested={text: item for text, item in common.scope.requested.items() if text in used},
        aliases=name.aliases,
        is_broken=given.number is None,
        place=common.node.value.get(SHARDS, common.node.value.get("parameter")),
    )


def _with(where: _Where, variable: Variable) -> _Where:
    """Return what a list in a loop hands down."""
    return where._replace(scope=where.scope._replace(variables=(*where.scope.variables, variable)))


def _unique(name: str, scope: Scope) -> str:
    taken = {variable.id for variable in scope.variables}
    identifier, number = name, 2
    while identifier in taken:
        identifier, number = f"{name}-{number}", number + 1
    return identifier
