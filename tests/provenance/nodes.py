"""A short way to write the nodes of a run, as a site tells of them."""

import json
from typing import Any

Json = dict[str, Any]
LOOP = {"var": "i", "id": "i", "at": "/t0", "form": "values", "range": ["a", "b"]}


def described(path: str, **fields: Any) -> Json:
    """Write the description of a task."""
    given: Json = {"job_name": "j", "working_directory": "d", "name": None, "loops": [], "settings": {}, "after": []}
    given |= {"path": path, "task": "null", "source": "chain.json:1:1", "setting_types": {"n": {"type": "any"}}}
    return given | fields


def workflow(*descriptions: Json, verbs: tuple[str, ...] = ("run", "qc", "ask")) -> Json:
    """Write a manifest with some steps for each description; by default those named `t`, `t-qc`, `t-ask`."""
    templates = [
        {
            "name": f"t{number}" + ("" if verb in {"run", "inline"} else f"-{verb}"),
            "container": {
                "command": ["python3", "-m", "eas_worker", verb],
                "env": [{"name": "EAS_TASK", "value": json.dumps(description)}],
            },
        }
        for number, description in enumerate(descriptions)
        for verb in verbs
    ]
    return {"spec": {"templates": [*templates, {"name": "chain", "dag": {}}]}}


def node(template: str, phase: str, message: str = "", **parameters: Any) -> Json:
    """Write an update of the node around the tries of a template."""
    listed = [{"name": name, "value": str(value)} for name, value in parameters.items()]
    kind = "Skipped" if phase in {"Skipped", "Omitted"} else "Retry"
    inputs = {"parameters": listed} if listed and kind == "Retry" else {}
    name = f"run.{template}"
    written: Json = {"id": name, "name": name, "templateName": template, "type": kind, "phase": phase, "inputs": inputs}
    return written | {"boundaryID": "run"} | ({"message": message} if message else {})


def root(phase: str, **parameters: Any) -> Json:
    """Write an update of the whole run; its parameters are those of all that stands in it."""
    listed = [{"name": name, "value": str(value)} for name, value in parameters.items()]
    return {
        "id": "run",
        "name": "run",
        "templateName": "chain",
        "type": "DAG",
        "phase": phase,
        "inputs": {"parameters": listed},
    }
