"""Lists with more steps than Argo's definitions take: stretches, each with the one after it as its step `more`.

A later stretch cannot name the steps of an earlier one. For each thing that it depends on, the earlier one has a step
`kept-N`, which is open when it holds; `more` begins when these are settled, and is handed how they ended; the later one
has a step `up-N`, which is open when `kept-N` was. So every task is blocked by what would block it in one list. Of the
earlier tasks it waits for those that later ones ask about, and for no others.
"""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator
from itertools import count
from typing import Any, NamedTuple

from eas_compiler import forms
from eas_compiler.parts import Json, any_of, dag_task, handed

MAX_PARAMETERS = 500
"""How many input parameters the full definitions of Argo take."""
_RESULTS = ("Succeeded", "Failed", "Errored", "Skipped", "Omitted")
_UP, _ANSWERS = "eas-up-", "eas-answers-"
_WORD = re.compile(r"\s*([\w-]+\.\w+|\|\||&&|\(|\))")
_NAMED = re.compile(r"tasks(?:\.|\[')([\w-]+)")
_HANDED = re.compile(rf"inputs\.parameters\['({_ANSWERS}\d+)'\]")
_GIVEN = r"tasks\['[\w-]+'\]\.outputs\?\.parameters\?\.\['answers'\]"
_ANSWER = re.compile(rf"tasks\['[\w-]+'\]\.outputs\.parameters\.answers|{_GIVEN}(?: \?\? {_GIVEN})*")

Need = str | tuple[str, tuple["Need", ...]]
"""What is depended on: `step.Result`, a parameter that says whether something holds, or a sign and what it joins."""


class _Step(NamedTuple):
    """A step: what is `given` but for what it depends on, that, the steps that it names, and what it is told.

    Steps of different parts have nothing to do with each other.
    """

    given: Json
    need: Need | None
    names: frozenset[str]
    told: tuple[str, ...]
    part: int = 0

    @property
    def name(self) -> str:
        return str(self.given["name"])


class _UnfitError(Exception):
    """A list cannot be divided, or not at some place."""


def divided(template: Json, limit: int) -> list[Json]:
    """Return a list as stretches of at most so many steps; as it is where that cannot be."""
    if template.get("outputs"):  # they name steps of all stretches
        return [template]
    try:
        return list(_stretches(template, limit))
    except _UnfitError:
        return [template]


def _stretches(template: Json, limit: int) -> Iterator[Json]:
    """Yield the stretches of a list, the first one under its name."""
    steps = _in_order([_read(step) for step in template["dag"]["tasks"]])
    given = [one["name"] for one in template.get("inputs", {}).get("parameters", ())]
    name, told, number = template["name"], list[str](), 1
    for following in (f"{template['name']}-more-{one}" for one in count(2)):
        if len(given) + len(told) > MAX_PARAMETERS:
            raise _UnfitError
        if len(steps) <= limit and len(written := _written(steps)) <= limit:
            yield _list(template, name, [*given, *told], written)
            return
        border = _border(steps, limit, number)
        yield _list(template, name, [*given, *told], border.written(following, given))
        name, told, steps, number = following, border.told, border.rest, border.number


def _list(template: Json, name: str, parameters: list[str], steps: list[Json]) -> Json:
    inputs = {"inputs": {"parameters": [{"name": one} for one in parameters]}} if parameters else {}
    return {**template, "name": name, **inputs, "dag": {**template["dag"], "tasks": steps}}


# ---- the order of the steps


def _in_order(steps: list[_Step]) -> list[_Step]:
    """Return the steps of one part after those of another, each behind those that it names."""
    at = {step.name: number for number, step in enumerate(steps)}
    named = [[at[name] for name in step.names] for step in steps]
    after: list[list[int]] = [[] for _ in steps]
    for number, others in enumerate(named):
        for other in others:
            after[other].append(number)
    part = [-1] * len(steps)
    for number in range(len(steps)):
        todo = [number] if part[number] < 0 else []
        while todo:
            one = todo.pop()
            if part[one] < 0:
                part[one] = number
                todo += named[one] + after[one]
    missing = [len(others) for others in named]
    ready = [(part[number], number) for number, left in enumerate(missing) if not left]
    heapq.heapify(ready)
    ordered = []
    while ready:
        _, number = heapq.heappop(ready)
        ordered.append(steps[number]._replace(part=part[number]))
        for other in after[number]:
            missing[other] -= 1
            if not missing[other]:
                heapq.heappush(ready, (part[other], other))
    return ordered


def _step(given: Json, need: Need | None, part: int = 0) -> _Step:
    """Return a step, having looked for what its texts and what it depends on refer to."""
    texts = [text for text in _texts(given) if "{{" in text]  # an author's text never has a tag
    needed = list(_members(need))
    names = {one.partition(".")[0] for one in needed if "." in one}
    told = [one for text in texts for one in _HANDED.findall(text)] + [one for one in needed if "." not in one]
    names.update(name for text in texts for name in _NAMED.findall(text))
    return _Step(given, need, frozenset(names), tuple(dict.fromkeys(told)), part)


def _texts(value: Any) -> Iterator[str]:
    """Yield the texts of a step."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)


# ---- what steps depend on


def _read(step: Json) -> _Step:
    text = step.get("depends")
    given = {key: value for key, value in step.items() if key != "depends"}
    return _step(given, _any(iter([*_WORD.findall(text), ")"])) if text else None)


def _any(words: Iterator[str]) -> Need:
    """Return what is joined up to the bracket that closes; `&&` binds more than `||`, as in Argo."""
    every: list[list[Need]] = [[]]
    for word in words:
        if word == ")":
            break
        if word == "||":
            every.append([])
        elif word != "&&":
            every[-1].append(_any(words) if word == "(" else word)
    return _joined("||", [_joined("&&", members) for members in every])


def _joined(sign: str, members: Iterable[Need]) -> Need:
    several = tuple(members)
    return several[0] if len(several) == 1 else (sign, several)


def _members(need: Need | None) -> Iterator[str]:
    if isinstance(need, str):
        yield need
    elif need is not None:
        for member in need[1]:
            yield from _members(member)


def _text(need: Need) -> str:
    """Return it as Argo reads it."""
    if isinstance(need, str):
        return need if "." in need else f"{_up(need)}.Succeeded"
    sign, members = need
    return f" {sign} ".join(_text(one) if isinstance(one, str) else f"({_text(one)})" for one in members)


def _up(parameter: str) -> str:
    """Name the step that is open when what a parameter tells of holds."""
    return f"up-{parameter.removeprefix(_UP)}"


def _written(steps: list[_Step]) -> list[Json]:
    """Return steps as Argo reads them, behind those for what they are told."""
    told = dict.fromkeys(member for step in steps for member in _members(step.need) if "." not in member)
    ups = [dag_task(_up(one), "open", None, f"{{{{=inputs.parameters['{one}'] == 'Succeeded'}}}}", []) for one in told]
    return [*ups, *({**one.given, **({"depends": _text(one.need)} if one.need else {})} for one in steps)]


# ---- places to divide a list at


def _border(steps: list[_Step], limit: int, number: int) -> _Border:
    """Return a border so far back that what is before it fits, between two parts if there is such a place."""
    ends = list(_ends(steps[: limit + 1]))
    between = [at for at in ends if steps[at - 1].part != steps[at].part and at > limit // 2]
    enough = limit
    for at in [*reversed(between), *reversed(ends)]:
        if at > enough:
            continue
        try:
            border = _Border(steps, at, number)
        except _UnfitError:
            continue
        excess = len(border.written("", [])) - limit
        if excess <= 0:
            return border
        enough = at - excess // 3  # a step that is left to the next stretch spares this one its own and what it needs
    raise _UnfitError


def _ends(steps: list[_Step]) -> Iterator[int]:
    """Yield the places between what belongs to one task and what belongs to another."""
    task = steps[0].name
    for at, step in enumerate(steps[1:], 1):
        if not step.name.startswith(f"{task}-"):
            task = step.name
            yield at


class _Border:
    """What the steps behind a place must be told of those before it."""

    def __init__(self, steps: list[_Step], at: int, number: int) -> None:
        self.front = steps[:at]
        self._before = {step.name for step in self.front}
        self.number = number
        self._kept: dict[Need, str] = {}
        self._needs: dict[Need, Need] = {}
        self._answers: dict[str, str] = {}
        self._passed: dict[str, None] = {}
        open_part = steps[at - 1].part  # parts stand one behind the other: no other one crosses the border
        self.rest = [self._behind(step) if step.part == open_part else step for step in steps[at:]]

    @property
    def told(self) -> list[str]:
        """The parameters that the next stretch gets."""
        return [*self._passed, *self._kept.values(), *self._answers.values()]

    def written(self, following: str, given: list[str]) -> list[Json]:
        """Return the steps of the stretch before the border; the last one goes on with the next."""
        kept = {name.removeprefix(_UP): need for need, name in self._kept.items()}
        steps = [_step(dag_task(f"kept-{number}", "open", None, None, []), need) for number, need in kept.items()]
        answering = dict.fromkeys(step for text in self._answers for step in _NAMED.findall(text))
        settled = [any_of([(step.name, ("Succeeded", "Omitted"))]) for step in steps]
        settled += [any_of([(step, _RESULTS)]) for step in answering]
        more = dag_task("more", following, " && ".join(f"({one})" for one in settled), None, self._arguments(given))
        if kept:  # a leaf that never runs: what failed before the border is inherited by it
            is_open = " && ".join(f"kept-{number}.Succeeded" for number in kept)
            return [*_written([*self.front, *steps]), dag_task("kept-end", "open", is_open, "false", []), more]
        return [*_written(self.front), more]

    def _arguments(self, given: list[str]) -> list[Json]:
        kept = [
            {"name": one, "value": f"{{{{tasks.kept-{one.removeprefix(_UP)}.status}}}}"} for one in self._kept.values()
        ]
        answers = [{"name": one, "value": f"{{{{={text} ?? '{{}}'}}}}"} for text, one in self._answers.items()]
        return [*map(handed, [*given, *self._passed]), *kept, *answers]

    def _behind(self, step: _Step) -> _Step:
        if len(step.told) < 2 and self._before.isdisjoint(step.names):
            self._passed.update(dict.fromkeys(step.told))
            return step
        need = None if step.need is None else self._need(step.need)
        told = _step(self._texts(step.given), need, step.part)
        if not self._before.isdisjoint(told.names):
            raise _UnfitError
        return told

    def _need(self, need: Need) -> Need:
        found = self._needs.get(need)
        if found is None:
            found = self._needs[need] = self._told_of(need)
        return found

    def _told_of(self, need: Need) -> Need:
        if isinstance(need, str):
            return self._parameter(need) if self._is_known(need) else need
        sign, members = need
        known, others = list[Need](), list[Need]()
        for one in members:
            (known if self._is_known(one) else others).append(one)
        if not others:
            return self._parameter(need)
        return sign, (*([self._parameter(_joined(sign, known))] if known else []), *map(self._need, others))

    def _is_known(self, need: Need) -> bool:
        return all("." not in one or one.partition(".")[0] in self._before for one in _members(need))

    def _parameter(self, need: Need) -> str:
        if isinstance(need, str) and "." not in need:
            self._passed[need] = None
            return need
        if need not in self._kept:
            self._kept[need] = f"{_UP}{self._next()}"
        return self._kept[need]

    def _texts(self, value: Any) -> Any:
        if isinstance(value, str):
            if "{{" not in value:  # an author's text never has a tag
                return value
            self._passed |= dict.fromkeys(_HANDED.findall(value))
            return _ANSWER.sub(self._answer, value)
        if isinstance(value, dict):
            return {key: self._texts(inner) for key, inner in value.items()}
        return [self._texts(inner) for inner in value] if isinstance(value, list) else value

    def _answer(self, match: re.Match[str]) -> str:
        steps = _NAMED.findall(match[0])
        if not self._before.issuperset(steps):
            return match[0]
        text = forms.given_answers(steps)
        if text not in self._answers:
            self._answers[text] = f"{_ANSWERS}{self._next()}"
        return f"inputs.parameters['{self._answers[text]}']"

    def _next(self) -> int:
        self.number += 1
        return self.number - 1
