"""Leaves of a chain against the registry: task types, ports, file names, settings, overrides."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable
from typing import Any

from eas_compiler import elsewhere, evaluate, names
from eas_compiler.diagnostics import Diagnostics, Related
from eas_compiler.document import kind, members, of_type, static
from eas_compiler.names import Pattern
from eas_compiler.registry import FLOW_CONTROL, RETRY, Port, Registry, TaskType
from eas_compiler.source import Node
from eas_compiler.tree import INLINE, Common, File, Gather, Scope, Task, Variant
from eas_worker import expressions, settings
from eas_worker.expressions import ExpressionError

FIELDS: dict[str, type] = {
    "task": str,
    "name": str,
    "inputs": dict,
    "outputs": dict,
    "requires_metadata_from": list,
    "job_name": str,
    "working_directory": str,
    "shards": object,
    "retry": dict,
    "resources": dict,
    "qc": object,
    "cache": bool,
}
RESOURCES = ("cpu", "gpu", "memory_gb", "ephemeral_storage_gb", "threads", "time_s")
SAME_RUN = "repo://./"
_MAX_BYTES = 255
"""The longest file name that file systems take."""
_UNSEEN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def task(common: Common, directory: Pattern, registry: Registry, diagnostics: Diagnostics) -> Task:
    """Return a leaf; everything that does not fit its type is reported."""
    node = common.node
    known = {
        key: member
        for key, member in node.value.items()
        if key in FIELDS and of_type(member, FIELDS[key], diagnostics, key)
    }
    given = {key: member for key, member in node.value.items() if key not in FIELDS}
    variants = _variants(known["task"], common.scope, registry, diagnostics) if "task" in known else ()
    for variant in variants:
        _check_settings(variant.type, given, node, common.scope, diagnostics)
    if not variants:
        _check_expressions(given, common.scope, diagnostics)
    naming = _Naming(common.scope, directory, diagnostics)
    inputs, gathers = naming.inputs(known.get("inputs"), variants)
    gathers |= naming.found(given, variants)
    outputs = naming.outputs(known.get("outputs"), variants, known.get("task", node))
    for side in ("inputs", "outputs"):
        for variant in variants:
            if side in known or side not in node.value:
                _check_ports(variant.type, side, known.get(side), known.get("task", node), diagnostics)
    overrides = _overrides(known, common.scope, diagnostics)
    return Task(common, variants, inputs, gathers, outputs, given, overrides)


def _variants(node: Node, scope: Scope, registry: Registry, diagnostics: Diagnostics) -> tuple[Variant, ...]:
    pattern = evaluate.pattern(node, scope, diagnostics, "task")
    if pattern is None:
        return ()
    if names.is_literal(pattern):
        type_ = _type(str(pattern[0]), node, registry, diagnostics)
        return (Variant(type_, (), None),) if type_ is not None else ()
    ids = evaluate.ordered(frozenset(names.variables(pattern)), scope)
    where: dict[str, set[tuple[int, ...]]] = {}
    try:
        for indices in evaluate.combinations(frozenset(ids), scope):
            where.setdefault(names.text(pattern, indices), set()).add(tuple(indices.values()))
    except ExpressionError as error:
        diagnostics.error("too-many-names", node, f"task would need a table: {error.message}")
        return ()
    found = []
    for name, at in where.items():
        type_ = _type(name, node, registry, diagnostics)
        if type_ is not None:
            found.append(Variant(type_, ids, frozenset(at) if len(where) > 1 else None))
    return tuple(found)


def _type(name: str, node: Node, registry: Registry, diagnostics: Diagnostics) -> TaskType | None:
    if name in registry.tasks:
        return registry.task(name, diagnostics)
    hint = diagnostics.did_you_mean(name, [*registry.tasks, *FLOW_CONTROL])
    if name in FLOW_CONTROL:
        hint = "write flow control as it is, not as an expression"
    diagnostics.error("unknown-task-type", node, f"unknown task type {name!r}", hint or "`eas types` lists them")
    return None


# --------------------------------------------------------------------------------------------------------------------
# Ports and files


def _check_ports(type_: TaskType, side: str, node: Node | None, at: Node, diagnostics: Diagnostics) -> None:
    ports: dict[str, Port] = {name: port for name, port in getattr(type_, side).items() if port.found_by is None}
    given = node.value if node is not None else {}
    what = side[:-1]
    misspelled = set()
    for port, member in given.items():
        if port not in ports and not type_.open:
            hint = diagnostics.did_you_mean(port, ports)
            misspelled |= {name for name in ports if hint and repr(name) in hint}
            hint = hint or (f"{what}s: {', '.join(ports)}" if ports else f"it has no {side}")
            diagnostics.error_at_key("unknown-port", member, f"{type_.name} has no {what} {port!r}", hint)
    for name, port in ports.items():
        is_needed = not port.optional and not (port.many and side == "outputs")
        if name not in given and is_needed and name not in misspelled:
            message = f"{type_.name} needs the {what} {name!r}" + (f" ({port.type})" if port.type else "")
            diagnostics.error("missing-port", at, message, port.doc or None)


class _Naming:
    """Finds out which files the ports of a task take and make."""

    def __init__(self, scope: Scope, directory: Pattern, diagnostics: Diagnostics) -> None:
        self.scope, self.directory, self.diagnostics = scope, directory, diagnostics

    def inputs(self, node: Node | None, variants: tuple[Variant, ...]) -> tuple[dict[str, File], dict[str, Gather]]:
        """Return the single files that a task takes, and those that it gathers, by port."""
        files: dict[str, File] = {}
        gathers: dict[str, Gather] = {}
        for port, member in node.value.items() if node is not None else ():
            ports = [one.type.inputs[port] for one in variants if port in one.type.inputs]
            may_gather = any(one.many for one in ports) or any(one.type.open for one in variants)
            if isinstance(member.value, list):
                if may_gather:
                    names_of = tuple(filter(None, (self._file(one, port, is_input=True) for one in member.value)))
                    gathers[port] = self._checked(Gather(port, member, names_of), ports)
                else:
                    hint = "only a port that gathers (`many`) takes several"
                    self.diagnostics.error("type", member, f"{port} takes one file name, not a list", hint)
                continue
            file = self._file(member, port, is_input=True)
            if file is not None and may_gather and names.has_wildcards(file.name):
                gathers[port] = Gather(port, member, (file,))
            elif file is not None:
                files[port] = file
        return files, gathers

    def found(self, given: dict[str, Node], variants: tuple[Variant, ...]) -> dict[str, Gather]:
        """Return what ports take of the site's input folder, which settings say."""
        gathers: dict[str, Gather] = {}
        for variant in variants:
            for port, one in variant.type.inputs.items():
                node = given.get(one.found_by) if one.found_by is not None else None
                if node is not None and isinstance(node.value, str):
                    file = self._file(node, port, is_input=True, before=elsewhere.INPUT)
                    gathers |= {port: Gather(port, node, (file,))} if file is not None else {}
        return gathers

    def outputs(self, node: Node | None, variants: tuple[Variant, ...], at: Node) -> dict[str, File]:
        """Return the files that a task makes, by port; many have names also where the author gives none."""
        ports = {port: one for variant in variants for port, one in variant.type.outputs.items()}
        files = self._outputs(node)
        for port, one in ports.items():
            if one.many and port in files:
                files[port] = self._many(files[port])
            elif one.many and not one.optional and (node is None or port not in node.value):
                name = (one.name,)
                files[port] = File(port, at, names.join(self.directory, ("/",), name), self.directory, name, many=True)
        return files

    def _many(self, file: File) -> File:
        """Return an output that is many files; report a name that has no single place for what tells them apart."""
        texts = [piece for piece in file.name if isinstance(piece, str)]
        wild = "".join(texts)
        if wild.count("*") != 1 or names.has_wildcards((wild.replace("*", ""),)):
            hint = f"as 'lc_*.gz', where the program fills in what stands for the star; else leave {file.port} out"
            self.diagnostics.error("file-name", file.node, f"{file.port} is many files: its name needs one '*'", hint)
        elif _is_beside_an_index(file.name):
            message = f"{file.port} is many files, and the star beside an index lets two iterations make the same"
            hint = "put a character between them, as in 'lc_{i_index}_*.gz'"
            self.diagnostics.error("file-name", file.node, message, hint)
        return file._replace(many=True)

    def _outputs(self, node: Node | None) -> dict[str, File]:
        files = {}
        for port, member in node.value.items() if node is not None else ():
            if isinstance(member.value, list):
                self.diagnostics.error("type", member, f"{port} takes one file name, not a list")
                continue
            file = self._file(member, port, is_input=False)
            if file is not None:
                files[port] = file
        return files

    def _checked(self, gather: Gather, ports: list[Port]) -> Gather:
        """Report a list of names that a port does not take."""
        wanted = len(gather.node.value)
        least = max((one.minimum for one in ports), default=1)
        most = min((one.maximum for one in ports if one.maximum is not None), default=None)
        are_names = not any(names.has_wildcards(one.name) for one in gather.names)
        if are_names and wanted < least:
            message = f"{gather.port} takes at least {least} files, not {wanted}"
            self.diagnostics.error("file-count", gather.node, message)
        elif are_names and most is not None and wanted > most:
            message = f"{gather.port} takes at most {most} files, not {wanted}"
            self.diagnostics.error("file-count", gather.node, message)
        return gather

    def _file(self, node: Node, port: str, *, is_input: bool, before: str = "") -> File | None:
        found = _directory_and_name(
            node, self.scope, self.directory, self.diagnostics, port, is_input=is_input, before=before
        )
        if found is None:
            return None
        where, name = found
        if names.has_wildcards(where) and elsewhere.is_of_site(where):
            hint = "name the folder, and use a loop for several"
            self.diagnostics.error("file-name", node, "only the last part of a path can be a pattern", hint)
            return None
        return File(port, node, names.join(where, ("/",), name), where, name)


def _is_beside_an_index(name: Pattern) -> bool:
    """Tell whether nothing stands between a star and what differs from iteration to iteration."""
    return any(
        (isinstance(one, str) and one.endswith("*") and not isinstance(other, str))
        or (isinstance(other, str) and other.startswith("*") and not isinstance(one, str))
        for one, other in itertools.pairwise(name)
    )


def _directory_and_name(
    node: Node,
    scope: Scope,
    directory: Pattern,
    diagnostics: Diagnostics,
    port: str,
    *,
    is_input: bool,
    before: str = "",
) -> tuple[Pattern, Pattern] | None:
    """Return where a file lies and its name; `before` is put before what the author wrote.

    `repo://./DIR/FILE` is in another directory of the run, `repo://RUN/DIR/FILE`, `s3://BUCKET/KEY` and `input://FILE`
    are elsewhere.
    """
    what = f"the name of {port}"
    pattern = evaluate.pattern(node, scope, diagnostics, what)
    if pattern is None:
        return None
    pattern = names.join((before,), pattern) if before else pattern
    where, name = directory, pattern
    if scope.variables:
        alone = {name: domain.first for name, domain in scope.domains.items() if domain.size == 1}
        where, name = names.fix(directory, alone), names.fix(pattern, alone)
    head = name[0] if name and isinstance(name[0], str) else ""
    problem = None
    if is_input and head.startswith(SAME_RUN):
        where, name = _split(names.join((head.removeprefix(SAME_RUN),), name[1:]))
        problem = _name_problem(where, scope, segments=True)
    elif is_input and head.startswith(elsewhere.PREFIXES):
        path = names.join((elsewhere.inside(head),), name[1:])
        where, name = _split(path)
        problem = elsewhere.problem(_skeleton(path)) or _name_problem(where, scope, segments=True)
    elif head.startswith(elsewhere.PREFIXES):
        diagnostics.error("file-name", node, "an output is a plain file name")
        return None
    problem = problem or _name_problem(name, scope, segments=False)
    if problem:
        diagnostics.error("file-name", node, f"{what} {problem}")
        return None
    return where, name


def _skeleton(pattern: Pattern) -> str:
    """Return a pattern with a character for each part that depends on indices."""
    return "".join(piece if isinstance(piece, str) else "_" for piece in pattern)


def _split(pattern: Pattern) -> tuple[Pattern, Pattern]:
    """Split a pattern at its last slash."""
    for at in range(len(pattern) - 1, -1, -1):
        piece = pattern[at]
        if isinstance(piece, str) and "/" in piece:
            before, _, after = piece.rpartition("/")
            return names.join(pattern[:at], (before,)), names.join((after,), pattern[at + 1 :])
    return (), pattern


def directory_name(node: Node, scope: Scope, diagnostics: Diagnostics) -> Pattern | None:
    """Return a working directory as a pattern; None when it is wrong, which is reported."""
    pattern = evaluate.pattern(node, scope, diagnostics, "working_directory")
    if pattern is None:
        return None
    problem = _name_problem(pattern, scope, segments=True)
    if problem is None and elsewhere.is_taken(_skeleton(pattern)):
        problem = "must not begin as a name that leads elsewhere"
    if problem:
        diagnostics.error("file-name", node, f"working_directory {problem}")
    return None if problem else pattern


def _name_problem(pattern: Pattern, scope: Scope, *, segments: bool) -> str | None:
    texts = [piece for piece in pattern if isinstance(piece, str)]
    for piece in pattern:
        if isinstance(piece, names.Table):
            texts.extend(piece.entries.values())
    for text in texts:
        if "\\" in text or ("/" in text and not segments):
            return "must not contain '/' or '\\'"
        if _UNSEEN.search(text):
            return "must not contain control characters or halves of surrogate pairs"
    for example in texts if names.is_literal(pattern) else _extremes(pattern, scope):
        for part in example.split("/") if segments else [example]:
            if part in ("", ".", ".."):
                return f"must not be {part!r}" if part else "has an empty part" if segments else "must not be empty"
            if len(part.encode()) > _MAX_BYTES:
                return f"is longer than {_MAX_BYTES} bytes"
    return None


def _extremes(pattern: Pattern, scope: Scope) -> list[str]:
    """Return texts of the family among which the longest, and any that is empty, '.' or '..', must be."""
    tables = [piece for piece in pattern if isinstance(piece, names.Table)]
    if len(tables) == 1 and all(isinstance(piece, names.Table) for piece in pattern):
        return list(tables[0].entries.values())
    return list(names.examples(pattern, scope.domains))


# --------------------------------------------------------------------------------------------------------------------
# Settings


def _check_settings(type_: TaskType, given: dict[str, Node], at: Node, scope: Scope, diagnostics: Diagnostics) -> None:
    if type_.open:
        _check_expressions(given, scope, diagnostics)
        return
    task_node = at.value.get("task", at)
    _check_object(type_.settings, given, task_node, type_.name, scope, diagnostics, FIELDS)


def _check_object(
    specifications: dict[str, Any],
    given: dict[str, Node],
    at: Node,
    where: str,
    scope: Scope,
    diagnostics: Diagnostics,
    beside: Iterable[str] = (),
) -> None:
    """Report what is wrong with settings; `beside` are other names that may stand where they do."""
    present = {name: True for name, member in given.items() if member.value is not None}
    for problem in settings.missing(specifications, present):
        diagnostics.error("missing-setting", at, f"{where}: {problem.message}", problem.hint)
    for name, member in given.items():
        for problem in settings.unknown(specifications, name):
            hint = diagnostics.did_you_mean(name, [*specifications, *beside]) or problem.hint
            diagnostics.error_at_key("unknown-setting", member, f"{where}: {problem.message}", hint)
        if name not in specifications:
            _check_expressions({name: member}, scope, diagnostics)
            continue
        specification = specifications[name]
        if isinstance(member.value, dict) and "fields" in specification:
            _check_object(specification["fields"], member.value, member, f"{where}.{name}", scope, diagnostics)
        else:
            _check_value(specification, member, name, scope, diagnostics)


def _check_value(specification: Any, node: Node, name: str, scope: Scope, diagnostics: Diagnostics) -> None:
    values = _values(node, scope, diagnostics)
    if isinstance(node.value, str) and "requested_metadata" in node.value:
        _check_kind(specification, node, name, scope, diagnostics)
    for value in values or ():
        for problem in settings.of_value(specification, value) if value is not None else ():
            keys = ".".join((name, *problem.keys))
            diagnostics.error("setting", node, f"{keys}: {problem.message}", problem.hint, *_loops(node, scope))
            return


def _check_kind(specification: Any, node: Node, name: str, scope: Scope, diagnostics: Diagnostics) -> None:
    """Report a setting that is made of metadata of another type or unit."""
    from eas_compiler import kinds

    kind = kinds.known(node, scope.requested)
    problem, unit = kinds.fits(kind, specification), specification.get("unit")
    if problem is not None:
        hint = specification.get("doc")
        diagnostics.error("setting", node, f"{name}: {problem}", hint, *kinds.as_related(kind.item))
    elif kind.unit and unit and kind.unit != unit:
        hint = f"convert it by a factor to {unit}"
        message = f"{name}: must be in {unit}, not in {kind.unit}"
        diagnostics.error("metadata-unit", node, message, hint, *kinds.as_related(kind.item))


def _values(node: Node, scope: Scope, diagnostics: Diagnostics) -> list[Any] | None:
    """Return the values that a setting takes, as far as they are known; wrong expressions are reported."""
    if isinstance(node.value, (list, dict)):
        parts = [_values(child, scope, diagnostics) for _, child in node.children()]
        if any(part is None or len(part) != 1 for part in parts):
            return None
        single = [part[0] for part in parts if part]
        return [single] if isinstance(node.value, list) else [dict(zip(node.value, single, strict=True))]
    if not isinstance(node.value, str) or not expressions.is_expression(node.value):
        return [node.value]
    expression = evaluate.parse(node, scope, diagnostics)
    if expression is None:
        return None
    when = evaluate.time(expression, scope)
    if when.is_late or len(when.ids) > 1:
        return None
    try:
        found = evaluate.table(expression, when.ids, scope)
    except ExpressionError as error:
        diagnostics.expression(node, error, related=_loops(node, scope))
        return None
    return list(found.values()) if found is not None else None


def _loops(node: Node, scope: Scope) -> tuple[Related, ...]:
    """Return the places of the loops that a setting depends on."""
    if isinstance(node.value, str) and expressions.is_expression(node.value):
        return evaluate.loops(expressions.examine(node.value), scope)
    return ()


def _check_expressions(given: dict[str, Node], scope: Scope, diagnostics: Diagnostics) -> None:
    for node in given.values():
        _values(node, scope, diagnostics)


# --------------------------------------------------------------------------------------------------------------------
# Overrides


def _overrides(known: dict[str, Node], scope: Scope, diagnostics: Diagnostics) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "resources" in known:
        found["resources"] = _numbers(
            known["resources"], dict.fromkeys(RESOURCES, object), "resources", scope, diagnostics
        )
    if "retry" in known:
        found["retry"] = _numbers(known["retry"], dict.fromkeys(RETRY, object), "retry", scope, diagnostics)
    if "qc" in known:
        node = known["qc"]
        if node.value == INLINE:
            found["qc"] = INLINE
        elif not isinstance(node.value, dict):
            diagnostics.error("type", node, f"qc must be an object of bounds or 'inline', not {kind(node)}")
        else:
            found["qc"] = static(node, scope.parameters, diagnostics)
    if "cache" in known:
        found["cache"] = known["cache"].value
    return found


def _numbers(node: Node, fields: dict[str, type], what: str, scope: Scope, diagnostics: Diagnostics) -> dict[str, Any]:
    found = {}
    for key, member in members(node, fields, diagnostics, what).items():
        before = diagnostics.errors
        value = static(member, scope.parameters, diagnostics)
        whole = key in ("gpu", "threads", "limit")
        minimum = 1 if key in ("threads", "memory_factor") else 0
        types = (int,) if whole else (int, float)
        wrong = isinstance(value, bool) or not isinstance(value, types) or value < minimum
        is_above = key in ("cpu", "memory_gb", "ephemeral_storage_gb", "time_s", "memory_max_gb")
        wrong = wrong or (is_above and value == 0)
        if wrong and diagnostics.errors == before:
            number = "a whole number" if whole else "a number"
            diagnostics.error(
                "type",
                member,
                f"{what}.{key} must be {number} " + ("above 0" if is_above else f"of at least {minimum}"),
            )
        elif not wrong:
            found[key] = value
    return found
