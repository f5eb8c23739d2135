"""The registry: which containers, file types and task types there are.

Read from YAML, or from the XML of the prototype, which knows names and resources only. An entry is checked on its own,
so that a broken one does not stop chains that use others.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from eas_compiler import placement, yaml_reader
from eas_compiler.diagnostics import Diagnostic, Diagnostics, did_you_mean
from eas_compiler.placement import Placement
from eas_compiler.source import Node, Source
from eas_worker.settings import of_value

FLOW_CONTROL = ("execution_chain", "execution_for_loop", "execution_conditional", "execution_do_while_loop")


class GitSource(NamedTuple):
    """Where the folder of a container is, if not in `containers/`: a ref of a repository, and a path."""

    git: str
    ref: str
    path: str


class Container(NamedTuple):
    """An image and what it asks for and gets: cpu in cores, memory and disk in GB (10^9 bytes).

    `ephemeral_storage_gb` is None where a program may fill the disk of its node, `digest` is empty where it is unknown.
    """

    name: str
    image: str
    cpu: float
    gpu: int
    memory_gb: float
    doc: str
    ephemeral_storage_gb: float | None = None
    placement: Placement = placement.NOWHERE
    source: GitSource | None = None
    digest: str = ""

    @property
    def reference(self) -> str:
        """The image as manifests name it: by digest when that is known."""
        if not self.digest or "@" in self.image:
            return self.image
        folder, slash, last = self.image.rpartition("/")
        return f"{folder}{slash}{last.partition(':')[0]}@{self.digest}"


class Port(NamedTuple):
    """An input or output of a task type.

    `name` is what the files of an output are called that makes many, where a chain does not say it, with `*` for what
    tells them apart. `found_by` is the setting that says which files of the site's input folder an input takes.
    """

    type: str
    optional: bool
    many: bool
    minimum: int
    maximum: int | None
    doc: str
    name: str = "*"
    found_by: str | None = None


class Retry(NamedTuple):
    """How often a program that raised is tried again, and how its memory grows after it was killed for memory."""

    limit: int
    memory_factor: float
    memory_max_gb: float | None


class TaskType(NamedTuple):
    """What the registry says of a task type. `open`: its ports and settings are not declared, so anything goes."""

    name: str
    container: Container
    has_program: bool
    label: str
    doc: str
    inputs: dict[str, Port]
    outputs: dict[str, Port]
    settings: dict[str, dict[str, Any]]
    metadata: dict[str, dict[str, Any]]
    qc: Any
    retry: Retry
    time_limit_s: float
    no_work: bool
    open: bool = False
    references: tuple[str, ...] = ()


Check = Callable[[Node], "str | None"]


def _is(*types: type, what: str) -> Check:
    def check(node: Node) -> str | None:
        wrong = not isinstance(node.value, types) or (isinstance(node.value, bool) and bool not in types)
        return f"must be {what}" if wrong else None

    return check


def _number(minimum: float, what: str, *, whole: bool = False) -> Check:
    def check(node: Node) -> str | None:
        types = (int,) if whole else (int, float)
        wrong = isinstance(node.value, bool) or not isinstance(node.value, types) or node.value < minimum
        return f"must be {what}" if wrong else None

    return check


def _range(node: Node) -> str | None:
    """Check the bounds of a setting: `[least, greatest]`, short for `minimum` and `maximum`."""
    bounds = [item.value for item in node.value] if isinstance(node.value, list) else []
    are_numbers = all(isinstance(bound, (int, float)) and not isinstance(bound, bool) for bound in bounds)
    good = len(bounds) == 2 and are_numbers and bounds[0] <= bounds[1]
    return None if good else "must be [least, greatest], two numbers"


def _git_source(node: Node) -> str | None:
    """Check where the folder of a container is."""
    given = node.plain() if isinstance(node.value, dict) else {}
    known = given.keys() <= set(GitSource._fields) and {"git", "ref"} <= given.keys()
    texts = all(isinstance(value, str) and value and not value.startswith("-") for value in given.values())
    inside = isinstance(given.get("path", ""), str) and ".." not in given.get("path", "").split("/")
    if known and texts and inside and not given.get("path", "").startswith("/"):
        return None
    return "must be {git: a repository, ref: a commit, branch or tag, path: a folder in it}"


def _references(node: Node) -> str | None:
    """Check what to read about a task type."""
    good = isinstance(node.value, list) and all(isinstance(item.value, str) for item in node.value)
    return None if good else "must be a list of texts"


def _starred(node: Node) -> str | None:
    """Check the name of an output that is many files."""
    good = isinstance(node.value, str) and node.value.count("*") == 1 and not set("?[/") & set(node.value)
    return None if good else "must be a text with one '*', for what tells the files apart"


_TEXT = _is(str, what="a text")
_OBJECT = _is(dict, type(None), what="a mapping")
_BOOL = _is(bool, what="true or false")
_ANY: Check = lambda _: None  # noqa: E731 - a value among values
_CONTAINER: dict[str, Check] = {
    "image": _TEXT,
    "cpu": _number(0, "a number of cores"),
    "gpu": _number(0, "a number of devices", whole=True),
    "memory_gb": _number(0, "a number of gigabytes"),
    "ephemeral_storage_gb": _number(0, "a number of gigabytes"),
    "node_selector": placement.node_selector_problem,
    "tolerations": placement.tolerations_problem,
    "priority_class": placement.priority_class_problem,
    "source": _git_source,
    "doc": _TEXT,
}
_PORT: dict[str, Check] = {
    "type": _TEXT,
    "optional": _BOOL,
    "many": _BOOL,
    "min": _number(0, "a whole number", whole=True),
    "max": _number(1, "a whole number of at least 1", whole=True),
    "name": _starred,
    "found_by": _TEXT,
    "doc": _TEXT,
}
_SETTING: dict[str, Check] = {
    "type": _TEXT,
    "default": _ANY,
    "required": _BOOL,
    "minimum": _is(int, float, what="a number"),
    "maximum": _is(int, float, what="a number"),
    "range": _range,
    "choices": _is(list, what="a list"),
    "unit": _TEXT,
    "fields": _OBJECT,
    "doc": _TEXT,
}
_METADATA: dict[str, Check] = {"type": _TEXT, "unit": _TEXT, "doc": _TEXT}
_TASK: dict[str, Check] = {
    "container": _is(str, list, what="a container's name, a list of names, or all"),
    "program": _TEXT,
    "label": _TEXT,
    "doc": _TEXT,
    "references": _references,
    "inputs": _OBJECT,
    "outputs": _OBJECT,
    "settings": _OBJECT,
    "metadata": _OBJECT,
    "qc": _ANY,
    "retry": _OBJECT,
    "time_limit_s": _number(1, "a number of seconds"),
    "no_work": _BOOL,
}
RETRY: dict[str, Check] = {
    "limit": _number(0, "a whole number", whole=True),
    "memory_factor": _number(1, "a number of at least 1"),
    "memory_max_gb": _number(0, "a number of gigabytes"),
}
SETTING_TYPES = ("float", "int", "bool", "text", "list", "object", "any")


class Registry:
    """The registry of one document; entries are read and checked when they are asked for."""

    def __init__(self, root: Node, diagnostics: Diagnostics, *, is_open: bool = False) -> None:
        self.source, self.is_open = root.source, is_open
        sections = _members(root, {"types": _OBJECT, "containers": _OBJECT, "tasks": _OBJECT}, diagnostics, "section")
        self.types: dict[str, Node] = _section(sections, "types")
        self.containers: dict[str, Node] = _section(sections, "containers")
        self.tasks: dict[str, Node] = _section(sections, "tasks")
        self.any_may_have_no_work = False
        self.digests: dict[str, str] = {}
        self._read: dict[str, tuple[TaskType | None, list[Diagnostic]]] = {}

    def task(self, name: str, diagnostics: Diagnostics | None = None) -> TaskType | None:
        """Return a task type; None when there is none or its entry is broken, which is then reported."""
        if name not in self.tasks:
            return None
        if name not in self._read:
            found = Diagnostics()
            self._read[name] = (self._task(name, self.tasks[name], found), list(found))
        task, problems = self._read[name]
        if diagnostics is not None:
            for problem in problems:
                diagnostics.add(problem)
        return task

    def container(self, name: str, diagnostics: Diagnostics) -> Container | None:
        """Return a container; None when its entry is broken, which is reported."""
        found = _resources(name, self.containers[name], diagnostics)
        return found._replace(digest=self.digests.get(found.image, "")) if found is not None else None

    def first_container(self, diagnostics: Diagnostics) -> Container | None:
        """Return the container that stands for `all`."""
        for name in self.containers:
            return self.container(name, diagnostics)
        return None

    def unused_problems(self, used: set[str]) -> Iterator[Diagnostic]:
        """Yield the mistakes in entries that a chain does not use, as warnings."""
        for name in self.tasks.keys() - used:
            self.task(name)
            for problem in self._read[name][1]:
                yield problem._replace(severity="warning")

    def _task(self, name: str, node: Node, diagnostics: Diagnostics) -> TaskType | None:
        before = diagnostics.errors
        if name in FLOW_CONTROL:
            diagnostics.error_at_key("registry", node, f"{name} is flow control, no task type")
        entry = _members(node, _TASK, diagnostics, "field")
        container = self._container(name, entry, node, diagnostics)
        inputs, outputs = (self._ports(entry.get(side), diagnostics) for side in ("inputs", "outputs"))
        settings = _specifications(entry.get("settings"), diagnostics)
        _check_found(entry.get("inputs"), inputs, settings, diagnostics)
        metadata = {key: _plain(member, _METADATA, diagnostics) for key, member in _children(entry.get("metadata"))}
        retry = _plain(entry["retry"], RETRY, diagnostics) if "retry" in entry else {}
        if container is None or diagnostics.errors > before:
            return None

        def given(field: str, default: Any) -> Any:
            return entry[field].value if field in entry else default

        return TaskType(
            name=name,
            container=container,
            has_program=given("program", "") != "none",
            label=given("label", name),
            doc=given("doc", ""),
            inputs=inputs,
            outputs=outputs,
            settings=settings,
            metadata=metadata,
            qc=entry["qc"].plain() if "qc" in entry else None,
            retry=Retry(retry.get("limit", 0), retry.get("memory_factor", 1), retry.get("memory_max_gb")),
            time_limit_s=given("time_limit_s", 86400),
            no_work=given("no_work", False) or self.any_may_have_no_work,
            open=self.is_open,
            references=tuple(entry["references"].plain()) if "references" in entry else (),
        )

    def _container(self, task: str, entry: dict[str, Node], node: Node, diagnostics: Diagnostics) -> Container | None:
        if "container" not in entry:
            diagnostics.error_at_key("registry", node, f"the task type {task!r} names no container")
            return None
        given = entry["container"]
        names = [item.value for item in given.value] if isinstance(given.value, list) else [given.value]
        if names == ["all"]:
            names = list(self.containers)[:1]
        for name in names:
            if name not in self.containers:
                hint = did_you_mean(str(name), self.containers)
                diagnostics.error("registry", given, f"unknown container {name!r}", hint)
                return None
        if not names:
            diagnostics.error("registry", given, "the registry has no container")
            return None
        return self.container(names[0], diagnostics)

    def _ports(self, node: Node | None, diagnostics: Diagnostics) -> dict[str, Port]:
        ports: dict[str, Port] = {}
        for name, member in _children(node):
            port = _plain(member, _PORT, diagnostics)
            if "type" not in port:
                diagnostics.error_at_key("registry", member, f"the port {name!r} has no type")
            elif isinstance(port["type"], str) and port["type"] not in self.types:
                hint = did_you_mean(port["type"], self.types)
                diagnostics.error(
                    "registry", member.value["type"], f"no entry of `types` declares {port['type']!r}", hint
                )
            many = bool(port.get("many", False))
            flags = (bool(port.get("optional", False)), many, port.get("min", 1), port.get("max"))
            naming = (port.get("name", "*"), port.get("found_by"))
            ports[name] = Port(str(port.get("type")), *flags, port.get("doc", ""), *naming)
        return ports


def _check_found(
    node: Node | None, inputs: dict[str, Port], settings: dict[str, dict[str, Any]], diagnostics: Diagnostics
) -> None:
    """Report inputs that a setting finds which there is not."""
    for name, port in inputs.items():
        if port.found_by is not None and settings.get(port.found_by, {}).get("type") != "text":
            assert node is not None
            hint = did_you_mean(port.found_by, settings)
            message = f"the port {name!r} is found by {port.found_by!r}, which is no setting of type text"
            diagnostics.error("registry", node.value[name].value["found_by"], message, hint)


def _resources(name: str, node: Node, diagnostics: Diagnostics) -> Container | None:
    before = diagnostics.errors
    entry = _plain(node, _CONTAINER, diagnostics)
    missing = [field for field in ("image", "cpu", "memory_gb") if field not in entry]
    if missing:
        diagnostics.error_at_key("registry", node, f"the container {name!r} lacks {', '.join(missing)}")
    if diagnostics.errors > before:
        return None
    return Container(
        name,
        entry["image"],
        entry["cpu"],
        entry.get("gpu", 0),
        entry["memory_gb"],
        entry.get("doc", ""),
        entry.get("ephemeral_storage_gb"),
        Placement(entry.get("node_selector", {}), entry.get("tolerations", []), entry.get("priority_class")),
        GitSource(**{"path": ".", **entry["source"]}) if "source" in entry else None,
    )


def _specifications(node: Node | None, diagnostics: Diagnostics) -> dict[str, dict[str, Any]]:
    found = {}
    for name, member in _children(node):
        before = diagnostics.errors
        found[name] = specification = _plain(member, _SETTING, diagnostics)
        if specification.get("type") not in SETTING_TYPES:
            hint = f"types: {', '.join(SETTING_TYPES)}"
            diagnostics.error("registry", member, f"the setting {name!r} has no known type", hint)
        if "range" in specification:
            specification["minimum"], specification["maximum"] = specification.pop("range")
        if isinstance(member.value, dict) and "fields" in member.value:
            specification["fields"] = _specifications(member.value["fields"], diagnostics)
        if diagnostics.errors == before:
            _check_values(name, specification, member, diagnostics)
    return found


def _check_values(name: str, specification: dict[str, Any], node: Node, diagnostics: Diagnostics) -> None:
    """Check what a specification says of values: it must fit the type, and the default its bounds and choices."""
    kind = specification["type"]
    for field in ("minimum", "maximum", "range"):
        if field in node.value and kind not in ("int", "float"):
            diagnostics.error_at_key(
                "registry", node.value[field], f"{field} is for numbers; {name!r} is of type {kind}"
            )
            return
    for choice in node.value["choices"].value if "choices" in specification else ():
        for problem in of_value({"type": kind}, choice.plain()):
            diagnostics.error("registry", choice, f"the choice of {name!r} {problem.message}")
    default = specification.get("default")
    for problem in of_value(specification, default) if default is not None else ():
        where = ".".join((name, *problem.keys))
        diagnostics.error(
            "registry", node.value["default"], f"the default of {where!r}: {problem.message}", problem.hint
        )


def _children(node: Node | None) -> list[tuple[str, Node]]:
    return list(node.value.items()) if node is not None and isinstance(node.value, dict) else []


def _section(sections: dict[str, Node], name: str) -> dict[str, Node]:
    return dict(_children(sections.get(name)))


def _members(node: Node, fields: dict[str, Check], diagnostics: Diagnostics, what: str) -> dict[str, Node]:
    """Return the members of a mapping; unknown ones and those of a wrong type are reported and left out."""
    if not isinstance(node.value, dict):
        diagnostics.error("registry", node, "must be a mapping")
        return {}
    good: dict[str, Node] = {}
    for name, member in node.value.items():
        if name not in fields:
            hint = did_you_mean(name, fields) or f"known: {', '.join(fields)}"
            diagnostics.error_at_key("registry", member, f"unknown {what} {name!r}", hint)
            continue
        wrong = fields[name](member)
        if wrong:
            diagnostics.error("registry", member, f"{name} {wrong}")
        else:
            good[name] = member
    return good


def _plain(node: Node, fields: dict[str, Check], diagnostics: Diagnostics) -> dict[str, Any]:
    return {name: member.plain() for name, member in _members(node, fields, diagnostics, "field").items()}


# --------------------------------------------------------------------------------------------------------------------
# Reading


def load(name: str, data: bytes, diagnostics: Diagnostics) -> Registry | None:
    """Return the registry in `data`, YAML or the prototype's XML; None when it cannot be read at all."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        diagnostics.add(Diagnostic("encoding", "error", "not UTF-8", Source(name, ""), 0, 1, "save the file as UTF-8"))
        return None
    if text.lstrip().startswith("<"):
        from eas_compiler import registry_xml

        root = registry_xml.read(Source(name, text), diagnostics)
        return Registry(root, diagnostics, is_open=True) if root else None
    root = yaml_reader.read(Source(name, text), diagnostics)
    return Registry(root, diagnostics) if root else None
