"""The sync: takes the updates of a run's nodes, and keeps the rows of the run up to what they and the records say.

The rows are a function of the final states of the nodes and of the records: updates that come twice, late, in another
order or not at all change what is seen meanwhile, but not what is there in the end. Which site the updates come from
makes no difference.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import delete, select, update
from sqlmodel import col

from eas_provenance.batch import Batch
from eas_provenance.database import Database
from eas_provenance.lines import Assigned, Read
from eas_provenance.rows import PARTS, Request, Rows, Writer
from eas_provenance.runs import Sources
from eas_provenance.states import States, Task
from eas_provenance.tables import Cursor, Document, Message, Problem, Run, Tag, TaskType
from eas_provenance.tables import Task as TaskRow
from eas_worker import manifests, quantities
from eas_worker.usage import now

BATCH = 500
"""How many tasks are written in one transaction at most, so that nobody waits long for a turn to write."""


def register(database: Database, name: str, sources: Sources, about: Mapping[str, Any]) -> int:
    """Note a run, unless it is noted already, and return its number."""
    texts = {
        "workflow": json.dumps(sources.workflow).encode(),
        "chain": sources.chain,
        "registry": sources.registry,
    }
    sums = {kind: hashlib.sha256(text).hexdigest() for kind, text in texts.items()}
    with database.writing() as batch:
        kinds = sorted(texts, key=lambda kind: sums[kind])  # an order in which nobody waits for somebody who waits
        documents = [{"sha256": sums[kind], "kind": kind, "content": zlib.compress(texts[kind])} for kind in kinds]
        batch.put(Document, documents)
        given = {field: about[field] for field in Run.model_fields if field in about}
        run_id = batch.put_run(
            {"state": "running", **given, "name": name, **{f"{kind}_sha256": sha256 for kind, sha256 in sums.items()}}
        )
        batch.put(Tag, [{"run_id": run_id, "tag": tag} for tag in about["tags"]])
        batch.put(TaskType, [{"run_id": run_id, "type": kind} | facts for kind, facts in about["types"].items()])
    return run_id


class Origin(NamedTuple):
    """A run to be kept: its number in the database, the prefix of its keys, its seed, and what reads its records.

    `log` gives what the running try of a node has logged so far, as long as that cannot be read from the repository.
    """

    run_id: int
    prefix: str
    seed: str
    read: Read
    log: Callable[[str], bytes | None] = lambda _: None


class Sync:
    """Keeps the rows of one run: `workflow` is what runs."""

    def __init__(self, database: Database, origin: Origin, workflow: dict[str, Any]) -> None:
        self._database, self._run_id, self._workflow = database, origin.run_id, workflow
        self.states = States(workflow)
        assigned = Assigned(origin.prefix, origin.seed, origin.read)
        self._writer = Writer(origin.run_id, origin.prefix, assigned, _requests(workflow))
        self._changed: dict[str, Task] = {}
        self._written: set[str] = set()
        self._is_pruning = False
        self._odd: dict[str, str] = {}
        self._log = origin.log
        self._running: dict[str, Task] = {}
        self._said: dict[str, int] = {}

    def take(self, told: dict[str, Any], *, is_known: bool = False) -> list[Task]:
        """Take an update, and return the tasks that it changes.

        One that is known has been written already, and is only needed to understand later ones.
        """
        changed = self.states.update(told)
        if is_known:
            self._written.update(task.path for task in changed)
        else:
            self._changed |= {task.path: task for task in changed}
        self._is_pruning = self._is_pruning or "forget" in told
        return changed

    def settle(self, nodes: Iterable[dict[str, Any]]) -> None:
        """Take the nodes as they were last instead of whatever came before: all rows follow from these."""
        self.states = States(self._workflow)
        for node in nodes:
            self.states.update(node)
        self._changed, self._is_pruning = dict(self.states.tasks), True
        self._written = set(self.states.tasks)
        self._running.clear()

    def flush(self, position: str, *, is_alive: bool = True) -> None:
        """Write what has changed; `position` is how far the updates were taken.

        Raises
        ------
        DatabaseError
            When it cannot be written. It is tried again with the next call.
        """
        while len(self._changed) > BATCH:
            self._write_some()
        with self._database.writing() as batch:
            some = self._put(batch, list(self._changed.values()))
            self._put_live(batch)
            if self._is_pruning:
                self._prune(batch)
            self._put_run(batch, is_alive=is_alive)
            batch.put(Cursor, [{"run_id": self._run_id, "position": position, "seen": now()}])
        self._done(some)
        self._is_pruning = False

    def _write_some(self) -> None:
        with self._database.writing() as batch:
            some = self._put(batch, list(self._changed.values())[:BATCH])
        self._done(some)

    def _done(self, paths: list[str]) -> None:
        """Note what has been written, once it is certain."""
        self._written.update(paths)
        for path in paths:
            task = self._changed.pop(path)
            self._said.pop(path, None)
            if task.state == "running":
                self._running[path] = task
            else:
                self._running.pop(path, None)

    def _put(self, batch: Batch, tasks: list[Task]) -> list[str]:
        """Write tasks; what they had before goes, because it may have been more."""
        rows: Rows = {}
        for task in tasks:
            for table, some in self._rows(task).items():
                rows.setdefault(table, []).extend(some)
        again = [task.path for task in tasks if task.path in self._written]
        for table in PARTS if again else ():
            columns = table.__table__.c  # type: ignore[attr-defined]
            batch.execute(delete(table).where(columns.run_id == self._run_id, columns.path.in_(again)))
        for table, some in rows.items():
            batch.put(table, some)
        return [task.path for task in tasks]

    def _put_live(self, batch: Batch) -> None:
        """Write what running tries have said since the last time."""
        for path, task in list(self._running.items()):
            said = self._writer.live(task, self._log)
            batch.put(Message, said[self._said.get(path, 0) :])
            self._said[path] = len(said)

    def _rows(self, task: Task) -> Rows:
        """Return the rows of a task; none, and a problem, when its nodes are none that its manifest can have made."""
        try:
            return self._writer.rows(task)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            self._odd[task.path] = f"its nodes do not belong to this manifest: {error!r}"
            return {}

    def _prune(self, batch: Batch) -> None:
        """Delete tasks that are no part of the run any more."""
        batch.keep_only(TaskRow, self._run_id, [(path,) for path in self.states.tasks])
        left = select(col(TaskRow.path)).where(col(TaskRow.run_id) == self._run_id)
        for table in PARTS:
            columns = table.__table__.c  # type: ignore[attr-defined]
            batch.execute(delete(table).where(columns.run_id == self._run_id, columns.path.not_in(left)))

    def _put_run(self, batch: Batch, *, is_alive: bool) -> None:
        state = run_state(self.states)
        if state == "running" and not is_alive:
            state = "interrupted"
        root = self.states.root
        changes = {"state": state, "ended": root.ended or None, "message": root.message}
        batch.execute(update(Run).where(col(Run.id) == self._run_id).values(**changes))
        problems = dict((*self.states.problems, *self._odd.items()))
        batch.delete(Problem, run_id=self._run_id)
        batch.put(Problem, [{"run_id": self._run_id, "path": path, "message": said} for path, said in problems.items()])


def run_state(states: States) -> str:
    """Return the state of a run."""
    if not states.root.has_ended:
        return "running"
    if states.root.is_shutdown:
        return "cancelled"
    return "failed" if states.is_failed or states.phase != "Succeeded" else "succeeded"


def _requests(workflow: dict[str, Any]) -> dict[str, Request]:
    """Return what pods ask for, by template."""
    found = {}
    for name, template in manifests.templates(workflow).items():
        if "container" in template:
            limits = template["container"].get("resources", {}).get("limits", {})
            found[name] = Request(
                quantities.cores(limits.get("cpu", "0")), quantities.size_bytes(limits.get("memory", "0"))
            )
    return found
