"""Tasks against the registry: types, ports, file names, settings and overrides."""

from typing import Any

import pytest

from eas_compiler import elsewhere, names
from tests.compiler.compiling import checked, codes, loop, make, told, use


def test_dynamic_type_is_one_of_several() -> None:
    """A type that depends on a loop gives a variant for each type, with the indices at which it holds."""
    body = {"task": "'make_{v}'.format(**metadata)", "outputs": {"file": "'f_{v_index}'.format(**metadata)"}}
    found = checked(loop("v", ["x", "y", "x"], body))
    assert found.chain is not None
    task: Any = found.chain.body.items[0]
    variants = [(one.type.name, one.where) for one in task.body.items[0].variants]
    assert variants == [("make_x", {(0,), (2,)}), ("make_y", {(1,)})]


def test_flow_control_cannot_be_an_expression() -> None:
    """Flow control is written as it is: an expression chooses among task types."""
    found = checked({"task": "('execution_' + 'chain')", "task_list": []})
    assert "unknown-task-type" in codes(found.diagnostics)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("a/b", "must not contain '/' or '\\'"),
        ("a\\b", "must not contain '/' or '\\'"),
        ("..", "must not be '..'"),
        ("", "must not be empty"),
        ("a\x00", "must not contain control characters or halves of surrogate pairs"),
        ("\ud800", "must not contain control characters or halves of surrogate pairs"),
        ("ä" * 128, "is longer than 255 bytes"),
        ("(3 * '.')", None),
        ("a b%?*.gz", None),
    ],
)
def test_file_names_are_those_of_a_file_system(name: str, problem: str | None) -> None:
    """A file name has no slash and no control characters, and is short enough for any disk."""
    found = checked(make(name))
    assert told(found.diagnostics) == ([f"file-name: the name of file {problem}"] if problem else [])


def test_files_of_another_directory_are_named() -> None:
    """`repo://./DIR/FILE` is a file of the same run in another working directory."""
    found = checked(make("f", working_directory="d/e"), use("repo://./d/e/f"))
    assert not len(found.diagnostics)
    assert found.links is not None
    assert not found.links.externals


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("repo://run/d/f", "repo:/run/d/f"),
        ("s3://bucket/key", "s3:/bucket/key"),
        ("'s3://bucket/{i_index}/key'.format(**metadata)", "s3:/bucket/1/key"),
    ],
)
def test_names_may_lead_elsewhere(name: str, path: str) -> None:
    """Files of other runs and of S3 come from outside, into a directory that stands for where they are."""
    found = checked(loop("i", [1, 2], use(name)))
    assert not found.diagnostics.errors
    assert found.links is not None
    (external,) = found.links.externals
    assert names.text(external.pattern, {"i": 1}) == path
    assert elsewhere.outside(path) in (name, "s3://bucket/1/key")


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("repo://run/f", "must be repo://RUN/DIRECTORY/FILE"),
        ("s3://bucket", "must be s3://BUCKET/KEY"),
        ("s3://bucket//key", "has an empty part"),
        ("s3://bucket/../key", "must not be '..'"),
        ("s3://bucket/", "must not be empty"),
    ],
)
def test_names_that_lead_nowhere(name: str, problem: str) -> None:
    """A name that leads elsewhere says where, and no part of it is empty."""
    assert told(checked(use(name)).diagnostics) == [f"file-name: the name of one {problem}"]


def test_a_directory_stands_for_no_other_place() -> None:
    """What stands for S3 in a run is no working directory."""
    found = checked(make("f", working_directory="s3:/bucket"), use("repo://./s3:/bucket/f"))
    message = "file-name: working_directory must not begin as a name that leads elsewhere"
    assert message in told(found.diagnostics)


def test_settings_are_checked_at_all_values_of_a_loop() -> None:
    """An indexed setting is checked at every index when one loop decides it."""
    found = checked(loop("i", [1, -1], {"task": "null", "seconds": "(metadata['i'])"}))
    assert told(found.diagnostics) == ["setting: seconds: -1 is below the minimum of 0 s"]


def test_null_stands_for_the_default() -> None:
    """A setting that is null is as good as one that is not given; a required one is missing then."""
    assert not len(checked({"task": "null", "seconds": None}).diagnostics)
    assert codes(checked({"task": "tune", "count": None}).diagnostics) == ["missing-setting"]


@pytest.mark.parametrize(
    ("override", "code"),
    [
        ({"resources": {"cpu": 0}}, "type"),
        ({"resources": {"gpu": 0.5}}, "type"),
        ({"resources": {"cpu": 0.5, "memory_gb": 1, "threads": 1, "time_s": 60}}, None),
        ({"retry": {"memory_factor": 0.5}}, "type"),
        ({"retry": {"limit": "(1 + 1)"}}, None),
        ({"qc": {"depth": 3}}, None),
        ({"qc": "inline"}, None),
    ],
)
def test_overrides_have_bounds(override: dict[str, Any], code: str | None) -> None:
    """Overrides of resources, retries and quality control are checked, and may be static expressions."""
    assert codes(checked({"task": "null"} | override).diagnostics) == ([code] if code else [])
