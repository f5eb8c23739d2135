"""Items that wait for each other."""

from tests.compiler.compiling import checked, choose, codes, make, use


def test_task_that_reads_what_it_makes_waits_for_itself() -> None:
    """The smallest circle has one task."""
    assert codes(checked({"task": "use", "inputs": {"one": "f"}, "outputs": {"file": "f"}}).diagnostics) == ["circle"]


def test_circle_through_units_shows_the_way_round() -> None:
    """A circle is shown with all items on it, each at its place."""
    other = {"task": "use", "inputs": {"one": "f"}, "outputs": {"file": "g"}, "name": "other"}
    found = checked(
        choose(True, [use("g")], [{"task": "null"}], name="branch"),
        other,
        make("f", "maker", requires_metadata_from=["branch"]),
    )
    (one,) = [one for one in found.diagnostics if one.code == "circle"]
    assert "'branch' → 'other' → 'maker' → 'branch'" in one.message
    assert len(one.related) == 2
