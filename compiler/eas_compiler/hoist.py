"""What several descriptions say is said once: it becomes a parameter of the Workflow that they refer to.

A task and its gate have most of their descriptions in common, tasks of one list their loops. Argo puts such a parameter
in where a pod is made, and `eas_worker.manifests` where somebody reads the Workflow.
"""

from __future__ import annotations

import json

from eas_compiler import forms
from eas_compiler.parts import Json, as_json
from eas_worker.manifests import TEXT

_LEAST = 150
"""From how many characters saved on a parameter is worth to be looked up by who reads the Workflow."""

Members = dict[str, str]
"""Members of a description: the text of each, with its name, by name."""


def hoisted(templates: list[Json]) -> tuple[list[Json], dict[str, str]]:
    """Return templates whose descriptions refer to what they have in common, and that, by the name of its parameter."""
    described = {number: found for number, one in enumerate(templates) if (found := _members(one)) is not None}
    where: dict[str, list[int]] = {}
    for number, members in described.items():
        for text in members.values():
            where.setdefault(text, []).append(number)
    together: dict[tuple[int, ...], list[str]] = {}
    for text, numbers in where.items():
        together.setdefault(tuple(numbers), []).append(text)
    shared = {numbers: ",".join(texts) for numbers, texts in together.items() if _is_worth_it(numbers, texts)}
    names = {numbers: f"{TEXT}{number}" for number, numbers in enumerate(shared)}
    said = {text for numbers in shared for text in together[numbers]}
    filled = list(templates)
    for number, members in described.items():
        tags = [f"{{{{workflow.parameters.{name}}}}}" for numbers, name in names.items() if number in numbers]
        if tags:
            own = [text for text in members.values() if text not in said]
            filled[number] = _described(templates[number], f"{{ {','.join([*tags, *own])}}}")  # `{{{` would be no tag
    return filled, {names[numbers]: text for numbers, text in shared.items()}


def _is_worth_it(numbers: tuple[int, ...], texts: list[str]) -> bool:
    return sum(map(len, texts)) * (len(numbers) - 1) >= _LEAST


def _members(template: Json) -> Members | None:
    """Return the members of a template's description; None without one, or when it is put together by Argo already."""
    text = next((one["value"] for one in _variables(template) if one["name"] == "EAS_TASK"), "{{")
    if "{{" in text:
        return None
    return {name: forms.escaped(as_json({name: value}))[1:-1] for name, value in json.loads(text).items()}


def _described(template: Json, description: str) -> Json:
    variables = [{**one, "value": description} if one["name"] == "EAS_TASK" else one for one in _variables(template)]
    return {**template, "container": {**template["container"], "env": variables}}


def _variables(template: Json) -> list[Json]:
    found: list[Json] = template.get("container", {}).get("env", [])
    return found
