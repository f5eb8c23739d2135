"""The verbs that have runs worked on: `run` (also `--resume`), `rerun` and `cancel`."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eas import inputs, on_cluster
from eas.reports.common import path_of_tasks
from eas.terminal import (
    INTERRUPTED,
    OK,
    OUTSIDE,
    THIS_MACHINE,
    WRONG_INPUT,
    WRONG_USE,
    add_json,
    add_store,
    add_verb,
    fail,
    kept,
    positive,
    say,
    write,
)
from eas_argo.cluster.profile import Profile
from eas_compiler import cli as compiler
from eas_compiler.compile import Checked, Options, compile_chain, without_program
from eas_compiler.diagnostics import Diagnostics
from eas_provenance.errors import UnknownRunError

if TYPE_CHECKING:
    from eas.inputs import Found, Given
    from eas.local import Finished, Place, RefusedError, Request
    from eas_provenance.runs import RunFolder
    from eas_provenance.states import Task
    from eas_provenance.store import Store

NO_PROGRAM_HINT = "it can be compiled and simulated"
NO_REUSE_THERE = "results are taken over on this machine alone; leave --reuse out, or --site"
_LOOK_S = 0.1


def register(verbs: Any) -> None:
    """Add the verbs."""
    one = add_verb(verbs, "run", _run, "run a chain on this machine, or on a cluster")
    compiler.add_chain(one, optional=True)
    inputs.add_inputs(one)
    one.add_argument(
        "--reuse",
        action="store_true",
        help="take over results of earlier runs that are what a program would come to again, with the seed of the "
        "newest run of the chain",
    )
    one.add_argument("--resume", metavar="RUN", help="finish a run that was interrupted or cancelled instead")
    on_cluster.add_name(one)
    _add_work(one)

    one = add_verb(verbs, "rerun", _rerun, "do tasks of a run again, and all that depends on them")
    one.add_argument("run", metavar="RUN", help="the name of the run, or how it alone begins")
    which = one.add_mutually_exclusive_group(required=True)
    which.add_argument("--failed", action="store_true", help="the tasks that failed, and those that were blocked by it")
    which.add_argument(
        "--from", dest="start", type=path_of_tasks, metavar="PATH", help="the tasks at or beneath a path"
    )
    _add_work(one)

    one = add_verb(verbs, "cancel", _cancel, "end a run that is worked on")
    one.add_argument("run", metavar="RUN", help="the name of the run, or how it alone begins")
    one.add_argument("--now", action="store_true", help="end its programs at once, instead of letting them end")
    add_store(one)


def _add_work(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-j", "--jobs", type=positive, metavar="N", help="cores to use (default: all)")
    add_store(parser)
    parser.add_argument("--keep", action="store_true", help="keep the working folders of all attempts")
    parser.add_argument(
        "--attached", action="store_true", help="on a cluster: Ctrl-C cancels the run, instead of leaving it there"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    if isinstance(arguments.site, Profile):
        return _run_there(arguments)
    if arguments.name is not None:
        return fail("the name of a run on this machine is not for you to choose; leave --name out", WRONG_USE)
    if arguments.resume is not None:
        return _resume(arguments)
    if arguments.chain is None:
        return fail("which chain? `eas run CHAIN`, or `eas run --resume RUN`", WRONG_USE)
    return _run_here(arguments)


def _run_here(arguments: argparse.Namespace) -> int:
    """Run a chain on this machine."""
    from eas.local import RefusedError, refuse, run
    from eas_argo.laptop.manifest import load

    name, data = compiler.read_chain(arguments.chain)
    workflow, checked = compile_chain(name, data, options(arguments, name))
    compiler.show(checked)
    if workflow is None:
        return WRONG_INPUT
    wrong = Diagnostics()
    found = find_inputs(arguments, checked, wrong)
    unprogrammed(checked, wrong)
    if wrong.errors:
        compiler.show_all(wrong)
        return WRONG_INPUT
    try:
        refuse(load(workflow), arguments.jobs, containers_of(checked))  # before there is a store
    except RefusedError as error:
        return _refused(error)
    with tempfile.TemporaryDirectory() as fetched:
        wanted = request(workflow, checked, name, data, inputs.fetch(found, Path(fetched)))
        return _work(arguments, lambda place: run(wanted._replace(reuse=arguments.reuse), place, say))


def _run_there(arguments: argparse.Namespace) -> int:
    """Run a chain on a cluster."""
    site = arguments.site.name
    if arguments.resume is not None:
        return fail(f"a run on a cluster goes on by `eas rerun {arguments.resume} --failed --site {site}`", WRONG_USE)
    if arguments.chain is None:
        return fail(f"which chain? `eas run CHAIN --site {site}`", WRONG_USE)
    if arguments.reuse:
        return fail(NO_REUSE_THERE, WRONG_USE)
    return on_cluster.run(arguments)


def _refused(error: RefusedError) -> int:
    for reason in error.reasons:
        say(reason)
    return OUTSIDE if error.is_machine else WRONG_INPUT


def _resume(arguments: argparse.Namespace) -> int:
    from eas.local import resume

    if arguments.chain is not None:
        return fail("a run is resumed with the chain that it was begun with; leave it out", WRONG_USE)
    return _work(arguments, lambda place: resume(known_folder(place.store, arguments.resume), place, say))


def _rerun(arguments: argparse.Namespace) -> int:
    from eas.local import NothingToDoError, rerun

    which = failed() if arguments.failed else beneath(arguments.start)
    if isinstance(arguments.site, Profile):
        return on_cluster.rerun(arguments, which)
    try:
        return _work(arguments, lambda place: rerun(known_folder(place.store, arguments.run), place, which, say))
    except NothingToDoError:
        said = "no task of it failed" if arguments.failed else f"it has no task at {arguments.start}"
        return fail(f"nothing to do again in {arguments.run}: {said}", WRONG_INPUT)


def _work(arguments: argparse.Namespace, work: Callable[[Place], Finished]) -> int:
    """Have a run worked on, and report what came out."""
    import rich  # noqa: F401 - of the extra that runs chains: without it, say so before anything begins

    from eas import summary
    from eas.local import BrokenOffError, Place, RefusedError

    quiet = arguments.quiet or arguments.json
    with kept(arguments) as (store, database):
        place = Place(store, database, arguments.jobs, quiet=quiet, keep=arguments.keep)
        try:
            finished = work(place)
        except RefusedError as error:
            return _refused(error)
        except BrokenOffError as error:
            return fail(str(error), OUTSIDE)
    if arguments.json:
        write(json.dumps(summary.run_as_data(finished), indent=2))
    else:
        write(summary.run_as_text(finished, shutil.get_terminal_size((100, 24)).columns))
    if finished.is_cancelled:
        return INTERRUPTED
    return WRONG_INPUT if finished.is_failed else OK


def _cancel(arguments: argparse.Namespace) -> int:
    if isinstance(arguments.site, Profile):
        return on_cluster.cancel(arguments)
    with kept(arguments) as (store, _):
        folder = known_folder(store, arguments.run)
        if not folder.has_engine():
            return fail(f"nobody works on {folder.name}", WRONG_INPUT)
        while folder.has_engine():
            # again and again: an engine that has just begun forgets older requests
            folder.cancel(at_once=arguments.now)
            time.sleep(_LOOK_S)
    say(f"{folder.name} has ended; `eas run --resume {folder.name}` goes on with it")
    return OK


# ---------------------------------------------------------------------------------------------------------------------
# What other verbs and the Python API need, too


def options(arguments: argparse.Namespace, name: str) -> Options:
    """Return the options of parsed arguments; without a seed, who takes over results has that of the run before.

    By default it is made from the text of the chain, and would be another one after each edit.
    """
    given = compiler.options(arguments)
    there = arguments.db is not None or Path(arguments.store, "eas.db").exists()
    if not arguments.reuse or given.seed is not None or not there:
        return given
    from eas_provenance.queries.reuse import seed_of

    with kept(arguments) as (_, database), database.session() as session:
        known = seed_of(session, name, THIS_MACHINE)
    return given._replace(seed=known[1]) if known is not None else given


def find_inputs(arguments: argparse.Namespace, checked: Checked, diagnostics: Diagnostics) -> list[Found]:
    """Return where the files are that a chain takes from outside; report those that are nowhere.

    Raises
    ------
    UnknownInputError
        When `--input` is of no use.
    """
    site = arguments.site if isinstance(arguments.site, Profile) else None
    places = inputs.Places(arguments.store, arguments.db, site, arguments.sites, arguments.site.inputs)
    return inputs.find(checked, places, inputs.parse(arguments.input), diagnostics)


def unprogrammed(checked: Checked, diagnostics: Diagnostics) -> None:
    """Report types without a program."""
    for task, node in without_program(checked):
        diagnostics.error("no-program", node, f"{task} has no program yet", NO_PROGRAM_HINT)


def request(workflow: dict[str, Any], checked: Checked, name: str, data: bytes, files: Sequence[Given] = ()) -> Request:
    """Return what to run, of a chain that was compiled: its file's name and its text are kept with the run."""
    from eas.local import Request
    from eas_compiler.shape import shape
    from eas_provenance.runs import Sources

    assert checked.chain is not None and checked.registry is not None  # noqa: PT018
    sources = Sources(workflow, data, checked.registry.source.text.encode())
    return Request(sources, shape(checked.chain), name, tuple(files), containers_of(checked))


def containers_of(checked: Checked) -> tuple[Path, ...]:
    """Return the folders that hold those of containers, for a chain that was checked."""
    from eas.local import containers_beside

    assert checked.registry is not None
    return containers_beside(checked.registry.source.name)


def known_folder(store: Store, name: str) -> RunFolder:
    """Return the folder of the run that has a name, or whose name alone begins so."""
    from eas_provenance.queries.runs import several, unknown

    folders = {folder.name: folder for folder in store.runs()}
    likely = [name] if name in folders else [one for one in folders if name and one.startswith(name)]
    if len(likely) == 1:
        return folders[likely[0]]
    if likely:
        raise UnknownRunError(several(name, likely))
    raise UnknownRunError(unknown(name, folders))


def failed() -> Callable[[Task], bool]:
    """Return what is true of the tasks that failed, broke or were cancelled."""
    from eas_provenance.states import FAILING

    return lambda task: task.state in (*FAILING, "cancelled")


def beneath(path: str) -> Callable[[Task], bool]:
    """Return what is true of the tasks at or beneath a path; `/` has all beneath it.

    Raises
    ------
    ValueError
        When it does not begin as paths do.
    """
    if not path.startswith("/"):
        raise ValueError(f"a path begins with /, as /t0[size=3]/t1, not {path!r}")
    start = path.rstrip("/")
    inside = (f"{start}/", f"{start}[", f"{start}?", f"{start}#")
    return lambda task: task.path == start or task.path.startswith(inside)
