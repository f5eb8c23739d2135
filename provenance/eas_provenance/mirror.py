"""A run on a cluster in the database: from what its Workflow says, and the records in its bucket.

The Workflow alone tells name, uid, manifest and nodes. What else there is to know of a run, whoever submits it notes in
the annotation `eas/submitted`, a JSON object:

    {"chain": SHA256, "registry": SHA256, "file": NAME, "user": WHO, "host": WHERE, "version": EAS,
     "types": {TYPE: [AT_LEAST, AT_MOST | null], ...}}

with the two texts in the bucket under `.sources/SHA256`. A run that was handed to Argo without it has no chain here.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlmodel import col

from eas_provenance.batch import Batch
from eas_provenance.database import Database
from eas_provenance.errors import TooLargeError
from eas_provenance.lines import Read
from eas_provenance.runs import Sources
from eas_provenance.states import States, Task
from eas_provenance.sync import Origin, Sync, register, run_state
from eas_provenance.tables import Attempt, Cursor, Document, Run
from eas_provenance.tables import Task as TaskRow
from eas_worker import manifests, quantities
from eas_worker.manifests import Names

Json = dict[str, Any]
SOURCES = ".sources"
"""Where the texts of chains and registries are in a bucket, each under its SHA-256."""
SUBMITTED = "eas/submitted"
DELETED = "its Workflow was deleted before it had ended; this is what was known of it then"
_PROGRAMS = ("run", "inline")
_RESERVED = ("workflows.argoproj.io/", "kubectl.kubernetes.io/")
_OF_THE_MOMENT = ("shutdown", "suspend")
"""What is put into a Workflow while it runs."""
_SUM = re.compile("[0-9a-f]{64}")
_ENDED = ("Succeeded", "Failed", "Error")
ASIDE = "Workflows set aside: "
"""How it begins what is said of Workflows that are not followed, because they are none of runs."""
LOOKS_S = (5.0, 15.0, 60.0, 300.0)
"""After how long it is looked again, and again, for records that are lacking when a run has ended [s]."""


class NoRunError(Exception):
    """A Workflow is none that EAS compiled; the message says which one and why."""


class Place(NamedTuple):
    """Where runs on a site are kept: the database, what reads the bucket and how many files at a time, the site's name.

    `place` tells the namespace of a cluster from all others, whatever anybody calls the site. `guard` begins every
    transaction, and may end it: when another process writes what happens on the site.
    """

    database: Database
    read: Read
    site: str
    place: str
    readers: int = 1
    guard: Callable[[Batch], object] = lambda _: None


class Seen(NamedTuple):
    """What is new of a run: a version that grows, the status of its Workflow, and nodes that are not as they were.

    `gone` are nodes that are not there any more, `nodes` gives all that are. `problem` says why nodes cannot be had.
    """

    version: str
    status: Json
    changed: Iterable[Json]
    gone: Collection[str]
    nodes: Callable[[], Iterable[Json]]
    problem: str = ""


class Part(NamedTuple):
    """One of the Workflows that make a run, since when it is at work, and which nodes of it are the run's.

    A run that was taken up again has a `life` for each time; the newest knows all that stays of older ones, and its own
    tries are numbered from `first_try` on. A child does a part of what its run does, in whichever life.
    """

    name: str
    entrypoint: str
    started: str = ""
    life: int = 1
    first_try: int = 0
    is_child: bool = False


class _Taken(NamedTuple):
    """A part as it was taken last: all of its nodes, and the lists among them by id."""

    part: Part
    nodes: Callable[[], Iterable[Json]]
    lists: dict[str, Json]


class Mirror:
    """Keeps a run of a cluster in the database; nothing is written, nor read there, before `write`.

    Parameters
    ----------
    place : Place
        Where it is kept.
    metadata, spec : dict
        Those of the Workflow that is the run.
    fits : callable, optional
        Tells whether this is the run that the database has under this uid, given what it has as its manifest.

    Raises
    ------
    NoRunError
        When it is none that EAS compiled.
    """

    def __init__(self, place: Place, metadata: Json, spec: Json, fits: Callable[[Json], bool] | None = None) -> None:
        self._place, self._fits = place, fits
        self.name, self.uid = metadata["name"], metadata["uid"]
        self._created = _text(metadata.get("creationTimestamp"))
        self._workflow = manifest(metadata, spec)
        try:
            parameters = self._workflow["spec"].get("arguments", {}).get("parameters", [])
            self._parameters = {one["name"]: str(one["value"]) for one in parameters}
            self._types = _types(self._workflow)
            prefix, seed = f"{self.name}-{self.uid}", self._parameters["seed"]
            origin = Origin(None, prefix, seed, place.read, readers=place.readers, forgets=True, guard=place.guard)
            self._sync = Sync(place.database, origin, self._workflow)
        except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise NoRunError(f"{self.name} is no run that EAS compiled: {error!r}") from error
        self._root: Json = {"id": self.name, "name": self.name, "type": "DAG", "templateName": "", "phase": "Pending"}
        self._templates = manifests.templates(self._workflow)
        self._parts: dict[str, _Taken] = {}
        self._version, self._state = "", ""
        self._is_behind = False
        self._is_deleted = False
        self._problem = ""
        self._going_on: set[str] = set()
        self._looks = 0
        self._look_s: float | None = None

    @property
    def states(self) -> States:
        """The states of the run's tasks, as far as it was followed."""
        return self._sync.states

    @property
    def is_behind(self) -> bool:
        """Whether there is something to write, or to read that was not there before."""
        return self._is_behind or (self._look_s is not None and time.monotonic() >= self._look_s)

    # -----------------------------------------------------------------------------------------------------------------
    # What happens

    def take(self, part: Part, seen: Seen) -> list[Task]:
        """Take what is new of a part, and return the tasks that it changes."""
        self._is_behind, self._problem = True, seen.problem
        self._version = max(self._version, seen.version, key=lambda version: (len(version), version))
        known = self._parts.get(part.name)
        taken = self._parts[part.name] = _Taken(part, seen.nodes, known.lists if known else {})
        (self._going_on.discard if seen.status.get("phase") in _ENDED else self._going_on.add)(part.name)
        if part == self._newest():
            self._tell_root(seen.status)
        if seen.gone or (known is None and not part.is_child):
            self._settle()
            return list(self.states.tasks.values())
        self.states.begin_another()
        nodes = self._placed(taken, seen.nodes() if known is None else seen.changed)
        return list({task.path: task for node in [*nodes, self._root] for task in self._sync.take(node)}.values())

    def _settle(self) -> None:
        self._sync.settle([*(node for one in self._parts.values() for node in self._placed(one)), self._root])

    def delete(self, name: str) -> None:
        """Note that a Workflow is not there any more: the run is lost if it was the one that knows all that stays."""
        taken = self._parts.get(name)
        if taken is None:
            return
        self._going_on.discard(name)
        self._is_behind = True
        if taken.part == self._newest():
            self._is_deleted = True

    def part(self, name: str) -> Part | None:
        """Return the part that a Workflow is, None when it was not taken yet."""
        taken = self._parts.get(name)
        return taken.part if taken is not None else None

    def is_child(self, spec: Json) -> bool:
        """Return whether a Workflow can be a child of the run: it has only templates that the run's manifest has."""
        return all(_is_like(one, self._templates.get(name)) for name, one in _templates(spec).items())

    def leave_out(self, name: str) -> bool:
        """Go on without a Workflow, as if it had never been there; return whether a run is left."""
        self._parts.pop(name, None)
        self._going_on.discard(name)
        if self._newest() is None:
            return False
        self._is_behind = True
        self._settle()
        return True

    # -----------------------------------------------------------------------------------------------------------------
    # Several Workflows that make one run

    def _newest(self) -> Part | None:
        lives = [one.part for one in self._parts.values() if not one.part.is_child]
        return max(lives, key=lambda part: part.life, default=None)

    def _placed(self, taken: _Taken, some: Iterable[Json] | None = None) -> Iterator[Json]:
        """Yield nodes of a part as those of the run: of an older life its tries alone, which newer ones may lack."""
        part, newest = taken.part, self._newest()
        nodes = list(taken.nodes() if some is None else some)
        taken.lists.update((node["id"], node) for node in nodes if node["type"] == "DAG")
        names = Names(taken.lists, part.entrypoint, self._templates)
        for node in nodes:
            placed = {**node, "templateName": names.template(node)}
            if _is_try(node):
                yield {**placed, "name": _numbered(part, node)}
            elif not (part.is_child or part == newest):
                continue
            elif node.get("boundaryID") is not None:
                yield placed
            elif part.is_child:
                yield {**placed, "boundaryID": self.name}
            else:
                self._root = {**self._root, "inputs": node.get("inputs", {}), "templateName": placed["templateName"]}
                yield self._root

    def _tell_root(self, status: Json) -> None:
        """Note what becomes of the run as a whole, as the status of its Workflow tells it, and not the node."""
        times = {key: _text(status.get(key)) for key in ("startedAt", "finishedAt")}
        told = {"phase": _text(status.get("phase")) or "Pending", "message": _text(status.get("message"))}
        self._root = self._root | times | told

    # -----------------------------------------------------------------------------------------------------------------
    # What is kept of it

    @property
    def is_over(self) -> bool:
        """Whether nothing of the run will change any more, unless somebody goes on with it."""
        return self._is_deleted or (self.states.root.has_ended and not self._going_on and self._look_s is None)

    def write(self) -> str | None:
        """Write what was taken; return the state of the run, None when the database had it in the same state.

        Raises
        ------
        DatabaseError, RepositoryError, LeaseError
            When it cannot be written, or records cannot be read; it is tried again with the next call.
        """
        if self._sync.run_id is None and self._take_up():
            self._is_behind = False
            return None
        is_lost = self._is_deleted and not self.states.root.has_ended
        message = DELETED if is_lost else self._problem
        self._sync.flush(self._version, is_alive=not is_lost, message=message)
        self._is_behind = False
        self._look_again()
        before, self._state = self._state, "interrupted" if is_lost else run_state(self.states)
        return self._state if self._state != before else None

    def _look_again(self) -> None:
        """Plan another look for records that are lacking: those of a lost pod may come after the end of the run."""
        self._look_s = None
        if self.states.root.has_ended and self._sync.is_lacking and self._looks < len(LOOKS_S):
            self._look_s = time.monotonic() + LOOKS_S[self._looks]
            self._looks += 1

    def _take_up(self) -> bool:
        """Find the run in the database, or note it there; return whether it has all of it already."""
        with self._place.database.session() as session:
            columns = (col(Run.name), col(Run.uid), col(Run.id), col(Run.state), col(Cursor.position))
            query = select(*columns).join(Cursor, col(Cursor.run_id) == col(Run.id), isouter=True)
            found = session.execute(query.where((col(Run.uid) == self.uid) | (col(Run.name) == self.name))).all()
        for _, uid, run_id, state, position in map(tuple, found):
            if uid == self.uid:
                self._claim(run_id)
                self._sync.run_id, self._state = run_id, state
                self._sync.skip(_is_kept(self._place.database, run_id))
                is_whole = position == self._version and state != "running"
                return is_whole and not (self._sync.is_behind and self._is_recent)
        self._sync.run_id = self._registered(is_taken=bool(found))
        return False

    @property
    def _is_recent(self) -> bool:
        """Whether the run ended so shortly ago that records may still come."""
        try:
            ended = datetime.fromisoformat(self.states.root.ended)
        except ValueError:
            return False
        return (datetime.now(UTC) - ended).total_seconds() < sum(LOOKS_S)

    def _claim(self, run_id: int) -> None:
        """Note where a run is, of which that was not known; raise `NoRunError` when it is another one's."""
        if self._fits is not None:
            with self._place.database.session() as session:
                text = session.execute(
                    select(col(Document.content))
                    .join(Run, col(Run.workflow_sha256) == col(Document.sha256))
                    .where(col(Run.id) == run_id)
                ).scalar_one()
            if not self._fits(json.loads(zlib.decompress(text))):
                raise NoRunError(f"it says that it is a life of {self.name}, and is to do something else")
        with self._place.database.writing() as batch:
            self._place.guard(batch)
            here = update(Run).where(col(Run.id) == run_id, col(Run.place).is_(None))
            batch.execute(here.values(place=self._place.place))

    def _registered(self, *, is_taken: bool) -> int:
        """Note the run, and return its number."""
        name = f"{self.name}.{self.uid}" if is_taken else self.name  # another run had the name before
        submitted = _submitted(self._workflow)
        chain, registry = (self._source(submitted.get(kind)) for kind in ("chain", "registry"))
        return register(self._place.database, name, Sources(self._workflow, chain, registry), self._about(submitted))

    def _source(self, sha256: Any) -> bytes | None:
        """Return a text that the run was made from; None when it is not there, or is another."""
        if not isinstance(sha256, str) or not _SUM.fullmatch(sha256):
            return None
        try:
            text = self._place.read(f"{SOURCES}/{sha256}")
        except TooLargeError:
            return None
        return text if text is not None and hashlib.sha256(text).hexdigest() == sha256 else None

    def _about(self, submitted: Json) -> Json:
        """Return what there is to know of the run before it begins."""
        noted = self._workflow["metadata"]["annotations"]
        about = _object(noted.get("eas/about"))
        tags, subject = about.get("tags"), about.get("subject")
        given = submitted.get("types")
        counts: Json = given if isinstance(given, dict) else {}
        return {
            "uid": self.uid,
            "job_name": _text(about.get("job_name")) or self.name,
            "tags": [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else [],
            "subject": subject if isinstance(subject, dict) else {},
            "source": _text(submitted.get("file")) or _source_name(noted.get("eas/source")),
            "site": self._place.site,
            "place": self._place.place,
            "started": self._created,
            "parameters": self._parameters,
            "types": {kind: facts | _count(counts.get(kind)) for kind, facts in self._types.items()},
            **{key: _text(submitted.get(key)) for key in ("version", "user", "host")},
        }


def _numbered(part: Part, node: Json) -> str:
    """Return the name of a try, with its number in all lives of the run: a life has older ones under theirs already.

    Both times are by the clock of the controller that began the one and the other.
    """
    base, _, number = node["name"].rpartition("(")
    is_own = bool(part.started) and part.started <= (node.get("startedAt") or "")
    return f"{base}({int(number.rstrip(')')) + (part.first_try if is_own else 0)})"


def _is_try(node: Json) -> bool:
    return bool(node.get("nodeFlag", {}).get("retried"))


def mark_deleted(place: Place, there: Collection[str]) -> list[str]:
    """Note that the Workflows of runs are not there any more, which should be running; return the names of the runs.

    `there` are the uids of those that are.
    """
    with place.database.writing() as batch:
        place.guard(batch)
        query = select(col(Run.id), col(Run.name), col(Run.uid))
        running = batch.execute(query.where(col(Run.place) == place.place, col(Run.state) == "running"))
        lost = [(run_id, name) for run_id, name, uid in map(tuple, running) if uid not in there]
        for run_id, _ in lost:
            changes = {"state": "interrupted", "message": DELETED}
            batch.execute(update(Run).where(col(Run.id) == run_id).values(**changes))
    return [name for _, name in lost]


def _templates(spec: Json) -> dict[str, Json]:
    return manifests.templates({"spec": spec})


def _is_like(template: Json, known: Json | None) -> bool:
    """Return whether a template runs what another one runs; what is filled in may be filled in already."""
    given, wanted = template.get("container") or {}, (known or {}).get("container") or {}
    return known is not None and all(given.get(key) == wanted.get(key) for key in ("image", "command"))


def manifest(metadata: Json, spec: Json) -> Json:
    """Return the Workflow as it was submitted: without what the cluster and its users have put into it since."""
    kept = {
        key: {name: value for name, value in metadata.get(key, {}).items() if not name.startswith(_RESERVED)}
        for key in ("labels", "annotations")
    }
    names = {key: metadata[key] for key in ("name", "generateName", "namespace") if key in metadata}
    given = {key: value for key, value in spec.items() if key not in _OF_THE_MOMENT}
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": names | kept, "spec": given}


def _types(workflow: Json) -> dict[str, Json]:
    """Return what the programs of a Workflow ask for, by task type."""
    found = {}
    for one in manifests.templates(workflow).values():
        if "container" in one and one["container"]["command"][-1] in _PROGRAMS:
            variables = {given["name"]: given.get("value", "") for given in one["container"]["env"]}
            limits = one["container"].get("resources", {}).get("limits", {})
            found[json.loads(variables["EAS_TASK"])["task"]] = {
                "image": one["container"]["image"],
                "cpu": quantities.cores(str(limits.get("cpu", "0"))),
                "gpu": int(limits.get("nvidia.com/gpu", 0)),
                "memory_bytes": quantities.size_bytes(str(limits.get("memory", "0"))),
                "code": one["container"]["image"].partition("@")[2],
            }
    return found


def _is_kept(database: Database, run_id: int) -> Callable[[Task], bool]:
    """Return what is true of tasks that have ended, and of which the database has all that there is to know."""
    with database.session() as session:
        states = select(col(TaskRow.path), col(TaskRow.state), col(TaskRow.started), col(TaskRow.ended))
        rows = session.execute(states.where(col(TaskRow.run_id) == run_id))
        tasks = {path: tuple(rest) for path, *rest in map(tuple, rows)}
        attempt = (col(getattr(Attempt, name)) for name in ("path", "node", "phase", "queued", "ended"))
        whole = select(*attempt).where(col(Attempt.run_id) == run_id, col(Attempt.wall_s).is_not(None))
        tries = {tuple(row) for row in session.execute(whole)}

    def is_kept(task: Task) -> bool:
        known = tasks.get(task.path)
        told = {(task.path, one.id, one.phase, one.started, one.ended) for one in task.tries.values()}
        return known == (task.state, task.started or None, task.ended or None) and told <= tries

    return is_kept


# ---------------------------------------------------------------------------------------------------------------------
# What a Workflow must be


def _submitted(workflow: Json) -> Json:
    return _object(workflow["metadata"]["annotations"].get(SUBMITTED))


def _object(text: Any) -> Json:
    try:
        found = json.loads(_text(text) or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _source_name(text: Any) -> str:
    """Return the file of the chain; the compiler notes it as JSON."""
    try:
        return _text(json.loads(_text(text)))
    except (ValueError, RecursionError):
        return ""


def _count(given: Any) -> Json:
    """Return how many tasks of a type there will be, as far as that was noted."""
    least, most = given if isinstance(given, list) and len(given) == 2 else (0, None)
    whole = [one if isinstance(one, int) and 0 <= one < 2**63 else None for one in (least, most)]
    return {"at_least": whole[0] or 0, "at_most": whole[1]}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
