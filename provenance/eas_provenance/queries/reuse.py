"""Results that may be taken over, and why one was not: what a task depends on, in this run and in an earlier one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from sqlalchemy import and_, func, select
from sqlmodel import Session

from eas_provenance.queries.base import ATTEMPT, PROGRAM, RUN, TASK, TASK_TYPE, USED, VERSION, as_object, fetch, first

PASSED = ("pass", "warn")
_OF_TYPE = and_(TASK_TYPE.c.run_id == TASK.c.run_id, TASK_TYPE.c.type == TASK.c.type)
_LONGEST = 60
"""Characters of a value that are shown."""


class ResultRow(NamedTuple):
    """A result that has passed: of which try of which task, in the run with a prefix; its files by port."""

    run: str
    prefix: str
    path: str
    number: int
    files: dict[str, tuple[str, str, str]]
    """Key, directory and name."""


class Facts(NamedTuple):
    """What the result of a task depends on.

    `inputs` are the files that were read, by port: directory, name and SHA-256 of each. `outputs` are those that were
    made: directory and name. `content` is the SHA-256 of all that, but for the code.
    """

    type: str
    code: str
    image: str
    settings: Mapping[str, Any]
    variables: Mapping[str, Any]
    inputs: Mapping[str, tuple[tuple[str, str, str], ...]]
    outputs: Mapping[str, tuple[str, str]]
    content: str
    verdict: str | None = None


class Earlier(NamedTuple):
    """A task as it was in an earlier run."""

    run: str
    facts: Facts


def result(session: Session, site: str, kind: str, code: str, content: str) -> ResultRow | None:
    """Return the newest result of a task type on a site with a content, made by some code; None when there is none."""
    query = (
        select(RUN.c.id, RUN.c.name, RUN.c.uid, TASK.c.path)
        .join(RUN, RUN.c.id == TASK.c.run_id)
        .join(TASK_TYPE, _OF_TYPE)
        .where(TASK.c.content == content, TASK.c.type == kind, TASK_TYPE.c.code == code)
        .where(TASK.c.verdict.in_(PASSED), TASK.c.state == "succeeded", RUN.c.site == site)
        .order_by(RUN.c.started.desc(), RUN.c.id.desc(), TASK.c.position)
    )
    row = first(session, query)
    if row is None:
        return None
    number = _last_try(session, row.id, row.path)
    files = _of_try(session, VERSION, row.id, row.path, number)
    return ResultRow(
        row.name,
        f"{row.name}-{row.uid}",
        row.path,
        number,
        {one.port: (one.key, one.directory, one.name) for one in files},
    )


def facts(session: Session, run_id: int, path: str) -> Facts | None:
    """Return what the result of a task depends on; None when the run has no such task."""
    query = select(TASK, TASK_TYPE.c.code, TASK_TYPE.c.image).outerjoin(TASK_TYPE, _OF_TYPE)
    row = first(session, query.where(TASK.c.run_id == run_id, TASK.c.path == path))
    if row is None:
        return None
    number = _last_try(session, run_id, path)
    inputs: dict[str, tuple[tuple[str, str, str], ...]] = {}
    for one in _of_try(session, USED, run_id, path, number):
        inputs[one.port] = (*inputs.get(one.port, ()), (one.directory, one.name, one.sha256))
    made = _of_try(session, VERSION, run_id, path, number)
    return Facts(
        row.type,
        row.code or "",
        row.image or "",
        as_object(row.settings),
        as_object(row.variables),
        inputs,
        {one.port: (one.directory, one.name) for one in made},
        row.content or "",
        row.verdict,
    )


def before(session: Session, source: str, path: str, kind: str, started: str | None = None) -> Earlier | None:
    """Return a task as it was in the newest run of a chain that has ended it, if there is one before some time."""
    query = (
        select(RUN.c.id, RUN.c.name)
        .join(TASK, TASK.c.run_id == RUN.c.id)
        .where(RUN.c.source == source, TASK.c.path == path, TASK.c.type == kind, TASK.c.ended.is_not(None))
        .order_by(RUN.c.started.desc(), RUN.c.id.desc())
    )
    row = first(session, query if started is None else query.where(RUN.c.started < started))
    found = facts(session, row.id, path) if row is not None else None
    return Earlier(row.name, found) if row is not None and found is not None else None


def seed_of(session: Session, source: str, site: str) -> tuple[str, str] | None:
    """Return the newest run of a chain on a site, and its seed; None when there is no such run."""
    query = select(RUN.c.name, RUN.c.parameters).where(RUN.c.source == source, RUN.c.site == site)
    row = first(session, query.order_by(RUN.c.started.desc(), RUN.c.id.desc()))
    return (row.name, str(as_object(row.parameters).get("seed", ""))) if row is not None else None


def _last_try(session: Session, run_id: int, path: str) -> int:
    of_task = and_(ATTEMPT.c.run_id == run_id, ATTEMPT.c.path == path, ATTEMPT.c.step == PROGRAM)
    row = first(session, select(func.max(ATTEMPT.c.number).label("number")).where(of_task))
    return row.number or 0


def _of_try(session: Session, table: Any, run_id: int, path: str, number: int) -> Any:
    query = select(table).where(table.c.run_id == run_id, table.c.path == path, table.c.number == number)
    return fetch(session, query.order_by(table.c.port, table.c.position))


# ---------------------------------------------------------------------------------------------------------------------
# Why a result is another one


def why(now: Facts, earlier: Facts) -> tuple[str, ...]:
    """Return what is not as it was, in the words of an author; nothing when the result can be taken over."""
    found = [*_code(now, earlier), *_values("setting", now.settings, earlier.settings)]
    found += _values("loop variable", now.variables, earlier.variables)
    found += _inputs(now, earlier)
    found += _outputs(now, earlier) if earlier.outputs and now.outputs else []
    if not found and now.content != earlier.content:
        found.append("the metadata of its inputs, or its entry in the registry, changed" if earlier.content else _OLD)
    if not found and earlier.verdict not in PASSED:
        found.append(f"it did not pass ({earlier.verdict or 'it was not judged'})")
    return tuple(found)


_OLD = "the run is of an EAS that did not note what results depend on"


def _code(now: Facts, earlier: Facts) -> Iterator[str]:
    if now.code == earlier.code:
        return
    if now.image != earlier.image:
        yield f"image differs: {earlier.image} → {now.image}"
    else:
        yield "the code of its program or of its container changed" if earlier.code else _OLD


def _values(what: str, now: Mapping[str, Any], earlier: Mapping[str, Any]) -> Iterator[str]:
    here, was = _flat(now), _flat(earlier)
    for name in [*here, *(name for name in was if name not in here)]:
        if name not in was:
            yield f"{what} {name} is new: {_shown(here[name])}"
        elif name not in here:
            yield f"{what} {name} is gone"
        elif here[name] != was[name] or isinstance(here[name], bool) != isinstance(was[name], bool):
            yield f"{what} {name} changed {_shown(was[name])} → {_shown(here[name])}"


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return values by dotted names."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, dict) and value:
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = value
    return found


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _inputs(now: Facts, earlier: Facts) -> Iterator[str]:
    for port in [*now.inputs, *(port for port in earlier.inputs if port not in now.inputs)]:
        here, there = now.inputs.get(port, ()), earlier.inputs.get(port, ())
        names, were = [one[:2] for one in here], [one[:2] for one in there]
        if here == there:
            continue
        if len(here) != len(there):
            yield f"input {port} has {len(here)} files, not {len(there)}"
        elif names != were:
            changed = next(pair for pair in zip(were, names, strict=True) if pair[0] != pair[1])
            yield f"input {port} is another file: {'/'.join(changed[0])} → {'/'.join(changed[1])}"
        else:
            yield f"input {port} differs"


def _outputs(now: Facts, earlier: Facts) -> Iterator[str]:
    for port, name in now.outputs.items():
        was = earlier.outputs.get(port)
        if was != name:
            yield f"output {port} is new" if was is None else f"output {port} is called {'/'.join(name)}"
