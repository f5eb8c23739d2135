"""The task types of a registry, for people and for programs."""

from __future__ import annotations

import textwrap
from typing import Any

from eas import text
from eas_compiler.registry import Port, TaskType

_WIDTH = 88


def listing(types: list[TaskType]) -> str:
    """Return a table of task types."""
    rows = [[one.name, one.container.name, "yes" if one.has_program else "none", one.label] for one in types]
    return text.table(["task type", "container", "program", "what it is"], rows)


def about(one: TaskType) -> str:
    """Return all that the registry says of a task type."""
    parts = [f"{one.name}: {one.label}", *textwrap.wrap(one.doc, _WIDTH), "", *_resources(one)]
    for title, ports in (("inputs", one.inputs), ("outputs", one.outputs)):
        parts += _section(title, [_port(name, port) for name, port in ports.items()])
    parts += _section("settings", _settings(one.settings, "  "))
    parts += _section("metadata", [_metadata(name, field) for name, field in one.metadata.items()])
    parts += _section("references", [f"  {text.safe(reference)}" for reference in one.references])
    return "\n".join(parts)


def page(types: list[TaskType]) -> str:
    """Return what is said of many task types as a page of Markdown."""
    head = [
        "# The task types",
        "What comes with EAS, as `eas types NAME` shows it. Of types in a registry of your own it says the same.",
    ]
    return "\n\n".join([*head, *(f"## {one.name}\n\n```text\n{about(one)}\n```" for one in types)]) + "\n"


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"{title}:", *lines] if lines else []


def _resources(one: TaskType) -> list[str]:
    container, retry = one.container, one.retry
    lines = [
        f"container  {container.name} ({container.cpu:g} cores, {container.gpu} gpu, {container.memory_gb:g} GB)",
        f"program    {'yes' if one.has_program else 'none yet'}",
        f"time limit {one.time_limit_s:g} s",
    ]
    if retry.limit:
        lines.append(f"tries      up to {retry.limit + 1} when it raises")
    if retry.memory_max_gb is not None:
        grows = f"{retry.memory_factor:g} times as much, up to {retry.memory_max_gb:g} GB"
        lines.append(f"memory     after it was killed for it, {grows}")
    if one.no_work:
        lines.append("no work    it may have nothing to do")
    return lines


def _port(name: str, port: Port) -> str:
    flags = [port.type, *(flag for flag, is_set in (("optional", port.optional), ("many", port.many)) if is_set)]
    if port.many and port.minimum != 1:
        flags.append(f"at least {port.minimum}")
    if port.maximum is not None:
        flags.append(f"at most {port.maximum}")
    if port.found_by is not None:
        flags.append(f"found by {port.found_by}")
    return f"  {name} ({', '.join(flags)}): {port.doc}"


def _metadata(name: str, field: dict[str, Any]) -> str:
    kind = f" ({field['type']})" if "type" in field else ""
    return f"  {name}{_unit(field)}{kind}: {field.get('doc', '')}"


def _settings(fields: dict[str, dict[str, Any]], indent: str) -> list[str]:
    lines = []
    for name, field in fields.items():
        facts = [field["type"]]
        if field.get("required"):
            facts.append("required")
        if "default" in field:
            facts.append(f"default {field['default']}")
        if "minimum" in field and "maximum" in field:
            facts.append(f"{field['minimum']} to {field['maximum']}")
        elif "minimum" in field or "maximum" in field:
            facts.append(f"at least {field['minimum']}" if "minimum" in field else f"at most {field['maximum']}")
        if "choices" in field:
            facts.append("one of " + ", ".join(map(str, field["choices"])))
        lines.append(f"{indent}{name}{_unit(field)} ({', '.join(facts)}): {field.get('doc', '')}")
        lines += _settings(field.get("fields", {}), indent + "  ")
    return lines


def _unit(field: dict[str, Any]) -> str:
    return f" [{field['unit']}]" if "unit" in field else ""


def as_data(one: TaskType) -> dict[str, Any]:
    """Return a task type for programs."""

    def plain(value: Any) -> Any:
        if hasattr(value, "_asdict"):
            return {key: plain(member) for key, member in value._asdict().items()}
        if isinstance(value, dict):
            return {key: plain(member) for key, member in value.items()}
        return value

    found: dict[str, Any] = plain(one)
    return found
