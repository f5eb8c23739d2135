"""Templates of pods: one for each, or one for all tasks that are alike.

Where there are too many for a Workflow, pods that differ in their tasks' own texts alone share a template with holes,
and each step hands it the texts. `eas_worker.manifests` knows the way back.
"""

from __future__ import annotations

import marshal
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

from eas_compiler import forms
from eas_compiler.parts import Json, as_json, dns_name
from eas_compiler.templates import Templates

_COMMON = frozenset(
    (
        "task",
        "job_name",
        "working_directory",
        "setting_types",
        "metadata",
        "qc",
        "limits",
        "loops",
        "parameters",
        "no_work",
    )
)
"""What the descriptions of alike tasks have in common, with what is empty; all else is a task's own."""
_TYPES = ("setting_types", "metadata")
"""Those of them that are the same objects for tasks of a type, and large."""
_PATH, _PLACE, _OWN = (forms.parameter(name) for name in ("eas-path", "eas-place", "eas-own"))

Report = Callable[[int], None]
"""Is told how many bytes a description has."""


class Texts:
    """The texts of a task in one template: its path, its place in the source, its keys, its description."""

    def __init__(self, path: str, place: str) -> None:
        self.path, self.place = path, place

    def name(self, name: str) -> str:
        """Return the name of a file, or all of a key behind the run, as the template has it."""
        return name

    @property
    def annotations(self) -> dict[str, str]:
        """What leads from a step back to the author's line."""
        return {"eas/path": self.path, "eas/source": self.place}


class Wanted(NamedTuple):
    """The pods of a step before they are made: what their templates' names begin with, and what is its own of them.

    `names` are those of its files. `form` is all that the templates of its pods follow from, but for its own texts; it
    is None when nobody knows that.
    """

    name: str
    path: str
    place: str
    description: Json
    names: list[str]
    form: Hashable | None
    report: Report
    make: Callable[[], list[Json]]


class Alone:
    """Makes a template of its own for each pod."""

    def __init__(self, prototypes: Templates) -> None:
        self.prototypes = prototypes

    def texts(self, path: str, place: str) -> Texts:
        """Return what collects the texts of a pod."""
        return Texts(path, place)

    def all(self, pods: Wanted) -> list[Json]:
        """Return the templates of a step's pods that there are not yet."""
        return pods.make()

    def templates(
        self, prototype: str, name: str, texts: Any, description: Json, report: Report, **values: Any
    ) -> list[Json]:
        """Return the template of a pod."""
        text = forms.escaped(as_json(description))
        report(len(text))
        return [self.prototypes.fill(prototype, name=name, annotations=texts.annotations, description=text, **values)]

    def handing(self, step: Json) -> Json:
        """Return a step with what it hands to its template."""
        return step


class _Holes(Texts):
    """Holes for the texts of a task, and what fills them."""

    def __init__(self, path: str, place: str) -> None:
        super().__init__(_PATH, _PLACE)
        self.own = {"eas-path": path, "eas-place": place}
        self._files: dict[str, str] = {}

    def name(self, name: str) -> str:
        """Return a hole for the name of a file, or all of a key behind the run."""
        hole = self._files.get(name)
        if hole is None:
            parameter = f"eas-file-{len(self._files)}"
            self.own[parameter] = name
            hole = self._files[name] = forms.parameter(parameter)
        return hole


class _Made(NamedTuple):
    """The template of a pod, the members of a description that are handed to it, and how many bytes it has itself."""

    name: str
    template: str
    own: dict[str, str]
    members: tuple[str, ...]
    length: int


class _Known(NamedTuple):
    """A pod of a form: what its name ends with, where in the list of a step's names each file's parameter is found."""

    suffix: str
    made: _Made
    files: tuple[tuple[str, int], ...]


class Shared(Alone):
    """Makes one template for all pods that are alike; what it is made of is all that they have in common."""

    def __init__(self, prototypes: Templates) -> None:
        super().__init__(prototypes)
        self._known: dict[bytes, tuple[str, int]] = {}
        self._names: set[str] = set()
        self._handed: dict[str, tuple[str, dict[str, str]]] = {}
        self._last: tuple[Json, str] = ({}, "")
        self._forms: dict[Hashable, list[_Known]] = {}
        self._made: list[_Made] = []

    def texts(self, path: str, place: str) -> Texts:
        """Return what collects the texts of a pod."""
        return _Holes(path, place)

    def all(self, pods: Wanted) -> list[Json]:
        """Return the templates of a step's pods that there are not yet; of a form that is known there are all."""
        if pods.form not in self._forms:
            self._made = []
            templates = pods.make()
            if pods.form is not None:
                at = {name: number for number, name in enumerate(pods.names)}
                self._forms[pods.form] = [_known(one, pods.name, at) for one in self._made]
            return templates
        for suffix, made, files in self._forms[pods.form]:
            own = {"eas-path": pods.path, "eas-place": pods.place}
            own.update((parameter, pods.names[number]) for parameter, number in files)
            text = self._text({name: pods.description[name] for name in made.members})
            if text:
                own["eas-own"] = text
            self._handed[f"{pods.name}{suffix}"] = made.template, own
            pods.report(made.length + len(text))
        return []

    def templates(
        self, prototype: str, name: str, texts: Any, description: Json, report: Report, **values: Any
    ) -> list[Json]:
        """Return the template of a pod, unless there is one for pods like it."""
        common = {key: value for key, value in description.items() if key in _COMMON or not value}
        own = {key: value for key, value in description.items() if key not in common and key not in ("path", "source")}
        file = description["source"].removesuffix(texts.own["eas-place"])
        text = self._text(own)
        if text:
            texts.own["eas-own"] = text
        types = [id(common.pop(name, None)) for name in _TYPES]
        alike = marshal.dumps((prototype, values, common, types, file, list(texts.own)), 2)  # far faster than JSON
        known, made = self._known.get(alike), []
        if known is None:
            common |= {name: description[name] for name in _TYPES if name in description}
            template = self._filled(prototype, texts, common, file, values)
            made.append(template)
            length = next(len(one["value"]) for one in template["container"]["env"] if one["name"] == "EAS_TASK")
            known = self._known[alike] = template["name"], length
        self._handed[name] = known[0], texts.own
        self._made.append(_Made(name, known[0], texts.own, tuple(own), known[1]))
        report(known[1] + len(text))
        return made

    def _text(self, own: Json) -> str:
        """Return the members of a description that are a task's own; a gate has most often those of its task."""
        if own != self._last[0]:
            self._last = own, forms.escaped(as_json(own))[1:-1]
        return self._last[1]

    def _filled(self, prototype: str, texts: Any, common: Json, file: str, values: Json) -> Json:
        source = forms.escaped(as_json(file))[:-1]
        parts = [forms.escaped(as_json(common))[1:-1], f'"path":"{_PATH}"', f'"source":{source}{_PLACE}"']
        if "eas-own" in texts.own:
            parts.append(_OWN)
        filled = self.prototypes.fill(
            prototype,
            name="",
            annotations=texts.annotations,
            description=f"{{{','.join(parts)}}}",
            **{**values, "parameters": [*values["parameters"], *({"name": one} for one in texts.own)]},
        )
        return {**filled, "name": self._name(common["task"], filled["container"]["command"][-1])}

    def _name(self, task: str, command: str) -> str:
        base = f"shared-{dns_name(task)}-{command}"
        name, number = base, 2
        while name in self._names:
            name, number = f"{base}-{number}", number + 1
        self._names.add(name)
        return name

    def handing(self, step: Json) -> Json:
        """Return a step with what it hands to its template."""
        if step["template"] not in self._handed:
            return step
        template, own = self._handed[step["template"]]
        arguments = step.get("arguments", {}).get("parameters", [])
        texts = [{"name": name, "value": text} for name, text in own.items()]
        return {**step, "template": template, "arguments": {"parameters": [*arguments, *texts]}}


def _known(made: _Made, name: str, at: dict[str, int]) -> _Known:
    """Return what others of the form need to know of a pod."""
    files = tuple((parameter, at[file]) for parameter, file in made.own.items() if parameter.startswith("eas-file-"))
    return _Known(made.name.removeprefix(name), made, files)
