"""Workflows with more templates than Argo's definitions take: those of alike tasks become one.

Pods whose templates differ in their task's own texts alone share one, and are handed the texts.
`eas_worker.manifests` knows the way back.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from eas_compiler import forms
from eas_compiler.parts import Json, as_json, dns_name

_COMMON = frozenset(
    ("task", "job_name", "working_directory", "setting_types", "metadata", "qc", "limits", "loops", "parameters")
)
"""What the descriptions of alike tasks have in common; all else is a task's own."""
_PATH, _PLACE, _OWN = (forms.parameter(name) for name in ("eas-path", "eas-place", "eas-own"))


def pack(templates: list[Json]) -> list[Json]:
    """Return templates that say the same, and are fewer."""
    packing = _Packing(templates)
    packing.share()
    return list(packing.templates.values())


class _Packing:
    def __init__(self, templates: list[Json]) -> None:
        self.templates = {one["name"]: one for one in templates}

    def _lists(self) -> Iterator[tuple[str, Json]]:
        return ((name, one) for name, one in list(self.templates.items()) if "dag" in one)

    # ---- templates that alike tasks share

    def share(self) -> None:
        """Let pods whose templates differ in nothing but what is their task's own use one template."""
        alike: dict[str, list[tuple[str, Json, dict[str, str]]]] = {}
        for name, template in self.templates.items():
            if "container" in template:
                shared, own = _opened(template)
                alike.setdefault(as_json({**shared, "name": ""}), []).append((name, shared, own))
        texts: dict[str, tuple[str, dict[str, str]]] = {}
        for group in alike.values():
            if len(group) > 1:
                name = self._shared_name(group[0][1], _task(self.templates[group[0][0]]))
                self.templates[name] = {**group[0][1], "name": name}
                texts |= {one: (name, own) for one, _, own in group}
        for one in texts:
            del self.templates[one]
        for name, template in self._lists():
            steps = [
                _handing(step, *texts[step["template"]]) if step["template"] in texts else step
                for step in template["dag"]["tasks"]
            ]
            self.templates[name] = {**template, "dag": {**template["dag"], "tasks": steps}}

    def _shared_name(self, shared: Json, task: str) -> str:
        base = f"shared-{dns_name(task)}-{shared['container']['command'][-1]}"
        name, number = base, 2
        while name in self.templates:
            name, number = f"{base}-{number}", number + 1
        return name


def _handing(step: Json, shared: str, own: dict[str, str]) -> Json:
    """Return a step that uses a shared template, and hands it the texts of its task."""
    arguments = step.get("arguments", {}).get("parameters", [])
    texts = [{"name": name, "value": text} for name, text in own.items()]
    return {**step, "template": shared, "arguments": {"parameters": [*arguments, *texts]}}


def _opened(template: Json) -> tuple[Json, dict[str, str]]:
    """Return a pod's template with holes for what is its task's own, and the texts that fill them."""
    notes = template["metadata"]["annotations"]
    path, place = notes["eas/path"], notes["eas/source"]
    files: dict[str, str] = {}
    sides: Json = {side: _with_keys(template[side], path, files) for side in ("inputs", "outputs") if side in template}
    container = template["container"]
    described = {one["name"]: one.get("value", "") for one in container["env"]}["EAS_TASK"]
    text, mine = _description(described, path, place)
    own = {"eas-path": path, "eas-place": place, **({"eas-own": mine} if mine else {})}
    own |= {name: file for file, name in files.items()}
    inputs: Json = sides.pop("inputs", {})
    environment = [{**one, "value": text} if one["name"] == "EAS_TASK" else one for one in container["env"]]
    opened = {
        "name": template["name"],
        "metadata": {**template["metadata"], "annotations": {**notes, "eas/path": _PATH, "eas/source": _PLACE}},
        "inputs": {**inputs, "parameters": [*inputs.get("parameters", ()), *({"name": name} for name in own)]},
        **sides,
        "container": {**container, "env": environment},
    }
    return {**opened, **{key: value for key, value in template.items() if key not in opened}}, own


def _task(template: Json) -> str:
    """Return the type of the task of a pod."""
    described = next(one["value"] for one in template["container"]["env"] if one["name"] == "EAS_TASK")
    return str(json.loads(described)["task"])


def _with_keys(given: Json, path: str, files: dict[str, str]) -> Json:
    """Return inputs or outputs with holes in the keys of their artifacts; `files` are the texts, and their names."""
    if "artifacts" not in given:
        return given
    opened = [{**one, "s3": {**one["s3"], "key": _key(one["s3"]["key"], path, files)}} for one in given["artifacts"]]
    return {**given, "artifacts": opened}


def _key(key: str, path: str, files: dict[str, str]) -> str:
    """Return a key with a hole for the path, when it is that of a record of the task; else for the name of the file."""
    records = f"{forms.RUN}/.records{path}"
    if key == records or key.startswith(f"{records}/"):
        return f"{forms.RUN}/.records{_PATH}{key.removeprefix(records)}"
    before, name, after = f"{forms.RUN}/", key.removeprefix(f"{forms.RUN}/"), ""
    if name.startswith(".products/"):
        before, name, after = f"{before}.products/", name.removeprefix(".products/").removesuffix(".json"), ".json"
    hole = files.setdefault(name, f"eas-file-{len(files)}")
    return f"{before}{forms.parameter(hole)}{after}"


def _description(text: str, path: str, place: str) -> tuple[str, str]:
    """Return a description with holes for what is a task's own, and what of it is neither path nor place."""
    description = json.loads(text)
    shared = {key: value for key, value in description.items() if key in _COMMON or not value}
    mine = {key: value for key, value in description.items() if key not in shared}
    holes = []
    file, colon, _ = mine.get("source", "").partition(f":{place}")
    for key, value, hole in (("path", path, _PATH), ("source", f"{file}{colon}", f"{file}:{_PLACE}")):
        if mine.get(key) == value and as_json(value) == f'"{value}"':
            del mine[key]
            holes.append(f'"{key}":"{hole}"')
    left = forms.escaped(as_json(mine))[1:-1]
    parts = [forms.escaped(as_json(shared))[1:-1], *holes, *([_OWN] if left else [])]
    return f"{{{','.join(part for part in parts if part)}}}", left
