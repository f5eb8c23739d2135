"""Run a chain on this machine: its compiled manifest in the embedded engine, with real programs."""

from __future__ import annotations

import contextlib
import getpass
import platform
import secrets
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, Self

import eas_argo
from eas.__about__ import __version__
from eas.display import Live, Progress
from eas.inputs import Given, bring
from eas.recording import Recording
from eas.reuse import Kept
from eas.summary import Ended
from eas.terminal import THIS_MACHINE
from eas_argo.laptop import site as sites
from eas_argo.laptop.engine import Engine, Run
from eas_argo.laptop.errors import SiteError
from eas_argo.laptop.folders import folder_name
from eas_argo.laptop.manifest import Manifest, Pod, load
from eas_argo.laptop.past import Past
from eas_argo.laptop.programs import Programs, code_of
from eas_argo.laptop.reuse import Reusing
from eas_argo.laptop.work import Executor
from eas_compiler.shape import Count, Shape
from eas_provenance.database import Database
from eas_provenance.errors import BusyError, RepositoryError
from eas_provenance.follow import Follower, prefix
from eas_provenance.journal import above_it
from eas_provenance.lines import worthless
from eas_provenance.queries import OutcomeTable, find_run, outcomes
from eas_provenance.runs import RunFolder, Sources
from eas_provenance.states import States, Task
from eas_provenance.store import Store

CONTAINERS = Path(eas_argo.__file__).parent / "containers"

_TURN_S = 0.25


class RefusedError(Exception):
    """The chain cannot run on this machine; `reasons` say why, `is_machine` whether it is the machine's fault alone."""

    def __init__(self, refusals: list[sites.Refusal]) -> None:
        self.reasons = list(dict.fromkeys(one.reason for one in refusals))
        self.is_machine = all(one.is_machine for one in refusals)
        super().__init__("; ".join(self.reasons))


class NothingToDoError(Exception):
    """No task of a run is among those that are to be done again."""


class BrokenOffError(Exception):
    """The store of a run broke, as when its disk is full; the message says how, and how to go on."""


@dataclass(frozen=True)
class Finished(Ended):
    """A run of this machine that has ended: the prefix of its keys in the store."""

    prefix: str
    store: Store

    @property
    def files(self) -> str:
        """Where its files are."""
        return str(self.store.files.path(self.prefix))

    @property
    def go_on(self) -> str:
        """How it goes on when it was cancelled."""
        return f"eas run --resume {self.name}"


class Place(NamedTuple):
    """Where runs are worked on and kept: a store, a database (by default the store's), cores (by default all).

    `programs` makes what starts the programs.
    """

    store: Store
    database: Database
    cores: int | None = None
    quiet: bool = False
    keep: bool = False
    programs: Callable[..., AbstractContextManager[Executor]] = Programs


class Request(NamedTuple):
    """What to run: the Workflow with the texts that it was made from, how many tasks it has, the chain's file name.

    `files` are those that it takes from outside, `containers` has a folder of programs for each image. With `reuse`,
    results of earlier runs are taken over where a program would come to the same again.
    """

    sources: Sources
    shape: Shape
    file: str
    files: tuple[Given, ...] = ()
    containers: tuple[Path, ...] = (CONTAINERS,)
    reuse: bool = False


Warn = Callable[[str], None]


def run(request: Request, place: Place, warn: Warn = lambda _: None) -> Finished:
    """Run to the end, or until it is interrupted; `warn` is told of what will be different on this machine.

    Raises
    ------
    RefusedError
        When a program, memory or a device is not there; nothing has been begun then.
    RepositoryError, DatabaseError
        When the run cannot be noted.
    BrokenOffError
        When the store broke while it was worked on; it can be resumed.
    """
    manifest = load(request.sources.workflow)
    refuse(manifest, place.cores, request.containers)
    folder = place.store.run(f"{manifest.generate_name}{secrets.token_hex(3)}")
    about = _about(request, manifest)
    bring(place.store.files, f"{folder.name}-{about['uid']}", request.files)
    folder.make(request.sources, about)
    return _work(folder, manifest, (), place, warn)


def resume(folder: RunFolder, place: Place, warn: Warn = lambda _: None) -> Finished:
    """Do what is left of a run whose engine died or was stopped; nothing that ended is done again.

    A run that takes over results of earlier ones goes on to do so.

    Raises
    ------
    RefusedError, RepositoryError, DatabaseError, BrokenOffError
        As for `run`.
    """
    return _again(folder, place, (), warn)


def rerun(folder: RunFolder, place: Place, chosen: Callable[[Task], bool], warn: Warn = lambda _: None) -> Finished:
    """Do some tasks of a run again, and whatever depends on them; flow control that could not go on is decided again.

    Raises
    ------
    NothingToDoError
        When no task is chosen.
    RefusedError, RepositoryError, DatabaseError, BrokenOffError
        As for `run`.
    """
    states = States(folder.sources().workflow)
    for entry in folder.journal.updates():
        states.update(entry.update)
    nodes = [told.id for task in states.tasks.values() if chosen(task) for told in task.nodes.values()]
    again = [*nodes, *states.broken_questions()]
    if not again:
        raise NothingToDoError(f"no task of {folder.name} is to be done again")
    return _again(folder, place, again, warn)


def _again(folder: RunFolder, place: Place, chosen: Collection[str], warn: Warn) -> Finished:
    manifest = load(folder.sources().workflow)
    containers = _containers(folder.about())
    refuse(manifest, place.cores, containers)
    _note_codes(folder, manifest, containers)
    nodes = folder.journal.nodes()
    around = {other for name in chosen for other in above_it(name) if other in nodes}
    return _work(folder, manifest, {*chosen, *around}, place, warn)


def _note_codes(folder: RunFolder, manifest: Manifest, containers: Sequence[Path]) -> None:
    """Note of which types nobody can tell any more by which code their tasks were done, as it changed meanwhile."""
    about, codes = folder.about(), codes_of(manifest, containers)
    changed = [kind for kind, facts in about["types"].items() if facts.get("code") not in ("", codes.get(kind))]
    if changed:
        folder.note(about | {"types": about["types"] | {kind: about["types"][kind] | {"code": ""} for kind in changed}})


def codes_of(manifest: Manifest, containers: Sequence[Path]) -> dict[str, str]:
    """Return what tells versions of programs apart, by task type."""
    images = {pod.description["task"]: pod.image for pod in programs_of(manifest)}
    codes = {image: code_of(containers, image) for image in set(images.values())}
    return {kind: codes[image] for kind, image in images.items()}


def programs_of(manifest: Manifest) -> list[Pod]:
    """Return the pods that run programs."""
    return [one for one in manifest.templates.values() if isinstance(one, Pod) and one.verb in ("run", "inline")]


def refuse(manifest: Manifest, cores: int | None = None, containers: Sequence[Path] = (CONTAINERS,)) -> None:
    """Raise `RefusedError` when this machine cannot run a manifest."""
    refusals = list(sites.refusals(manifest, sites.this_machine(cores), containers))
    if refusals:
        raise RefusedError(refusals)


def _about(request: Request, manifest: Manifest) -> dict[str, Any]:
    """Return what is to be known of a run before it begins."""
    now = datetime.now(UTC)
    facts, codes = (
        {one.description["task"]: one for one in programs_of(manifest)},
        codes_of(manifest, request.containers),
    )
    types = {
        kind: {
            "image": facts[kind].image,
            "cpu": facts[kind].cpu,
            "gpu": facts[kind].gpu,
            "memory_bytes": facts[kind].memory_bytes,
            "at_least": count.low,
            "at_most": count.high,
            "code": codes[kind],
        }
        for kind, count in request.shape.tasks.items()
        if kind in facts
    }
    return {
        **manifest.about,
        "uid": now.strftime("%Y%m%dT%H%M%S"),
        "source": request.file,
        "site": THIS_MACHINE,
        "started": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "parameters": manifest.parameters,
        "types": types,
        "version": __version__,
        "user": getpass.getuser(),
        "host": platform.node(),
        "containers": [str(one) for one in request.containers],
        "reuse": request.reuse,
    }


def _containers(about: dict[str, Any]) -> tuple[Path, ...]:
    """Return where the programs of a run are."""
    return tuple(map(Path, about.get("containers", (CONTAINERS,))))


def containers_beside(registry: str) -> tuple[Path, ...]:
    """Return where folders of containers are: beside a registry, if there are any, and packaged."""
    beside = Path(registry).resolve().parent / "containers"
    own = beside.is_dir() and beside != CONTAINERS.resolve()
    return (beside, CONTAINERS) if own else (CONTAINERS,)


def _work(folder: RunFolder, manifest: Manifest, again: Collection[str], place: Place, warn: Warn) -> Finished:
    """Work on a run until it ends, as the only engine; `again` are the nodes to be done again."""
    site = sites.this_machine(place.cores)
    for warning in sites.clamped(manifest, site):
        warn(warning)
    about = folder.about()
    expected = {kind: Count(facts["at_least"], facts["at_most"]) for kind, facts in about["types"].items()}
    progress = Progress(expected)
    work = place.store.work(folder.name)

    def log(node: str) -> bytes | None:
        try:
            return (work / folder_name(node) / "records" / "log.jsonl").read_bytes()
        except OSError:  # nothing was said yet, or the try has just ended
            return None

    start = time.monotonic()
    with (
        _breaking_off(folder.name),
        folder.engine(),
        folder.journal as journal,
        Recording(Follower(place.database, place.store, folder, progress.take, log), warn) as recording,
        Interruptions() as interruptions,
        place.programs(manifest, _containers(about), place.store.files, work, keep=place.keep) as programs,
        Live(progress, quiet=place.quiet) as live,
    ):
        journal.begin_life(again)
        executor: Executor = programs
        if about.get("reuse") and not again:
            codes = {kind: facts["code"] for kind, facts in about["types"].items()}
            executor = Reusing(programs, Kept(place.database, place.store.files, codes), place.store.files, work)
        identity = Run(folder.name, about["uid"], {}, Past(*journal.known()))
        observe = _Observer(folder, place.store, prefix(folder))
        _go(Engine(manifest, identity, executor, site, observe), interruptions, folder, live)
        recording.follow()
    seconds = time.monotonic() - start
    found = _outcomes(place.database, folder.name)
    return Finished(folder.name, recording.states, seconds, found, prefix(folder), place.store)


class _Observer:
    """Notes what an engine tells in the journal of its run.

    Of a task that is no part of the run any more, its files of before do not count: this is seen to before it is noted,
    so that an engine that dies meanwhile does it again.
    """

    def __init__(self, folder: RunFolder, store: Store, prefix: str) -> None:
        self._folder, self._store, self._prefix = folder, store, prefix
        self._past: States | None = None

    def __call__(self, update: dict[str, Any]) -> None:
        """Take an update."""
        if "forget" in update:
            for task in self._states().beneath(update["forget"]):
                for key, record in worthless(self._prefix, task):
                    self._store.files.put_bytes(key, record)
        self._folder.journal.write(update)

    def _states(self) -> States:
        """Return the states of all tasks before anything was forgotten, once that is asked for."""
        if self._past is None:
            self._past = States(self._folder.sources().workflow)
            for entry in self._folder.journal.updates():
                self._past.update(entry.update)
        return self._past


def _outcomes(database: Database, name: str) -> tuple[OutcomeTable, ...]:
    with database.session() as session:
        return outcomes(session, find_run(session, name).id)


@contextlib.contextmanager
def _breaking_off(name: str) -> Iterator[None]:
    """Say how a run goes on when its store breaks beneath it."""
    try:
        yield
    except BusyError:
        raise
    except (RepositoryError, SiteError) as error:
        hint = f"`eas run --resume {name}` goes on with the run when that is mended"
        raise BrokenOffError(f"{error}; {hint}") from error


def _go(engine: Engine, interruptions: Interruptions, folder: RunFolder, live: Live) -> None:
    """Turn the engine until the run has ended; the first interruption lets programs end, the second ends them."""
    obeyed = 0
    engine.begin_run()
    while not engine.is_ended:
        engine.turn(_TURN_S)
        wanted = max(interruptions.count, folder.cancelled())
        if wanted > obeyed:
            obeyed = wanted
            engine.stop(at_once=obeyed > 1)
        live.tick()


class Interruptions:
    """Counts Ctrl-C, and requests to end, instead of breaking off wherever the program happens to be.

    The third one breaks off all the same. Only the main thread gets any.
    """

    _SIGNALS = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.count = 0

    def __enter__(self) -> Self:
        """Begin to count."""
        is_main = threading.current_thread() is threading.main_thread()
        self._before = {one: signal.signal(one, self._receive) for one in self._SIGNALS} if is_main else {}
        return self

    def __exit__(self, *_: object) -> None:
        """Let interruptions be what they were."""
        for one, handler in self._before.items():
            signal.signal(one, handler)

    def _receive(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 2:
            raise KeyboardInterrupt
