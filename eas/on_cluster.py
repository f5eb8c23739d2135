"""The verbs that have runs worked on, on a cluster: `submit`, and what `run`, `rerun` and `cancel` do there."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from eas.display import clock
from eas.inputs import add_inputs
from eas.terminal import (
    INTERRUPTED,
    OK,
    OUTSIDE,
    WRONG_INPUT,
    WRONG_USE,
    add_json,
    add_store,
    add_verb,
    fail,
    kept,
    say,
    write,
)
from eas_compiler import cli as compiler
from eas_compiler.compile import compile_chain
from eas_compiler.diagnostics import Diagnostics

if TYPE_CHECKING:
    from eas.remote import Request, Submitted
    from eas_compiler.shape import Count
    from eas_provenance.states import Task

_AT_INTERRUPT = {False: "leaves it to the cluster", True: "cancels it"}
LIMIT = "argo-limit"
"""The code of what no form of a Workflow can carry: a warning, as this machine can run it all the same."""


def register(verbs: Any) -> None:
    """Add the verb."""
    one = add_verb(verbs, "submit", submit, "hand a chain to a cluster, and leave it to it")
    compiler.add_chain(one)
    add_inputs(one)
    add_name(one)
    add_store(one)
    add_json(one)


def add_name(parser: argparse.ArgumentParser) -> None:
    """Add the option to name a run."""
    parser.add_argument("--name", type=name_of_run, metavar="NAME", help="the name of the run (default: CHAIN-xxxxx)")


def name_of_run(given: str) -> str:
    """Read the name of a run, as Kubernetes takes it."""
    from eas_argo.cluster.runs import is_name

    if not is_name(given):
        raise argparse.ArgumentTypeError(f"a name is up to 63 of a-z, 0-9 and -, not {given!r}")
    return given


def submit(arguments: argparse.Namespace) -> int:
    """Hand a chain to the cluster."""
    from eas_argo.cluster.profile import Profile

    if not isinstance(arguments.site, Profile):
        return fail(f"{arguments.site.name} is no cluster: `eas submit --site SITE`, or `eas run` here", WRONG_USE)
    wanted = request(arguments)
    if wanted is None:
        return WRONG_INPUT
    submitted = _handed_over(arguments, wanted)
    if isinstance(submitted, int):
        return submitted
    site = arguments.site.name
    namespace = submitted.connection.namespace
    data = {"run": submitted.name, "uid": submitted.uid, "namespace": namespace, "site": site}
    write(json.dumps(data, indent=2) if arguments.json else f"{submitted.name}\n{_how(submitted.name, site)}")
    return OK


def _how(name: str, site: str) -> str:
    follow, end = f"eas show --wait {name} --site {site}", f"eas cancel {name} --site {site}"
    return f"  {follow}  follows it to its end\n  {end:{len(follow)}}  ends it"


def _handed_over(arguments: argparse.Namespace, wanted: Request) -> Submitted | int:
    """Submit a chain; return a status when the site refuses it, which has been shown."""
    from eas.remote import RefusedError
    from eas.remote import submit as hand_over

    try:
        return hand_over(wanted, arguments.site, say)
    except RefusedError as error:
        for reason in error.reasons:
            say(reason)
        return OUTSIDE


def request(arguments: argparse.Namespace) -> Request | None:
    """Compile the chain of a verb; None when no cluster can run it, which has been shown."""
    from eas.remote import Request
    from eas.working import find_inputs, unprogrammed
    from eas_compiler.shape import shape
    from eas_provenance.runs import Sources

    name, data = compiler.read_chain(arguments.chain)
    workflow, checked = compile_chain(name, data, compiler.options(arguments))
    compiler.show(checked)
    if workflow is None:
        return None
    assert checked.chain is not None and checked.links is not None and checked.registry is not None  # noqa: PT018
    wrong = Diagnostics()
    if checked.links.externals:
        _catch_up(arguments)
    found = find_inputs(arguments, checked, wrong)
    unprogrammed(checked, wrong)
    if wrong.errors:
        compiler.show_all(wrong)
    beyond = [one for one in checked.diagnostics if one.code == LIMIT]
    if beyond:
        say("a cluster cannot run it: no Workflow of Argo carries so much, as the warnings say")
    if wrong.errors or beyond:
        return None
    sources = Sources(workflow, data, checked.registry.source.text.encode())
    return Request(sources, shape(checked.chain), name, arguments.name, tuple(found))


def _catch_up(arguments: argparse.Namespace) -> None:
    """Let the database know of runs on the cluster whose files a chain may take."""
    from eas.reports.common import keep_up

    with kept(arguments) as (_, database):
        keep_up(arguments, database)


def cancel(arguments: argparse.Namespace) -> int:
    """End a run."""
    from eas.remote import EndedError
    from eas.remote import cancel as end

    def tell(running: int, seconds: float) -> None:
        programs = f"{running} program{'s' if running != 1 else ''}"
        sys.stderr.write(f"{clock(seconds)}  {programs} running: it ends with them; `--now` ends them at once\n")

    try:
        ended = end(arguments.site, arguments.run, tell, at_once=arguments.now)
    except EndedError as error:
        return fail(str(error), WRONG_INPUT)
    left = f"`eas rerun {ended.name} --failed --site {arguments.site.name}` does what is left"
    say(f"{ended.name} has ended; {left if ended.can_go_on else 'cut as it was, it can only be submitted anew'}")
    return OK


def run(arguments: argparse.Namespace) -> int:
    """Submit a chain and follow it to its end."""
    import rich  # noqa: F401 - of the extra that runs chains: without it, say so before anything begins

    wanted = request(arguments)
    if wanted is None:
        return WRONG_INPUT
    submitted = _handed_over(arguments, wanted)
    return submitted if isinstance(submitted, int) else _followed(arguments, submitted, wanted.shape.tasks)


def rerun(arguments: argparse.Namespace, chosen: Callable[[Task], bool]) -> int:
    """Do tasks of a run again, in its next life, and follow it to its end."""
    from eas.remote import GoesOnError, NothingToDoError
    from eas.remote import rerun as take_up

    try:
        submitted = take_up(arguments.site, arguments.run, chosen)
    except NothingToDoError:
        said = "no task of it failed" if arguments.failed else f"it has no task at {arguments.start}"
        return fail(f"nothing to do again in {arguments.run}: {said}", WRONG_INPUT)
    except GoesOnError as error:
        return fail(f"{error}; `eas cancel` ends it", WRONG_INPUT)
    return _followed(arguments, submitted, {})


def _followed(arguments: argparse.Namespace, submitted: Submitted, expected: dict[str, Count]) -> int:
    """Follow a run, and report what came out."""
    from eas import summary
    from eas.following import DetachedError, Watched, follow

    site, name = arguments.site, submitted.name
    quiet = arguments.quiet or arguments.json
    if not quiet:
        say(f"{name} is submitted to {site.name}; Ctrl-C {_AT_INTERRUPT[arguments.attached]}")
    try:
        with kept(arguments) as (_, database):
            ended = follow(Watched(submitted, site, database, expected, quiet), say)
    except DetachedError:
        if arguments.attached:
            cancel(argparse.Namespace(**vars(arguments) | {"run": name, "now": True}))
        else:
            say(f"{name} goes on without you:\n{_how(name, site.name)}")
        return INTERRUPTED
    write(json.dumps(summary.run_as_data(ended), indent=2) if arguments.json else summary.run_as_text(ended, _width()))
    return INTERRUPTED if ended.is_cancelled else WRONG_INPUT if ended.is_failed else OK


def _width() -> int:
    return shutil.get_terminal_size((100, 24)).columns
