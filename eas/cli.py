"""The `eas` command: verbs that check, compile, plan, simulate and run chains."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eas import __version__, build, dashboard, db, doctor, fmt, get, new, on_cluster, reports, syncing, testing, working
from eas.inputs import UnknownInputError, add_inputs
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
    settle,
    write,
)
from eas.working import NO_PROGRAM_HINT
from eas_argo.cluster.errors import ClusterError
from eas_compiler import cli as compiler
from eas_compiler import render
from eas_compiler.compile import Checked, UnknownParameterError, check, compile_chain, without_program
from eas_compiler.diagnostics import Diagnostics
from eas_provenance.errors import BusyError, DatabaseError, RepositoryError, UnknownRunError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eas_argo.laptop.stubs import Script
    from eas_provenance.queries.costs import CostRow


_OF_CLUSTERS = ("boto3", "botocore", "kubernetes", "urllib3")
"""What only talking to a cluster takes."""


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
        return settle(parsed) or verb(parsed)
    except KeyboardInterrupt:
        sys.stderr.write("\n")
        return INTERRUPTED
    except (UnknownParameterError, UnknownInputError) as error:
        return fail(str(error), WRONG_USE)
    except (UnknownRunError, BusyError) as error:
        return fail(str(error), WRONG_INPUT)
    except (ClusterError, DatabaseError, RepositoryError) as error:
        return fail(str(error), OUTSIDE)
    except ModuleNotFoundError as error:
        extras = "run,cluster" if str(error.name).partition(".")[0] in _OF_CLUSTERS else "run"
        return fail(f"{error.name} is not installed; pip install 'eas[{extras}]' brings what this verb needs", OUTSIDE)


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of all verbs."""
    description = "Compile task chains to Argo Workflows, and run them on this machine."
    parser = argparse.ArgumentParser("eas", description=description)
    parser.add_argument("--version", action=compiler.version_action())
    verbs = parser.add_subparsers(metavar="VERB", required=True)

    one = add_verb(verbs, "check", _check, "report everything that is wrong with a chain")
    compiler.add_chain(one)
    add_inputs(one)
    add_store(one)
    one.add_argument(
        "--format", choices=("text", "json", "sarif"), default="text", help="of diagnostics (default: text)"
    )

    one = add_verb(verbs, "compile", compiler.from_arguments, "write the Argo Workflow of a chain")
    compiler.add_arguments(one)

    one = add_verb(verbs, "plan", _plan, "show what a chain would run, and which files go in and out")
    compiler.add_chain(one)
    add_inputs(one)
    add_store(one)
    one.add_argument("--reuse", action="store_true", help="tell what would be taken over, and why not the rest")
    how = one.add_mutually_exclusive_group()
    how.add_argument("--format", choices=("dot", "mermaid", "svg"), help="draw the chain instead, each loop once")
    how.add_argument("--json", action="store_true", help="write JSON")

    one = add_verb(verbs, "simulate", _simulate, "run a chain with every program replaced by a stub")
    compiler.add_chain(one)
    one.add_argument("--metadata", type=Path, metavar="FILE", help="what the stubs do: JSON, by path, name or type")
    add_json(one)

    working.register(verbs)
    on_cluster.register(verbs)
    syncing.register(verbs)
    reports.register(verbs)
    get.register(verbs)
    db.register(verbs)
    new.register(verbs)
    testing.register(verbs)
    build.register(verbs)
    doctor.register(verbs)
    dashboard.register(verbs)
    fmt.register(verbs)

    one = add_verb(
        verbs, "schema", _schema, "write a JSON Schema of chains, with which editors complete and check them"
    )
    one.add_argument(
        "--registry", metavar="FILE", help="the registry (default: ./registry.yaml, else the packaged one)"
    )
    one.add_argument("-o", "--output", metavar="FILE", help="write to a file instead of standard output")

    one = add_verb(verbs, "explain", _explain, "tell what the code of a diagnostic means, with examples; or list all")
    one.add_argument("code", nargs="?", help="as diagnostics show it in brackets")
    add_json(one)

    one = add_verb(verbs, "types", _types, "list the task types, or tell all about one")
    one.add_argument("name", nargs="?", help="a task type")
    one.add_argument(
        "--registry", metavar="FILE", help="the registry (default: ./registry.yaml, else the packaged one)"
    )
    add_json(one)
    return parser


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
    if checked.is_good:  # else a file may be missing because of another mistake
        working.find_inputs(arguments, checked, checked.diagnostics)
    for task, node in without_program(checked):
        checked.diagnostics.warning("no-program", node, f"{task} has no program yet", NO_PROGRAM_HINT)
    if arguments.format == "json":
        write(json.dumps([render.as_data(one, checked.root) for one in checked.diagnostics], indent=2))
    elif arguments.format == "sarif":
        from eas_compiler.sarif import as_sarif

        write(json.dumps(as_sarif(checked.diagnostics, checked.root, __version__), indent=2))
    else:
        compiler.show(checked)
    return OK if checked.is_good else WRONG_INPUT


def _plan(arguments: argparse.Namespace) -> int:
    from eas import plan

    name, data = compiler.read_chain(arguments.chain)
    workflow, checked = compile_chain(name, data, working.options(arguments, name))
    files = working.find_inputs(arguments, checked, checked.diagnostics) if checked.is_good else []
    compiler.show(checked)
    if workflow is None or not checked.is_good:
        return WRONG_INPUT
    if arguments.format is not None:
        return _picture(checked, arguments.format)
    found = plan.make(checked, files, _history(arguments, checked))
    as_text, as_data = plan.as_text(found), plan.as_data(found)
    if arguments.reuse:
        from eas import foresee

        chain = foresee.Chain(name, workflow, files, working.containers_of(checked))
        with kept(arguments) as (store, database):
            foreseen = foresee.foresee(chain, store, database)
        as_text, as_data = f"{as_text}\n\n{foresee.as_text(foreseen)}", as_data | {"reuse": foresee.as_data(foreseen)}
    write(json.dumps(as_data, indent=2) if arguments.json else as_text)
    return OK


def _history(arguments: argparse.Namespace, checked: Checked) -> Mapping[str, CostRow]:
    """Return what tasks of the types in a chain have cost in the runs that are known."""
    if arguments.db is None and not (arguments.store / "eas.db").exists():
        return {}
    from eas_compiler.shape import shape
    from eas_provenance.queries.costs import costs

    assert checked.chain is not None
    with kept(arguments) as (_, database), database.session() as session:
        return costs(session, list(shape(checked.chain).tasks))


def _picture(checked: Checked, form: str) -> int:
    """Draw a chain."""
    from eas_compiler import picture

    assert checked.chain is not None and checked.links is not None  # noqa: PT018
    if form == "mermaid":
        write(picture.to_mermaid(checked.chain, checked.links))
        return OK
    drawn = picture.to_dot(checked.chain, checked.links)
    if form == "svg":
        from eas.drawing import DrawingError, svg

        try:
            drawn = svg(drawn)
        except DrawingError as error:
            return fail(str(error), OUTSIDE)
    write(drawn)
    return OK


def _simulate(arguments: argparse.Namespace) -> int:
    from eas import summary
    from eas.simulate import Simulation

    script = _script(arguments.metadata)
    compiled = _compiled(arguments, no_work=script is not None and script.says_no_work)
    if compiled is None or script is None:
        return WRONG_INPUT
    simulation = Simulation(compiled[0], script)
    lines = simulation.lines()
    write("".join(json.dumps(line) + "\n" for line in lines) if arguments.json else summary.simulated(lines))
    for problem in simulation.states.problems:
        say(f"{problem.path} is in error: {problem.message}")
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
        fail(f"cannot read {file}: {error.strerror}", WRONG_INPUT)
        return None
    compiler.show_all(diagnostics)
    return None if diagnostics.errors else script


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
        return fail(f"unknown task type {arguments.name!r}; {hint}", WRONG_USE)
    wanted = names if arguments.name is None else [arguments.name]
    found = [one for name in wanted if (one := registry.task(name, diagnostics)) is not None]
    compiler.show_all(diagnostics)
    if arguments.json:
        write(json.dumps([types.as_data(one) for one in found], indent=2))
    elif arguments.name is None:
        write(types.listing(found))
    else:
        write("\n".join(map(types.about, found)))
    return WRONG_INPUT if diagnostics.errors else OK


def _schema(arguments: argparse.Namespace) -> int:
    from eas_compiler import schema
    from eas_compiler.compile import read_registry

    diagnostics = Diagnostics()
    registry = read_registry(arguments.registry, diagnostics)
    compiler.show_all(diagnostics)
    if registry is None or diagnostics.errors:
        return WRONG_INPUT
    return compiler.write(json.dumps(schema.of_chains(registry), indent=1, ensure_ascii=False) + "\n", arguments.output)


def _explain(arguments: argparse.Namespace) -> int:
    from eas_compiler import catalogue
    from eas_compiler.diagnostics import did_you_mean

    entries = catalogue.load()
    if arguments.code is not None and arguments.code not in entries:
        hint = did_you_mean(arguments.code, entries) or "`eas explain` lists them"
        return fail(f"unknown code {arguments.code!r}; {hint}", WRONG_USE)
    found = list(entries.values()) if arguments.code is None else [entries[arguments.code]]
    if arguments.json:
        write(json.dumps([one._asdict() for one in found], indent=2))
    elif arguments.code is None:
        width = max(map(len, entries))
        write("\n".join(f"{one.code:{width}}  {one.title}" for one in found))
    else:
        write(catalogue.as_text(found[0]))
    return OK
