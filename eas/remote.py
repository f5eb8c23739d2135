"""Run a chain on a cluster: its compiled manifest as an Argo Workflow, which is submitted, cancelled and asked for."""

from __future__ import annotations

import getpass
import hashlib
import json
import platform
import secrets
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

from eas.__about__ import __version__
from eas.inputs import Found, Given, bring, fetch
from eas.syncing import bucket
from eas_argo.cluster import runs
from eas_argo.cluster.again import LONGEST, again, cut_error, is_cut, life_of, nodes_of
from eas_argo.cluster.connection import Connection, connect
from eas_argo.cluster.errors import ClusterError
from eas_argo.cluster.place import Placed, place
from eas_argo.cluster.profile import Profile
from eas_compiler.shape import Shape
from eas_provenance.lines import worthless
from eas_provenance.mirror import SOURCES, SUBMITTED
from eas_provenance.runs import Sources
from eas_provenance.s3 import Bucket
from eas_provenance.states import States, Task
from eas_worker import manifests

Json = dict[str, Any]


class RefusedError(Exception):
    """The site cannot run the chain; `reasons` say why."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))


class Request(NamedTuple):
    """What to run: the Workflow with the texts that it was made from, how many tasks it has, the chain's file name.

    `name` is that of the run, None for one that is made up, and begins as the chain is called. `files` are those that
    it takes from outside.
    """

    sources: Sources
    shape: Shape
    file: str
    name: str | None = None
    files: tuple[Found, ...] = ()


class Submitted(NamedTuple):
    """A run that is the cluster's now: its name and uid, and the Workflow in which it lives."""

    name: str
    uid: str
    workflow: str
    connection: Connection

    @property
    def prefix(self) -> str:
        """The prefix of its files in the bucket."""
        return f"{self.name}-{self.uid}"


Warn = Callable[[str], None]
_LOOK_S = 2.0
_TELL_S = 10.0
_SHOWN = 3
_PATIENCE_S = 60.0
"""How long a controller may take to end what was shut down [s]."""
_LETTERS, _RANDOM = "bcdfghjklmnpqrstvwxz2456789", 5
"""What Kubernetes itself adds to a name that it makes up."""


class Cancelled(NamedTuple):
    """A run that was ended: its name, and whether what is left of it can be done."""

    name: str
    can_go_on: bool


class EndedError(Exception):
    """A run is to be cancelled that has ended."""


class GoesOnError(Exception):
    """A run is to be taken up again that has not ended."""


class NothingToDoError(Exception):
    """No task of a run is among those that are to be done again."""


def submit(request: Request, profile: Profile, warn: Warn = lambda _: None) -> Submitted:
    """Hand a chain to a cluster; `warn` is told of what will be different there.

    Asked for again under the same name, the run that is there is the one, if it is to do the same.

    Raises
    ------
    RefusedError
        When the site has not what a task needs; nothing was submitted then.
    ClusterError, RepositoryError, UnknownInputError
        When the cluster refuses it, or the texts or files from outside cannot be kept.
    """
    connection = connect(profile)
    placed = place(request.sources.workflow, profile, connection.namespace)
    if refusals := (*placed.refusals, *_too_long(request)):
        raise RefusedError(refusals)
    for warning in placed.warnings:
        warn(warning)
    files = bucket(profile)
    for text in (request.sources.chain, request.sources.registry):
        if text is not None:
            files.put_bytes(f"{SOURCES}/{hashlib.sha256(text).hexdigest()}", text)
    with tempfile.TemporaryDirectory() as folder:
        given = fetch(request.files, Path(folder))
        workflow = _described(placed, request, profile)
        if given:
            workflow["spec"] = {**workflow["spec"], "suspend": True}
        made = _created(connection, workflow, warn)
        metadata = made["metadata"]
        submitted = Submitted(metadata["name"], metadata["uid"], metadata["name"], connection)
        if given and made["spec"].get("suspend") and not nodes_of(made):
            _bring(submitted, files, given)
    return submitted


def _too_long(request: Request) -> tuple[str, ...]:
    """Return what is wrong with the name of a run that has children, which are called after it."""
    room = LONGEST - manifests.behind_name(request.sources.workflow)
    if request.name is None or len(request.name) <= room:
        return ()
    return (f"{request.name} is too long: the names of child workflows begin with it, which leaves {room} characters",)


def _created(connection: Connection, workflow: Json, warn: Warn) -> Json:
    """Create a Workflow, or find it: whoever asked for it before may have been killed, or not have got an answer."""
    try:
        return runs.create(connection, workflow)
    except ClusterError as error:
        if error.status not in (None, 409):
            raise
        found = runs.is_there(connection, workflow)
        if found is None:
            raise
        if error.status == 409:
            warn(f"{found['metadata']['name']} was submitted before, and is to do the same: it is the one")
        return found


def _bring(submitted: Submitted, files: Bucket, given: list[Given]) -> None:
    """Bring files from outside into a run that waits for them: only what is there has a uid, which is in their keys."""
    try:
        bring(files, submitted.prefix, given)
        runs.let_go(submitted.connection, submitted.workflow)
    except BaseException:  # a run that never begins is of no use to anybody
        runs.delete(submitted.connection, submitted.workflow)
        raise


def _described(placed: Placed, request: Request, profile: Profile) -> Json:
    """Return the Workflow with what is to be known of the run before it begins."""
    told = json.dumps(_about(request, profile), separators=(",", ":"))
    metadata = dict(placed.workflow["metadata"])
    # Braces as Argo's tags have them stand only in texts, where JSON can say them otherwise.
    metadata["annotations"] = {**metadata["annotations"], SUBMITTED: told.replace("{{", "{\\u007b")}
    metadata["name"] = request.name or _made_up(metadata["generateName"])
    del metadata["generateName"]
    return {**placed.workflow, "metadata": metadata}


def _made_up(stem: str) -> str:
    """Return a name that begins with a stem; made up here, so that it can be asked for when there is no answer."""
    return stem + "".join(secrets.choice(_LETTERS) for _ in range(_RANDOM))


def _about(request: Request, profile: Profile) -> Json:
    """Return what is to be known of a run before it begins; how many tasks of a type there will be as [least, most]."""
    texts = {"chain": request.sources.chain, "registry": request.sources.registry}
    return {
        "site": profile.name,
        "file": request.file,
        "user": getpass.getuser(),
        "host": platform.node(),
        "version": __version__,
        **{kind: hashlib.sha256(text).hexdigest() for kind, text in texts.items() if text is not None},
        "types": {kind: [count.low, count.high] for kind, count in request.shape.tasks.items()},
    }


# ---------------------------------------------------------------------------------------------------------------------
# Ending


def cancel(profile: Profile, name: str, tell: Callable[[int, float], None], *, at_once: bool) -> Cancelled:
    """Have a run begin nothing new, and end it when its programs have ended, or at once.

    `tell` is told now and then how many programs are waited for, and for how long [s].

    Raises
    ------
    EndedError
        When it has ended already.
    ClusterError
        When the cluster does not know it, or does not do it.
    """
    connection = connect(profile)
    workflow = runs.find(connection, name)
    run = life_of(workflow).run
    if runs.has_ended(workflow):
        raise EndedError(f"{run} has ended already: {runs.phase(workflow).lower()}")
    if not at_once:
        _wait_for_programs(connection, workflow, tell)
    _end_all(connection, workflow)
    return Cancelled(run, not is_cut(workflow))


def _wait_for_programs(connection: Connection, workflow: Json, tell: Callable[[int, float], None]) -> None:
    """Hold back a run with its children, also those that are only being made, until no pod of them is running."""
    start = told = time.monotonic()
    held = set[str]()

    def running_in(name: str) -> int:
        if name not in held:
            runs.hold_back(connection, name)
            held.add(name)
        return runs.running(connection, name)

    while running := sum(map(running_in, runs.family(connection, workflow))):
        if told == start or time.monotonic() - told > _TELL_S:
            told = time.monotonic()
            tell(running, told - start)
        time.sleep(_LOOK_S)


def _end_all(connection: Connection, workflow: Json) -> None:
    """End a run with its children, also those that are made while it is being ended."""
    end, own = time.monotonic() + _PATIENCE_S, workflow["metadata"]["name"]
    told = set[str]()
    while True:
        there = list(runs.family(connection, workflow))
        for name in there:
            if name not in told:
                runs.shut_down(connection, name)
                told.add(name)
        if there == [own] and runs.has_ended(connection.get(f"{connection.workflows}/{own}")):
            return
        if time.monotonic() > end:
            message = f"{', '.join(there[:_SHOWN])} {'were' if there[1:] else 'was'} told to end"
            message = f"{message}, and {'have' if there[1:] else 'has'} not within {_PATIENCE_S:.0f} s"
            raise ClusterError(message, "does the workflow controller of Argo work?")
        time.sleep(_LOOK_S)


# ---------------------------------------------------------------------------------------------------------------------
# Doing again


def rerun(profile: Profile, name: str, chosen: Callable[[Task], bool]) -> Submitted:
    """Do some tasks of a run again, with whatever depends on them, and whatever was left when it was cancelled.

    Raises
    ------
    NothingToDoError
        When no task is chosen, and none is left.
    GoesOnError
        When the run has not ended.
    ClusterError
        When the cluster does not know the run, or refuses its next life.
    """
    connection = connect(profile)
    workflow = runs.find(connection, name)
    if not runs.has_ended(workflow):
        raise GoesOnError(f"{life_of(workflow).run} has not ended")
    if is_cut(workflow):
        raise cut_error()
    nodes = nodes_of(workflow)
    states = States(workflow)
    for node in nodes.values():
        states.update(node)
    tasks = [told.id for task in states.tasks.values() if chosen(task) for told in task.nodes.values()]
    asked = [*tasks, *states.broken_questions()]
    if not asked and not states.root.is_shutdown:
        raise NothingToDoError(f"no task of {name} is to be done again")
    next_life = again(workflow, nodes, asked)
    _set_aside(profile, workflow, next_life, states.tasks.values())
    made = runs.create(connection, next_life)
    life = life_of(made)
    return Submitted(life.run, life.uid, made["metadata"]["name"], connection)


def _set_aside(profile: Profile, workflow: Json, next_life: Json, tasks: Iterable[Task]) -> None:
    """Let files that are gathered count no more whose tasks are to be done again: they may be blocked then."""
    old, new = workflow["metadata"]["name"], next_life["metadata"]["name"]
    kept = {node["name"].removeprefix(new) for node in nodes_of(next_life).values()}
    names = {one: node["name"].removeprefix(old) for one, node in nodes_of(workflow).items()}
    gone = [task for task in tasks if task.program.id in names and names[task.program.id] not in kept]
    records = [one for task in gone for one in worthless(life_of(workflow).prefix, task)]
    files = bucket(profile) if records else None
    for key, record in records:
        assert files is not None
        files.put_bytes(key, record)
