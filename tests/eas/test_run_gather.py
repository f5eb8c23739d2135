"""Gathering, run on this machine with programs that a test writes."""

from pathlib import Path
from typing import Any

from eas.local import rerun
from eas_provenance.queries import find_run, inputs
from tests.eas.harness import Laptop, states

MAKE = {
    "task": "execution_for_loop",
    "parameter": "i",
    "values": [0, 1, 2],
    "task_list": [
        {"task": "make", "outputs": {"file": "'f_{i_index}'.format(**metadata)"}, "n": "(metadata['i'])"},
    ],
}
JOIN = {"task": "join", "inputs": {"files": "f_*"}, "outputs": {"file": "all"}}


def laptop_with_programs(folder: Path, **join: Any) -> Laptop:
    """Write a program that makes files, the last of which does not pass, and one that gathers them."""
    laptop = Laptop(folder)
    port = {"type": "data"}
    laptop.program(
        "make",
        'ctx.emit(n=ctx.settings.n)\nctx.output("file").write_text(f"<{ctx.settings.n}>")',
        judge='ctx.check("small", ctx.metadata["n"], maximum=1)',
        outputs={"file": port},
        settings={"n": {"type": "int"}},
        metadata={"n": {"type": "int"}},
    )
    laptop.program(
        "join",
        """
        files = ctx.files("files")
        ctx.output("file").write_text("".join(one.path.read_text() for one in files))
        ctx.emit(n=[one.metadata["n"] for one in files], i=[one.loop_variables["i_index"] for one in files])
        """,
        inputs={"files": port | {"many": True} | join},
        outputs={"file": port},
    )
    return laptop


def test_what_passed_is_gathered_in_order(tmp_path: Path) -> None:
    """The files that passed are read in the order of iterations; the failure of the others is not forgotten."""
    laptop = laptop_with_programs(tmp_path)
    finished = laptop.run(MAKE, JOIN)
    assert states(finished)["/t1"] == "succeeded"
    assert finished.is_failed
    assert laptop.record(finished, "t1/qc.json")["metadata"] == {"n": [0, 1], "i": [0, 1]}
    path = f"{finished.prefix}/test/f_{{i}}/f_0"
    assert finished.store.files.read(path) == b"<0>"
    assert finished.store.files.read(f"{finished.prefix}/test/all") == b"<0><1>"
    with laptop.place() as place, place.database.session() as session:
        run = find_run(session, finished.name)
        used = [(one.port, one.position, one.name, one.made_by) for one in inputs(session, run.id, "/t1")]
    assert used == [("files", 0, "f_0", "/t0[i=0]/t0"), ("files", 1, "f_1", "/t0[i=1]/t0")]


def test_too_few_are_a_failure(tmp_path: Path) -> None:
    """Fewer files than a port needs are an error of who gathers them."""
    finished = laptop_with_programs(tmp_path, min=3).run(MAKE, JOIN)
    (task,) = (one for one in finished.tasks() if one.path == "/t1")
    assert (task.state, task.message) == (
        "error",
        "input 'files' gathered 2 files that passed, and needs at least 3",
    )


def test_files_of_a_task_that_is_blocked_now_do_not_count(tmp_path: Path) -> None:
    """When a run is done again and a task is blocked that was not before, what it made before is not gathered."""
    laptop = laptop_with_programs(tmp_path)
    is_bad = tmp_path / "bad"
    port = {"type": "data"}
    judge = f"ctx.check('good', not os.path.exists({str(is_bad)!r}))"
    laptop.program("begin", "ctx.emit(n=1)", judge=judge, metadata={"n": {"type": "int"}})
    body = "ctx.output('file').write_text('late')"
    laptop.program("late", body, outputs={"file": port})
    chain: list[Any] = [
        MAKE,
        {"task": "begin", "name": "first"},
        {"task": "late", "requires_metadata_from": ["first"], "outputs": {"file": "f_9"}},
        JOIN | {"requires_metadata_from": []},
    ]
    laptop.program(
        "join",
        "ctx.output('file').write_text(''.join(one.path.read_text() for one in ctx.files('files')))",
        inputs={"files": port | {"many": True}},
        outputs={"file": port},
    )
    finished = laptop.run(*chain)
    key = f"{finished.prefix}/test/all"
    assert finished.store.files.read(key) == b"<0><1>late"
    is_bad.touch()
    with laptop.place() as place:
        finished = rerun(place.store.run(finished.name), place, lambda task: task.path == "/t1")
        assert states(finished)["/t2"] == "blocked"
        assert finished.store.files.read(key) == b"<0><1>"
        is_bad.unlink()
        finished = rerun(place.store.run(finished.name), place, lambda task: task.path == "/t1")
    assert finished.store.files.read(key) == b"<0><1>late"
