"""Results of earlier runs, taken over instead of running a program again.

This is an executor around another one: what it cannot take over, the other one does. So the engine decides what is due,
in the order of the chain, and here is decided whether what is due has to be done.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from eas_argo.laptop import folders
from eas_argo.laptop.work import Ended, Executor, Work
from eas_worker.assignment import answer
from eas_worker.attempt import Attempt, read_attempt
from eas_worker.content import content_of
from eas_worker.context import seed_of
from eas_worker.gathering import Worth
from eas_worker.quality import bounds_of
from eas_worker.records import to_json
from eas_worker.usage import now

Json = dict[str, Any]
TAKEN = "reused from "
"""How the message begins of a program that did not have to run."""
_PROGRAMS = ("run", "inline")


class Result(NamedTuple):
    """What an attempt of an earlier run came to: its records, and its files and what is known of them, by port.

    The attempt is that which made it, when the run has taken it over itself.
    """

    run: str
    path: str
    attempt: int
    record: Json
    judged: Json
    files: Mapping[str, str]
    products: Mapping[str, str]

    def may_be_of(self, seed: int) -> bool:
        """Return whether a task with a seed would come to this: nobody asked for the seed, or it is the same."""
        return all(one.get("seed") in (None, seed) for one in (self.record, self.judged))

    @property
    def source(self) -> Json:
        """Where it comes from, as records tell it."""
        return {"run": self.run, "path": self.path, "attempt": self.attempt}


class Results(Protocol):
    """The results of earlier runs."""

    def find(self, task: str, content: str) -> Result | None:
        """Return a result of a task type that has passed, by its content; None when there is none."""


class Files(folders.Files, Protocol):
    """A file repository in which one file may have several keys."""

    def link(self, key: str, other: str) -> None:
        """Keep the file of another key under a key, too."""


Missed = Callable[[Attempt, str], object]
"""Is told of a task whose result is not there, with its content."""


class Reusing:
    """An executor that takes over results, and has another one do the rest.

    Parameters
    ----------
    inner : Executor
        Does what has to be done.
    results : Results
        What there is.
    files : Files
        The repository of the run.
    folder : Path
        Where to look at what a program would read.
    missed : callable
        Is told of what is not there.
    """

    def __init__(
        self,
        inner: Executor,
        results: Results,
        files: Files,
        folder: Path,
        missed: Missed = lambda _attempt, _content: None,
    ) -> None:
        self._inner, self._results, self._files, self._folder, self._missed = inner, results, files, folder, missed
        self._taken: dict[str, Result] = {}
        self._told: list[tuple[str, Ended]] = []

    def start(self, work: Work) -> None:
        """Take over the result of a try, or have it made."""
        ended = self._ended(work)
        if ended is None:
            self._inner.start(work)
        else:
            self._told.append((work.id, ended))

    def wait(self, timeout_s: float) -> list[tuple[str, Ended]]:
        """Return the tries that have ended, waiting for one when there is none yet."""
        told, self._told = self._told, []
        return told + self._inner.wait(0.0 if told else timeout_s)

    def stop(self, *, at_once: bool) -> None:
        """Tell everything that runs to end."""
        self._inner.stop(at_once=at_once)

    def _ended(self, work: Work) -> Ended | None:
        """Return how a try ended whose result was taken over; None when it has to be made.

        Whatever is wrong with an earlier result, or with finding it, is no reason for a run to fail.
        """
        records = _records(work)
        is_program = work.pod.verb in _PROGRAMS
        if work.pod.description.get("cache") is False or not (is_program or records in self._taken):
            return None
        scratch = Path(tempfile.mkdtemp(dir=self._folder))
        try:
            environment = {**work.environment, **folders.lay_out(work, scratch / "try", self._files)}
            attempt = read_attempt(work.pod.description, environment)
            if is_program:
                return self._program(work, attempt, scratch)
            return self._gate(work, attempt, self._taken[records], scratch)
        except Exception:  # noqa: BLE001 - the program, or its gate, finds out what is wrong, and says it
            return None
        finally:
            shutil.rmtree(scratch, ignore_errors=True)

    def _program(self, work: Work, attempt: Attempt, scratch: Path) -> Ended | None:
        content = content_of(attempt, attempt.input_references())
        result = self._results.find(attempt.assignment.task, content)
        if result is None or not result.may_be_of(seed_of(attempt.seed, attempt.assignment.path)):
            self._missed(attempt, content)
            return None
        judged = None
        if work.pod.verb == "inline":
            judged = _judged(attempt, result)
            if judged is None:
                self._missed(attempt, content)
                return None
        record = _taken_over(result.record, attempt, result) | {"attempt": work.attempt}
        for path, key, _ in work.outputs:
            kind, _, port = path.partition("/")
            if kind in ("out", "products"):
                there = (result.files if kind == "out" else result.products).get(port)
                if there is not None:
                    self._files.link(key, there)
            elif path == folders.RECORDS:
                self._write(f"{key}/run.json", record, scratch)
        if judged is not None:
            self._judge(work, attempt, result, judged, scratch)
        self._taken[_records(work)] = result
        answers = {"answers": json.dumps(judged["answers"])} if judged is not None else {}
        given = {one.name: answers.get(one.name, one.default) for one in work.pod.results}
        message = f"{TAKEN}{result.run}{result.path}"
        return Ended("Succeeded", 0, message, {name: value for name, value in given.items() if value is not None})

    def _gate(self, work: Work, attempt: Attempt, result: Result, scratch: Path) -> Ended | None:
        judged = _judged(attempt, result) if work.environment["EAS_STATUS"] == "Succeeded" else None
        if judged is None:
            return None
        self._judge(work, attempt, result, judged, scratch)
        given = {"answers": json.dumps(judged["answers"])} if work.pod.results else {}
        return Ended("Succeeded", 0, str(judged["reason"]), given)

    def _judge(self, work: Work, attempt: Attempt, result: Result, judged: Json, scratch: Path) -> None:
        """Keep a verdict that was taken over, and what the files are worth that somebody gathers."""
        assignment = attempt.assignment
        for path, key, _ in work.outputs:
            kind, _, name = path.partition("/")
            if name == "qc.json":
                self._write(key, judged, scratch)
            elif kind == "verdicts":
                product = result.record.get("outputs", {}).get(name)
                worth = Worth(assignment.path, judged["verdict"], assignment.metadata, product)
                self._write(key, worth._asdict(), scratch)

    def _write(self, key: str, record: Json, scratch: Path) -> None:
        file = scratch / "record"
        file.write_text(json.dumps(to_json(record)), encoding="utf-8")
        self._files.put(key, file)


def _records(work: Work) -> str:
    """Return the folder of the records of a task, which its program and its gate share."""
    for path, key, _ in (*work.outputs, *work.inputs):
        if path == folders.RECORDS:
            return key.rpartition("/")[0]
        if path == "in/.attempts":
            return key
    return ""


def _taken_over(record: Json, attempt: Attempt, result: Result) -> Json:
    """Return a record for another attempt: it took no time, and says where it comes from."""
    time = now()
    usage = {"started": time, "ended": time}
    return record | {"path": attempt.assignment.path, "usage": usage, "statuses": [], "reused": result.source}


def _judged(attempt: Attempt, result: Result) -> Json | None:
    """Return the record of a verdict that still holds, with answers to what is asked now; None when it may not hold."""
    if bounds_of(attempt.description) != result.judged.get("bounds"):
        return None
    answers = answer(attempt.description, attempt.indices, attempt.seed, attempt.requested, result.judged["metadata"])
    if answers.problems:
        return None
    record = _taken_over(result.judged, attempt, result)
    return record | {"answers": answers.values, "attempt": attempt.number}
