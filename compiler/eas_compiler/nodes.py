"""How many nodes the templates of a Workflow make in its status, at most, retries apart."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
Repetitions = dict[str, "int | None"]
"""How often at most the list of a loop, or a do-while, runs, by its path; None where only the run can tell.

How many child workflows there are for a loop, or are expected, stands under the name of the template that creates them.
"""
EXPECTED = 100
"""How many iterations are expected of a loop whose length only the run can tell."""


class Counter:
    """Counts the nodes of templates; a change of the templates has to be made known by `forget`."""

    def __init__(self, workflow: Json, repetitions: Repetitions) -> None:
        self.templates: dict[str, Json] = {one["name"]: one for one in workflow["spec"]["templates"]}
        self._repetitions = repetitions
        self._known: dict[str, int] = {}

    def template(self, name: str) -> int:
        """Return how many nodes a template makes, itself included."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self.inline(self.templates[name])
        return known

    def inline(self, template: Json) -> int:
        """Return how many nodes a template makes that may stand in a step."""
        if "dag" not in template:
            return 2 if "retryStrategy" in template else 1
        once = 1 + sum(self.step(step) for step in template["dag"]["tasks"] if not _is_again(step, template))
        times = self.times(template)
        return once if times is None else times * once + 1  # the step that would begin one more

    def times(self, template: Json) -> int | None:
        """Return how often a do-while runs at most; None for any other template."""
        again = any(_is_again(step, template) for step in template["dag"]["tasks"])
        return (self._repetitions[path_of(template)] or EXPECTED) if again else None

    def step(self, step: Json) -> int:
        """Return how many nodes a step makes."""
        one = self.inline(step["inline"]) if "inline" in step else self.template(step["template"])
        return one if "withSequence" not in step else 1 + self.items(step) * one

    def items(self, step: Json) -> int:
        """Return how many items a fan-out has at most, or is expected to have."""
        number = self.known_items(step)
        return EXPECTED if number is None else number

    def known_items(self, step: Json) -> int | None:
        """Return how many items a fan-out has at most; None where only the run can tell."""
        count, name = str(step["withSequence"]["count"]), step["template"]
        if count.isdigit():
            return int(count)
        return self._repetitions[name if name in self._repetitions else path_of(self.templates[name])]

    def depth(self, name: str) -> int:
        """Return how many templates stand in each other, at most, in a template, itself included."""
        return self._depth(self.templates[name])

    def _depth(self, template: Json) -> int:
        if "dag" not in template:
            return 1
        others = [step for step in template["dag"]["tasks"] if not _is_again(step, template)]
        inner = (step["inline"] if "inline" in step else self.templates[step["template"]] for step in others)
        deepest = max(map(self._depth, inner), default=0)
        return (self.times(template) or 1) + deepest

    def forget(self, name: str) -> None:
        """Count a list, and those that stand in it without repetition, again."""
        if self._known.pop(name, None) is None:
            return
        for step in self.templates[name].get("dag", {}).get("tasks", ()):
            if "withSequence" not in step:
                self.forget(step["template"])


def path_of(template: Json) -> str:
    """Return the path of the chain that a template is made for."""
    path: str = template["metadata"]["annotations"]["eas/path"]
    return path


def _is_again(step: Json, template: Json) -> bool:
    """Tell whether a step is the next iteration of the do-while whose list it stands in."""
    return "template" in step and step["template"] == template.get("name")
