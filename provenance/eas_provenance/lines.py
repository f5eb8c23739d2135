"""A line for each task of a run: what it was told to do, what it waited for, and what became of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from eas_provenance.states import States, Task, path_order
from eas_worker import assignment
from eas_worker.assignment import Assignment
from eas_worker.expressions import ExpressionError
from eas_worker.gathering import WORTHS, Worth

Line = dict[str, Any]
Record = dict[str, Any]
_NOTHING = {"kind": "group", "body": []}
"""A source of metadata that gives none."""
Read = Callable[[str], bytes | None]
"""Returns what is kept under a key, or None when there is nothing."""


def record_key(run: str, task: Task) -> str:
    """Return the prefix of a task's records."""
    loops = task.description["loops"]
    where = assignment.indices_text(task.description["path"], loops, task.indices)
    return _key(run, task.description["path"], where)


def worthless(run: str, task: Task) -> Iterator[tuple[str, bytes]]:
    """Yield what is to be known, under which keys, of files that are gathered when their task is to be done again.

    Whoever gathers goes by that. A gate writes it anew, unless its task is blocked now: then its files of before are
    there still, and count no more.
    """
    path, files = assignment.made(task.description, task.indices)
    for port, described in task.description.get("outputs", {}).items():
        if "family" in described:
            file = files[port]
            folder = (
                f"{run}/{quote(file.directory, '/~')}/{assignment.written(described['family'], task.indices)}{WORTHS}"
            )
            record = Worth(path, "blocked", {}, None)._asdict()
            yield f"{folder}/{quote(file.name, '~')}", json.dumps(record).encode()


def _key(*parts: str) -> str:
    run, path, *rest = parts
    return "/".join(filter(None, (f"{run}/.records{path}", *rest)))


class Assigned:
    """Tells what the tasks of a run are to do: from its seed, and the records of those whose metadata they ask for."""

    def __init__(self, run: str, seed: str, read: Read) -> None:
        self._run, self._seed, self.read = run, seed, read

    def of(self, task: Task) -> tuple[Assignment, bool]:
        """Return what a task is to do, and whether that includes its settings: they may need what nobody made."""
        description, requested = task.description, self._requested(task)
        try:
            return assignment.assign(description, task.indices, self._seed, requested), True
        except ExpressionError:
            description = {**description, "settings": {}, "setting_types": {}}
            return assignment.assign(description, task.indices, self._seed, requested), False

    def _requested(self, task: Task) -> list[Any]:
        """Return the metadata that a task asked for; nothing where it cannot be had, which is why it is blocked."""
        sources: list[Any] = []
        found: list[Any] = []
        for source in task.description.get("records", []):
            for known in (source, _NOTHING):
                try:
                    found = self._metadata(task, [*sources, known])
                except ExpressionError:  # a range failed, of a loop whose metadata are asked for
                    continue
                sources.append(known)
                break
        return found

    def _metadata(self, task: Task, sources: list[Any]) -> list[Any]:
        def load(number: int, iteration: str) -> Record | None:
            return self.record(_key(self._run, _path_of_record(sources, number), iteration, "qc.json"))

        description = {**task.description, "records": sources}
        return assignment.requested_metadata(description, task.indices, self._seed, load)

    def record(self, key: str) -> Record | None:
        """Return the record under a key, None when there is none that can be read."""
        try:
            record = json.loads(self.read(key) or b"null")
        except (ValueError, RecursionError):
            return None
        return record if isinstance(record, dict) and isinstance(record.get("metadata"), dict) else None


class Lines:
    """Writes the lines of one run, from the states of its tasks, its seed, and its records."""

    def __init__(self, run: str, states: States, seed: str, read: Read) -> None:
        self._run, self._states, self._assigned = run, states, Assigned(run, seed, read)

    def all(self) -> list[Line]:
        """Return the lines of all tasks that were reached, in the order of their paths."""
        tasks = sorted(self._states.tasks.values(), key=lambda task: path_order(task.path))
        lines = [self._line(task) for task in tasks]
        makers = {file: line["path"] for line in lines for file in line["outputs"].values()}
        for line, task in zip(lines, tasks, strict=True):
            line["after"] = sorted(_after(line, task, makers), key=path_order)
        return [dict(sorted(line.items())) for line in lines]

    def _line(self, task: Task) -> Line:
        record = self._assigned.record(f"{record_key(self._run, task)}/qc.json") if task.state != "blocked" else None
        given, has_settings = self._assigned.of(task)
        line: Line = {"path": task.path, "task": task.description["task"], "state": task.state, "verdict": task.verdict}
        line |= {"settings": given.given} if has_settings else {}
        return line | {
            "name": given.name,
            "job_name": given.job_name,
            "working_directory": given.working_directory,
            "metadata": given.metadata,
            "inputs": {port: [f"{file.directory}/{file.name}"] for port, file in given.inputs.items()}
            | self._gathered(task, given),
            "outputs": {port: f"{file.directory}/{file.name}" for port, file in given.outputs.items()},
            "emitted": record["metadata"] if record is not None else {},
        }

    def _gathered(self, task: Task, given: Assignment) -> dict[str, list[str]]:
        """Return what the last try of a task gathered, by port; nothing where it has not begun."""
        if not given.gathers:
            return {}
        numbers = [number for verb, number in task.tries if verb in ("run", "inline")]
        key = f"{record_key(self._run, task)}/attempt-{max(numbers, default=0)}/run.json"
        files = (self._assigned.record(key) or {}).get("inputs", {})
        return {port: [f"{file['directory']}/{file['name']}" for file in files.get(port, ())] for port in given.gathers}


def _path_of_record(sources: Any, number: int) -> str:
    """Return the path of the task that gives the record of a number, wherever in the sources it stands."""
    if isinstance(sources, dict):
        if sources.get("kind") == "task" and sources["k"] == number:
            return str(sources["path"])
        sources = list(sources.values())
    if isinstance(sources, list):
        return next(filter(None, (_path_of_record(one, number) for one in sources)), "")
    return ""


def _after(line: Line, task: Task, makers: dict[str, str]) -> set[str]:
    """Return the paths that a task waited for: those it names, and the makers of its files."""
    loops, indices = task.description["loops"], task.indices
    patterns = list(task.description["after"])
    paths = set()
    for port, files in line["inputs"].items():
        described = task.description["inputs"][port]
        for file in files if "names" not in described else ():
            if file in makers:
                paths.add(makers[file])
            else:
                patterns += described.get("makers", ())
    return paths | {assignment.path_of(pattern, loops, indices) for pattern in patterns}
