"""Answering what the chain asks about several tasks at once, in a step of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eas_worker.assignment import answer, parse_indices, path_of, read_requested
from eas_worker.attempt import folder_of, read_description
from eas_worker.endings import ending_of, tell
from eas_worker.logs import LogStream, captured
from eas_worker.records import AskRecord, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def ask(environment: Mapping[str, str]) -> int:
    """Answer the questions and keep the record; return 1, and tell why, when one of them has no answer."""
    folder = folder_of(environment)
    records = folder / "records"
    records.mkdir(parents=True, exist_ok=True)
    stream = LogStream(records / "log.jsonl")
    with captured(stream):
        try:
            record = _asked(environment, folder)
            write_json(folder / "answers", record.answers)
            traceback = ""
        except Exception as error:  # noqa: BLE001 - whatever happened is recorded
            ending = ending_of(error)
            record, traceback = AskRecord("", {}, ending.message), ending.traceback
        if record.message:
            stream.write("error", "eas_worker", traceback or record.message)
            tell(environment, record.message)
        write_json(records / "ask.json", record)
    return 1 if record.message else 0


def _asked(environment: Mapping[str, str], folder: Path) -> AskRecord:
    """Return path, answers and the reasons of those that failed."""
    description = read_description(environment)
    indices = parse_indices(environment.get("EAS_INDICES", ""))
    seed = environment.get("EAS_SEED", "")
    answers = answer(description, indices, seed, read_requested(description, indices, seed, folder))
    path = path_of(description["path"], description["loops"], indices)
    return AskRecord(path, answers.values, "\n".join(answers.problems))
