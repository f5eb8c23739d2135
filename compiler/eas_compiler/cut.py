"""Loops that are too large for one Workflow, cut into child workflows for ranges of their iterations.

In its list a loop `t0` becomes a step of the same name with a list of its own, `t0-shards`. The steps of that, as many
as children are needed, create and await them (`t0-shard`). A child's entry point, `t0-range`, is the loop again, over
its range, with the list `t0` of one iteration as it was. Whatever says `{{workflow.name}}` or `{{workflow.uid}}` in a
child means the run's: keys and records lie where they would without a cut.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from eas_compiler import forms
from eas_compiler.fit import Limits, Part, short
from eas_compiler.hoist import hoisted
from eas_compiler.nodes import Counter, Repetitions, path_of
from eas_compiler.parts import Json, as_json, dag_task, handed
from eas_compiler.templates import Templates
from eas_worker.manifests import RUN_NAME, RUN_PREFIX, RUN_UID

_AROUND = 2
"""How many nodes a child has beside those of its iterations: its entry point, and the loop."""
_WAITER = 2
"""How many nodes of its parent wait for a child: a pod, and its retries."""
_MAX_NAME, _RANDOM = 63, 5
"""The longest name of a Workflow, and how many characters a server adds to one that is to be made up."""
_LATE_DIGITS = 6
"""How many digits are expected of an index of which nothing is known."""
_RUN = {forms.RUN: RUN_PREFIX, "{{workflow.name}}": RUN_NAME, "{{workflow.uid}}": RUN_UID}
"""Parameters of a child, and what they say of its run; the first one is both of the others."""
_OF_THE_RUN = ("arguments", "ttlStrategy")
"""What a Workflow specifies for a run, and none of its children for itself: they go with the run."""
_NUMBER, _SHARD, _FIRST, _COUNT = "eas-number", "eas-shard", "eas-first", "eas-count"


class _Site(NamedTuple):
    """A loop in a list, and how often that runs where it is counted."""

    list: str
    step: Json
    times: int


def cut(workflow: Json, prototypes: Templates, repetitions: Repetitions, limits: Limits) -> tuple[Json, list[Part]]:
    """Return a Workflow whose loops are cut as far as needed, outer ones first, and the parts that are its children.

    `repetitions` has the numbers of children then, too.
    """
    cutting = _Cutting(workflow, prototypes, repetitions, limits)
    entrypoint = workflow["spec"]["entrypoint"]
    cutting.settle(entrypoint)
    stem = workflow["metadata"]["generateName"].rstrip("-")[: _MAX_NAME - _RANDOM - 1 - cutting.longest].rstrip("-")
    metadata = {**workflow["metadata"], "generateName": f"{stem}-"}
    specification = {**workflow["spec"], "templates": cutting.beneath(entrypoint)}
    parts = sorted(cutting.parts, key=lambda part: (part.path.count("/"), part.path))
    return {**workflow, "metadata": metadata, "spec": specification}, parts


class _Cutting:
    def __init__(self, workflow: Json, prototypes: Templates, repetitions: Repetitions, limits: Limits) -> None:
        self.workflow, self.prototypes, self.repetitions, self.limits = workflow, prototypes, repetitions, limits
        self.counter = Counter(workflow, repetitions)
        self.templates = self.counter.templates
        self.parts: list[Part] = []
        self.longest = 1
        """The most characters that the name of a child has behind the run's."""

    def settle(self, name: str) -> None:
        """Cut what has to be cut within a template, so that it fits into a Workflow."""
        template = self.templates[name]
        for step in template.get("dag", {}).get("tasks", ()):
            if step["template"] != name:
                self.settle(step["template"])
        nodes = self.counter.template(name)
        if nodes <= self.limits.nodes:
            return
        for site in sorted(self._sites(name), key=self._gain, reverse=True):
            gain = self._gain(site)
            if nodes <= self.limits.nodes or gain <= 0:
                break
            self._cut(site)
            nodes -= gain
        self.counter.forget(name)

    def _sites(self, name: str, times: int = 1) -> Iterator[_Site]:
        """Yield the loops of a list, and of lists in it that are no loops' lists."""
        template = self.templates[name]
        times *= self.counter.times(template) or 1
        for step in template["dag"]["tasks"]:
            inner = self.templates[step["template"]]
            if step["template"] == name or "dag" not in inner:
                continue
            if "withSequence" in step:
                yield _Site(name, step, times)
            else:
                yield from self._sites(step["template"], times)

    def _gain(self, site: _Site) -> int:
        """Return how many nodes fewer there are when a loop is cut."""
        shards = self._shards(site.step)[1]
        return site.times * (self.counter.step(site.step) - 2 - _WAITER * shards)

    def _shards(self, step: Json) -> tuple[int, int]:
        """Return how many iterations of a loop one child runs at most, and how many children there are then."""
        number = max(1, self.counter.items(step))
        most = max(1, (self.limits.nodes - _AROUND) // self.counter.template(step["template"]))
        shards = -(-number // most)
        is_known = self.counter.known_items(step) is not None
        return (-(-number // shards) if is_known else most), shards

    def _cut(self, site: _Site) -> None:
        """Put a loop's children where the loop was."""
        step = site.step
        body, size, number = step["template"], *self._shards(step)
        arguments = step["arguments"]["parameters"]
        outer = [one for one in arguments if one["value"] != "{{item}}"]
        nodes = _AROUND + size * self.counter.template(body)
        manifest, size_bytes = self._child(step, body, size, outer)
        path, at = path_of(self.templates[body]), self.counter.known_items(step)
        inputs = [{"name": one["name"]} for one in outer]
        given = [handed(one["name"]) for one in outer]
        shard = dag_task("shard", f"{body}-shard", None, None, [*given, handed(_NUMBER), _argument(_SHARD, "{{item}}")])
        shard["withSequence"] = {"count": f"{{{{=string(int(({_own(_NUMBER)} + {size - 1}) / {size}))}}}}"}
        inputs.append({"name": _NUMBER})
        self._add("shards", f"{body}-shards", path, parameters=inputs, tasks=[shard])
        inputs = [*inputs, {"name": _SHARD}]
        lock = {"number": len(self.parts), "indices": " + ".join(_own(one["name"]) for one in (*outer, inputs[-1]))}
        self._add("shard", f"{body}-shard", path, parameters=inputs, manifest=manifest, **lock)
        self.repetitions[f"{body}-shard"] = number
        count = str(step.pop("withSequence")["count"])
        step |= {"template": f"{body}-shards", "arguments": {"parameters": [*outer, _argument(_NUMBER, count)]}}
        total = None if at is None else self._times_around(path, number)
        self.parts.append(Part(path, total, nodes, size_bytes))

    def _add(self, prototype: str, name: str, path: str, **values: Any) -> None:
        filled = self.prototypes.fill(prototype, name=name, annotations={"eas/path": path}, **values)
        if isinstance(filled.get("podSpecPatch"), dict):
            filled["podSpecPatch"] = as_json(filled["podSpecPatch"])
        self.templates[name] = filled

    def _times_around(self, path: str, number: int) -> int | None:
        """Return how many children a loop has in a whole run, that has so many in each iteration of those around it."""
        for around in _around(path):
            times = self.repetitions[around]
            if times is None:
                return None
            number *= times
        return number

    # ---- the manifest of a child

    def _child(self, step: Json, body: str, size: int, outer: list[Json]) -> tuple[str, int]:
        """Return the manifest of a loop's children as it stands in their parent, and how large it is by itself."""
        first = f"{_own(_SHARD)} * {size}"
        given = [
            *(_argument(one["name"], f"{{{{workflow.parameters.{one['name']}}}}}") for one in self._arguments),
            *(_argument(name, tag) for tag, name in _RUN.items()),
            *(_argument(f"index-{one['name']}", forms.parameter(one["name"])) for one in outer),
            _argument(_FIRST, f"{{{{={first}}}}}"),
            _argument(_COUNT, f"{{{{=min({size}, {_own(_NUMBER)} - {first})}}}}"),
        ]
        specification = short(self._specification(step, body, outer), self.prototypes, self.limits)["spec"]
        specification["templates"], texts = hoisted(specification["templates"])
        given += (_argument(name, text) for name, text in texts.items())
        own = self.prototypes.fill("child", name=self._name(body, outer), parameters=given)
        of_run = as_json(specification)
        for tag, name in _RUN.items():
            of_run = of_run.replace(tag, f"{{{{workflow.parameters.{name}}}}}")
        kind = {key: self.workflow[key] for key in ("apiVersion", "kind")}
        head = as_json({**kind, "metadata": own["metadata"], "spec": own["spec"]}).removesuffix("}}")
        return f"{head},{forms.escaped(of_run)[1:]}}}", len(head) + len(of_run)

    @property
    def _arguments(self) -> list[Json]:
        found: list[Json] = self.workflow["spec"]["arguments"]["parameters"]
        return found

    def _specification(self, step: Json, body: str, outer: list[Json]) -> Json:
        """Return the child as it would be submitted, without what is a child's own."""
        entry = f"{body}-range"
        indices = [_argument(one["name"], f"{{{{workflow.parameters.index-{one['name']}}}}}") for one in outer]
        items = [one for one in step["arguments"]["parameters"] if one["value"] == "{{item}}"]
        loop = dag_task(step["name"], body, None, None, [*indices, *items])
        ends = {"start": _FIRST, "count": _COUNT}
        loop["withSequence"] = {end: f"{{{{workflow.parameters.{name}}}}}" for end, name in ends.items()}
        listed = self.prototypes.fill(
            "list",
            name=entry,
            annotations={"eas/path": path_of(self.templates[body])},
            parameters=None,
            exports=None,
            tasks=[loop],
        )
        kept = {key: value for key, value in self.workflow["spec"].items() if key not in _OF_THE_RUN}
        return {"spec": {**kept, "entrypoint": entry, "templates": [listed, *self.beneath(body)]}}

    def _name(self, body: str, outer: list[Json]) -> str:
        """Return the name of a child: the run's, the number of the loop among those cut, indices, and its own."""
        parts = [str(len(self.parts)), *(forms.parameter(one["name"]) for one in outer), forms.parameter(_SHARD)]
        path = path_of(self.templates[body])
        digits = [_digits(self.repetitions[around]) for around in (*_around(path), path)]
        self.longest = max(self.longest, len(parts[0]) + sum(digits) + len(parts))
        return "-".join(("{{workflow.name}}", *parts))

    def beneath(self, name: str) -> list[Json]:
        """Return a template and all that it uses, outer ones before what is inside."""
        found: dict[str, Json] = {}

        def add(one: str) -> None:
            if one not in found:
                found[one] = self.templates[one]
                for step in found[one].get("dag", {}).get("tasks", ()):
                    add(step["template"])

        add(name)
        return list(found.values())


def _around(path: str) -> list[str]:
    """Return the paths of the loops and do-whiles around a loop's list, from the outside in."""
    ends = [match.end() for match in re.finditer(r"\[[^/]*\](?=/)|#(?=/)", path)]
    return [path[:end].removesuffix("#") for end in ends]


def _digits(number: int | None) -> int:
    return _LATE_DIGITS if number is None else len(str(number))


def _argument(name: str, value: str) -> Json:
    return {"name": name, "value": value}


def _own(name: str) -> str:
    """Return a parameter as the number that it is, in an expression."""
    return f"asInt(inputs.parameters['{name}'])"
