"""What the Workflow of a run says of its tasks, whether they were reached or not."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from sqlmodel import Session

from eas_provenance.queries.base import PROGRAM
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


def described(session: Session, run_id: int) -> tuple[Described, ...]:
    """Return the tasks of a run's chain in the order of the Workflow.

    A type that depends on a loop's index makes a task of each type that it can be, with the same pattern.
    """
    workflow = texts(session, run_id).workflow
    templates = manifests.templates(json.loads(workflow)) if workflow else {}
    return tuple(_described(one) for one in map(_description, templates.values()) if one is not None)


def _description(template: dict[str, Any]) -> dict[str, Any] | None:
    """Return what a template tells its program; None for gates, and for all that starts none."""
    container = template.get("container", {})
    if container.get("command", [])[3:4] != [PROGRAM]:
        return None
    given = {one["name"]: one.get("value", "") for one in container["env"]}
    found: dict[str, Any] | None = json.loads(given["EAS_TASK"]) if "EAS_TASK" in given else None
    return found


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
