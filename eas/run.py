"""Run a chain on this machine: its compiled manifest in the embedded engine, with real programs."""

from __future__ import annotations

import secrets
import signal
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, Self

import eas_argo
from eas.display import Live, Progress
from eas_argo.laptop import site as sites
from eas_argo.laptop.engine import Engine, Node, Run
from eas_argo.laptop.manifest import load
from eas_argo.laptop.programs import Programs
from eas_compiler.shape import Shape
from eas_provenance import results
from eas_provenance.states import FAILING, States, Task, path_order
from eas_provenance.store import RunLog, Store

CONTAINERS = Path(eas_argo.__file__).parent / "containers"
_TURN_S = 0.25


class RefusedError(Exception):
    """The chain cannot run on this machine; `reasons` say why, `is_machine` whether it is the machine's fault alone."""

    def __init__(self, refusals: list[sites.Refusal]) -> None:
        self.reasons = list(dict.fromkeys(one.reason for one in refusals))
        self.is_machine = all(one.is_machine for one in refusals)
        super().__init__("; ".join(self.reasons))


class Finished(NamedTuple):
    """A run that has ended."""

    name: str
    prefix: str
    store: Store
    states: States
    seconds: float
    cancelled: bool

    @property
    def is_failed(self) -> bool:
        """Whether the run failed or was cancelled."""
        return self.cancelled or self.states.is_failed or self.states.phase != "Succeeded"

    def outcomes(self) -> dict[str, results.Table]:
        """Return what was found, by task type."""
        return results.outcomes(self.store.files, self.prefix, self.states)

    def tasks(self) -> list[Task]:
        """Return the tasks that were reached, in the order of their paths."""
        return sorted(self.states.tasks.values(), key=lambda task: path_order(task.path))

    def problems(self) -> list[Task]:
        """Return the tasks that failed or broke, in the order of their paths."""
        return [task for task in self.tasks() if task.state in FAILING]


class Request(NamedTuple):
    """What to run: a Workflow and the text that it was made from, on how many cores, into which store."""

    workflow: dict[str, Any]
    shape: Shape
    chain: bytes
    source: str
    store: Path
    cores: int | None = None
    containers: Path = CONTAINERS
    quiet: bool = False
    keep: bool = False


def run(request: Request, warn: Callable[[str], None] = lambda _: None) -> Finished:
    """Run to the end, or until it is interrupted; `warn` is told of what will be different on this machine.

    Raises
    ------
    RefusedError
        When a program, memory or a device is not there; nothing has been begun then.
    RepositoryError
        When the store cannot be written.
    """
    manifest = load(request.workflow)
    site = sites.this_machine(request.cores)
    refusals = list(sites.refusals(manifest, site, request.containers))
    if refusals:
        raise RefusedError(refusals)
    for warning in sites.clamped(manifest, site):
        warn(warning)
    now = datetime.now(UTC)
    identity = Run(f"{manifest.generate_name}{secrets.token_hex(3)}", now.strftime("%Y%m%dT%H%M%S"), {})
    store = Store(request.store)
    about = {"uid": identity.uid, "source": request.source, "started": now.isoformat(), **manifest.about}
    states = States(request.workflow)
    start = time.monotonic()
    with (
        store.begin(identity.name, request.workflow, request.chain, about) as log,
        Interruptions() as interruptions,
        Programs(manifest, request.containers, store.files, store.work(identity.name), keep=request.keep) as programs,
        Live(Progress(request.shape.tasks), quiet=request.quiet) as live,
    ):
        engine = Engine(manifest, identity, programs, site, _observer(states, log, live.progress))
        _go(engine, interruptions, live)
        for task in states.tasks.values():  # those that were cancelled had no update of their own
            live.progress.take(task)
    prefix = f"{identity.name}-{identity.uid}"
    return Finished(identity.name, prefix, store, states, time.monotonic() - start, interruptions.count > 0)


def _observer(states: States, log: RunLog, progress: Progress) -> Callable[[Node], None]:
    def observe(node: Node) -> None:
        task = states.update(node)
        if task is not None:
            progress.take(task)
        log.write(node)

    return observe


def _go(engine: Engine, interruptions: Interruptions, live: Live) -> None:
    """Turn the engine until the run has ended; the first interruption lets programs end, the second ends them."""
    obeyed = 0
    engine.begin_run()
    while not engine.is_ended:
        engine.turn(_TURN_S)
        if interruptions.count > obeyed:
            obeyed = interruptions.count
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
