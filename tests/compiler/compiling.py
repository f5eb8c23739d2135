"""Short ways to compile a document of a test, and to say what was found."""

import json
from pathlib import Path
from typing import Any

from eas_compiler.compile import Checked, Options, check, compile_chain
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.source import Node, Source

REGISTRY = Path(__file__).parents[1] / "property/registry.yaml"
OPTIONS = Options(registry=REGISTRY, seed="1")

Json = dict[str, Any]


def text_of(document: Json | str) -> bytes:
    """Return a document as its author writes it."""
    return (document if isinstance(document, str) else json.dumps(document)).encode("utf-8", "surrogatepass")


def checked(*tasks: Json, **fields: Any) -> Checked:
    """Check a chain of these tasks."""
    return check("chain.json", text_of({**fields, "task_list": list(tasks)}), OPTIONS)


def items(*tasks: Any) -> tuple[Any, ...]:
    """Return the resolved items of a chain without mistakes."""
    found = checked(*tasks)
    assert found.chain is not None
    assert not found.diagnostics.errors, told(found.diagnostics)
    return found.chain.body.items


def compiled(*tasks: Json, **fields: Any) -> Json:
    """Compile a chain of these tasks that must have no mistakes."""
    workflow, found = compile_chain("chain.json", text_of({**fields, "task_list": list(tasks)}), OPTIONS)
    assert workflow is not None, told(found.diagnostics)
    return workflow


def told(diagnostics: Diagnostics) -> list[str]:
    """Return what was found, as `code: message`."""
    return [f"{one.code}: {one.message}" for one in diagnostics]


def codes(diagnostics: Diagnostics) -> list[str]:
    """Return the codes of what was found."""
    return [one.code for one in diagnostics]


def node(value: Any, text: str = "") -> Node:
    """Return a node for a plain value, of a text of its own."""
    source = Source("chain.json", text or json.dumps(value))
    if isinstance(value, dict):
        value = {key: node(member) for key, member in value.items()}
    elif isinstance(value, list):
        value = [node(item) for item in value]
    return Node(value, source, 0, len(source.text))


def templates(workflow: Json) -> dict[str, Json]:
    """Return the templates of a Workflow by name."""
    return {one["name"]: one for one in workflow["spec"]["templates"]}


def steps(workflow: Json, name: str = "chain") -> dict[str, Json]:
    """Return the steps of a list by name."""
    return {one["name"]: one for one in templates(workflow)[name]["dag"]["tasks"]}


def description(workflow: Json, name: str) -> Json:
    """Return the description in a template."""
    variables = templates(workflow)[name]["container"]["env"]
    found: Json = json.loads(next(one["value"] for one in variables if one["name"] == "EAS_TASK"))
    return found


def make(file: str, name: str | None = None, **fields: Any) -> Json:
    """Write a task that makes a file."""
    return {"task": "make", "outputs": {"file": file}, **({"name": name} if name else {}), **fields}


def use(file: str, **fields: Any) -> Json:
    """Write a task that reads a file."""
    return {"task": "use", "inputs": {"one": file}, **fields}


def loop(parameter: str, values: Any, *tasks: Json, **fields: Any) -> Json:
    """Write a loop over values."""
    return {"task": "execution_for_loop", "parameter": parameter, "values": values, "task_list": list(tasks), **fields}


def choose(criterion: Any, then: list[Json], other: list[Json] | None = None, **fields: Any) -> Json:
    """Write a conditional."""
    branches = {"task_list": then} | ({"else_task_list": other} if other is not None else {})
    return {"task": "execution_conditional", "criterion": criterion, **branches, **fields}


def repeat(name: str, criterion: Any, *tasks: Json, **fields: Any) -> Json:
    """Write a do-while loop."""
    head = {"task": "execution_do_while_loop", "iteration_name": name, "repeat_criterion": criterion}
    return {**head, "task_list": list(tasks), **fields}
