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
    container = one.container
    parts = [f"{one.name}: {one.label}", *textwrap.wrap(one.doc, _WIDTH), ""]
    parts.append(
        f"container  {container.name} ({container.cpu:g} cores, {container.gpu} gpu, {container.memory_gb:g} GB)"
    )
    parts.append(f"program    {'yes' if one.has_program else 'none yet'}")
    parts.append(f"time limit {one.time_limit_s:g} s")
    for title, ports in (("inputs", one.inputs), ("outputs", one.outputs)):
        if ports:
            parts += ["", f"{title}:", *(_port(name, port) for name, port in ports.items())]
    if one.settings:
        parts += ["", "settings:", *_settings(one.settings, "  ")]
    if one.metadata:
        parts += [
            "",
            "metadata:",
            *(f"  {name}{_unit(field)}: {field.get('doc', '')}" for name, field in one.metadata.items()),
        ]
    return "\n".join(parts)


def _port(name: str, port: Port) -> str:
    flags = [flag for flag, is_set in (("optional", port.optional), ("many", port.many)) if is_set]
    return f"  {name} ({', '.join([port.type, *flags])}): {port.doc}"


def _settings(fields: dict[str, dict[str, Any]], indent: str) -> list[str]:
    lines = []
    for name, field in fields.items():
        facts = [field["type"]]
        if field.get("required"):
            facts.append("required")
        if "default" in field:
            facts.append(f"default {field['default']}")
        if "minimum" in field or "maximum" in field:
            facts.append(f"{field.get('minimum', '…')} to {field.get('maximum', '…')}")
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
