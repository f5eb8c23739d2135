"""Results of earlier runs are taken over where a program would come to the same again, and only there."""

from pathlib import Path
from typing import Any

import pytest

from eas import foresee
from eas.cli import main
from eas.local import Finished, resume, run
from eas.reports.reasons import reason
from eas.reuse import records_of
from eas_provenance.queries import find_run, outputs, task, timings
from eas_provenance.queries.reuse import before, facts, why
from eas_provenance.store import Store
from tests.eas.harness import Laptop, states

Json = dict[str, Any]
FILE: Json = {"type": "data"}
MAKE: Json = {"task": "make", "name": "made", "outputs": {"file": "f"}, "n": 1}
READ: Json = {"task": "read", "name": "look", "inputs": {"file": "f"}, "outputs": {"file": "g"}}
IF: Json = {
    "task": "execution_conditional",
    "requires_metadata_from": ["look"],
    "criterion": "(requested_metadata['look']['length'] > 0)",
    "task_list": [{"task": "make", "outputs": {"file": "then"}, "n": 1}],
    "else_task_list": [{"task": "make", "outputs": {"file": "else"}, "n": 2}],
}


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    """Return a machine with programs that make files, read them, and draw numbers, and note that they ran."""
    laptop = Laptop(tmp_path)
    noted = f"open({str(tmp_path / 'ran')!r}, 'a').write(ctx.path + '\\n'); "
    write = "ctx.outputs.file.path.write_text"
    length = {"length": {"type": "int"}}
    laptop.program(
        "make",
        f"{noted}{write}('x' * ctx.settings.n); ctx.emit(length=ctx.settings.n)",
        judge="ctx.check('length', ctx.metadata['length'], maximum=3)",
        outputs={"file": FILE},
        settings={"n": {"type": "int"}, "label": {"type": "text", "default": ""}},
        metadata=length,
    )
    body = f"text = ctx.inputs.file.path.read_text(); {noted}{write}(text * 2); ctx.emit(length=len(text))"
    laptop.program("read", body, inputs={"file": FILE}, outputs={"file": FILE}, metadata=length)
    laptop.program("draw", f"{noted}{write}(str(ctx.random.random()))", outputs={"file": FILE})
    port = FILE | {"many": True}
    joined = "''.join(one.path.read_text() for one in ctx.files('files'))"
    laptop.program("join", f"{noted}{write}({joined})", inputs={"files": port}, outputs={"file": FILE})
    return laptop


def again(laptop: Laptop, *task_list: Json, **fields: Any) -> tuple[Finished, list[str]]:
    """Run a chain with what earlier runs have; return the paths of the programs that ran."""
    noted = laptop.folder / "ran"
    noted.unlink(missing_ok=True)
    request = laptop.compiled(*task_list, **fields)
    workflow = request.sources.workflow
    workflow["spec"]["arguments"]["parameters"] = [{"name": "seed", "value": fields.get("tags", ["1"])[0]}]
    with laptop.place() as place:
        finished = run(request._replace(reuse=True), place)
    return finished, noted.read_text().split() if noted.exists() else []


def reasons(laptop: Laptop, finished: Finished, path: str) -> str:
    """Return why a task was done."""
    with laptop.place() as place, place.database.session() as session:
        found = find_run(session, finished.name)
        details = task(session, found.id, path)
        assert details is not None
        return str(reason(session, found, details))


def test_nothing_is_done_twice(laptop: Laptop) -> None:
    """The same chain again runs nothing: files, verdicts and metadata are taken over, and it is told from where."""
    first, ran = again(laptop, MAKE, READ, IF)
    assert sorted(ran) == ["/t0", "/t1", "/t2?then/t0"]
    for _ in range(2):
        second, ran = again(laptop, MAKE, READ, IF)
        assert ran == []
        assert states(second) == states(first) | {"/t2?then/t0": "succeeded"}
        assert second.store.files.read(f"{second.prefix}/test/g") == b"xx"
        assert laptop.record(second, "t1/qc.json")["metadata"] == {"length": 1}
        assert reasons(laptop, second, "/t1") == f"taken over from {first.name}/t1, try 0"
        with laptop.place() as place, place.database.session() as session:
            number = find_run(session, second.name).id
            assert [one.measured for one in timings(session, number)] == [0, 0]
            (version,) = outputs(session, number, "/t1")
            assert (version.verdict, version.key) == ("pass", f"{second.prefix}/test/g")


def test_only_what_changed_is_done(laptop: Laptop) -> None:
    """After an edit, what does not depend on it is taken over; of the rest the reason is told."""
    again(laptop, MAKE, READ, MAKE | {"name": "other", "outputs": {"file": "h"}})
    second, ran = again(laptop, MAKE | {"n": 2}, READ, MAKE | {"name": "other", "outputs": {"file": "h"}})
    assert sorted(ran) == ["/t0", "/t1"]
    assert "setting n changed 1 → 2" in reasons(laptop, second, "/t0")
    assert "input file differs" in reasons(laptop, second, "/t1")
    third, ran = again(laptop, MAKE | {"n": 1, "label": "new"}, READ)
    assert ran == ["/t0"]  # it makes the file that it made in the first run, which was read before
    assert "setting label changed '' → 'new'" in reasons(laptop, third, "/t0")


def test_a_task_that_moves_is_the_same(laptop: Laptop) -> None:
    """Where a task stands in the chain is no reason to do it."""
    again(laptop, MAKE, READ)
    _, ran = again(laptop, {"task": "draw", "outputs": {"file": "d"}}, MAKE, READ)
    assert ran == ["/t0"]


def test_code_that_changed_is_run(laptop: Laptop) -> None:
    """What another version of a program has made is not taken."""
    first, _ = again(laptop, MAKE)
    laptop.program(
        "make",
        "ctx.outputs.file.path.write_text('new'); ctx.emit(length=3)",
        **{key: laptop.types["make"][key] for key in ("outputs", "settings", "metadata")},
    )
    second, _ = again(laptop, MAKE)
    assert second.store.files.read(f"{second.prefix}/test/f") == b"new"
    assert reasons(laptop, second, "/t0").endswith(f"{first.name}: the code of its program or of its container changed")


def test_a_bound_that_moved_is_judged_alone(laptop: Laptop) -> None:
    """When the chain moves a bound, quality control is done again, and the program is not."""
    again(laptop, MAKE)
    second, ran = again(laptop, MAKE | {"qc": {"length": 0}})
    assert ran == []
    assert states(second) == {"/t0": "failed"}
    _, ran = again(laptop, MAKE)
    assert ran == []
    _, ran = again(laptop, MAKE | {"qc": {"length": 0}})
    assert ran == []


def test_questions_are_answered_anew(laptop: Laptop) -> None:
    """A criterion that changed is asked of what was taken over."""
    again(laptop, MAKE, READ, IF)
    second, ran = again(laptop, MAKE, READ, IF | {"criterion": "(requested_metadata['look']['length'] > 9)"})
    assert ran == ["/t2?else/t0"]
    assert states(second)["/t2?else/t0"] == "succeeded"


def test_random_numbers_are_those_of_a_seed(laptop: Laptop) -> None:
    """A program that asks for random numbers comes to the same only with the same seed, in the same place."""
    draw = {"task": "draw", "outputs": {"file": "d"}}
    assert sorted(again(laptop, draw, MAKE, tags=["1"])[1]) == ["/t0", "/t1"]
    assert again(laptop, draw, MAKE, tags=["2"])[1] == ["/t0"]
    assert again(laptop, draw, MAKE, tags=["2"])[1] == []
    assert again(laptop, MAKE, draw, tags=["2"])[1] == ["/t1"]


def test_gathered_files_are_taken_over(laptop: Laptop) -> None:
    """Families are gathered as ever, also when they were judged where they ran."""
    each = {
        "task": "make",
        "qc": "inline",
        "outputs": {"file": "'f-{i_index}'.format(**metadata)"},
        "n": "(metadata['i'])",
    }
    loop = {"task": "execution_for_loop", "parameter": "i", "task_list": [each]}
    join = {"task": "join", "inputs": {"files": "f-*"}, "outputs": {"file": "all"}}
    again(laptop, loop | {"values": [1, 2]}, join)
    second, ran = again(laptop, loop | {"values": [1, 2, 3]}, join)
    assert sorted(ran) == ["/t0[i=2]/t0", "/t1"]
    assert second.store.files.read(f"{second.prefix}/test/all") == b"xxxxxx"
    _, ran = again(laptop, loop | {"values": [1, 2, 3]}, join)
    assert ran == []


@pytest.mark.parametrize("changes", [{"cache": False}, {"n": 4}])
def test_what_must_not_be_taken(laptop: Laptop, changes: Json) -> None:
    """What the chain says is never to be reused, and what did not pass, is done again."""
    again(laptop, MAKE | changes)
    second, ran = again(laptop, MAKE | changes)
    assert ran == ["/t0"]
    if "n" in changes:
        assert "it did not pass (fail)" in reasons(laptop, second, "/t0")


def test_what_is_damaged_is_made_anew(laptop: Laptop) -> None:
    """A result whose files are not there any more is none."""
    first, _ = again(laptop, MAKE)
    first.store.files.path(f"{first.prefix}/test/f").unlink()
    assert again(laptop, MAKE)[1] == ["/t0"]


def test_a_run_without_it_does_all(laptop: Laptop) -> None:
    """Nothing is taken over unless that is asked for; `resume` goes on as the run began."""
    first, _ = again(laptop, MAKE)
    plain = laptop.run(MAKE)
    assert laptop.record(plain, "t0/attempt-0/run.json").get("reused") is None
    assert reasons(laptop, plain, "/t0") == f"done, though nothing that is noted differs from {first.name}"
    with laptop.place() as place:
        assert not resume(place.store.run(first.name), place).is_failed


def test_why_compares_what_results_depend_on(laptop: Laptop) -> None:
    """Every difference is told, and nothing else."""
    first, _ = again(laptop, MAKE, READ)
    with laptop.place() as place, place.database.session() as session:
        number = find_run(session, first.name).id
        made, read = facts(session, number, "/t0"), facts(session, number, "/t1")
        assert made is not None
        assert read is not None
        assert before(session, "chain.json", "/t0", "make") == (first.name, made)
        assert before(session, "other.json", "/t0", "make") is None
    assert why(made, made) == ()
    assert why(made._replace(settings={"n": True}), made) == ("setting n changed 1 → True", "setting label is gone")
    assert why(made._replace(code="x", image="b:2"), made) == ("image differs: test/box:1 → b:2",)
    assert why(made._replace(outputs={"file": ("test", "q")}), made) == ("output file is called test/q",)
    assert why(made._replace(variables={"i": 1}), made) == ("loop variable i is new: 1",)
    other = {"file": (("test", "q", "0"),)}
    assert why(read._replace(inputs=other), read) == ("input file is another file: test/f → test/q",)
    assert why(read._replace(inputs={"file": other["file"] * 2}), read) == ("input file has 2 files, not 1",)
    assert why(made._replace(content="0"), made)[0].startswith("the metadata of its inputs")
    assert why(made, made._replace(content=""))[0].startswith("the run is of an EAS that did not note")


def foreseen(laptop: Laptop, *task_list: Json) -> dict[str, str]:
    """Return what would become of the tasks of a chain: where results are, or why they would be done."""
    request = laptop.compiled(*task_list)
    request.sources.workflow["spec"]["arguments"]["parameters"] = [{"name": "seed", "value": "1"}]
    chain = foresee.Chain("chain.json", request.sources.workflow, (), request.containers)
    with laptop.place() as place:
        found = foresee.foresee(chain, place.store, place.database)
    return {one.path: one.reason or one.source for one in found}


def test_a_plan_foresees_what_is_taken_over(laptop: Laptop) -> None:
    """A plan tells for each task where its result is, or why it would be done; nothing runs, and nothing is kept."""
    assert foreseen(laptop, MAKE, READ) == {"/t0": "never run", "/t1": ""}
    first, _ = again(laptop, MAKE, READ, IF)
    (laptop.folder / "ran").unlink()
    there = {f"/t{number}": f"{first.name}/t{number}" for number in (0, 1)}
    assert foreseen(laptop, MAKE, READ, IF) == there | {"/t2?then/t0": f"{first.name}/t2?then/t0"}
    changed = IF | {"criterion": "(requested_metadata['look']['length'] > 9)"}
    assert foreseen(laptop, MAKE, READ, changed) == there | {"/t2?else/t0": "never run"}
    assert foreseen(laptop, MAKE | {"n": 2}, READ) == {"/t0": "setting n changed 1 → 2", "/t1": ""}
    assert foreseen(laptop, MAKE | {"cache": False}) == {"/t0": '"cache": false'}
    moved = foreseen(laptop, MAKE | {"qc": {"length": 1}}, READ)
    assert moved == {"/t0": "a bound of its quality control moved", "/t1": ""}
    assert not (laptop.folder / "ran").exists()
    assert [one.name for one in Store(laptop.store).runs()] == [first.name]


def test_records_follow_from_paths() -> None:
    """The folder of a task's records is its path without indices, which come last."""
    assert records_of("/t0[size=1]/t1#3/t2?else/t4") == "/t0[size]/t1#/t2?else/t4/1.3"
    assert records_of("/t2") == "/t2"


def test_the_command(laptop: Laptop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a seed that of the run before is taken, because an edit would change it; clusters refuse the option."""
    monkeypatch.chdir(Path(__file__).parents[2])
    chain = laptop.folder / "chain.json"
    text = '{"task_list": [{"task": "null", "seconds": "(0.001 * random.random())"}]}'
    chain.write_text(text)
    options = ["run", str(chain), "--reuse", "-q", "--store", str(laptop.folder / "here")]
    assert main(options) == 0
    chain.write_text(text.replace('{"task": "null"', '{"task": "null", "name": "edited"'))
    assert main(options) == 0
    assert "1 succeeded, 1 of them taken over from earlier runs" in capsys.readouterr().out
    assert main(["plan", *options[1:3], "--store", str(laptop.folder / "here")]) == 0
    assert "reuse: 1 tasks would be taken over, 0 would be done" in capsys.readouterr().out
    assert main([*options, "--seed", "7"]) == 0
    assert "taken over" not in capsys.readouterr().out
    assert main([*options, "--site", "cluster"]) == 2
    assert "results are taken over on this machine alone" in capsys.readouterr().err
