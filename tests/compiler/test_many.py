"""Outputs that are many files, whose names only the run knows, and patterns in the input folder of a site."""

import json
from pathlib import Path

import pytest

from eas_compiler.compile import Checked, Options, check, compile_chain
from tests.compiler.compiling import Json, loop, templates, told
from tests.compiler.test_gathers import keys

PORT = {"type": "data"}
TYPES: Json = {
    "split": {
        "inputs": {"files": PORT | {"many": True, "found_by": "path"}},
        "outputs": {"parts": PORT | {"many": True, "name": "*.part"}},
        "settings": {"path": {"type": "text"}},
    },
    "make": {"outputs": {"file": PORT}},
    "use": {"inputs": {"one": PORT}},
    "join": {"inputs": {"files": PORT | {"many": True}}},
}
INDEXED = "'f_{i_index}_*'.format(**metadata)"


@pytest.fixture
def options(tmp_path: Path) -> Options:
    """Write a registry with types that make and take many files."""
    box = {"image": "test/box:1", "cpu": 1, "gpu": 0, "memory_gb": 1}
    tasks = {name: {"container": "box", **entry} for name, entry in TYPES.items()}
    registry = {"types": {"data": {"doc": "Any."}}, "containers": {"box": box}, "tasks": tasks}
    (tmp_path / "registry.json").write_text(json.dumps(registry))
    return Options(registry=tmp_path / "registry.json", seed="1")


def split(name: str | None = None, **fields: object) -> Json:
    """Write a task that makes many files."""
    return {"task": "split", **({"outputs": {"parts": name}} if name else {}), **fields}


def found(options: Options, *tasks: Json) -> Checked:
    """Check a chain of these tasks."""
    return check("chain.json", json.dumps({"task_list": tasks}).encode(), options)


def compiled(options: Options, *tasks: Json) -> Json:
    """Compile a chain that must have no mistakes."""
    workflow, checked = compile_chain("chain.json", json.dumps({"task_list": tasks}).encode(), options)
    assert workflow is not None, told(checked.diagnostics)
    return workflow


def test_it_is_a_folder_in_place_of_the_file(options: Options) -> None:
    """The files have the folder of their name for them, what is known of each stands where it does of all files."""
    workflow = compiled(options, split())
    assert keys(workflow, "t0", "outputs")["out-parts"] == "chain/%2A.part"
    assert keys(workflow, "t0", "outputs")["product-parts"] == ".products/chain"
    judging = keys(workflow, "t0-qc", "inputs")
    assert judging["out-parts"] == "chain/%2A.part"
    assert "made-parts" not in judging  # it would be what is known of all files of the directory


@pytest.mark.parametrize("name", ["'f_{i_index}*'.format(**metadata)", "'*{i_index}'.format(**metadata)"])
def test_a_star_beside_an_index(options: Options, name: str) -> None:
    """Iterations 1 and 11 could make the same file."""
    inside = loop("i", [5, 6], split(name))
    assert [one.split(":")[0] for one in told(found(options, inside).diagnostics)] == ["file-name"]
    assert not found(options, loop("i", [5, 6], split(INDEXED))).diagnostics.errors


def test_who_gathers_gets_all_of_them(options: Options) -> None:
    """A pattern that may match one of them waits for it, and one that cannot does not."""
    workflow = compiled(options, split("f_*.gz"), {"task": "join", "inputs": {"files": "f_1*"}})
    assert keys(workflow, "t1", "inputs") == {"in-files-0": "chain/f_%2A.gz"}
    assert keys(workflow, "t0", "outputs")["out-parts"] == "chain/f_%2A.gz/f_%2A.gz"
    assert keys(workflow, "t0-qc", "outputs")["verdict-parts"] == "chain/f_%2A.gz/{verdicts}/f_%2A.gz"
    nothing = found(options, split("f_*.gz"), {"task": "join", "inputs": {"files": "g_*"}})
    assert told(nothing.diagnostics)[0].startswith("nothing-to-gather")


def test_each_iteration_has_its_own(options: Options) -> None:
    """In a loop, the folders of iterations are told apart by the index in the name."""
    each = loop("i", [1, 2], split(INDEXED), {"task": "join", "inputs": {"files": INDEXED}})
    made = keys(compiled(options, each), "t0-t0", "outputs")["out-parts"]
    assert made.endswith("/f_{{inputs.parameters.i}}_%2A")


def test_a_pattern_in_the_input_folder_is_a_folder(options: Options) -> None:
    """What a setting finds is one artifact; so is what a port that gathers names itself."""
    workflow = compiled(options, split(path="a/b*"), {"task": "join", "inputs": {"files": "input://a/c*"}})
    assert keys(workflow, "t0", "inputs") == {"in-files-0": "input%3A/a/{found}/b%2A"}
    assert keys(workflow, "t1", "inputs") == {"in-files-0": "input%3A/a/{found}/c%2A"}
    description = json.loads(templates(workflow)["t0"]["container"]["env"][0]["value"])
    assert description["inputs"]["files"]["names"] == [{"name": "b*", "directory": "input:/a", "found": 0}]
    assert description["cache"] is False


@pytest.mark.parametrize(
    ("tasks", "said"),
    [
        ([split("f.gz")], "file-name: parts is many files: its name needs one '*'"),
        ([split("f_*_*")], "file-name: parts is many files: its name needs one '*'"),
        ([split(), split()], "two-producers: a second task makes '*.part'"),
        ([split("f_*"), {"task": "make", "outputs": {"file": "f_1"}}], "two-producers: 'f_1' may be one of 'f_*'"),
        ([split("f_*"), split("f_1*")], "two-producers: 'f_1*' may be one of 'f_*'"),
        (
            [split("f_*"), {"task": "use", "inputs": {"one": "f_1"}}],
            "out-of-reach: 'f_1' may be one of the files 'f_*', whose names only the run knows",
        ),
        (
            [split("f_*"), {"task": "use", "inputs": {"one": "f_*"}}],
            "out-of-reach: 'f_*' may be one of the files 'f_*', whose names only the run knows",
        ),
        ([split(path="a*/b")], "file-name: only the last part of a path can be a pattern"),
        ([split(path="../b")], "file-name: the name of files must not be '..'"),
        ([split(path="/etc/*")], "file-name: the name of files has an empty part"),
        ([split(inputs={"files": "a"})], "unknown-port: split has no input 'files'"),
    ],
)
def test_mistakes(options: Options, tasks: list[Json], said: str) -> None:
    """Names that cannot be, and files that only a port that gathers can read."""
    messages = told(found(options, *tasks).diagnostics)
    assert any(one.startswith(said) for one in messages), messages


@pytest.mark.parametrize(
    ("port", "said"),
    [
        ({"many": True, "name": "part"}, "registry: name must be a text with one '*', for what tells the files apart"),
        ({"many": True, "name": "[a]*"}, "registry: name must be a text with one '*', for what tells the files apart"),
        ({"many": True, "found_by": "pat"}, "registry: the port 'files' is found by 'pat', which is no setting"),
    ],
)
def test_mistakes_of_a_registry(tmp_path: Path, port: Json, said: str) -> None:
    """A name without a star, and a port that no setting finds, are mistakes of the entry."""
    kind = {"container": "box", "inputs": {"files": PORT | port}, "settings": {"path": {"type": "text"}}}
    box = {"image": "test/box:1", "cpu": 1, "gpu": 0, "memory_gb": 1}
    registry = {"types": {"data": {"doc": "Any."}}, "containers": {"box": box}, "tasks": {"split": kind}}
    (tmp_path / "registry.json").write_text(json.dumps(registry))
    messages = told(found(Options(registry=tmp_path / "registry.json"), {"task": "split"}).diagnostics)
    assert any(one.startswith(said) for one in messages), messages
