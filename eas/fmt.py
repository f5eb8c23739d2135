"""`eas fmt`: lay chains out in one way."""

from __future__ import annotations

import argparse
import sys

from eas.terminal import OK, WRONG_INPUT, add_verb, say
from eas_compiler import cli as compiler


def register(verbs: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the verb."""
    one = add_verb(verbs, "fmt", _fmt, "lay chains out in one way, without changing what they say")
    one.add_argument("chains", nargs="+", metavar="CHAIN", help="JSON documents; - reads standard input, writes output")
    one.add_argument("--check", action="store_true", help="change nothing; exit 1 when something would change")


def _fmt(arguments: argparse.Namespace) -> int:
    found = [_one(chain, check=arguments.check) for chain in arguments.chains]
    return max(found, default=OK)


def _one(chain: str, *, check: bool) -> int:
    """Lay out one chain; return the exit status."""
    from eas_compiler.diagnostics import Diagnostics
    from eas_compiler.layout import laid_out
    from eas_compiler.read import read

    name, data = compiler.read_chain(chain)
    if name.endswith((".yaml", ".yml")):
        say(f"{name} is YAML, which is left as it is")
        return OK
    diagnostics = Diagnostics()
    root = read(name, data, diagnostics)
    compiler.show_all(diagnostics)
    if root is None or diagnostics.errors:
        return WRONG_INPUT
    text = laid_out(root)
    is_same = text.encode() == data
    if check:
        if not is_same:
            say(f"{name} would change")
        return OK if is_same else WRONG_INPUT
    if chain == "-":
        sys.stdout.write(text)
        return OK
    return OK if is_same else compiler.write(text, chain)
