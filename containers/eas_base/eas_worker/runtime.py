"""Running an attempt: ``run`` a program, ``qc`` what it made, do both ``inline``, or ``ask`` what a chain has to know.

`execute` serves a container, where the process is there for one attempt, and the laptop, where it is a fork of a server
that has everything loaded: it takes its surroundings as an argument and leaves the process as it found it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eas_worker import outputs, programs
from eas_worker.api import ContractError
from eas_worker.attempt import folder_of, number_of, read_attempt, read_description, threads_of
from eas_worker.content import content_of
from eas_worker.context import Context
from eas_worker.endings import DONE, Ending, ending_of, remove, tell
from eas_worker.gate import judge, judge_here
from eas_worker.logs import LogStream, captured
from eas_worker.questions import ask
from eas_worker.records import CLOSED, RunRecord, write_json, write_text
from eas_worker.surroundings import StopSignal, limited_threads
from eas_worker.usage import Meter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from eas_worker.attempt import Attempt
    from eas_worker.records import Product, References


def execute(verb: str, environment: Mapping[str, str]) -> int:
    """Carry out one verb of the worker.

    Parameters
    ----------
    verb : str
        One of `VERBS`.
    environment : mapping
        The variables ``EAS_…``; in a container `os.environ`.

    Returns
    -------
    int
        The exit status: of ``run`` 0 done or no work, 1 raised, 10 failed, 143 told to stop; of ``qc`` 0 for the
        verdicts pass and warn, else 1; of ``inline`` that of ``run`` when the program broke, else 0, or 12 when the
        verdict closes the gate; of ``rescue``, the gate of what broke inline, 1; of ``ask`` 0, or 1 when a question has
        no answer.
    """
    return VERBS[verb](environment)


def run(environment: Mapping[str, str]) -> int:
    """Run a program and keep its outputs and records; return the exit status."""
    meter = Meter()
    folder = folder_of(environment)
    records = folder / "records"
    records.mkdir(parents=True, exist_ok=True)
    stream = LogStream(records / "log.jsonl")
    stop = StopSignal()
    with stop, captured(stream):
        doing = _Doing()
        try:
            with stop.raising():
                doing.perform(environment, stream)
            doing.commit()
            ending = DONE
        except BaseException as error:  # noqa: BLE001 - whatever happened is recorded
            ending = ending_of(error)
            severity = "info" if ending.status == "no_work" else "error"
            stream.write(severity, "eas_worker", ending.traceback or ending.message)
            tell(environment, ending.message)
        write_json(records / "run.json", doing.record(environment, ending, meter))
        if ending.status == "no_work":
            write_text(folder / "no_work", "true")
        remove(folder / "tmp")
    return 0 if ending.status == "no_work" else ending.exit_status


def inline(environment: Mapping[str, str]) -> int:
    """Run a program and judge it; a program that broke is left to ``rescue``, after its last try."""
    status = run(environment)
    if status:
        return status
    folder = folder_of(environment)
    if (folder / "no_work").exists() and read_description(environment).get("no_work"):
        write_json(folder / "answers", {})
        return 0
    if judge_here(environment):
        # Written last: whatever fails before it, and is not the verdict, is for ``rescue`` to report.
        write_text(folder / "closed", "true")
        return CLOSED
    return 0


VERBS = {"run": run, "qc": judge, "inline": inline, "rescue": judge, "ask": ask}


class _Doing:
    """A program while it runs: as much of it as there is already."""

    def __init__(self) -> None:
        self._description: dict[str, Any] = {}
        self._attempt: Attempt | None = None
        self._context: Context | None = None
        self._inputs: dict[str, References] = {}
        self._content = ""
        self._products: dict[str, Product | list[Product]] = {}
        self._committed = False

    def perform(self, environment: Mapping[str, str], stream: LogStream) -> None:
        """Do all that may take long."""
        self._description = read_description(environment)
        self._attempt = attempt = read_attempt(self._description, environment)
        self._inputs = attempt.input_references()
        self._content = content_of(attempt, self._inputs)
        self._context = context = Context(attempt, stream)
        path = programs.find(attempt.programs, "task", context.task)
        if path is None:
            raise ContractError(f"there is no program for task type {context.task!r} in {attempt.programs}")
        with limited_threads(attempt.threads), programs.loaded(path, "task") as program:
            program(context)
        self._products = outputs.stage(attempt, context)

    def commit(self) -> None:
        """Make the outputs visible."""
        if self._attempt is not None:
            outputs.commit(self._attempt)
            self._committed = True

    def record(self, environment: Mapping[str, str], ending: Ending, meter: Meter) -> RunRecord:
        """Return the record of it."""
        attempt, context = self._attempt, self._context
        assignment = attempt.assignment if attempt else None
        return RunRecord(
            path=assignment.path if assignment else self._description.get("path", ""),
            task=assignment.task if assignment else self._description.get("task", ""),
            attempt=number_of(environment),
            status=ending.status,
            exit_status=ending.exit_status,
            message=ending.message,
            traceback=ending.traceback,
            usage=meter.usage(threads_of(self._description)),
            metadata=context.metadata if context else {},
            settings=assignment.settings if assignment else {},
            loop_variables=assignment.metadata if assignment else {},
            inputs=self._inputs,
            outputs=self._products if self._committed else {},
            statuses=context.statuses if context else [],
            content=self._content,
            seed=context.asked_seed if context else None,
        )
