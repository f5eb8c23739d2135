"""A short way to write chains and what must become of their tasks."""

from dataclasses import dataclass, field
from typing import Any

Node = dict[str, Any]
Expected = tuple[str, str | None, list[str]]


@dataclass(frozen=True)
class Tricky:
    """One chain, what its tasks are scripted to do, and what must become of them."""

    name: str
    rule: str
    task_list: list[Node]
    expected: dict[str, Expected]
    script: Node = field(default_factory=dict)
    failed: bool = False
    fields: Node = field(default_factory=dict)  # of the document, beside `task_list`

    @property
    def chain(self) -> Node:
        """The whole document."""
        return {"job_name": "tricky", **self.fields, "task_list": self.task_list}


# ---- Writing chains


def task(kind: str, name: str | None = None, *after: str, **fields: Any) -> Node:
    """Write a task that requests metadata from those named in `after`."""
    named = {"name": name} if name else {}
    return {"task": kind, **named, **({"requires_metadata_from": list(after)} if after else {}), **fields}


def null(name: str | None = None, *after: str, **fields: Any) -> Node:
    """Write a task without files."""
    return task("null", name, *after, **fields)


def make(file: str, name: str | None = None, *after: str, **fields: Any) -> Node:
    """Write a task that makes a file."""
    return task("make", name, *after, outputs={"file": file}, **fields)


def use(one: str, file: str | None = None, name: str | None = None, *after: str, **fields: Any) -> Node:
    """Write a task that reads a file, and makes another perhaps."""
    return task("use", name, *after, inputs={"one": one}, **({"outputs": {"file": file}} if file else {}), **fields)


def lazy(name: str | None = None, file: str | None = None, *after: str) -> Node:
    """Write a task of the type that may have nothing to do."""
    return task("lazy", name, *after, **({"outputs": {"file": file}} if file else {}))


def loop(parameter: str, values: Any, *tasks: Node, kind: str = "values", **fields: Any) -> Node:
    """Write a loop."""
    return {
        "task": "execution_for_loop",
        "parameter": parameter,
        kind: values,
        "task_list": list(tasks),
        **fields,
    }


def repeat(iteration_name: str, criterion: Any, *tasks: Node, child: list[str] | None = None, **fields: Any) -> Node:
    """Write a do-while loop."""
    children = {"requires_metadata_from_child": child} if child else {}
    return {
        "task": "execution_do_while_loop",
        "iteration_name": iteration_name,
        "repeat_criterion": criterion,
        **children,
        "task_list": list(tasks),
        **fields,
    }


def choose(criterion: Any, then: list[Node] | None, other: list[Node] | None, **fields: Any) -> Node:
    """Write a conditional, of which one branch may be missing."""
    branches = {"task_list": then, "else_task_list": other}
    present = {key: branch for key, branch in branches.items() if branch is not None}
    return {"task": "execution_conditional", "criterion": criterion, **present, **fields}


def group(*tasks: Node, **fields: Any) -> Node:
    """Write an execution_chain."""
    return {"task": "execution_chain", "task_list": list(tasks), **fields}


def after(*names: str) -> Node:
    """Write what a flow-control task requests."""
    return {"requires_metadata_from": list(names)}


# ---- Writing what is expected


def ok(*waited_for: str) -> Expected:
    """Expect a task to pass."""
    return ("succeeded", "pass", sorted(waited_for))


def warned(*waited_for: str) -> Expected:
    """Expect a task to pass with a warning."""
    return ("succeeded", "warn", sorted(waited_for))


def failed(*waited_for: str) -> Expected:
    """Expect a task to fail its quality control."""
    return ("failed", "fail", sorted(waited_for))


def error(*waited_for: str) -> Expected:
    """Expect a task to break."""
    return ("error", "error", sorted(waited_for))


def blocked(*waited_for: str) -> Expected:
    """Expect a task not to start."""
    return ("blocked", None, sorted(waited_for))


def no_work(*waited_for: str) -> Expected:
    """Expect a task to have nothing to do."""
    return ("skipped", "no_work", sorted(waited_for))


FAIL = {"verdict": "fail"}
ERROR = {"verdict": "error"}
WARN = {"verdict": "warn"}
NO_WORK = {"verdict": "no_work"}


def emits(**metadata: Any) -> Node:
    """Script a task to emit metadata."""
    return {"metadata": metadata}
