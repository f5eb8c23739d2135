"""What a Workflow says, however it was packed: its templates, each by itself.

A chain that is too big for one Workflow as it stands is packed by the compiler, in four ways that this module knows
the way back from:

- a template stands `inline` in the step that uses it;
- templates that differ in a few texts are one, and steps hand it these texts as parameters (`OWN`);
- ranges of a loop's iterations are child workflows, each of which stands as JSON in a `resource` template;
- what several descriptions of a child workflow say is said once, in parameters of it (`TEXT`).

Templates have names that are unique in a run. One that stands in a step is named after it: `chain.list.t17`.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]
OWN = ("eas-path", "eas-place", "eas-own", "eas-file")
"""What the parameters are called, or begin with, that hold the texts of a shared template's tasks."""
RUN_NAME, RUN_UID, RUN_PREFIX = "eas-name", "eas-uid", "eas-prefix"
"""Parameters of a child workflow: name and uid of the Workflow that the run began with, and both as keys begin."""
TEXT = "eas-text-"
"""What the parameters of a child workflow begin with that hold members of several descriptions."""
WAITER = "eas/waiter"
"""The annotation of a child workflow with the name of the node of its parent that waits for it."""

INDEX_DIGITS = 6
_TAG = re.compile(r"\{\{.*?\}\}")


def is_own(parameter: str) -> bool:
    """Tell whether a parameter is a text of a shared template's task."""
    return parameter.startswith(OWN)


def templates(workflow: Json) -> dict[str, Json]:
    """Return the templates of a Workflow and of its child workflows, by name; they have no parameters of `OWN`."""
    found: dict[str, Json] = {}
    texts = _texts(workflow)
    given = {one["name"]: _filled(one, texts) if texts else one for one in workflow["spec"]["templates"]}
    for name, template in given.items():
        if "dag" in template:
            _add(name, template, given, found)
        elif "resource" in template:
            found[name] = template
            found |= templates(child(template))
        elif not _own(template):
            found[name] = template
    return found


def _texts(workflow: Json) -> dict[str, str]:
    """Return what stands for the tags of parameters that several descriptions share."""
    given = (workflow["spec"].get("arguments") or {}).get("parameters") or ()
    return {f"{{{{workflow.parameters.{one['name']}}}}}": one["value"] for one in given if one["name"].startswith(TEXT)}


def child(template: Json) -> Json:
    """Return the child workflow that a `resource` template creates."""
    workflow: Json = json.loads(template["resource"]["manifest"])
    return workflow


def accounts(workflow: Json) -> set[str]:
    """Return the service accounts as which pods of a Workflow run, and those of its child workflows."""
    spec = workflow["spec"]
    found = {spec.get("serviceAccountName")}
    for template in templates(workflow).values():
        found.add(template.get("serviceAccountName"))
        if "resource" in template:
            found |= accounts(child(template))
    return {one for one in found if one}


def behind_name(workflow: Json) -> int:
    """Return how many characters the names of a run's child workflows have behind that of the run, at most.

    They hold indices, of which each has up to `INDEX_DIGITS` digits.
    """
    own = (child(one)["metadata"]["name"] for one in templates(workflow).values() if "resource" in one)
    return max((len(_TAG.sub("0" * INDEX_DIGITS, name.partition("}}")[2])) for name in own), default=0)


def _add(name: str, template: Json, given: dict[str, Json], found: dict[str, Json]) -> None:
    """Add a list, and what stands in its steps, or is shared by them."""
    steps = []
    found[name] = template  # it stands before what is in it
    given_steps = template["dag"].get("tasks") or ()
    for step in given_steps:
        inner = f"{name}.{step['name']}"
        if "inline" in step:
            _add_inline(inner, step["inline"], given, found)
            step = {**{key: value for key, value in step.items() if key != "inline"}, "template": inner}  # noqa: PLW2901
        elif _own(given.get(step["template"], {})):
            shared, arguments = given[step["template"]], step["arguments"]["parameters"]
            texts = {one["name"]: one["value"] for one in arguments if is_own(one["name"])}
            found[inner] = {**_alone(shared, texts), "name": inner}
            left = [one for one in arguments if one["name"] not in texts]
            step = {key: value for key, value in step.items() if key != "arguments"}  # noqa: PLW2901
            step |= {"template": inner, **({"arguments": {"parameters": left}} if left else {})}
        steps.append(step)
    if any(new is not old for new, old in zip(steps, given_steps, strict=True)):
        found[name] = {**template, "dag": {**template["dag"], "tasks": steps}}


def _add_inline(name: str, template: Json, given: dict[str, Json], found: dict[str, Json]) -> None:
    template = {"name": name, **template}
    if "dag" in template:
        _add(name, template, given, found)
        return
    found[name] = template
    if "resource" in template:
        found.update(templates(child(template)))


def _own(template: Json) -> bool:
    """Tell whether a template is shared."""
    return any(is_own(one["name"]) for one in template.get("inputs", {}).get("parameters", ()))


def _alone(shared: Json, texts: dict[str, str]) -> Json:
    """Return a shared template as it is for one task."""
    tags = {f"{{{{inputs.parameters.{name}}}}}": text for name, text in texts.items()}
    alone: Json = _filled(shared, tags)
    parameters = [one for one in alone["inputs"]["parameters"] if not is_own(one["name"])]
    left = {key: value for key, value in {**alone["inputs"], "parameters": parameters}.items() if value}
    return {key: left if key == "inputs" else value for key, value in alone.items() if key != "inputs" or left}


def _filled(part: Any, tags: dict[str, str]) -> Any:
    if isinstance(part, str):
        if "{{" in part:
            for tag, text in tags.items():
                part = part.replace(tag, text)
        return part
    if isinstance(part, dict):
        return {key: _filled(member, tags) for key, member in part.items()}
    return [_filled(item, tags) for item in part] if isinstance(part, list) else part


class Names:
    """Tells of the nodes of one Workflow which of the `known` templates each was made from.

    Argo does not say of a template that stands in a step, or is shared, in which step of which list; the node's name
    does. `nodes` are all nodes of the Workflow by id, which may change.
    """

    def __init__(self, nodes: Mapping[str, Json], entrypoint: str, known: Mapping[str, Json]) -> None:
        self._nodes, self._entrypoint, self._known = nodes, entrypoint, known
        self._found: dict[str, str] = {}

    def template(self, node: Json) -> str:
        """Return the name of a node's template."""
        name = self._found.get(node["id"])
        if name is None:
            self._found[node["id"]] = self._entrypoint  # for nodes that are said to stand in themselves
            name = self._found[node["id"]] = self._look_up(node)
        return name

    def _look_up(self, node: Json) -> str:
        around = self._nodes.get(node.get("boundaryID") or "")
        if around is None:
            return self._entrypoint
        step = node["name"][len(around["name"]) + 1 :].partition("(")[0]
        inner = f"{self.template(around)}.{step}"
        return inner if inner in self._known else node.get("templateName") or inner
