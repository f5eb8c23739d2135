"""What is legal, and most often not what its author meant: warnings."""

from __future__ import annotations

from collections.abc import Iterator

from eas_compiler import shape
from eas_compiler.diagnostics import Diagnostics, did_you_mean, related
from eas_compiler.link import Links
from eas_compiler.ports import Makers, types_of
from eas_compiler.producers import shown
from eas_compiler.source import Node
from eas_compiler.tree import Branch, Chain, File, Loop, Repeat, Task, walk
from eas_worker import expressions

MANY_TASKS = 100_000


def check(chain: Chain, links: Links, makers: Makers, diagnostics: Diagnostics) -> None:
    """Warn of what is suspicious in a chain."""
    for item in walk(chain.body):
        if isinstance(item, Loop):
            _one_iteration(item, diagnostics)
            _unused_variable(item, diagnostics)
        elif isinstance(item, (Branch, Repeat)):
            _constant(item, diagnostics)
    _unused_parameters(chain, diagnostics)
    _unused_outputs(makers, chain, links, diagnostics)
    _many_tasks(chain, diagnostics)


def uses(node: Node) -> Iterator[tuple[str, str | None]]:
    """Yield the names that the expressions in a part of a chain use, each with its key."""
    if isinstance(node.value, str):
        if expressions.is_expression(node.value):
            yield from ((use.name, use.key) for use in expressions.examine(node.value).uses)
    elif isinstance(node.value, (dict, list)):
        for _, child in node.children():
            yield from uses(child)


# --------------------------------------------------------------------------------------------------------------------
# Flow control


def _one_iteration(loop: Loop, diagnostics: Diagnostics) -> None:
    """Warn of a range of one value, of which the end counts for nothing, and of one shard."""
    form, given = loop.variable.entry.get("form"), loop.variable.entry.get("range")
    if loop.variable.is_shard:
        if given == 1:
            hint = "leave `shards` out, or make a parameter of it for --set"
            diagnostics.warning("loop-of-one", loop.number.node, "one shard is the whole task", hint)
        return
    is_one = loop.number.table is not None and loop.number.table.constant == 1
    if is_one and form != "values" and isinstance(given, list) and given[0] != given[1]:
        node = loop.common.node.value[form]
        message = f"the loop has one iteration, with the value {given[0]}; the end of the range counts for nothing"
        diagnostics.warning("loop-of-one", node, message, "write `values` for a loop of one, or a larger count")


def _unused_variable(loop: Loop, diagnostics: Diagnostics) -> None:
    """Warn of a loop that does the same again and again."""
    name, body = loop.variable.name, loop.common.node.value.get("task_list")
    if loop.variable.is_broken or loop.variable.aliases or body is None or not body.value:
        return
    for used, key in uses(body):
        if used == "random" or (used == "metadata" and key in (None, name, f"{name}_index")):
            return
    if loop.number.table is not None and loop.number.table.constant == 1:
        code, message = "loop-of-one", f"the loop has one iteration, and nothing in it uses {name!r}"
    else:
        code, message = "unused-name", f"nothing in the loop uses {name!r}: every iteration does the same"
    diagnostics.warning(code, loop.common.node.value["parameter"], message, f"the value is metadata[{name!r}]")


def _constant(item: Branch | Repeat, diagnostics: Diagnostics) -> None:
    node = item.criterion.node
    if item.criterion.kind == "unknown" or item.criterion.table is None:
        return
    if isinstance(node.value, bool) or (isinstance(node.value, str) and not any(uses(node))):
        is_true = any(answer != 0 for answer in item.criterion.table.entries.values())
        if isinstance(item, Branch):
            effect = "only the first branch is ever taken" if is_true else "the first branch is never taken"
        else:
            effect = "it never ends well" if is_true else "the body runs once"
        message = f"the criterion is always {str(is_true).lower()}: {effect}"
        diagnostics.warning("constant-criterion", node, message, "a switch for --set is a parameter")


# --------------------------------------------------------------------------------------------------------------------
# Names and files


def _unused_parameters(chain: Chain, diagnostics: Diagnostics) -> None:
    given = chain.node.value.get("parameters")
    if given is None or not given.value:
        return
    used = {key for name, key in uses(chain.node) if name == "parameters"}
    for name, node in given.value.items():
        if name not in used and None not in used:
            message = f"no expression uses the parameter {name!r}"
            diagnostics.warning_at_key("unused-name", node, message, f"its value is parameters[{name!r}]")


def _unused_outputs(makers: Makers, chain: Chain, links: Links, diagnostics: Diagnostics) -> None:
    """Warn of files at the start of a chain that nobody reads, where others of their type are read."""
    asked = {id(one.item) for item in walk(chain.body) for one in item.common.requires}
    asked |= {id(one.item) for item in walk(chain.body) if isinstance(item, Repeat) for one in item.children}
    readers = list(makers.read())
    taken = {type_ for file, task in readers for type_ in types_of(file, task, "inputs")}
    likely = [
        (file, task)
        for file, task in makers
        if not (task.inputs or task.gathers)
        and id(task) not in asked
        and types_of(file, task, "outputs") & taken
        and _is_needed(file, task)
    ]
    if not likely:
        return
    read = {id(other) for file, task in readers for other, _ in makers.of(file, task)}
    outside = [(shown(one.pattern, one.task.common.scope), one.file) for one in links.externals]
    for file, task in likely:
        if id(file) not in read:
            name = shown(file.name, task.common.scope)
            near = did_you_mean(shown(file.pattern, task.common.scope), [one for one, _ in outside])
            places = [
                related(other.node, "no task makes this one") for one, other in outside if near and repr(one) in near
            ]
            hint = "did you mean it where a file is read that nobody makes?" if near else None
            message = f"no task reads {name}, though others read files of its type"
            diagnostics.warning("unused-output", file.node, message, hint, *places[:1])


def _is_needed(file: File, task: Task) -> bool:
    """Tell whether a task has to make a file, rather than because the author asked for it."""
    ports = [variant.type.outputs.get(file.port) for variant in task.variants]
    return bool(ports) and all(port is not None and not port.optional for port in ports)


# --------------------------------------------------------------------------------------------------------------------
# Size


def _many_tasks(chain: Chain, diagnostics: Diagnostics) -> None:
    counted = shape.shape(chain).tasks.values()
    total = sum(count.low for count in counted)
    if total >= MANY_TASKS:
        node = chain.node.value["task_list"]
        message = f"the chain has {total:,} tasks"
        hint = '"qc": "inline" makes one pod of each task instead of two; `eas plan` tells more'
        diagnostics.warning("many-tasks", node._replace(end=node.start + 1), message, hint)
