"""Whatever a text holds, and wherever it stands: it arrives as it was written, or is refused where it stands."""

import json
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest

from eas.simulate import Simulation
from eas_argo.laptop.stubs import Script
from eas_compiler import render, schema
from eas_compiler.compile import Options, compile_chain
from eas_compiler.diagnostics import Diagnostics
from eas_compiler.registry import Registry, load
from tests.reference.comparing import REGISTRY

Json = dict[str, Any]
TEXTS = {
    "tags": "a {{workflow.name}} {{=1 + 1}} }} {{",
    "quotes": "a'b\"c`d\\e \\u007b",
    "lines": "a\nb\tc\r\n",
    "nul": "a\x00b",
    "surrogate": "a\ud800b",
    "right to left": "a\u202eb\u2066c\u200fd",
    "picture": "a\U0001f52d\u00e9\u200d",
    "formats": "a%s %(x)s {x} {0.__class__} $(EAS_RUN) $$ ${x}",
    "markup": "a</script><b> [x](y) | & ; --set",
    "number": "1e5",
    "word": "no",
    "long": "a" * 1_000_000,
}
CHAIN: Json = {
    "job_name": "job",
    "working_directory": "dir",
    "parameters": {"x": 1},
    "presets": {"p": {"x": 1}},
    "subject": {"name": "s"},
    "tags": ["t"],
    "task_list": [
        {"task": "make", "name": "first", "outputs": {"file": "f.gz"}, "b": "b", "c": {"k": ["c"]},
         "qc": {"n": [0, 1]}},
        {"task": "use", "inputs": {"one": "f.gz"}, "requires_metadata_from": ["first"], "c": "(parameters['x'])"},
        {"task": "execution_for_loop", "parameter": "P", "values": ["v"], "task_list": [
            {"task": "use", "inputs": {"one": "f.gz"}, "c": "(metadata['P'])"},
        ]},
        {"task": "execution_do_while_loop", "iteration_name": "N", "repeat_criterion": "(1 > 2)", "max_iterations": 2,
         "requires_metadata_from_child": ["inner"], "task_list": [{"task": "null", "name": "inner"}]},
        {"task": "execution_conditional", "criterion": "(1 > 2)", "task_list": [], "else_task_list": []},
        {"task": "execution_for_loop", "parameter": "L", "linear_range": [0, 1, 2], "task_list": [
            {"task": "null", "retry": {"limit": 1}, "resources": {"cpu": 1}, "cache": True, "job_name": "own",
             "working_directory": "there"},
        ]},
        {"task": "execution_for_loop", "parameter": "M", "log_range": [1, 2, 2], "task_list": [
            {"task": "execution_chain", "task_list": []},
        ]},
        {"task": "null", "shards": 2},
    ],
}  # fmt: skip
"""Every place of the language where a text may stand, or an author may write one by mistake."""
Lines = dict[str, Json]
Reading = Callable[[Lines, Json], Any]


def line(path: str, *keys: str) -> Reading:
    """Read a field of what the program at a path was given."""
    return lambda lines, _: _at(lines[path], keys)


def about(*keys: str) -> Reading:
    """Read what a Workflow says of its run."""
    return lambda _, workflow: _at(json.loads(workflow["metadata"]["annotations"]["eas/about"]), keys)


def _at(value: Any, keys: tuple[str, ...]) -> Any:
    for key in keys:
        value = value[int(key)] if isinstance(value, list) else value[key]
    return value


def file_of(reading: Reading) -> Reading:
    """Read the name of a file without its directory."""
    return lambda lines, workflow: str(reading(lines, workflow)).partition("/")[2]


READ: dict[str, Reading | None] = {
    "/job_name": line("/t0", "job_name"),
    "/working_directory": line("/t0", "working_directory"),
    "/parameters/x": line("/t1", "settings", "c"),
    "/presets/p/x": None,
    "/subject/name": about("subject", "name"),
    "/tags/0": about("tags", "0"),
    "/description": None,
    "/$schema": None,
    "/task_list/0/task": None,
    "/task_list/0/name": line("/t0", "name"),
    "/task_list/0/outputs/file": file_of(line("/t0", "outputs", "file")),
    "/task_list/0/b": line("/t0", "settings", "b"),
    "/task_list/0/c/k/0": line("/t0", "settings", "c", "k", "0"),
    "/task_list/0/qc": None,
    "/task_list/0/qc/n/0": None,
    "/task_list/1/inputs/one": file_of(line("/t1", "inputs", "one", "0")),
    "/task_list/1/requires_metadata_from/0": None,
    "/task_list/2/parameter": None,
    "/task_list/2/values/0": line("/t2[P=0]/t0", "settings", "c"),
    "/task_list/3/iteration_name": None,
    "/task_list/3/repeat_criterion": None,
    "/task_list/3/max_iterations": None,
    "/task_list/3/requires_metadata_from_child/0": None,
    "/task_list/4/criterion": None,
    "/task_list/5/linear_range/0": None,
    "/task_list/5/task_list/0/retry/limit": None,
    "/task_list/5/task_list/0/resources/cpu": None,
    "/task_list/5/task_list/0/cache": None,
    "/task_list/5/task_list/0/job_name": line("/t5[L=0]/t0", "job_name"),
    "/task_list/5/task_list/0/working_directory": line("/t5[L=0]/t0", "working_directory"),
    "/task_list/6/log_range/0": None,
    "/task_list/7/shards": None,
}
"""How the text of each place is read where it arrives; None where no program is given it."""


def written(document: Json, pointer: str, text: Any) -> None:
    """Put a text at a place."""
    *keys, last = pointer.split("/")[1:]
    place = _at(document, tuple(keys))
    place[int(last) if isinstance(place, list) else last] = text


def compiled(document: Json) -> tuple[Json | None, list[Json]]:
    """Compile a chain; return the Workflow and the errors."""
    workflow, checked = compile_chain("chain.json", json.dumps(document).encode(), Options(registry=REGISTRY, seed="1"))
    return workflow, [render.as_data(one, checked.root) for one in checked.diagnostics if one.severity == "error"]


@pytest.mark.parametrize("text", TEXTS.values(), ids=list(TEXTS))
def test_a_text_arrives_or_is_refused_where_it_stands(text: str) -> None:
    """An error points at the place or at the task around it; all places that take a text take it together."""
    together = deepcopy(CHAIN)
    good = []
    for pointer, reading in READ.items():
        document = deepcopy(CHAIN)
        written(document, pointer, text)
        workflow, errors = compiled(document)
        if workflow is None:
            assert errors
            assert all(_is_near(one["pointer"], pointer) for one in errors), (pointer, errors)
        elif reading is not None:
            good.append(pointer)
            written(together, pointer, text)
    lines, workflow = _simulated(together)
    for pointer in good:
        reading = READ[pointer]
        assert reading is not None
        assert reading(lines, workflow) == text, pointer


def _is_near(found: str, place: str) -> bool:
    """Tell whether an error is at a place, around it, or where what it names is used."""
    users = {
        "/parameters/x": "/task_list/1",
        "/task_list/0/name": "/task_list/1/requires_metadata_from/0",
        "/task_list/2/parameter": "/task_list/2/task_list",
        "/task_list/2/values/0": "/task_list/2/task_list",
    }
    return place.startswith(found) or found.startswith((place, users.get(place, place)))


def _simulated(document: Json) -> tuple[Lines, Json]:
    if document["task_list"][0]["name"] != "first":
        document["task_list"][1]["requires_metadata_from"] = [document["task_list"][0]["name"]]
    document["task_list"][2]["task_list"][0]["inputs"]["one"] = document["task_list"][0]["outputs"]["file"]
    workflow, errors = compiled(document)
    assert workflow is not None, errors
    simulation = Simulation(workflow, Script({}))
    return {one["path"]: one for one in json.loads(json.dumps(simulation.lines()))}, workflow


def test_no_place_is_forgotten() -> None:
    """What the schema knows of chains, of flow control and of a task is in the table, but for lists of tasks."""
    diagnostics = Diagnostics()
    registry = load(str(REGISTRY), REGISTRY.read_bytes(), diagnostics)
    assert isinstance(registry, Registry)
    whole = schema.of_chains(registry)
    kinds = ("make", "use", "execution_for_loop", "execution_conditional", "execution_do_while_loop", "execution_chain")
    fields = set(whole["properties"]).union(*(whole["definitions"][kind]["properties"] for kind in kinds))
    tried = {part for pointer in READ for part in pointer.split("/")}
    same = {"a", "d"}  # settings, as `b` and `c`
    assert fields - tried == {"else_task_list"} | same
