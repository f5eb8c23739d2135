"""The prototype's registry in XML: containers with their resources, task types with their containers."""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from eas_compiler.diagnostics import Diagnostic, Diagnostics
from eas_compiler.source import Node, Source

_FLOW_CONTROL = "execution_"
_RESOURCES = {"cpu": float, "gpu": int, "memory_gb": float}


class _Element:
    """An element of the document: its text, its children and where its content starts and ends."""

    def __init__(self, tag: str, start: int) -> None:
        self.tag, self.start, self.end = tag, start, start
        self.text, self.children = "", list[_Element]()

    def all(self, tag: str) -> list[_Element]:
        return [child for child in self.children if child.tag == tag]


def read(source: Source, diagnostics: Diagnostics) -> Node | None:
    """Return the registry in the form that YAML has; None when the XML is broken or of another kind."""
    root = _parse(source, diagnostics)
    if root is None:
        return None
    if root.tag != "task_type_registry":
        message = f"expected <task_type_registry>, not <{root.tag}>"
        diagnostics.add(Diagnostic("registry", "error", message, source, root.start, root.end))
        return None
    converter = _Converter(source, diagnostics)
    containers = {
        name: converter.container(item, name) for name, item in converter.named(root, "containers", "container")
    }
    tasks = {name: converter.task(item) for name, item in converter.named(root, "tasks", "task")}
    sections = {"containers": converter.node(containers, root), "tasks": converter.node(tasks, root)}
    return converter.node(sections, root)


def _parse(source: Source, diagnostics: Diagnostics) -> _Element | None:
    data = source.text.encode()
    parser = expat.ParserCreate("utf-8")
    document = _Element("", 0)
    stack = [document]

    def at() -> int:
        return len(data[: parser.CurrentByteIndex].decode())

    def start(tag: str, _attributes: dict[str, str]) -> None:
        element = _Element(tag, at())
        stack[-1].children.append(element)
        stack.append(element)

    def end(_tag: str) -> None:
        stack.pop().end = at()

    def text(characters: str) -> None:
        stack[-1].text += characters

    def refuse(*_: Any) -> None:
        raise ValueError("entities are not allowed")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler, parser.EntityDeclHandler = text, refuse
    try:
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError) as error:
        diagnostics.add(Diagnostic("xml", "error", str(error).split(":")[0], source, at(), at() + 1))
        return None
    return document.children[0]


class _Converter:
    """Turns elements into nodes at the elements' places."""

    def __init__(self, source: Source, diagnostics: Diagnostics) -> None:
        self.source, self.diagnostics = source, diagnostics

    def node(self, value: Any, element: _Element) -> Node:
        return Node(value, self.source, element.start, element.end, element.start, element.end)

    def named(self, root: _Element, section: str, tag: str) -> list[tuple[str, _Element]]:
        found: dict[str, _Element] = {}
        for item in (item for part in root.all(section) for item in part.all(tag)):
            name = "".join(child.text.strip() for child in item.all("name")[:1])
            if not name or name in found:
                message = f"<{tag}> without <name>" if not name else f"<{tag}> {name!r} is there twice"
                self.diagnostics.error("registry", self.node(None, item), message)
            elif not (tag == "task" and name.startswith(_FLOW_CONTROL)):
                found[name] = item
        return list(found.items())

    def container(self, item: _Element, name: str) -> Node:
        members = {"image": self.node(f"eas/{name}:0.1", item)}
        for resources in item.all("resourceRequirements"):
            for element in resources.children:
                members[element.tag] = self.node(self._number(element), element)
        return self.node(members, item)

    def _number(self, element: _Element) -> Any:
        try:
            return _RESOURCES.get(element.tag, float)(element.text.strip())
        except ValueError:
            return element.text.strip()

    def task(self, item: _Element) -> Node:
        containers = item.all("container")
        if not containers:
            return self.node({}, item)
        names = [self.node(element.text.strip(), element) for element in containers]
        value = names[0] if len(names) == 1 else self.node(names, item)
        return self.node({"container": value}, item)
