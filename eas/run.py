"""Run a chain on this machine: its compiled manifest in the embedded engine, with real programs."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import eas_argo
from eas import site as sites
from eas.display import Live, Progress
from eas_argo.laptop.engine import Engine, Node, Run, Site
from eas_argo.laptop.manifest import load
from eas_argo.laptop.programs import Programs
from eas_compiler.shape import Shape
from eas_provenance import results
from eas_provenance.repository import RepositoryError
from eas_provenance.states import States, Task
from eas_provenance.store import RunLog, Store

CONTAINERS = Path(eas_argo.__file__).parent / "containers"


class RefusedError(Exception):
    """The chain cannot run on this machine; `reasons` say why."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = reasons


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

    def problems(self) -> list[Task]:
        """Return the tasks that failed or broke, in the order of their paths."""
        return [task for task in self.states.tasks.values() if task.state in ("failed", "error")]


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


def run(request: Request) -> Finished:
    """Run to the end, or to Ctrl-C.

    Raises
    ------
    RefusedError
        When a program, memory or a device is not there; nothing has been begun then.
    RepositoryError
        When the store cannot be written.
    """
    manifest = load(request.workflow)
    site = sites.this_machine(request.cores)
    reasons = list(sites.refusals(manifest, site, request.containers))
    if reasons:
        raise RefusedError(reasons)
    now = datetime.now(UTC)
    identity = Run(f"{manifest.generate_name}{secrets.token_hex(3)}", now.strftime("%Y%m%dT%H%M%S"), {})
    store = Store(request.store)
    about = {"uid": identity.uid, "source": request.source, "started": now.isoformat(), **manifest.about}
    log = store.begin(identity.name, request.workflow, request.chain, about)
    states = States(request.workflow)
    programs = Programs(manifest, request.containers, store.files, store.work(identity.name), keep=request.keep)
    engine = Engine(manifest, identity, programs, site, _observer(states, log))
    return _go(request, engine, programs, states, log, identity, store)


def _observer(states: States, log: RunLog) -> Any:
    def observe(node: Node) -> None:
        states.update(node)
        log.write(node)

    return observe


def _go(
    request: Request, engine: Engine, programs: Programs, states: States, log: RunLog, identity: Run, store: Store
) -> Finished:
    start = time.monotonic()
    cancelled = False
    live = Live(Progress(states, request.shape.tasks), quiet=request.quiet)
    try:
        with live:
            engine.begin_run()
            while not engine.is_ended:
                engine.turn(0.5)
                live.tick()
    except KeyboardInterrupt:
        cancelled = True
        engine.stop()
        states.cancel()
    finally:
        programs.close()
        log.close()
    prefix = f"{identity.name}-{identity.uid}"
    return Finished(identity.name, prefix, store, states, time.monotonic() - start, cancelled)


__all__ = ["Finished", "RefusedError", "RepositoryError", "Request", "Site", "run"]
