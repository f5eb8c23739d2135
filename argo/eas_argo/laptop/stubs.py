"""Simulated programs: an executor that makes what a script says, in no time and without any file."""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from eas_argo.laptop.work import Ended, Work
from eas_worker import assignment
from eas_worker.assignment import Assignment
from eas_worker.expressions import ExpressionError
from eas_worker.gathering import OPEN, WORTHS, Worth, chosen, shortage
from eas_worker.records import CLOSED

VERDICTS = ("pass", "warn", "fail", "error", "no_work")


class Entry(NamedTuple):
    """What the script says of a task."""

    metadata: dict[str, Any] | list[dict[str, Any]]
    verdict: str


class Script:
    """Says what stubs do, by path, pattern of paths, name or task type, in this order."""

    def __init__(self, entries: dict[str, Entry]) -> None:
        self.entries = entries
        self.patterns = [(_pattern(key), entry) for key, entry in entries.items() if set("*?") & set(key)]

    @property
    def says_no_work(self) -> bool:
        """Whether some task is to have no work."""
        return any(entry.verdict == "no_work" for entry in self.entries.values())

    def find(self, path: str, name: str | None, task: str) -> Entry:
        """Return the entry of a task; without one it passes and emits nothing."""
        if path in self.entries:
            return self.entries[path]
        for pattern, entry in self.patterns:
            if pattern.fullmatch(path):
                return entry
        for key in (name, task):
            if key is not None and key in self.entries:
                return self.entries[key]
        return Entry({}, "pass")


def _pattern(key: str) -> re.Pattern[str]:
    return re.compile(fnmatch.translate(key.replace("[", "[[]")), re.DOTALL)


class Stubs:
    """An executor of simulated programs and gates; `records` holds what they would have kept, by key."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.records: dict[str, dict[str, Any]] = {}
        self._last_try: dict[str, dict[str, Any]] = {}
        self._worths: dict[str, dict[str, dict[str, Any]]] = {}
        self._ended: list[tuple[str, Ended]] = []

    def start(self, work: Work) -> None:
        """Run a stub."""
        verbs: dict[str, Callable[[Work], Ended]] = {
            "run": self._run,
            "qc": self._qc,
            "inline": self._inline,
            "rescue": self._qc,
            "ask": self._ask,
        }
        self._ended.append((work.id, verbs[work.pod.verb](work)))

    def wait(self, timeout_s: float) -> list[tuple[str, Ended]]:  # noqa: ARG002 - stubs end at once
        """Return what has run since."""
        ended, self._ended = self._ended, []
        return ended

    def stop(self, *, at_once: bool) -> None:
        """Do nothing: stubs end at once."""

    def requested(self, work: Work, indices: assignment.Indices) -> list[Any]:
        """Return the metadata that an attempt asks for."""
        keys = {path: key for path, key, _ in work.inputs}

        def load(number: int, iteration: str) -> dict[str, Any] | None:
            key = keys[f"in/.requested/{number}"]
            if not key.endswith("/qc.json"):
                key = "/".join(filter(None, (key, iteration, "qc.json")))
            return self.records.get(key)

        return assignment.requested_metadata(work.pod.description, indices, work.environment["EAS_SEED"], load)

    def _run(self, work: Work) -> Ended:
        description = work.pod.description
        indices = assignment.parse_indices(work.environment["EAS_INDICES"])
        folder = _key(work.outputs, "records")
        try:
            given = assignment.assign(description, indices, work.environment["EAS_SEED"], self.requested(work, indices))
        except ExpressionError as error:
            self._note(folder, {"verdict": "error", "message": str(error), "metadata": {}})
            return Ended("Failed", 1, str(error), {})
        files = self._gathered(work, given)
        gathers = given.gathers.items()
        short = [
            shortage(len(files[port]), port, one.minimum, one.maximum)
            for port, one in gathers
            if not self._is_any_number(work, port)
        ]
        inputs = {"inputs": files} if files else {}
        if any(short):
            message = next(filter(None, short))
            self._note(folder, {"verdict": "error", "message": message, "metadata": {}} | inputs)
            return Ended("Failed", 10, message, {})
        entry = self.script.find(given.path, given.name, given.task)
        metadata = entry.metadata
        if isinstance(metadata, list):
            metadata = metadata[min(_iteration(description, indices), len(metadata)) - 1] if metadata else {}
        self._note(folder, {"verdict": entry.verdict, "message": "scripted", "metadata": metadata} | inputs)
        if entry.verdict == "error":
            return Ended("Failed", 1, "scripted error", {})
        no_work = {"no-work": "true", "answers": "{}"}
        return Ended("Succeeded", 0, "", _results(work, no_work if entry.verdict == "no_work" else {}))

    def _gathered(self, work: Work, given: Assignment) -> dict[str, list[dict[str, Any]]]:
        """Return the files that each port gathers."""
        found = {}
        for port, gather in given.gathers.items():
            known = self._known(work, port)
            for wanted, described in zip(gather.names, work.pod.description["inputs"][port]["names"], strict=True):
                if "from" in described or "found" in described:
                    known.append(Worth("", "pass", {}, wanted._asdict())._asdict())
            found[port] = [one["product"] for one in chosen(known, gather.names, given.path)]
        return found

    def _is_any_number(self, work: Work, port: str) -> bool:
        """Tell whether only a real run knows how many files a port gathers, of a task that makes many or a pattern."""
        if any("found" in one for one in work.pod.description["inputs"][port]["names"]):
            return True
        return any("*" in one["product"]["name"] for one in self._known(work, port) if one["verdict"] in OPEN)

    def _known(self, work: Work, port: str) -> list[dict[str, Any]]:
        """Return what the files of the families are worth that a port gathers from."""
        families = [key for path, key, _ in work.inputs if path.startswith(f"in/{port}/")]
        return [worth for key in families for worth in self._worths.get(key, {}).values()]

    def _note_worths(self, work: Work, verdict: str) -> None:
        """Keep what the files of a task are worth that somebody gathers."""
        keys = {path.removeprefix("verdicts/"): key for path, key, _ in work.outputs if path.startswith("verdicts/")}
        if keys:
            indices = assignment.parse_indices(work.environment["EAS_INDICES"])
            path, files = assignment.made(work.pod.description, indices)
            for port, key in keys.items():
                family, _, name = key.partition(f"/{WORTHS}/")
                worth = Worth(path, verdict, {}, files[port]._asdict())
                self._worths.setdefault(family, {})[name] = worth._asdict()

    def _note(self, folder: str, record: dict[str, Any]) -> None:
        """Keep the record of a try: in a folder of its own, which lies in that of the task."""
        self.records[f"{folder}/run.json"] = self._last_try[folder.rpartition("/")[0]] = record

    def _qc(self, work: Work) -> Ended:
        attempts = next(key for path, key, _ in work.inputs if path == "in/.attempts")
        run: dict[str, Any] = self._last_try.get(
            attempts, {"verdict": "error", "metadata": {}, "message": "it never ran"}
        )
        verdict = run["verdict"] if work.environment["EAS_STATUS"] == "Succeeded" else "error"
        return self._judged(work, run | {"verdict": verdict}, "records/qc.json")

    def _inline(self, work: Work) -> Ended:
        """Run a stub and its quality control in one."""
        ended = self._run(work)
        if ended.phase != "Succeeded" or ended.parameters.get("no-work") == "true":
            return ended
        judged = self._judged(work, self.records[f"{_key(work.outputs, 'records')}/run.json"], "qc/qc.json")
        return judged if judged.phase == "Succeeded" else judged._replace(exit_code=CLOSED)

    def _judged(self, work: Work, run: dict[str, Any], path: str) -> Ended:
        """Keep the record of a verdict, and end as it says."""
        verdict, reason = run["verdict"], run["message"]
        record = {"verdict": verdict, "metadata": run["metadata"], "reason": reason, "answers": {}}
        self.records[_key(work.outputs, path)] = record
        self._note_worths(work, verdict)
        if verdict not in ("pass", "warn"):
            return Ended("Failed", 1, f"{verdict}: {reason}", _results(work, {"closed": "true"}))
        answers = json.dumps(self._answers(work, run["metadata"]).values)
        return Ended("Succeeded", 0, f"{verdict}: {reason}", _results(work, {"answers": answers}))

    def _ask(self, work: Work) -> Ended:
        answers = self._answers(work, None)
        if answers.problems:
            return Ended("Failed", 1, "; ".join(answers.problems), {})
        return Ended("Succeeded", 0, "", {"answers": json.dumps(answers.values)})

    def _answers(self, work: Work, own: dict[str, Any] | None) -> assignment.Answers:
        indices = assignment.parse_indices(work.environment["EAS_INDICES"])
        requested = self.requested(work, indices)
        return assignment.answer(work.pod.description, indices, work.environment["EAS_SEED"], requested, own)


def _results(work: Work, said: dict[str, str]) -> dict[str, str]:
    """Return the output parameters of a pod: what was said, and defaults."""
    given = {one.name: said.get(one.name, one.default) for one in work.pod.results}
    return {name: value for name, value in given.items() if value is not None}


def _key(artifacts: tuple[tuple[str, str, bool], ...], path: str) -> str:
    return next(key for one, key, _ in artifacts if one == path)


def _iteration(description: dict[str, Any], indices: assignment.Indices) -> int:
    """Return the number of the iteration of the innermost do-while around a task; 1 without one."""
    numbers = [indices[loop["id"]] for loop in description["loops"] if "repeat" in loop]
    return numbers[-1] if numbers else 1
