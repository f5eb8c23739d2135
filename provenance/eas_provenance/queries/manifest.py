"""What the Workflow of a run says of its tasks, whether they were reached or not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from sqlmodel import Session

from eas_provenance.queries.base import PROGRAM, as_object
from eas_provenance.queries.runs import texts
from eas_worker import manifests


class Described(NamedTuple):
    """A task of the chain, as its program is told of it.

    `pattern` is its path without indices, `metadata` the fields that its type declares, by name; `forms` says for each
    loop around it how its values are spaced (`values`, `linear_range`, `log_range` …), by the name of its variable when
    that one is the same in all iterations; `after` has the patterns of those it waits for without reading their files.
    """

    pattern: str
    type: str
    name: str | None
    source: str
    metadata: dict[str, dict[str, Any]]
    forms: dict[str, str]
    after: tuple[str, ...]


class Condition(NamedTuple):
    """What decides whether tasks run, or how often.

    `at` is the pattern of the condition or loop, `asked` has those of the tasks whose metadata it asks for.
    """

    at: str
    asked: tuple[str, ...]


def described(session: Session, run_id: int) -> tuple[Described, ...]:
    """Return the tasks of a run's chain in the order of the Workflow.

    A type that depends on a loop's index makes a task of each type that it can be, with the same pattern.
    """
    return tuple(_described(one) for verb, one in _descriptions(session, run_id) if verb == PROGRAM)


def conditions(session: Session, run_id: int) -> tuple[Condition, ...]:
    """Return what conditions, ranges of loops and ends of do-whiles ask for, in the order of the Workflow."""
    asked: dict[str, dict[str, None]] = {}
    for _, one in _descriptions(session, run_id):
        for question in as_object(one.get("questions")).values():
            there = asked.setdefault(question["at"], {})
            for source in as_object(question.get("request")).values():
                there.update(dict.fromkeys([one["path"]] if source == "self" else _tasks(one["records"][source])))
    return tuple(Condition(at, tuple(tasks)) for at, tasks in asked.items() if tasks)


def _descriptions(session: Session, run_id: int) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what each template tells its container, with the verb of the step."""
    workflow = texts(session, run_id).workflow
    for template in (manifests.templates(json.loads(workflow)) if workflow else {}).values():
        container = template.get("container", {})
        given = {one["name"]: one.get("value", "") for one in container.get("env", ())}
        if "EAS_TASK" in given:
            yield container["command"][3], json.loads(given["EAS_TASK"])


def _tasks(source: Any) -> Iterator[str]:
    """Yield the patterns of the tasks in a source of metadata."""
    if isinstance(source, dict):
        if source.get("kind") == "task":
            yield source["path"]
        source = list(source.values())
    if isinstance(source, list):
        for one in source:
            yield from _tasks(one)


def _described(one: dict[str, Any]) -> Described:
    forms = {loop["var"]: loop["form"] for loop in one["loops"] if isinstance(loop["var"], str) and "form" in loop}
    name = one.get("name")
    return Described(
        one["path"],
        one["task"],
        name if isinstance(name, str) else None,
        one["source"],
        one.get("metadata", {}),
        forms,
        tuple(one.get("after", ())),
    )
