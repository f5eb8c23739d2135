"""Parts of Argo templates: steps, arguments, artifacts, resources and names."""

import json
import re
from collections.abc import Callable
from functools import cache
from typing import Any

from eas_compiler import forms
from eas_compiler.describe import Record
from eas_compiler.elsewhere import FOUND
from eas_compiler.gathers import Family
from eas_compiler.names import Pattern
from eas_compiler.tree import File, Item, Scope
from eas_worker.gathering import WORTHS

Json = dict[str, Any]
MAX_NAME = 120
_AS_IT_IS: Json = {"none": {}}


def dag_task(name: str, template: str, depends: str | None, when: str | None, arguments: list[Json]) -> Json:
    """Return a step of a DAG; what is empty is left out."""
    found: Json = {"name": name, "template": template}
    if depends:
        found["depends"] = depends
    if when:
        found["when"] = when
    if arguments:
        found["arguments"] = {"parameters": arguments}
    return found


def flag(number: int, distance: int) -> str:
    """Name the parameter that says whether file `number` was made `distance` iterations ago."""
    return f"eas-made-{number}-{distance}"


def handed_on(flags: tuple[str, ...]) -> list[Json]:
    """Return the flags for the next iteration: what the body has made now, and what was known, one further back."""
    arguments = []
    for one in flags:
        number, distance = map(int, one.removeprefix("eas-made-").split("-"))
        now = f"{{{{tasks.body.outputs.parameters.file-{number}}}}}"
        arguments.append({"name": one, "value": now if distance == 1 else forms.parameter(flag(number, distance - 1))})
    return arguments


def end(name: str) -> Json:
    """Return a leaf that never runs, and so inherits the failure of a step that others go on without."""
    return dag_task(f"{name}-end", "open", f"{name}.Succeeded || {name}.Skipped", "false", [])


def any_of(results: list[tuple[str, tuple[str, ...]]]) -> str:
    """Return a `depends` that holds when some step has one of the results named for it."""
    return " || ".join(f"{step}.{result}" for step, some in results for result in some)


def handed(name: str) -> Json:
    """Return an argument that hands a parameter on."""
    return {"name": name, "value": forms.parameter(name)}


def parameters(scope: Scope) -> list[Json]:
    """Return the input parameters of a template: the indices of the loops around it."""
    return [{"name": variable.id} for variable in scope.variables]


def indices(scope: Scope) -> str:
    """Return the indices as the worker reads them: `tda=1 size=7`."""
    return " ".join(f"{variable.id}={forms.parameter(variable.id)}" for variable in scope.variables)


def artifact(name: str, path: str, key: str) -> Json:
    """Return an artifact that may be missing.

    Argo would try a pod without an input again, and in vain; the worker says what is not there.
    """
    return {"name": name, "path": f"/eas/{path}", "optional": True, "archive": _AS_IT_IS, "s3": {"key": key}}


def requested(record: Record, name: Callable[[str], str]) -> Json:
    """Return the record of a task, or of all iterations of one, as an input; `name` says how its name stands there."""
    one = f"{forms.record_names(record.path, record.scope)}/qc.json"
    where = f".records{record.path}" if record.is_folder else one
    return artifact(f"requested-{record.k}", f"in/.requested/{record.k}", f"{forms.RUN}/{name(where)}")


def file_name(file: File, scope: Scope, family: Family | None = None) -> str:
    """Return where a file is kept in a run: one that is gathered in a folder of its family."""
    if family is None:
        return forms.key(file.pattern, scope)
    return f"{family_name(file.directory, scope, family)}/{forms.key(file.name, scope)}"


def found_name(file: File, scope: Scope) -> str:
    """Return the folder in which is kept what was found by a pattern."""
    return f"{forms.key(file.directory, scope)}/{FOUND}/{forms.key(file.name, scope)}"


def family_name(directory: Pattern, scope: Scope, family: Family) -> str:
    """Return the folder of a family, in the iterations of the loops that are around all who make and gather it."""
    return "/".join((forms.key(directory, scope), family.folder, *map(forms.parameter, family.ids)))


def verdict_name(file: File, scope: Scope, family: Family) -> str:
    """Return where is kept what a file is worth that is gathered."""
    return f"{family_name(file.directory, scope, family)}/{WORTHS}/{forms.key(file.name, scope)}"


@cache
def _resources(cpu: float, gpu: int, memory_gb: float, ephemeral_storage_gb: float | None) -> Json:
    amounts = {"cpu": f"{cpu:g}", "memory": _megabytes(memory_gb)}
    if gpu:
        amounts["nvidia.com/gpu"] = str(gpu)
    if ephemeral_storage_gb:
        amounts["ephemeral-storage"] = _megabytes(ephemeral_storage_gb)
    return {"requests": amounts, "limits": amounts}


def resources(limits: Json) -> Json:
    """Return what a step asks for and gets, which are the same."""
    return _resources(limits["cpu"], limits["gpu"], limits["memory_gb"], limits.get("ephemeral_storage_gb"))


def _megabytes(gigabytes: float) -> str:
    return f"{round(gigabytes * 1000)}M"


def memory(start_gb: float, factor: float, maximum_gb: float | None) -> tuple[int, str | None]:
    """Return how often memory may grow, and the patch that makes it."""
    if maximum_gb is None or maximum_gb <= start_gb or factor <= 1:
        return 0, None
    start, most = round(start_gb * 1000), round(maximum_gb * 1000)
    growths, memory = 0, float(start)
    while memory < most:
        memory, growths = memory * factor, growths + 1
    grown = f"min({most}, {start} * {factor:g} ** asInt(retries))"
    now = f"{{{{=string(int(lastRetry.message contains 'OOMKilled' ? {grown} : {start}))}}}}M"
    amounts = {"limits": {"memory": now}, "requests": {"memory": now}}
    return growths, as_json({"containers": [{"name": "main", "resources": amounts}]})


def annotations(path: str, item: Item) -> dict[str, str]:
    """Return what leads from a step back to the author's line."""
    line, column = item.common.node.source.location(item.common.node.start)
    return {"eas/path": path, "eas/source": f"{line}:{column}"}


def template_name(path: str) -> str:
    """Return `t0-t1-then` for `/t0[tda]/t1?then`."""
    name = "-".join(re.sub(r"\[.*\]|#", "", part).replace("?", "-") for part in path.split("/")[1:])
    if len(name) <= MAX_NAME:
        return name
    import hashlib

    return f"{name[: MAX_NAME - 20]}-{hashlib.sha256(name.encode()).hexdigest()[:16]}"


def local_name(path: str) -> str:
    """Return an item's name in the DAG of its list: groups stand in the list around them."""
    parts = path.split("/")
    start = len(parts) - 1
    while start > 1 and not parts[start - 1].endswith(("]", "#")) and "?" not in parts[start - 1]:
        start -= 1
    return "-".join(parts[start:])


def dns_name(text: str) -> str:
    """Return a text as part of a name in Kubernetes."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    return name[:40].strip("-") or "chain"


def as_json(value: Any) -> str:
    """Return a value as JSON without blanks."""
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(separators=(",", ":"))
