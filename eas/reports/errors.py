"""`eas errors`: why tasks failed, grouped by their reasons."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from eas import text
from eas.reports.common import add_run, answer, cut, indented, lines, more, paint, reading, section
from eas.reports.task import criteria
from eas.terminal import add_verb, positive

if TYPE_CHECKING:
    from eas_provenance.queries import Failure, Failures
    from eas_provenance.queries.failures import Example

_LIMIT = 20
_EXAMPLES = 3
_TRACEBACK_LINES = 6


def register(verbs: Any) -> None:
    """Add the verb."""
    one = add_verb(verbs, "errors", _errors, "show why tasks of a run failed, grouped by reason")
    add_run(one)
    one.add_argument("--limit", type=positive, default=_LIMIT, metavar="N", help="reasons (default: %(default)s)")
    one.add_argument(
        "--examples", type=positive, default=_EXAMPLES, metavar="N", help="tasks of each (default: %(default)s)"
    )


def _errors(arguments: argparse.Namespace) -> int:
    from eas_provenance.queries import failures

    with reading(arguments) as found:
        wrong = failures(found.session, found.run.id, limit=arguments.limit, examples=arguments.examples)
        name = found.run.name
    return answer(arguments, lambda: as_text(name, wrong), lambda: {"run": name, **wrong._asdict()})


def as_text(name: str, wrong: Failures) -> str:
    """Return what went wrong for people."""
    head = f"{text.safe(name)}: {wrong.total:,} failed or in error, {wrong.blocked:,} blocked by that"
    parts = [head, *map(_failure, wrong.groups), *more(wrong.kinds - len(wrong.groups), "reasons", "--limit")]
    flow = "\n".join(cut(f"{one.path}: {one.message}") for one in wrong.problems)
    return "\n\n".join(parts + section("flow control that could not go on", flow))


def _failure(one: Failure) -> str:
    written = [paint(text.safe(f"{one.tasks:,} of {one.type} {one.state} ({one.source})"), one.state)]
    written.append(indented(cut(one.reason or "no reason is known")))
    written += [indented(_example(example)) for example in one.examples]
    left = one.tasks - len(one.examples)
    return "\n".join([*written, *(indented(line) for line in more(left, "of them", "--examples, or --json"))])


def _example(example: Example) -> str:
    task = example.task
    around = ", ".join(f"{name} = {value}" for name, value in task.variables.items() if not name.endswith("_index"))
    written = [cut(f"{task.path} ({task.source}){f', {around}' if around else ''}: {task.message}")]
    if example.criteria:
        written.append(indented(criteria(example.criteria)))
    if example.traceback:
        written.append(indented("\n".join(lines(example.traceback, _TRACEBACK_LINES))))
    return "\n".join(written)
