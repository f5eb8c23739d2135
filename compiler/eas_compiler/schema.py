"""A JSON Schema of chains for one registry, with which editors complete and check what is written.

Draft 7, which VS Code knows best. What only the compiler can know (names, expressions, files) it leaves to `eas check`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eas_compiler import document, leaf
from eas_compiler.ranges import FORMS
from eas_compiler.registry import FLOW_CONTROL, RETRY, Port, Registry, TaskType
from eas_compiler.resolve import FIELDS as FLOW_FIELDS

Json = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"
_EXPRESSION: Json = {"$ref": "#/definitions/expression"}
_TASKS: Json = {"type": "array", "items": {"$ref": "#/definitions/task"}}
_NAMES: Json = {"type": "array", "items": {"type": "string"}}
_PLAIN: dict[type, Json] = {
    str: {"type": "string"},
    list: {"type": "array"},
    dict: {"type": "object"},
    bool: {"type": "boolean"},
    object: {},
}
_TYPES: dict[str, Json] = {
    "float": {"type": "number"},
    "int": {"type": "integer"},
    "bool": {"enum": [True, False, 0, 1]},
    "text": {"type": "string"},
    "list": {"type": "array"},
    "object": {"type": "object"},
}


def _or_expression(*given: Json) -> Json:
    return {"anyOf": [*given, _EXPRESSION]}


_NUMBER = _or_expression({"type": "number"})
_ENTRY = {"type": ["number", "string", "boolean"]}
_FIELDS: dict[str, Json] = {
    "task_list": _TASKS,
    "else_task_list": _TASKS,
    "requires_metadata_from": _NAMES,
    "requires_metadata_from_child": _NAMES,
    "tags": _NAMES,
    "criterion": _or_expression({"type": "boolean"}),
    "repeat_criterion": _or_expression({"type": "boolean"}),
    "max_iterations": _or_expression({"type": "integer", "minimum": 1}),
    "values": _or_expression({"type": "array", "items": _ENTRY}),
    "linear_range": _or_expression({"type": "array", "items": _NUMBER, "minItems": 3, "maxItems": 3}),
    "log_range": _or_expression({"type": "array", "items": _NUMBER, "minItems": 3, "maxItems": 3}),
    "shards": _or_expression({"type": "integer", "minimum": 0}),
    "qc": {"anyOf": [{"const": "inline"}, {"type": "object"}]},
    "retry": {"type": "object", "properties": dict.fromkeys(RETRY, _NUMBER), "additionalProperties": False},
    "resources": {
        "type": "object",
        "properties": dict.fromkeys(leaf.RESOURCES, _NUMBER),
        "additionalProperties": False,
    },
}
"""Fields of the language of which more is known than the type."""
_DOCS = {
    "task_list": "The tasks; their order means nothing.",
    "else_task_list": "The tasks when the criterion is false.",
    "job_name": "What runs are called.",
    "working_directory": "Where the files are, within the run.",
    "parameters": "Named values, parameters['x'] in expressions; --set x=… overrides them.",
    "presets": "Sets of other values for the parameters; --preset NAME takes one.",
    "subject": "What the run is about, as a star.",
    "tags": "Free labels of the run.",
    "description": "Free words.",
    "$schema": "Where editors find this schema.",
    "name": "What other tasks and reports call the task; unique in its list.",
    "inputs": "The files that the task reads, by port.",
    "outputs": "The files that the task makes, by port.",
    "requires_metadata_from": "Earlier tasks whose metadata expressions use, and for which the task waits.",
    "requires_metadata_from_child": "Tasks of the body whose metadata the criterion uses.",
    "parameter": "What the loop variable is called: metadata['P'] in expressions, and metadata['P_index'].",
    "values": "The values that the loop goes over.",
    "linear_range": "[first, last, how many], evenly spaced.",
    "log_range": "[first, last, how many], evenly spaced on a logarithmic scale.",
    "criterion": "Which branch is taken.",
    "iteration_name": "What the number of the iteration is called: metadata['N_index'], from 1.",
    "repeat_criterion": "Whether the body is run once more.",
    "max_iterations": "After how many iterations it is an error to go on (50).",
    "shards": "How many copies of the task there are: metadata['shard'] is the rank of each, from 0.",
    "retry": "How often the program is started again when it raised, and how its memory grows.",
    "resources": "What the program gets instead of what its container says.",
    "qc": 'Bounds of the quality control, or "inline" to judge in the pod of the program.',
    "cache": "Whether an earlier result may be taken.",
}
_REQUIRED = {
    "execution_chain": ["task_list"],
    "execution_for_loop": ["parameter", "task_list"],
    "execution_conditional": ["criterion"],
    "execution_do_while_loop": ["iteration_name", "repeat_criterion", "task_list"],
}
_ONE_OF = {
    "execution_for_loop": {"oneOf": [{"required": [form]} for form in FORMS]},
    "execution_conditional": {"anyOf": [{"required": ["task_list"]}, {"required": ["else_task_list"]}]},
}


def of_chains(registry: Registry) -> Json:
    """Return the schema of the chains that use the task types of a registry; broken entries are left out."""
    types = [one for name in registry.tasks if (one := registry.task(name)) is not None]
    kinds = {name: _flow(name) for name in FLOW_CONTROL} | {one.name: _leaf(one) for one in types}
    named = {"enum": list(kinds)}
    other = {
        "description": "A task whose type is an expression; the compiler looks at the rest.",
        "type": "object",
        "required": ["task"],
        "properties": {**_fields(leaf.FIELDS), "task": _EXPRESSION},
    }
    definitions = {
        "expression": {
            "description": "An expression: a text that begins with a quote or an opening parenthesis.",
            "type": "string",
            "pattern": r"^\s*['\"(]",
        },
        "task": {
            "type": "object",
            "required": ["task"],
            "properties": {"task": {"anyOf": [named, _EXPRESSION]}},
            "anyOf": [{"$ref": f"#/definitions/{name}"} for name in (*kinds, "(expression)")],
        },
        **kinds,
        "(expression)": other,
    }
    return {
        "$schema": DRAFT,
        "title": "EAS chain",
        "type": "object",
        "required": ["task_list"],
        "properties": _fields(document.TOP),
        "additionalProperties": False,
        "definitions": definitions,
    }


def _fields(types: Mapping[str, type]) -> Json:
    return {key: _described(_FIELDS.get(key, _PLAIN[kind]), _DOCS.get(key)) for key, kind in types.items()}


def _described(schema: Json, text: str | None, **more: Any) -> Json:
    return {**({"description": text} if text else {}), **more, **schema}


def _flow(name: str) -> Json:
    return {
        "type": "object",
        "properties": {**_fields(FLOW_FIELDS[name]), "task": {"const": name}},
        "required": ["task", *_REQUIRED[name]],
        "additionalProperties": False,
        **_ONE_OF.get(name, {}),
    }


def _leaf(type_: TaskType) -> Json:
    sides = {side: _ports(getattr(type_, side), _DOCS[side], type_, side) for side in ("inputs", "outputs")}
    settings = {name: _setting(one) for name, one in type_.settings.items()}
    needed = [side for side, schema in sides.items() if schema.get("required")]
    needed += [name for name, one in type_.settings.items() if one.get("required")]
    title = f"{type_.label}. {type_.doc}" if type_.doc else type_.label
    return {
        "description": title.strip(),
        "type": "object",
        "properties": {
            **settings,
            **_fields(leaf.FIELDS),
            **sides,
            "task": {"const": type_.name, "description": title},
        },
        "required": ["task", *needed],
        "additionalProperties": type_.open,
    }


def _ports(ports: dict[str, Port], text: str, type_: TaskType, side: str) -> Json:
    known = {}
    ports = {name: port for name, port in ports.items() if port.found_by is None}
    for name, port in ports.items():
        one: Json = {"type": "string"}
        if port.many and side == "inputs":
            one = {"anyOf": [one, {"type": "array", "items": one}]}
        known[name] = _described(one, f"{port.doc} ({port.type})".strip())
    required = [name for name, port in ports.items() if not port.optional and not (port.many and side == "outputs")]
    return {
        "description": text,
        "type": "object",
        "properties": known,
        "additionalProperties": {"type": "string"} if type_.open else False,
        **({"required": required} if required else {}),
    }


def _setting(specification: Json) -> Json:
    kind = specification["type"]
    unit = f" [{specification['unit']}]" if "unit" in specification else ""
    text = f"{specification.get('doc', '')}{unit}".strip()
    more = {"default": specification["default"]} if specification.get("default") is not None else {}
    if kind == "any":
        return _described({}, text, **more)
    value = dict(_TYPES[kind])
    value |= {key: specification[key] for key in ("minimum", "maximum") if key in specification}
    if "choices" in specification:
        value = {"enum": specification["choices"]}
    if kind == "object" and "fields" in specification:
        fields = {name: _setting(one) for name, one in specification["fields"].items()}
        required = [name for name, one in specification["fields"].items() if one.get("required")]
        value |= {"properties": fields, "additionalProperties": False, **({"required": required} if required else {})}
    return _described({"anyOf": [value, _EXPRESSION, {"type": "null"}]}, text, **more)
