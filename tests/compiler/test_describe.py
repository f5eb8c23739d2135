"""Descriptions hold what the worker needs, and no more."""

from eas_worker import assignment
from tests.compiler.compiling import compiled, description, loop, make

NAME = "'f_{i_index}'.format(**metadata)"


def test_description_is_what_the_worker_reads() -> None:
    """The worker evaluates a description to the author's task at the indices of an iteration."""
    workflow = compiled(
        loop("i", [5, 7], make(NAME, "a", a="(metadata['i'] * 2)", b="x")), job_name="job", working_directory="d"
    )
    assigned = assignment.assign(description(workflow, "t0-t0"), {"i": 1}, "1", [])
    assert (assigned.path, assigned.task, assigned.name, assigned.job_name) == ("/t0[i=1]/t0", "make", "a", "job")
    assert assigned.given == {"a": 14, "b": "x"}
    assert assigned.settings == {"a": 14.0, "b": "x", "c": None, "d": None}
    assert (assigned.outputs["file"].directory, assigned.outputs["file"].name) == ("d", "f_1")
    assert assigned.metadata == {"i": 7, "i_index": 1}


def test_gate_knows_what_its_program_knew_but_for_what_it_emits() -> None:
    """Gate and program evaluate the same settings; what a program may emit is the program's to keep."""
    workflow = compiled(make("f"))
    program, gate = (description(workflow, name) for name in ("t0", "t0-qc"))
    assert {key: value for key, value in program.items() if key not in ("metadata", "after")} == gate


def test_bounds_travel_where_the_compiler_could_not_check_them() -> None:
    """A literal has been checked; of a late value the worker has to know the bounds."""
    late = {"requires_metadata_from": ["a"], "count": "(requested_metadata['a']['n'])", "level": 0.5}
    workflow = compiled(make("f", "a"), {"task": "tune", **late})
    types = description(workflow, "t1")["setting_types"]
    assert types["count"] == {"type": "int", "required": True}
    assert types["level"] == {"type": "float"}
    assert types["specs"] == {"type": "object", "fields": {"depth": {"type": "float"}}}


def test_only_used_parameters_travel() -> None:
    """A big parameter that a task does not use is not in its description."""
    workflow = compiled(make("f", a="(parameters['p'])"), parameters={"p": 1, "q": 2})
    assert description(workflow, "t0")["parameters"] == {"p": 1}


def test_places_of_expressions_travel() -> None:
    """An expression that fails in the worker can be shown where the author wrote it."""
    workflow = compiled(make("f", c={"k": ["(random.random())"]}))
    (place,) = description(workflow, "t0")["places"].items()
    assert place[0] == "settings/c/k/0"
    assert place[1].startswith("chain.json:1:")


def test_names_with_tables_are_written_out() -> None:
    """A name that depends on a loop's value is looked up by its index."""
    workflow = compiled(loop("v", ["x", "y"], make("'f_{v}'.format(**metadata)")))
    name = description(workflow, "t0-t0")["outputs"]["file"]["name"]
    assert name == ["f_", {"table": ["x", "y"], "of": [["v", 0]]}]
    assert [assignment.written(name, {"v": index}) for index in (0, 1)] == ["f_x", "f_y"]
