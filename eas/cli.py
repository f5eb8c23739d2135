"""The `eas` command: verbs that check, compile, plan, simulate and run chains."""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eas_compiler import cli as compiler
from eas_compiler import render
from eas_compiler.cli import OK, OUTSIDE, WRONG_INPUT, WRONG_USE
from eas_compiler.compile import Checked, UnknownParameterError, check, compile_chain, without_program
from eas_compiler.diagnostics import Diagnostics
from eas_provenance.repository import RepositoryError

if TYPE_CHECKING:
    from eas_argo.laptop.stubs import Script

INTERRUPTED = 130
NO_PROGRAM_HINT = "it can be compiled and simulated"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    The exit status is 0 when all is well, 1 for wrong input or a failed run, 2 for wrong use, 3 when something outside
    failed.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # whatever a terminal cannot show is no reason to end
    parsed = make_parser().parse_args(arguments)
    verb: Callable[[argparse.Namespace], int] = parsed.verb
    try:
        return verb(parsed)
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return INTERRUPTED
    except UnknownParameterError as error:
        return _fail(str(error), WRONG_USE)
    except RepositoryError as error:
        return _fail(str(error), OUTSIDE)
    except ModuleNotFoundError as error:
        return _fail(f"{error.name} is not installed; pip install 'eas[run]' brings what this verb needs", OUTSIDE)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    description = "Compile task chains to Argo Workflows, and run them on this machine."
    parser = argparse.ArgumentParser("eas", description=description)
    parser.add_argument("--version", action=compiler.version_action())
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    one = _verb(verbs, "check", _check, "report everything that is wrong with a chain")
    compiler.add_chain(one)
    one.add_argument("--format", choices=("text", "json"), default="text", help="of diagnostics (default: text)")

    one = _verb(verbs, "compile", compiler.from_arguments, "write the Argo Workflow of a chain")
    compiler.add_arguments(one)

    one = _verb(verbs, "plan", _plan, "show what a chain would run, and which files go in and out")
    compiler.add_chain(one)
    _json(one)

    one = _verb(verbs, "simulate", _simulate, "run a chain with every program replaced by a stub")
    compiler.add_chain(one)
    one.add_argument("--metadata", type=Path, metavar="FILE", help="what the stubs do: JSON, by path, name or type")
    _json(one)

    one = _verb(verbs, "run", _run, "run a chain on this machine")
    compiler.add_chain(one)
    one.add_argument("-j", "--jobs", type=_positive, metavar="N", help="cores to use (default: all)")
    one.add_argument(
        "--store", type=Path, metavar="DIR", help="where files and records are kept (default: ./eas-store)"
    )
    one.add_argument("--keep", action="store_true", help="keep the working folders of all attempts")
    one.add_argument("-q", "--quiet", action="store_true", help="show no progress")
    _json(one)

    one = _verb(verbs, "types", _types, "list the task types, or tell all about one")
    one.add_argument("name", nargs="?", help="a task type")
    one.add_argument(
        "--registry", metavar="FILE", help="the registry (default: ./registry.yaml, else the packaged one)"
    )
    _json(one)
    return parser


def _verb(
    verbs: Any, name: str, function: Callable[[argparse.Namespace], int], summary: str
) -> argparse.ArgumentParser:
    description = f"{summary[0].upper()}{summary[1:]}."
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=summary, description=description)
    parser.set_defaults(verb=function)
    return parser


def _json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="write JSON")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number of at least 1, not {text!r}")
    return int(text)


def _write(text: str) -> None:
    """Write to standard output; leave when that cannot be done, quietly when whoever read has gone."""
    try:
        sys.stdout.write(text if text.endswith("\n") or not text else text + "\n")
        sys.stdout.flush()
    except OSError as error:
        # What is left in the stream would be tried again, and complained about, at the very end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            raise SystemExit(_fail(f"cannot write standard output: {error.strerror}", OUTSIDE)) from error


def _say(message: str) -> None:
    sys.stderr.write(f"eas: {message}\n")


def _fail(message: str, status: int) -> int:
    _say(message)
    return status


def _compiled(
    arguments: argparse.Namespace, *, no_work: bool = False
) -> tuple[dict[str, Any], Checked, str, bytes] | None:
    """Compile the chain of a verb; None when it is wrong, which has been shown."""
    name, data = compiler.read_chain(arguments.chain)
    workflow, checked = compile_chain(name, data, compiler.options(arguments)._replace(no_work=no_work))
    compiler.show(checked)
    return (workflow, checked, name, data) if workflow is not None else None


# --------------------------------------------------------------------------------------------------------------------
# Verbs


def _check(arguments: argparse.Namespace) -> int:
    name, data = compiler.read_chain(arguments.chain)
    checked = check(name, data, compiler.options(arguments))
    for task, node in without_program(checked):
        checked.diagnostics.warning(
            "no-program", node, f"{task} has no program yet", "it can be compiled and simulated"
        )
    if arguments.format == "json":
        _write(json.dumps([render.as_data(one, checked.root) for one in checked.diagnostics], indent=2))
    else:
        compiler.show(checked)
    return OK if checked.is_good else WRONG_INPUT


def _plan(arguments: argparse.Namespace) -> int:
    from eas import plan

    name, data = compiler.read_chain(arguments.chain)
    checked = check(name, data, compiler.options(arguments))
    compiler.show(checked)
    if not checked.is_good:
        return WRONG_INPUT
    found = plan.make(checked)
    _write(json.dumps(plan.as_data(found), indent=2) if arguments.json else plan.as_text(found))
    return OK


def _simulate(arguments: argparse.Namespace) -> int:
    from eas import report
    from eas.simulate import Simulation

    script = _script(arguments.metadata)
    compiled = _compiled(arguments, no_work=script is not None and script.says_no_work)
    if compiled is None or script is None:
        return WRONG_INPUT
    simulation = Simulation(compiled[0], script)
    lines = simulation.lines()
    _write("".join(json.dumps(line) + "\n" for line in lines) if arguments.json else report.simulated(lines))
    for problem in simulation.states.problems:
        _say(f"{problem.path} is in error: {problem.message}")
    return OK


def _script(file: Path | None) -> Script | None:
    """Read what stubs do; None when it is wrong, which has been shown."""
    from eas.simulate import read_script
    from eas_argo.laptop.stubs import Script

    if file is None:
        return Script({})
    diagnostics = Diagnostics()
    try:
        script = read_script(file, diagnostics)
    except OSError as error:
        _fail(f"cannot read {file}: {error.strerror}", WRONG_INPUT)
        return None
    compiler.show_all(diagnostics)
    return None if diagnostics.errors else script


def _run(arguments: argparse.Namespace) -> int:
    import rich  # noqa: F401 - of the extra that runs chains: without it, say so before anything begins

    from eas import report
    from eas.run import RefusedError, Request, run
    from eas_compiler.shape import shape
    from eas_provenance.store import DEFAULT

    compiled = _compiled(arguments)
    if compiled is None:
        return WRONG_INPUT
    workflow, checked, name, data = compiled
    assert checked.chain is not None and checked.links is not None  # noqa: PT018
    refusals = _refusals(checked)
    if refusals.errors:
        compiler.show_all(refusals)
        return WRONG_INPUT
    request = Request(
        workflow,
        shape(checked.chain),
        data,
        name,
        arguments.store or Path(DEFAULT),
        arguments.jobs,
        quiet=arguments.quiet or arguments.json,
        keep=arguments.keep,
    )
    try:
        finished = run(request, warn=_say)
    except RefusedError as error:
        for reason in error.reasons:
            _say(reason)
        return OUTSIDE if error.is_machine else WRONG_INPUT
    if arguments.json:
        _write(json.dumps(report.run_as_data(finished), indent=2))
    else:
        _write(report.run_as_text(finished, shutil.get_terminal_size((100, 24)).columns))
    if finished.cancelled:
        return INTERRUPTED
    return WRONG_INPUT if finished.is_failed else OK


def _refusals(checked: Checked) -> Diagnostics:
    """Return why a chain without mistakes cannot be run: files that nobody makes, and types without a program."""
    from eas_compiler.link import shown

    assert checked.links is not None
    found = Diagnostics()
    for one in checked.links.externals:
        name = shown(one.pattern, one.task.common.scope)
        hint = "this version runs chains that make all of their files"
        found.error("missing-file", one.file.node, f"no task of the chain makes {name}", hint)
    for task, node in without_program(checked):
        found.error("no-program", node, f"{task} has no program yet", NO_PROGRAM_HINT)
    return found


def _types(arguments: argparse.Namespace) -> int:
    from eas import types
    from eas_compiler.compile import read_registry
    from eas_compiler.diagnostics import Diagnostics, did_you_mean

    diagnostics = Diagnostics()
    registry = read_registry(arguments.registry, diagnostics)
    if registry is None:
        compiler.show_all(diagnostics)
        return WRONG_INPUT
    names = list(registry.tasks)
    if arguments.name is not None and arguments.name not in names:
        hint = did_you_mean(arguments.name, names) or "`eas types` lists them"
        return _fail(f"unknown task type {arguments.name!r}; {hint}", WRONG_USE)
    wanted = names if arguments.name is None else [arguments.name]
    found = [one for name in wanted if (one := registry.task(name, diagnostics)) is not None]
    compiler.show_all(diagnostics)
    if arguments.json:
        _write(json.dumps([types.as_data(one) for one in found], indent=2))
    elif arguments.name is None:
        _write(types.listing(found))
    else:
        _write("\n".join(map(types.about, found)))
    return WRONG_INPUT if diagnostics.errors else OK
