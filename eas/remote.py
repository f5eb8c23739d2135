"""Run a chain on a cluster: its compiled manifest as an Argo Workflow, which is submitted, cancelled and asked for."""

from __future__ import annotations

import getpass
import hashlib
import json
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from eas.__about__ import __version__
from eas.inputs import Found, Given, bring, fetch
from eas.syncing import bucket
from eas_argo.cluster import runs
from eas_argo.cluster.again import again, life_of, nodes_of
from eas_argo.cluster.connection import Connection, connect
from eas_argo.cluster.errors import ClusterError
from eas_argo.cluster.place import Placed, place
from eas_argo.cluster.profile import Profile
from eas_compiler.shape import Shape
from eas_provenance.mirror import SOURCES, SUBMITTED
from eas_provenance.runs import Sources
from eas_provenance.s3 import Bucket
from eas_provenance.states import States, Task

Json = dict[str, Any]


class RefusedError(Exception):
    """The site cannot run the chain; `reasons` say why."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        self.reasons = reasons
        super().__init__("; ".join(reasons))


class Request(NamedTuple):
    """What to run: the Workflow with the texts that it was made from, how many tasks it has, the chain's file name.

    `name` is that of the run, None to have the cluster choose one that begins as the chain is called. `files` are those
    that it takes from outside.
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
_PATIENCE_S = 60.0
"""How long a controller may take to end what was shut down [s]."""


class EndedError(Exception):
    """A run is to be cancelled that has ended."""


class GoesOnError(Exception):
    """A run is to be taken up again that has not ended."""


class NothingToDoError(Exception):
    """No task of a run is among those that are to be done again."""


def submit(request: Request, profile: Profile, warn: Warn = lambda _: None) -> Submitted:
    """Hand a chain to a cluster; `warn` is told of what will be different there.

    Raises
    ------
    RefusedError
        When the site has not what a task needs; nothing was submitted then.
    ClusterError, RepositoryError, UnknownInputError
        When the cluster refuses it, or the texts or files from outside cannot be kept.
    """
    connection = connect(profile)
    placed = place(request.sources.workflow, profile, connection.namespace)
    if placed.refusals:
        raise RefusedError(placed.refusals)
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
        metadata = runs.create(connection, workflow)["metadata"]
        submitted = Submitted(metadata["name"], metadata["uid"], metadata["name"], connection)
        if given:
            _bring(submitted, files, given)
    return submitted


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
    if request.name is not None:
        metadata["name"] = request.name
        del metadata["generateName"]
    return {**placed.workflow, "metadata": metadata}


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


def cancel(profile: Profile, name: str, tell: Callable[[int, float], None], *, at_once: bool) -> str:
    """Have a run begin nothing new, and end it when its programs have ended, or at once; return its name.

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
        for one in runs.family(connection, workflow):
            runs.hold_back(connection, one)
        _wait_for_programs(connection, workflow, tell)
    for one in runs.family(connection, workflow):
        runs.shut_down(connection, one)
    _wait_for_end(connection, workflow["metadata"]["name"])
    return run


def _wait_for_programs(connection: Connection, workflow: Json, tell: Callable[[int, float], None]) -> None:
    start = told = time.monotonic()
    while running := sum(runs.running(connection, one) for one in runs.family(connection, workflow)):
        if told == start or time.monotonic() - told > _TELL_S:
            told = time.monotonic()
            tell(running, told - start)
        time.sleep(_LOOK_S)


def _wait_for_end(connection: Connection, name: str) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not runs.has_ended(connection.get(f"{connection.workflows}/{name}")):
        if time.monotonic() > end:
            message = f"{name} was told to end, and has not within {_PATIENCE_S:.0f} s"
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
    nodes = nodes_of(workflow)
    states = States(workflow)
    for node in nodes.values():
        states.update(node)
    tasks = [told.id for task in states.tasks.values() if chosen(task) for told in task.nodes.values()]
    asked = [*tasks, *states.broken_questions()]
    if not asked and not states.root.is_shutdown:
        raise NothingToDoError(f"no task of {name} is to be done again")
    made = runs.create(connection, again(workflow, nodes, asked))
    life = life_of(made)
    return Submitted(life.run, life.uid, made["metadata"]["name"], connection)
