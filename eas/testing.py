"""The verb `test`: a task alone, with its data, its program and its quality control, as its author tries it."""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from eas import text
from eas.terminal import (
    INTERRUPTED,
    OK,
    OUTSIDE,
    WRONG_INPUT,
    WRONG_USE,
    add_json,
    add_verb,
    fail,
    positive,
    say,
    write,
)
from eas_compiler import cli as compiler

if TYPE_CHECKING:
    from eas.configurations import Configuration
    from eas.local import Finished, Place, Request
    from eas_provenance.queries import MessageRow, Page, TaskDetails

_FUNCTIONS = 25
"""How many functions a profile shows."""
_LOG_LINES = 20


def register(verbs: Any) -> None:
    """Add the verb."""
    one = add_verb(verbs, "test", test, "run a task alone, with the data and settings of a test configuration")
    one.add_argument(
        "names",
        nargs="+",
        metavar="CONTAINER[/CFG]",
        help="a container for all of its configurations, one of them, or the file of one",
    )
    one.add_argument(
        "--registry", metavar="FILE", help="the registry (default: ./registry.yaml, else the packaged one)"
    )
    where = one.add_mutually_exclusive_group()
    where.add_argument(
        "--image", action="store_true", help="run it in its image (docker or podman), not in this Python"
    )
    where.add_argument("--pdb", action="store_true", help="look into it with Python's debugger where it raises")
    where.add_argument("--profile", action="store_true", help="show which functions of it take the time")
    one.add_argument("--keep", action="store_true", help="keep its folders, and say where they are")
    one.add_argument("-j", "--jobs", type=positive, metavar="N", help="cores to use (default: all)")
    add_json(one)


class _Tried(NamedTuple):
    """What came of a configuration: the run, and all that is known of its tasks."""

    configuration: Configuration
    finished: Finished
    tasks: list[tuple[TaskDetails, Page[MessageRow]]]
    folder: Path | None

    @property
    def verdict(self) -> str:
        """Return the worst verdict of its tasks, or the state of one that has none."""
        words = [one.task.verdict or one.task.state for one, _ in self.tasks]
        return max(words, key=_ORDER.index, default="pass")

    @property
    def worth_showing(self) -> list[tuple[TaskDetails, Page[MessageRow]]]:
        """Return the tasks of the container, and those that did not go well; where there are none, all."""
        own = {path.stem for path in self.configuration.path.parents[1].glob("task_implementations/*")}
        found = [one for one in self.tasks if one[0].task.type in own or one[0].task.state != "succeeded"]
        return found or self.tasks


_ORDER = ("pass", "succeeded", "skipped", "no_work", "warn", "blocked", "cancelled", "fail", "failed", "error")


def test(arguments: argparse.Namespace) -> int:
    """Try what is asked for, and report; the status is that of the worst."""
    import rich  # noqa: F401 - of the extra that runs chains: without it, say so before anything begins

    from eas.configurations import UnknownConfigurationError, find
    from eas.local import containers_beside
    from eas_compiler.compile import registry_path

    containers = containers_beside(registry_path(arguments.registry))
    try:
        chosen = [one for name in arguments.names for one in find(name, containers)]
    except UnknownConfigurationError as error:
        return fail(str(error), WRONG_USE)
    tried: list[_Tried] = []
    status = _try_all(arguments, chosen, tried)
    _report(arguments, tried)
    return status


def _try_all(arguments: argparse.Namespace, chosen: list[Configuration], tried: list[_Tried]) -> int:
    """Try one after the other until one cannot be tried, or the user has enough; return the exit status."""
    from eas.configurations import ConfigurationError
    from eas.local import BrokenOffError, RefusedError
    from eas_argo.images.tools import ToolError

    status = OK
    try:
        for one in chosen:
            if len(chosen) > 1:
                say(f"testing {one.name} …")
            found = _try(arguments, one)
            if found is None:
                return WRONG_INPUT
            tried.append(found)
            if found.finished.is_cancelled:
                return INTERRUPTED
            status = max(status, WRONG_INPUT if found.finished.is_failed else OK)
    except ConfigurationError as error:
        return fail(str(error), WRONG_INPUT)
    except RefusedError as error:
        return fail("; ".join(error.reasons), OUTSIDE if error.is_machine else WRONG_INPUT)
    except (ToolError, BrokenOffError) as error:
        return fail(str(error), OUTSIDE)
    return status


def _try(arguments: argparse.Namespace, one: Configuration) -> _Tried | None:
    """Run a configuration in a store of its own; None when it is wrong, which has been shown."""
    from eas.local import run

    request = _request(arguments, one)
    if request is None:
        return None
    is_kept = arguments.keep or arguments.profile
    with _store(is_kept=is_kept) as folder, _place(arguments, folder, request) as place:
        finished = run(request, place, say)
        return _Tried(one, finished, _tasks(place, finished), folder if is_kept else None)


def _request(arguments: argparse.Namespace, one: Configuration) -> Request | None:
    """Compile a configuration, and find its data."""
    from eas.configurations import data_of
    from eas.working import request, unprogrammed
    from eas_compiler.compile import Options, compile_chain
    from eas_compiler.diagnostics import Diagnostics

    name, data = one.chain()
    workflow, checked = compile_chain(name, data, Options(registry=arguments.registry))
    compiler.show(checked)
    if workflow is None:
        return None
    wrong = Diagnostics()
    files = data_of(checked, one.path.parent, wrong)
    unprogrammed(checked, wrong)
    compiler.show_all(wrong)
    return None if wrong.errors else request(workflow, checked, name, data, files)


@contextlib.contextmanager
def _store(*, is_kept: bool) -> Iterator[Path]:
    """Give a folder for a store, which goes unless it is to be kept."""
    folder = Path(tempfile.mkdtemp(prefix="eas-test-"))
    try:
        yield folder
    finally:
        if not is_kept:
            shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _place(arguments: argparse.Namespace, folder: Path, request: Request) -> Iterator[Place]:
    """Give where a run is worked on, with what starts its programs as the user wants them started."""
    from eas.local import Place
    from eas_argo.images.tools import find
    from eas_argo.laptop import single
    from eas_provenance.database import Database
    from eas_provenance.store import Store
    from eas_worker.programs import around

    store = Store(folder)
    with Database.open(store.database) as database:
        place = Place(store, database, arguments.jobs, quiet=True, keep=arguments.keep)
        if arguments.image:
            yield place._replace(programs=single.executor(single.in_image(find(), store.files.folder)))
        elif arguments.pdb or arguments.profile:
            looking = around.set(_debugged if arguments.pdb else _profiled(folder))
            # what a program prints must not get between the lines of a report for programs
            with contextlib.redirect_stdout(sys.stderr) if arguments.json else contextlib.nullcontext():
                yield place._replace(programs=single.executor(single.here(request.containers)))
            around.reset(looking)
        else:
            yield place


def _tasks(place: Place, finished: Finished) -> list[tuple[TaskDetails, Page[MessageRow]]]:
    """Return all that is known of the tasks of a run, in the order of their paths."""
    from eas_provenance.queries import MessageFilter, find_run, last_messages, task

    found = []
    with place.database.session() as session:
        run = find_run(session, finished.name)
        for one in finished.tasks():
            details = task(session, run.id, one.path)
            if details is not None:
                said = last_messages(session, run.id, MessageFilter(one.path), limit=_LOG_LINES)
                found.append((details, said))
    return found


# ---------------------------------------------------------------------------------------------------------------------
# Looking into a program


def _debugged(entry: Callable[[Any], None]) -> Callable[[Any], None]:
    """Return a program that opens the debugger where it raises."""
    import bdb
    import pdb  # noqa: T100 - that is what is asked for

    from eas_worker.api import Failed, NoWork

    def debugged(context: Any) -> None:
        try:
            entry(context)
        except (Failed, NoWork, bdb.BdbQuit):
            raise
        except Exception as error:
            say(f"{type(error).__name__}: {error}")
            pdb.post_mortem(error.__traceback__)
            raise

    return debugged


def _profiled(folder: Path) -> Callable[[Callable[[Any], None]], Callable[[Any], None]]:
    """Return what has a program profiled; the figures are also kept, in the folder."""

    def put_around(entry: Callable[[Any], None]) -> Callable[[Any], None]:
        import cProfile
        import pstats

        def profiled(context: Any) -> None:
            profile = cProfile.Profile()
            try:
                profile.runcall(entry, context)
            finally:
                file = folder / f"{len(list(folder.glob('*.pstats')))}-{entry.__name__}-{context.task}.pstats"
                profile.dump_stats(file)
                say(f"profile of {entry.__name__} of {context.task}: {file}")
                pstats.Stats(profile, stream=sys.stderr).sort_stats("cumulative").print_stats(_FUNCTIONS)

        return profiled

    return put_around


# ---------------------------------------------------------------------------------------------------------------------
# Reports


def _report(arguments: argparse.Namespace, tried: list[_Tried]) -> None:
    """Write what came of configurations: of one all, of several a table, and all about those that failed."""
    from eas.reports import task
    from eas.reports.common import plain, table

    if arguments.json:
        write(json.dumps(plain([_as_data(one) for one in tried]), indent=2))
        return
    for one in tried:
        if len(tried) == 1 or one.finished.is_failed:
            write("".join(f"{task.as_text(*about)}\n\n" for about in one.worth_showing))
    for one in tried:
        if one.folder is not None:
            write(text.safe(f"kept in {one.folder}: what it worked with is in work/, what it made in files/"))
    rows = [[one.configuration.name, one.verdict, _criteria(one), f"{one.finished.seconds:.1f}"] for one in tried]
    if rows:
        write(table(["configuration", "verdict", "criteria", "time [s]"], rows, [one.verdict for one in tried]))


def _criteria(one: _Tried) -> str:
    """Return how many criteria of quality control are met."""
    judged = [criterion for details, _ in one.tasks for criterion in details.criteria]
    return f"{sum(criterion.result == 'pass' for criterion in judged)} of {len(judged)}"


def _as_data(one: _Tried) -> dict[str, Any]:
    from eas.reports import task

    return {
        "configuration": one.configuration.name,
        "file": str(one.configuration.path),
        "verdict": one.verdict,
        "is_failed": one.finished.is_failed,
        "seconds": round(one.finished.seconds, 3),
        "kept": None if one.folder is None else str(one.folder),
        "tasks": [task.as_data(*about) for about in one.tasks],
    }
