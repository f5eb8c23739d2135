"""The gate of a task: judge its last try, and answer what the chain asks about it.

A gate is a step of its own, which is brought what the program left, or stands in the same process right behind it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from eas_worker import programs
from eas_worker.api import ContractError
from eas_worker.assignment import answer
from eas_worker.attempt import folder_of, number_of, read_attempt, read_description, threads_of
from eas_worker.context import InputFile
from eas_worker.endings import ending_of, remove, tell
from eas_worker.gathering import OPEN, Worth, key_of
from eas_worker.logs import LogStream, captured
from eas_worker.quality import QualityContext, Verdict, bounds_of
from eas_worker.records import QcRecord, read_json, read_product, sha256, write_json
from eas_worker.surroundings import StopSignal, limited_threads
from eas_worker.usage import Meter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from eas_worker.attempt import Attempt


class Left(NamedTuple):
    """What the last try of a program left: its number and record, its files and their records by port.

    Without a number there was no try that left anything; the record is empty when that try left none.
    """

    number: int | None
    run: dict[str, Any]
    files: Path
    products: Path


def judge(environment: Mapping[str, str]) -> int:
    """Judge a task by what was brought of it, keep the records, and return 0 when what depends on it may run."""
    folder = folder_of(environment)
    return _judge(environment, folder / "records", lambda: brought(folder))


def judge_here(environment: Mapping[str, str]) -> int:
    """Judge what a program that ended well has left in this folder; as `judge`, but with records of its own in `qc`."""
    folder = folder_of(environment)

    def left() -> Left:
        run = read_json(folder / "records" / "run.json")
        return Left(number_of(environment), run, folder / "out", folder / "products")

    return _judge({**environment, "EAS_STATUS": "Succeeded"}, folder / "qc", left)


def _judge(environment: Mapping[str, str], records: Path, find: Callable[[], Left]) -> int:
    meter = Meter()
    folder = folder_of(environment)
    records.mkdir(parents=True, exist_ok=True)
    stream = LogStream(records / "log.jsonl")
    stop = StopSignal()
    with stop, captured(stream):
        judging = _Judging(find)
        traceback = ""
        try:
            with stop.raising():
                verdict = judging.perform(environment, stream)
        except BaseException as error:  # noqa: BLE001 - a gate that broke is closed, and says why
            ending = ending_of(error)
            verdict, traceback = Verdict("error", f"error: quality control: {ending.message}"), ending.traceback
            stream.write("error", "eas_worker", traceback or ending.message)
        write_json(records / "qc.json", judging.record(verdict, traceback, meter))
        for port, worth in judging.worths(verdict):
            (folder / "verdicts").mkdir(exist_ok=True)
            write_json(folder / "verdicts" / port, worth)
        if verdict.verdict in OPEN and judging.answers:
            write_json(folder / "answers", judging.answers)
        tell(environment, verdict.reason)
        remove(folder / "tmp")
    return 0 if verdict.verdict in OPEN else 1


class _Judging:
    """A judgement while it is made: as much of it as there is already."""

    def __init__(self, find: Callable[[], Left]) -> None:
        self._find = find
        self._description: dict[str, Any] = {}
        self._attempt: Attempt | None = None
        self._left: Left | None = None
        self._context: QualityContext | None = None
        self.answers: dict[str, int] = {}

    def perform(self, environment: Mapping[str, str], stream: LogStream) -> Verdict:
        """Do all that may take long or fail."""
        self._description = read_description(environment)
        self._attempt = attempt = read_attempt(self._description, environment)
        self._left = left = self._find()
        broken = what_broke(environment.get("EAS_STATUS", ""), left.run)
        if broken:
            return Verdict("error", f"error: {broken}")
        self._context = context = QualityContext(attempt, stream, made(attempt, left), left.run)
        path = programs.find(attempt.programs, "qc", context.task)
        if path is not None:
            with limited_threads(attempt.threads), programs.loaded(path, "qc") as program:
                program(context)
        verdict = context.verdict()
        if verdict.verdict in OPEN:
            answers = answer(attempt.description, attempt.indices, attempt.seed, attempt.requested, context.metadata)
            for problem in answers.problems:
                stream.write("error", "eas_worker", problem)
            self.answers = answers.values
        return verdict

    def worths(self, verdict: Verdict) -> Iterator[tuple[str, Worth]]:
        """Yield what is to be known of each file that somebody gathers; a verdict of an earlier try must not stay."""
        attempt = self._attempt
        path, around = (attempt.assignment.path, attempt.assignment.metadata) if attempt else ("", {})
        made = self._left.run.get("outputs", {}) if self._left else {}
        for port, described in self._description.get("outputs", {}).items():
            if "family" in described:
                yield port, Worth(path, verdict.verdict, around, made.get(port))

    def record(self, verdict: Verdict, traceback: str, meter: Meter) -> QcRecord:
        """Return the record of it."""
        attempt, context = self._attempt, self._context
        run = self._left.run if self._left else {}
        return QcRecord(
            path=attempt.assignment.path if attempt else self._description.get("path", ""),
            task=attempt.assignment.task if attempt else self._description.get("task", ""),
            attempt=self._left.number if self._left else None,
            verdict=verdict.verdict,
            reason=verdict.reason,
            traceback=traceback,
            usage=meter.usage(threads_of(self._description)),
            metadata=context.metadata if context else run.get("metadata", {}),
            criteria=context.criteria if context else [],
            outputs=run.get("outputs", {}),
            answers=self.answers if verdict.verdict in OPEN else {},
            bounds=bounds_of(self._description),
            seed=context.asked_seed if context else None,
        )


def brought(folder: Path) -> Left:
    """Return what was brought into the folder of a gate."""
    number, run = _last_try(folder / "in" / ".attempts")
    return Left(number, run, folder / "in" / ".out", folder / "in" / ".out-products")


def _last_try(attempts: Path) -> tuple[int | None, dict[str, Any]]:
    names = [path.name for path in attempts.iterdir()] if attempts.exists() else []
    numbers = [int(name.removeprefix("attempt-")) for name in names if name.startswith("attempt-")]
    if not numbers:
        return None, {}
    record = attempts / f"attempt-{max(numbers)}" / "run.json"
    return max(numbers), read_json(record) if record.exists() else {}


def what_broke(status: str, run: Mapping[str, Any]) -> str:
    """Return why the program did not end well, or nothing when it did.

    Parameters
    ----------
    status : str
        Status of the program's step in Argo's words.
    run : mapping
        The record of the last try, empty when there is none.
    """
    if not run:
        return f"the program was killed or never started (its step is {status or 'of unknown status'})"
    if run["status"] == "no_work":
        return f"NoWork was raised, but the task type does not declare no_work: {run['message']}"
    if run["status"] != "done":
        return str(run["message"])
    if status != "Succeeded":
        return f"the program ended well, but its step is {status or 'of unknown status'}"
    return ""


def made(attempt: Attempt, left: Left) -> dict[str, InputFile | tuple[InputFile, ...]]:
    """Show the output files under their real names, once they are known to be what the program committed.

    Raises
    ------
    ContractError
        When a file is missing or has changed on its way.
    """
    shown: dict[str, InputFile | tuple[InputFile, ...]] = {}
    for port, committed in left.run["outputs"].items():
        file, record = left.files / port, left.products / port
        if isinstance(committed, list):
            shown[port] = tuple(
                _made(attempt, port, file / key_of(one["name"]), one, one["metadata"]) for one in committed
            )
        else:
            metadata = read_product(record).metadata if record.exists() else committed["metadata"]
            shown[port] = _made(attempt, port, file, committed, metadata)
    return shown


def _made(attempt: Attempt, port: str, file: Path, committed: Mapping[str, Any], metadata: dict[str, Any]) -> InputFile:
    """Show one file, once it is known to be what was committed."""
    what = f"output {port!r} ({committed['name']})"
    if not file.is_file():
        raise ContractError(f"{what} was committed, but it did not arrive")
    if file.stat().st_size != committed["size"] or sha256(file) != committed["sha256"]:
        raise ContractError(f"{what} is not what the program committed: size or SHA-256 differ")
    path = attempt.show(file, "made", port, committed["name"])
    return InputFile(path, committed["directory"], committed["name"], committed["type"], metadata)
