"""`eas-compile`: a chain in, a Workflow out.

It has an entry of its own because it must start fast. What it needs is loaded by `main`, when nobody looks for garbage
any more: much is made then that stays.
"""

from __future__ import annotations

import gc
import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from eas_compiler.compile import Checked, Options
    from eas_compiler.diagnostics import Diagnostics

FORMATS = ("yaml", "json", "dot", "mermaid")
MIN_NODES = 10
"""The least number of nodes that a Workflow can be asked to have."""
OK, WRONG_INPUT, WRONG_USE, OUTSIDE = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `eas-compile`; return the exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    gc.disable()  # what is made here is kept until the end, so that looking for garbage finds none
    try:
        from eas_compiler.compile import Options

        if len(given) == 1 and (not given[0].startswith("-") or given[0] == "-"):
            return run(given[0], "yaml", None, Options())  # argparse takes as long to load as a small chain to compile
        parser = make_parser()
        return from_arguments(parser.parse_args(given))
    except KeyboardInterrupt:
        return 130
    finally:
        gc.enable()


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of `eas-compile`."""
    import argparse

    description = "Compile a chain to an Argo Workflow, as in: eas-compile chain.json | argo submit -"
    parser = argparse.ArgumentParser("eas-compile", description=description)
    add_arguments(parser)
    parser.add_argument("--version", action=version_action())
    return parser


def version_action() -> Any:
    """Return the action of `--version`; the version is looked up only when it is asked for."""
    import argparse

    class Version(argparse.Action):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options | {"nargs": 0, "help": "show the version and exit"})

        def __call__(self, *_: Any) -> None:
            from importlib.metadata import version

            sys.stdout.write(f"eas {version('eas')}\n")
            raise SystemExit(OK)

    return Version


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of compiling to a parser."""
    add_chain(parser)
    parser.add_argument("--format", choices=FORMATS, default="yaml", help="what to write (default: yaml)")
    parser.add_argument("-o", "--output", metavar="FILE", help="write to a file instead of standard output")


def add_chain(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the arguments that say which chain, with what."""
    help_text = "the chain, a JSON document; - reads standard input"
    parser.add_argument("chain", nargs="?" if optional else None, help=help_text)
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="set a parameter of the chain; the value is JSON, or else a text",
    )
    parser.add_argument(
        "--preset", metavar="NAME", help="take the values that a preset of the chain gives its parameters"
    )
    parser.add_argument("--seed", help="seed of random numbers (default: made from the chain's text)")
    parser.add_argument(
        "--registry", metavar="FILE", help="the registry (default: ./registry.yaml, else the packaged one)"
    )
    parser.add_argument("--templates", metavar="DIR", help="a folder of Argo templates instead of the packaged ones")
    parser.add_argument(
        "--max-nodes",
        type=_nodes,
        metavar="N",
        help="how many nodes one Workflow may have before loops are cut into several (default: 5000)",
    )


def _nodes(text: str) -> int:
    """Return a number of nodes of which something can be made."""
    number = int(text)
    if number < MIN_NODES:
        raise ValueError(text)
    return number


def from_arguments(arguments: argparse.Namespace) -> int:
    """Compile as the parsed arguments say."""
    return run(arguments.chain, arguments.format, arguments.output, options(arguments))


def options(arguments: argparse.Namespace) -> Options:
    """Return the options of parsed arguments; leave with status 2 when `--set` is not NAME=VALUE."""
    from eas_compiler.compile import Options
    from eas_compiler.fit import Limits

    parameters: dict[str, Any] = {}
    for text in arguments.set:
        name, equals, value = text.partition("=")
        if not equals or not name:
            fail(f"--set takes NAME=VALUE, not {text!r}")
        parameters[name] = _value(value)
    limits = Limits() if arguments.max_nodes is None else Limits(nodes=arguments.max_nodes)
    given = (arguments.seed, arguments.registry, arguments.templates)
    return Options(parameters, *given, limits=limits, preset=arguments.preset)


def _value(text: str) -> Any:
    import json

    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        fail("--set: the value is nested too deeply")
        raise
    except ValueError:
        return text


def _refuse(constant: str) -> None:
    """JSON has neither NaN nor infinity: what is called so is a text."""
    raise ValueError(constant)


def fail(message: str, status: int = WRONG_USE) -> None:
    """Leave with a message."""
    sys.stderr.write(f"eas: {message}\n")
    raise SystemExit(status)


def read_chain(chain: str) -> tuple[str, bytes]:
    """Return the name and the text of a chain; leave with status 1 when it cannot be read."""
    from eas_compiler.source import read_all, read_bytes

    try:
        if chain == "-":
            return "<stdin>", read_all(sys.stdin.buffer)
        return chain, read_bytes(chain)
    except OSError as error:
        fail(f"cannot read {'standard input' if chain == '-' else chain}: {error.strerror}", WRONG_INPUT)
        raise AssertionError from error


def run(chain: str, form: str, output: str | None, given: Options) -> int:
    """Compile one chain and write the result; diagnostics go to standard error."""
    from eas_compiler.compile import UnknownParameterError, compile_chain

    name, data = read_chain(chain)
    try:
        workflow, checked = compile_chain(name, data, given)
    except UnknownParameterError as error:
        fail(str(error))
        raise AssertionError from error
    show(checked)
    if workflow is None:
        return WRONG_INPUT
    return write(_written(workflow, checked, form), output)


def _written(workflow: dict[str, Any], checked: Checked, form: str) -> str:
    if form in ("dot", "mermaid"):
        from eas_compiler import picture

        assert checked.chain is not None and checked.links is not None  # noqa: PT018
        return (picture.to_dot if form == "dot" else picture.to_mermaid)(checked.chain, checked.links)
    from eas_compiler import emit

    return emit.to_json(workflow) if form == "json" else emit.to_yaml(workflow)


def write(text: str, output: str | None) -> int:
    """Write a text to a file, at once and whole, or to standard output."""
    data = text.encode("utf-8", "backslashreplace")
    try:
        if output is None:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        else:
            _write_file(output, data)
    except BrokenPipeError:
        sys.stdout = None  # whoever read has gone; nothing is left to say
    except OSError as error:
        fail(f"cannot write {output or 'standard output'}: {error.strerror}", OUTSIDE)
    return OK


def _write_file(path: str, data: bytes) -> None:
    """Write a file at once and whole; what is no plain file, as a pipe, is written to as it is."""
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "wb") as file:
            file.write(data)
        return
    part = f"{path}.part"
    file = open(part, "wb")  # noqa: SIM115 - what cannot be opened is not removed
    try:
        with file:
            file.write(data)
        os.replace(part, path)
    except BaseException:
        os.unlink(part)
        raise


def show(checked: Checked) -> None:
    """Write the diagnostics of a chain to standard error."""
    show_all(checked.diagnostics)


def show_all(diagnostics: Diagnostics) -> None:
    """Write diagnostics to standard error."""
    from eas_compiler import render

    found = list(diagnostics)
    for one in found:
        sys.stderr.write(render.as_text(one, colour=sys.stderr.isatty()) + "\n")
    if found:
        sys.stderr.write(f"{render.summary(found)}\n")
