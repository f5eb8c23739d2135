"""How much a chain will run, as far as it can be told."""

from typing import Any

from eas_compiler.shape import Count, repetitions, shape
from tests.compiler.compiling import checked, choose, loop, make, repeat


def counted(*tasks: Any) -> dict[str, tuple[int, int | None]]:
    """Return at least and at most how many tasks of each type there are."""
    found = checked(*tasks)
    assert found.chain is not None
    return {name: (count.low, count.high) for name, count in shape(found.chain).tasks.items()}


def test_loops_multiply() -> None:
    """A task in nested loops runs once for each combination."""
    assert counted(loop("i", [1, 2, 3], loop("j", [1, 2], {"task": "null"}))) == {"null": (6, 6)}


def test_uneven_loops_add_up() -> None:
    """An inner loop whose length differs is counted iteration by iteration."""
    inner = {"task": "execution_for_loop", "parameter": "j", "linear_range": [0, 1, "(metadata['i'])"]}
    assert counted(loop("i", [1, 3], {**inner, "task_list": [{"task": "null"}]})) == {"null": (4, 4)}


def test_late_range_has_no_end() -> None:
    """What only the run knows has no upper bound."""
    late = {"requires_metadata_from": ["a"], "values": "(requested_metadata['a']['items'])"}
    found = counted(
        make("f", "a"), {"task": "execution_for_loop", "parameter": "i", **late, "task_list": [{"task": "null"}]}
    )
    assert found == {"make": (1, 1), "null": (0, None)}


def test_branch_may_be_left_out() -> None:
    """Of a branch that indices decide, the run takes any share; a constant decides at once."""
    assert counted(choose(True, [{"task": "null"}], [make("f")])) == {"null": (1, 1), "make": (0, 0)}
    assert counted(loop("i", [1, 2], choose("(metadata['i'] > 1)", [{"task": "null"}]))) == {"null": (0, 2)}


def test_do_while_runs_at_least_once() -> None:
    """The body of a do-while runs once to max_iterations times."""
    assert counted(repeat("n", "(metadata['n_index'] < 3)", {"task": "null"}, max_iterations=5)) == {"null": (1, 5)}


def test_types_share_the_iterations() -> None:
    """Of a task whose type depends on a loop, each type has its share."""
    body = {"task": "'make_{v}'.format(**metadata)", "outputs": {"file": "'f_{v_index}'.format(**metadata)"}}
    assert counted(loop("v", ["x", "y", "x"], body)) == {"make_x": (2, 2), "make_y": (1, 1)}


def test_pods_of_tasks_that_are_judged_where_they_run() -> None:
    """They have one pod each instead of two, and steps without pods beside."""
    found = [
        shape(chain) for one in ("null", "lazy") for chain in [checked({"task": one, "qc": "inline"}).chain] if chain
    ]
    assert [(one.pods.high, one.nodes.high) for one in found] == [(1, 1 + 3), (1, 1 + 4)]


def test_zero_times_anything_is_zero() -> None:
    """Nothing runs in a loop without iterations, even what has no upper bound."""
    assert Count(0, 0).times(Count(0, None)) == Count(0, 0)


def test_loop_in_a_loop_without_iterations_never_runs() -> None:
    """The number of an inner loop that asks for the index of an outer one without iterations is that of none."""
    inner = {"task": "execution_for_loop", "parameter": "i", "linear_range": [0, 1, "(metadata['o_index'] + 1)"]}
    found = checked(loop("o", [], {**inner, "task_list": [{"task": "null"}]}))
    assert found.chain is not None
    assert set(repetitions(found.chain).values()) == {0}
