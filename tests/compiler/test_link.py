"""Files and metadata become edges between the items of each list."""

from typing import Any

import pytest

from tests.compiler.compiling import checked, choose, codes, loop, make, repeat, told, use

NAME = "'f_{i_index}'.format(**metadata)"


def waits(*tasks: Any) -> dict[str, list[str]]:
    """Return what each item waits for, by paths."""
    found = checked(*tasks)
    assert found.links is not None
    assert not found.diagnostics.errors, told(found.diagnostics)
    return {path: [one.item.common.path for one in given] for path, given in found.links.waits.items()}


def test_reader_waits_for_the_maker() -> None:
    """A task waits for the task that makes its input, wherever both stand in the list."""
    assert waits(use("f"), make("f")) == {"/t0": ["/t1"]}


def test_unit_waits_for_what_its_inside_needs() -> None:
    """What a task in a loop reads from outside, the loop waits for."""
    assert waits(make("f"), loop("i", [1, 2], loop("j", [1], use("f")))) == {"/t1": ["/t0"]}


def test_same_iteration_is_no_matter_of_the_loop() -> None:
    """Inside a loop a reader waits for the maker in the same iteration."""
    assert waits(loop("i", [1, 2], make(NAME), use(NAME))) == {"/t0[i]/t1": ["/t0[i]/t0"]}


def test_group_stands_in_the_list_around_it() -> None:
    """Tasks of a sub-chain wait and are waited for as if they stood outside."""
    group = {"task": "execution_chain", "task_list": [use("f"), make("g")]}
    assert waits(make("f"), group, use("g")) == {"/t1/t0": ["/t0"], "/t2": ["/t1/t1"]}


def test_branches_wait_each_for_its_own() -> None:
    """What one branch alone needs does not keep the other waiting."""
    assert waits(make("f"), make("g"), choose(True, [use("f")], [use("g")])) == {
        "/t2?then": ["/t0"],
        "/t2?else": ["/t1"],
    }


def test_file_of_both_branches_comes_from_the_conditional() -> None:
    """A file that both branches make is a file of the list around."""
    found = checked(choose(True, [make("f")], [make("f")]), use("f"))
    assert found.links is not None
    (wait,) = found.links.waits["/t1"]
    assert (wait.item.common.path, wait.file) == ("/t0", ("chain/f",))


def test_earlier_iteration_of_a_do_while_is_no_wait() -> None:
    """The file of the iteration before is there when an iteration begins; the first one's comes from outside."""
    before = "'f_{}'.format(metadata['n_index'] - 1)"
    body = {"task": "use", "inputs": {"one": before}, "outputs": {"file": "'f_{n_index}'.format(**metadata)"}}
    assert waits(make("f_0"), repeat("n", "(metadata['n_index'] < 3)", body)) == {"/t1": ["/t0"]}


def test_requested_metadata_is_waited_for() -> None:
    """Naming a task waits for it; naming flow control waits for all of it."""
    assert waits(loop("i", [1], name="a"), {"task": "null", "requires_metadata_from": ["a"]}) == {"/t1": ["/t0"]}


def test_file_that_nobody_makes_is_external() -> None:
    """A file without a producer comes from the repository."""
    found = checked(loop("i", [1, 2], use(NAME)))
    assert found.links is not None
    assert [one.file.port for one in found.links.externals] == ["one"]
    assert not len(found.diagnostics)


@pytest.mark.parametrize(
    "tasks",
    [
        [loop("i", [1], make(NAME)), use("f_0")],
        [choose(True, [make("f")]), use("f")],
        [loop("i", [1], use("g"), make(NAME)), {**use("f_0"), "outputs": {"file": "g"}}],
    ],
)
def test_producers_must_be_in_reach(tasks: list[Any]) -> None:
    """A file that is made where its reader cannot see it is an error."""
    assert codes(checked(*tasks).diagnostics) == ["out-of-reach"]


def test_cost_is_flat_in_iterations() -> None:
    """A loop of ten million iterations links as one of ten."""
    big = {"task": "execution_for_loop", "parameter": "i", "linear_range": [0, 1, 10_000_000]}
    assert waits({**big, "task_list": [make(NAME), use(NAME)]}) == {"/t0[i]/t1": ["/t0[i]/t0"]}
