"""Tasks with shards, run on this machine with programs that a test writes."""

from pathlib import Path

from eas.local import rerun
from tests.eas.harness import Laptop, states

STARS = list(range(7))
WEIGH = {"task": "weigh", "name": "weighed", "shards": 3, "outputs": {"table": "'part_{shard}'.format(**metadata)"}}
JOIN = {
    "task": "join",
    "requires_metadata_from": ["weighed"],
    "inputs": {"tables": "part_*"},
    "outputs": {"table": "all"},
    "expected": "(sum(one['stars'] for one in requested_metadata['weighed']))",
}


def laptop_with_programs(folder: Path) -> Laptop:
    """Write a program that does its part of a list, and one that joins the parts."""
    laptop = Laptop(folder)
    port = {"type": "data"}
    laptop.program(
        "weigh",
        f"""
        part = ctx.split({STARS})
        ctx.emit(stars=len(part), size=ctx.shard.size)
        ctx.output("table").write_text("".join(f"{{star}}:{{ctx.shard.rank}} " for star in part))
        """,
        judge=f"""
        ctx.check("mine", ctx.metadata["stars"] == len(ctx.split({STARS})))
        ctx.check("good", ctx.shard.rank != 1 or not os.path.exists({str(folder / "bad")!r}))
        """,
        outputs={"table": port},
        metadata={"stars": {"type": "int"}, "size": {"type": "int"}},
    )
    laptop.program(
        "join",
        """
        text = "".join(one.path.read_text() for one in ctx.files("tables"))
        ctx.output("table").write_text(f"{ctx.settings.expected}: {text}")
        """,
        inputs={"tables": port | {"many": True}},
        outputs={"table": port},
        settings={"expected": {"type": "int"}},
    )
    return laptop


def test_a_list_is_split_and_joined(tmp_path: Path) -> None:
    """Each copy does its part, in the order of ranks, and who gathers them has all of it, once."""
    laptop = laptop_with_programs(tmp_path)
    finished = laptop.run(WEIGH, JOIN)
    assert states(finished) == {**{f"/t0[shard={rank}]/t0": "succeeded" for rank in range(3)}, "/t1": "succeeded"}
    assert finished.store.files.read(f"{finished.prefix}/test/all") == b"7: 0:0 1:0 2:1 3:1 4:2 5:2 6:2 "


def test_each_copy_is_judged(tmp_path: Path) -> None:
    """One that fails blocks who names them all, and is run again alone."""
    laptop = laptop_with_programs(tmp_path)
    (tmp_path / "bad").touch()
    finished = laptop.run(WEIGH, JOIN)
    paths = [f"/t0[shard={rank}]/t0" for rank in range(3)]
    assert [states(finished)[path] for path in (*paths, "/t1")] == ["succeeded", "failed", "succeeded", "blocked"]
    (tmp_path / "bad").unlink()
    with laptop.place() as place:
        again = rerun(place.store.run(finished.name), place, lambda task: task.path == paths[1])
    assert set(states(again).values()) == {"succeeded"}
    starts = {task.path: task.program.started for task in again.tasks()}
    before = {task.path: task.program.started for task in finished.tasks()}
    assert [path for path in paths if starts[path] != before[path]] == [paths[1]]


def test_the_number_may_be_found_by_a_task(tmp_path: Path) -> None:
    """A late number of shards is the size that each copy sees; none is no failure."""
    laptop = laptop_with_programs(tmp_path)
    laptop.program(
        "count", "ctx.emit(n=ctx.settings.n)", settings={"n": {"type": "int"}}, metadata={"n": {"type": "int"}}
    )
    late = WEIGH | {"requires_metadata_from": ["counted"], "shards": "(requested_metadata['counted']['n'])"}
    finished = laptop.run({"task": "count", "name": "counted", "n": 2}, late)
    assert laptop.record(finished, "t1[shard]/t0/1/qc.json")["metadata"] == {"stars": 4, "size": 2}
    finished = laptop.run({"task": "count", "name": "counted", "n": 0}, late)
    assert states(finished) == {"/t0": "succeeded"}
    assert not finished.is_failed
