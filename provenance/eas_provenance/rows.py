"""The rows of a task: from its nodes as they were last, and from the records that its tries left.

A record was written by a container and is believed nothing: what is not of the type that it must be is left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import quote

from eas_provenance.lines import Assigned, record_key
from eas_provenance.states import Task, Told, path_order
from eas_provenance.tables import Attempt, Criterion, Emitted, Message, Table, Used, Version
from eas_provenance.tables import Task as TaskRow
from eas_worker.assignment import LONGEST_PATH_BYTES, Assignment, written

Row = dict[str, Any]
Rows = dict[type[Table], list[Row]]
PARTS: tuple[type[Table], ...] = (Attempt, Used, Version, Emitted, Criterion, Message)
"""The tables with rows that belong to a task."""
MOST_NESTED = 250
"""How deep a record may be nested; settings of a chain may be up to 200 deep."""
NO_TIME = "1970-01-01T00:00:00Z"
"""When a line was said that does not tell it."""
MOST_MESSAGES = 10_000
"""How many lines of a log the database takes; the repository has them all."""
LONGEST_KEY_BYTES = LONGEST_PATH_BYTES
"""How long a text in a key may be: an entry of an index of PostgreSQL has 2,704 bytes, for a path and another text."""
_PROGRAMS = ("run", "inline")
_DIGITS = 10


class Request(NamedTuple):
    """What a pod of a template asks for: cores, and bytes of memory."""

    cpu: float
    memory_bytes: int


def position_of(path: str) -> str:
    """Return a text that sorts as the path does among others: numbers in it have equally many digits."""
    parts = (f"{number:0{_DIGITS}}" if number >= 0 else text for number, text in path_order(path))
    return key_text("".join(parts), 2 * LONGEST_KEY_BYTES)


def key_text(text: str, most_bytes: int = LONGEST_KEY_BYTES) -> str:
    """Return a text as keys and indices take it: one that is too long ends in an ellipsis."""
    encoded = text.encode("utf-8", "surrogatepass")
    return text if len(encoded) <= most_bytes else encoded[: most_bytes - 3].decode("utf-8", "ignore") + "…"


class Writer:
    """Makes the rows of a run's tasks.

    Parameters
    ----------
    run : str
        The prefix of its keys in the repository.
    assigned : Assigned
        Tells what a task is to do, and reads records.
    requests : mapping
        What pods ask for, by template.
    """

    def __init__(self, run: str, assigned: Assigned, requests: Mapping[str, Request]) -> None:
        self._run, self._assigned, self._requests = run, assigned, requests

    def rows(self, run_id: int, task: Task) -> Rows:
        """Return all rows of a task of the run that has a number."""
        prefix = record_key(self._run, task)
        given, _ = self._assigned.of(task)
        key: Row = {"run_id": run_id, "path": task.path}
        rows: Rows = {TaskRow: [], **{table: [] for table in PARTS}}
        judged = self._record(f"{prefix}/qc.json") if task.gate.has_ended else {}
        verdict, message = _judgement(task, judged)
        settings: Row | None = None
        content = ""
        for (verb, number), told in sorted(task.tries.items()):
            is_program = verb in _PROGRAMS
            folder = f"{prefix}/attempt-{number}" if is_program else prefix
            record = judged
            if is_program:
                record = self._record(f"{folder}/run.json") if told.has_ended else {}
                settings = _mapping(record.get("settings")) or settings
                content = _text(record.get("content"))
                of = key | {"number": number}
                rows[Used] += [of | one for one in _used(record)]
                of_files = _verdict(task, told, verdict)
                rows[Version] += [of | one for one in self._versions(task, of_files, record)]
            of = key | {"step": "run" if is_program else "qc", "number": number}
            rows[Attempt].append(of | {"type": key_text(given.task)} | self._attempt(task, told, record))
            log = f"{folder}/log.jsonl" if is_program else f"{folder}/qc-log.jsonl"
            rows[Message] += [of | line for line in _messages(self._assigned.read(log) if told.has_ended else None)]
        rows[Emitted] += [key | one for one in _emitted(task, _mapping(judged.get("metadata")))]
        rows[Criterion] += [key | one for one in _criteria(judged)]
        of_result = {"verdict": verdict, "message": message, "content": content or None}
        rows[TaskRow].append(key | self._task(task, given, settings) | of_result)
        return rows

    def live(self, run_id: int, task: Task, log: Callable[[str], bytes | None]) -> list[Row]:
        """Return what the running tries of a task have said so far; `log` gives the log of a node.

        Its last line is left out when it is not whole yet.
        """
        found = []
        for (verb, number), told in task.tries.items():
            if told.phase == "Running":
                of = {"run_id": run_id, "path": task.path, "number": number}
                of |= {"step": "run" if verb in _PROGRAMS else "qc"}
                found += [of | line for line in _messages((log(told.id) or b"").rpartition(b"\n")[0])]
        return found

    def _task(self, task: Task, given: Assignment, settings: Row | None) -> Row:
        return {
            "position": position_of(task.path),
            "type": key_text(given.task),
            "name": given.name,
            "job_name": given.job_name,
            "directory": given.working_directory,
            "source": task.description["source"],
            "indices": task.indices,
            "variables": given.metadata,
            "settings": settings if settings is not None else given.given,
            "state": task.state,
            "started": _time(task.started),
            "ended": _time(task.ended),
        }

    def _attempt(self, task: Task, told: Told, record: Row) -> Row:
        request = self._requests[task.template]
        usage = _mapping(record.get("usage"))
        return {
            "node": told.id,
            "phase": told.phase,
            "exit_code": told.exit_code,
            "message": told.message or _text(record.get("message") or record.get("reason")),
            "traceback": _text(record.get("traceback")),
            "queued": _time(told.started),
            "started": _time(usage.get("started")) or (_time(told.started) if told.phase != "Pending" else None),
            "ended": _time(told.ended),
            "wall_s": _number(usage.get("wall_s")),
            "cpu_s": _number(usage.get("cpu_s")),
            "cpu_children_s": _number(usage.get("cpu_children_s")),
            "peak_memory_bytes": _whole(usage.get("peak_memory_bytes")),
            "cpu_request": request.cpu,
            "memory_request_bytes": request.memory_bytes,
            "host": _text(usage.get("host")),
            "threads": _whole(usage.get("threads")),
            "reused": _mapping(record.get("reused")) or None,
        }

    def _versions(self, task: Task, verdict: str | None, record: Row) -> Iterator[Row]:
        made = _time(_mapping(record.get("usage")).get("ended"))
        described = task.description.get("outputs", {})
        for port, product in _mapping(record.get("outputs")).items():
            of_port = _mapping(described.get(port))
            family = written(of_port.get("family", ""), task.indices)
            if isinstance(product, list):  # it is a folder, which has the name of the port
                family += f"{quote(written(of_port.get('name', ''), task.indices), '~')}/"
            for position, one in enumerate(map(_mapping, product if isinstance(product, list) else [product])):
                directory, name = _text(one.get("directory")), _text(one.get("name"))
                yield {
                    "port": key_text(port),
                    "position": position,
                    "directory": key_text(directory),
                    "name": key_text(name),
                    "type": _text(one.get("type")),
                    "size_bytes": _whole(one.get("size")) or 0,
                    "sha256": key_text(_text(one.get("sha256"))),
                    "key": f"{self._run}/{quote(directory, '/~')}/{family}{quote(name, '~')}",
                    "verdict": verdict,
                    "made": made,
                }

    def _record(self, key: str) -> Row:
        data = self._assigned.read(key)
        return _object(data) if data is not None else {}


def _judgement(task: Task, judged: Row) -> tuple[str | None, str]:
    """Return the verdict with its reason: of a pod that ended well Argo gives no message, but its record does."""
    verdict = "warn" if task.verdict == "pass" and judged.get("verdict") == "warn" else task.verdict
    return verdict, task.message or _text(judged.get("reason"))


def _verdict(task: Task, told: Told, verdict: str | None) -> str | None:
    """Return the verdict on what a try made: that on the task if it is the last one of the program."""
    last = max((one for one in task.tries if one[0] in _PROGRAMS), key=lambda one: one[1])
    if task.tries[last] is told:
        return verdict
    return "replaced" if told.phase == "Succeeded" else "error"


def _messages(log: bytes | None) -> Iterator[Row]:
    for position, line in enumerate((log or b"").splitlines()[:MOST_MESSAGES]):
        said = _object(line)
        yield {
            "position": position,
            "time": _time(said.get("time")) or NO_TIME,
            "severity": key_text(_text(said.get("severity"))) or "info",
            "source": _text(said.get("source")),
            "text": _text(said.get("message")) if said else line.decode("utf-8", "replace"),
            "fraction": _number(said.get("fraction")),
        }


def _used(record: Row) -> Iterator[Row]:
    for port, file in _mapping(record.get("inputs")).items():
        for position, one in enumerate(map(_mapping, file if isinstance(file, list) else [file])):
            names = {name: key_text(_text(one.get(name))) for name in ("directory", "name", "sha256")}
            yield {"port": key_text(port), "position": position} | names


def _emitted(task: Task, metadata: Row) -> Iterator[Row]:
    declared = _mapping(task.description.get("metadata"))
    for name, value in metadata.items():
        unit = _text(_mapping(declared.get(name)).get("unit"))
        yield {"name": key_text(name), "value": value, "number": _number(value), "unit": unit}


def _criteria(record: Row) -> Iterator[Row]:
    given = record.get("criteria")
    for position, one in enumerate(map(_mapping, given if isinstance(given, list) else [])):
        texts = {name: _text(one.get(name)) for name in ("name", "quantity", "unit", "severity", "result")}
        yield texts | {"position": position, "value": one.get("value"), "bound": _mapping(one.get("bound"))}


# ---------------------------------------------------------------------------------------------------------------------
# What a record must be


def _object(data: bytes) -> Row:
    try:
        found = _mapping(json.loads(data, parse_constant=str))
    except (ValueError, RecursionError):
        return {}
    return found if _is_flat_enough(found, MOST_NESTED) else {}


def _is_flat_enough(value: Any, left: int) -> bool:
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return left > 0 and all(_is_flat_enough(one, left - 1) for one in inside if isinstance(one, dict | list))


def _time(value: Any) -> str | None:
    """Return a time in UTC as it is kept, None for what is none."""
    try:
        found = datetime.fromisoformat(_text(value))
        if found.tzinfo is None:
            return None
        return _text(value) if _text(value).endswith("Z") else found.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return None


def _mapping(value: Any) -> Row:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        return float(value)
    except OverflowError:  # a whole number may be larger than any float
        return None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63 else None
