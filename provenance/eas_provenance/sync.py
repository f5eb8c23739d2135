"""The sync: takes the updates of a run's nodes, and keeps the rows of the run up to what they and the records say.

The rows are a function of the final states of the nodes and of the records: updates that come twice, late, in another
order or not at all change what is seen meanwhile, but not what is there in the end. Which site the updates come from
makes no difference.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

from sqlalchemy import delete, select, update
from sqlmodel import col

from eas_provenance import tries
from eas_provenance.batch import Batch
from eas_provenance.database import Database
from eas_provenance.errors import TooLargeError
from eas_provenance.lines import Assigned, Read, record_key
from eas_provenance.rows import LONGEST_KEY_BYTES, PARTS, Request, Rows, Writer, key_text
from eas_provenance.runs import Sources
from eas_provenance.states import States, Task
from eas_provenance.tables import Attempt, Criterion, Cursor, Document, Emitted, Message, Problem, Run, Tag, TaskType
from eas_provenance.tables import Task as TaskRow
from eas_worker import manifests, quantities
from eas_worker.expressions import ExpressionError
from eas_worker.usage import now

_STRANGE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What comes of nodes that are none of the manifest's."""
_LOG = "log.jsonl"
BATCH = 500
"""How many tasks are written in one transaction at most, so that nobody waits long for a turn to write."""


def register(database: Database, name: str, sources: Sources, about: Mapping[str, Any]) -> int:
    """Note a run, unless it is noted already, and return its number."""
    texts = {
        "workflow": json.dumps(sources.workflow).encode(),
        "chain": sources.chain,
        "registry": sources.registry,
    }
    known = {kind: text for kind, text in texts.items() if text is not None}
    sums = {kind: hashlib.sha256(text).hexdigest() for kind, text in known.items()}
    with database.writing() as batch:
        kinds = sorted(known, key=lambda kind: sums[kind])  # an order in which nobody waits for somebody who waits
        documents = [{"sha256": sums[kind], "kind": kind, "content": zlib.compress(known[kind])} for kind in kinds]
        batch.put(Document, documents)
        given = {field: about[field] for field in Run.model_fields if field in about}
        run_id = batch.put_run(
            {"state": "running", **given, "name": name, **{f"{kind}_sha256": sums.get(kind) for kind in texts}}
        )
        batch.put(Tag, [{"run_id": run_id, "tag": key_text(tag)} for tag in about["tags"]])
        batch.put(
            TaskType, [{"run_id": run_id, "type": key_text(kind)} | facts for kind, facts in about["types"].items()]
        )
    return run_id


class Origin(NamedTuple):
    """A run to be kept: its number in the database, the prefix of its keys, its seed, and what reads its records.

    The number may be given later, before something is written.

    `log` gives what the running try of a node has logged so far, as long as that cannot be read from the repository.
    `readers` is how many records may be read at a time. A site that `forgets` deletes tries from what it tells. `guard`
    begins every transaction, and may end it.
    """

    run_id: int | None
    prefix: str
    seed: str
    read: Read
    log: Callable[[str], bytes | None] = lambda _: None
    readers: int = 1
    forgets: bool = False
    guard: Callable[[Batch], object] = lambda _: None


class Sync:
    """Keeps the rows of one run: `workflow` is what runs."""

    def __init__(self, database: Database, origin: Origin, workflow: dict[str, Any]) -> None:
        self._database, self.run_id, self._workflow = database, origin.run_id, workflow
        self._origin = origin
        self.states = States(workflow)
        assigned = Assigned(origin.prefix, origin.seed, self._read)
        self._writer = Writer(origin.prefix, assigned, _requests(workflow))
        self._changed: dict[str, Task] = {}
        self._written: set[str] = set()
        self._is_pruning = False
        self._lacking: set[str] = set()
        self._odd: dict[str, str] = {}
        self._too_large: dict[str, str] = {}
        self._running: dict[str, Task] = {}
        self._said: dict[str, int] = {}

    def take(self, told: dict[str, Any], *, is_known: bool = False) -> list[Task]:
        """Take an update, and return the tasks that it changes.

        One that is known has been written already, and is only needed to understand later ones.
        """
        changed = self._update(told)
        if is_known:
            self._written.update(task.path for task in changed)
        else:
            self._changed |= {task.path: task for task in changed}
        self._is_pruning = self._is_pruning or "forget" in told
        return changed

    def _update(self, told: dict[str, Any]) -> list[Task]:
        try:
            return self.states.update(told)
        except _STRANGE as error:
            self._odd[str(told.get("name"))] = f"its node does not belong to this manifest: {error!r}"
            return []

    def settle(self, nodes: Iterable[dict[str, Any]]) -> None:
        """Take the nodes as they were last instead of whatever came before: all rows follow from these."""
        self.states = States(self._workflow)
        for node in nodes:
            self._update(node)
        self._changed, self._is_pruning = dict(self.states.tasks), True
        self._written = set(self.states.tasks)
        self._running.clear()

    def skip(self, is_written: Callable[[Task], bool]) -> None:
        """Leave out tasks of which the database has all already."""
        self._changed = {path: task for path, task in self._changed.items() if not is_written(task)}

    @property
    def is_behind(self) -> bool:
        """Whether there are tasks to be written."""
        return bool(self._changed)

    @property
    def is_lacking(self) -> bool:
        """Whether records of tasks that have ended are not there."""
        return bool(self._lacking & self.states.tasks.keys())

    def flush(self, position: str, *, is_alive: bool = True, message: str = "") -> None:
        """Write what has changed; `position` is how far the updates were taken, `message` what the run says of itself.

        Raises
        ------
        DatabaseError, RepositoryError
            When it cannot be written, or records cannot be read. It is tried again with the next call.
        """
        if self._origin.forgets and self.states.root.has_ended:  # records of a lost pod may have come after its end
            lacking = {path: self.states.tasks[path] for path in self._lacking & self.states.tasks.keys()}
            self._changed |= lacking
        while len(self._changed) > BATCH:
            self._write_some()
        tasks = list(self._changed.values())
        rows = self._rows_of(tasks)
        with self._writing() as batch:
            self._put(batch, tasks, rows)
            self._put_live(batch)
            if self._is_pruning:
                self._prune(batch)
            self._put_run(batch, is_alive=is_alive, message=message)
            batch.put(Cursor, [{"run_id": self._number, "position": position, "seen": now()}])
        self._done(tasks)
        self._is_pruning = self._is_pruning and not self._may_be_forgotten_tries

    def _write_some(self) -> None:
        tasks = list(self._changed.values())[:BATCH]
        rows = self._rows_of(tasks)  # not while others wait for the end of the transaction
        with self._writing() as batch:
            self._put(batch, tasks, rows)
        self._done(tasks)

    @contextmanager
    def _writing(self) -> Iterator[Batch]:
        with self._database.writing() as batch:
            self._origin.guard(batch)
            yield batch

    def _done(self, tasks: list[Task]) -> None:
        """Note what has been written, once it is certain."""
        for task in tasks:
            self._written.add(task.path)
            self._changed.pop(task.path)
            self._said.pop(task.path, None)
            if task.state == "running" and task.path not in self._odd:
                self._running[task.path] = task
            else:
                self._running.pop(task.path, None)

    @property
    def _number(self) -> int:
        assert self.run_id is not None, "what is not noted cannot be written"
        return self.run_id

    def _rows_of(self, tasks: list[Task]) -> Rows:
        """Return the rows of tasks; where their records come from far away, many are asked for at a time."""
        rows: Rows = {}
        with ThreadPoolExecutor(self._origin.readers) as pool:
            made = pool.map(self._rows, tasks) if self._origin.readers > 1 else map(self._rows, tasks)
            for some in made:
                for table, listed in some.items():
                    rows.setdefault(table, []).extend(listed)
        return rows

    def _put(self, batch: Batch, tasks: list[Task], rows: Rows) -> None:
        """Write tasks; what they had before goes, because it may have been more."""
        again = [task.path for task in tasks if task.path in self._written]
        past: tries.Past = {}
        if self._origin.forgets and tasks:
            past = tries.renumber(batch, self._number, rows, [task.path for task in tasks])
        tries.clear(batch, self._number, again, past)
        for table, some in rows.items():
            batch.put(table, some)

    def _put_live(self, batch: Batch) -> None:
        """Write what running tries have said since the last time."""
        for path, task in list(self._running.items()):
            said = self._writer.live(self._number, task, self._origin.log)
            batch.put(Message, said[self._said.get(path, 0) :])
            self._said[path] = len(said)

    def _read(self, key: str) -> bytes | None:
        """Return a record; of one that is too large what can be used, which is nothing but the lines of a log."""
        try:
            return self._origin.read(key)
        except TooLargeError as error:
            self._too_large[key] = str(error)
            return error.beginning.rpartition(b"\n")[0] if key.endswith(_LOG) else None

    def _note_too_large(self, task: Task) -> None:
        prefix = f"{record_key(self._origin.prefix, task)}/"
        for key, message in list(self._too_large.items()):
            if key.startswith(prefix):
                self._odd[task.path] = f"not all of its records are read: {message}"

    def _rows(self, task: Task) -> Rows:
        """Return the rows of a task; none, and a problem, when its nodes are none that its manifest can have made."""
        if (size := len(task.path.encode("utf-8", "surrogatepass"))) > LONGEST_KEY_BYTES:
            self._odd[task.path] = f"its path takes {size:,} bytes; the database keeps tasks with {LONGEST_KEY_BYTES:,}"
            return {}
        try:
            rows = self._writer.rows(self._number, task)
        except ExpressionError as error:  # a record is missing that says what it is to do
            self._odd[task.path] = f"it cannot be told what it is to do: {error}"
            self._lacking.add(task.path)
            return {}
        except _STRANGE as error:
            self._odd[task.path] = f"its nodes do not belong to this manifest: {error!r}"
            return {}
        self._odd.pop(task.path, None)
        if self._too_large:
            self._note_too_large(task)
        is_lacking = any(row["wall_s"] is None and row["ended"] for row in rows[Attempt])
        (self._lacking.add if is_lacking else self._lacking.discard)(task.path)
        return rows

    @property
    def _may_be_forgotten_tries(self) -> bool:
        """Whether tasks that are not there may come again, with tries that are not told of any more."""
        return self._origin.forgets and not self.states.root.has_ended

    def _prune(self, batch: Batch) -> None:
        """Delete tasks that are no part of the run any more."""
        batch.keep_only(TaskRow, self._number, [(path,) for path in self.states.tasks])
        left = select(col(TaskRow.path)).where(col(TaskRow.run_id) == self._number)
        for table in (Emitted, Criterion) if self._may_be_forgotten_tries else PARTS:
            columns = table.__table__.c  # type: ignore[attr-defined]
            batch.execute(delete(table).where(columns.run_id == self._number, columns.path.not_in(left)))

    def _put_run(self, batch: Batch, *, is_alive: bool, message: str) -> None:
        state = run_state(self.states)
        if state == "running" and not is_alive:
            state = "interrupted"
        root = self.states.root
        changes = {"state": state, "ended": root.ended or None, "message": root.message or message}
        batch.execute(update(Run).where(col(Run.id) == self._number).values(**changes))
        problems = {key_text(path): said for path, said in (*self.states.problems, *self._odd.items())}
        batch.delete(Problem, run_id=self._number)
        batch.put(Problem, [{"run_id": self._number, "path": path, "message": said} for path, said in problems.items()])


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
