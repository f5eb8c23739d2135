"""What of a chain would be taken over from earlier runs, and why not the rest: the run itself, without doing anything.

The engine runs the Workflow as ever. What can be taken over is, in a folder that is thrown away; what would have to be
done counts as failed, so that what depends on it is not reached.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from eas.inputs import Found, bring, fetch
from eas.local import codes_of, programs_of
from eas.reuse import Kept
from eas_argo.laptop import folders
from eas_argo.laptop.engine import Engine, Run
from eas_argo.laptop.manifest import load
from eas_argo.laptop.reuse import TAKEN, Reusing
from eas_argo.laptop.work import Ended, Site, Work
from eas_provenance.database import Database
from eas_provenance.queries.reuse import Facts, before, why
from eas_provenance.repository import Directory
from eas_provenance.states import States, Task, path_order
from eas_provenance.store import Store
from eas_worker import runtime
from eas_worker.attempt import Attempt

_RUN = Run("plan", "0", {})
_SITE = Site(4.0, 2**62)
"""How much runs at the same time changes nothing but how far large loops are opened."""
_NEVER = "never run"
_NOT_DONE = Ended("Failed", 10, "", {})
"""As a program ends that is not tried again."""


class Foreseen(NamedTuple):
    """What would become of a task: `source` is where its result is, else `reason` tells why it would be done.

    Neither is there when that depends on what other tasks come to that would be done.
    """

    path: str
    type: str
    place: str
    source: str
    reason: str


class Chain(NamedTuple):
    """A chain that was compiled: the name of its file, its Workflow, files from outside, and where its programs are."""

    name: str
    workflow: dict[str, Any]
    files: Sequence[Found]
    containers: Sequence[Path]


class _Copies(Directory):
    """A folder with links to the files of a repository."""

    def __init__(self, folder: Path, files: Directory) -> None:
        super().__init__(folder)
        self._files = files

    def link(self, key: str, other: str) -> None:
        """Show a file of the repository under a key."""
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(self._files.path(other))


class _Undone:
    """An executor that does nothing but answer questions; `gates` are the tries of gates that would run."""

    def __init__(self, files: Directory, folder: Path) -> None:
        self._files, self._folder = files, folder
        self._told: list[tuple[str, Ended]] = []
        self.gates: set[str] = set()

    def start(self, work: Work) -> None:
        """End a try at once."""
        if work.pod.verb == "qc" and work.environment["EAS_STATUS"] == "Succeeded":
            self.gates.add(work.id)
        self._told.append((work.id, self._asked(work) if work.pod.verb == "ask" else _NOT_DONE))

    def _asked(self, work: Work) -> Ended:
        """Answer a question of flow control: whatever it needs was taken over."""
        with tempfile.TemporaryDirectory(dir=self._folder) as scratch:
            folder = Path(scratch, "try")
            variables = folders.lay_out(work, folder, self._files)
            status = runtime.execute("ask", {**work.environment, **variables})
            return Ended("Failed" if status else "Succeeded", status, "", folders.parameters(work, folder))

    def wait(self, timeout_s: float) -> list[tuple[str, Ended]]:  # noqa: ARG002 - all ends at once
        """Return what has ended since."""
        told, self._told = self._told, []
        return told

    def stop(self, *, at_once: bool) -> None:
        """Do nothing: all ends at once."""


def foresee(chain: Chain, store: Store, database: Database) -> list[Foreseen]:
    """Return what would become of the tasks of a chain, as far as they are reached, in the order of their paths.

    Raises
    ------
    UnknownInputError, RepositoryError
        When a file from outside cannot be had.
    """
    manifest, states = load(chain.workflow), States(chain.workflow)
    missed: dict[str, Facts] = {}
    codes = codes_of(manifest, chain.containers)
    images = {kind: pod.image for pod in programs_of(manifest) if (kind := pod.description.get("task"))}

    def note(attempt: Attempt, content: str) -> None:
        kind = attempt.assignment.task
        missed[attempt.assignment.path] = _facts(attempt, content, codes.get(kind, ""), images.get(kind, ""))

    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = _Copies(folder / "files", store.files)
        (folder / "fetched").mkdir()
        bring(files, f"{_RUN.name}-{_RUN.uid}", fetch(chain.files, folder / "fetched"))
        undone = _Undone(files, folder)
        executor = Reusing(undone, Kept(database, store.files, codes), files, folder, note)
        Engine(manifest, _RUN, executor, _SITE, states.update).run()
    found = []
    with database.session() as session:
        for task in states.tasks.values():
            path, kind = task.path, task.description["task"]
            source = task.program.message.removeprefix(TAKEN) if task.program.message.startswith(TAKEN) else ""
            reason = ""
            if path in missed:
                earlier = before(session, chain.name, path, kind)
                reason = _why(missed[path], earlier.facts) if earlier is not None else _NEVER
            elif task.state != "blocked" and (not source or _is_judged(task, undone.gates)):
                reason = "a bound of its quality control moved" if source else _unasked(task)
            found.append(Foreseen(path, kind, task.description["source"], source if not reason else "", reason))
    return sorted(found, key=lambda one: path_order(one.path))


def _why(now: Facts, earlier: Facts) -> str:
    return "; ".join(why(now, earlier)) or "its random numbers differ, or its files are not there any more"


def _is_judged(task: Task, gates: set[str]) -> bool:
    """Tell whether the gate of a task would run: its node, or a try of it, is among them."""
    gate = task.nodes.get("qc")
    return gate is not None and any(one == gate.id or one.startswith(f"{gate.id}(") for one in gates)


def _unasked(task: Task) -> str:
    return '"cache": false' if task.description.get("cache") is False else "what it is told cannot be evaluated"


def _facts(attempt: Attempt, content: str, code: str, image: str) -> Facts:
    """Return what the result of a task would depend on."""
    assignment = attempt.assignment
    inputs = {
        port: tuple(
            (one["directory"], one["name"], one["sha256"]) for one in (read if isinstance(read, list) else [read])
        )
        for port, read in attempt.input_references().items()
    }
    outputs = {port: (one.directory, one.name) for port, one in assignment.outputs.items()}
    return Facts(assignment.task, code, image, assignment.settings, assignment.metadata, inputs, outputs, content)


# ---------------------------------------------------------------------------------------------------------------------
# Reports

_MOST = 20


def as_data(found: Sequence[Foreseen]) -> list[dict[str, str | None]]:
    """Return it for programs."""
    return [
        {"path": one.path, "type": one.type, "from": one.source or None, "reason": one.reason or None} for one in found
    ]


def as_text(found: Sequence[Foreseen]) -> str:
    """Return it for people: of alike tasks with one reason one, and how many they are."""
    taken = sum(bool(one.source) for one in found)
    done = sum(bool(one.reason) for one in found)
    waiting = len(found) - taken - done
    behind = f", and {waiting:,} or more depend on these" if done else ""
    lines = [f"reuse: {taken:,} tasks would be taken over, {done:,} would be done{behind}"]
    reasons = Counter((one.type, one.place, one.reason) for one in found if one.reason)
    first: dict[tuple[str, str, str], str] = {}
    for one in found:
        first.setdefault((one.type, one.place, one.reason), one.path)
    for key, count in reasons.most_common(_MOST):
        others = f" and {count - 1:,} more" if count > 1 else ""
        lines.append(f"  {first[key]}{others}  {key[0]}: {key[2]}  ({key[1]})")
    left = len(reasons) - _MOST
    return "\n".join([*lines, *([f"  and {left:,} more reasons: with --json"] if left > 0 else [])])
