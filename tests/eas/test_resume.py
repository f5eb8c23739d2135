"""An engine may be killed at any moment, as often as it likes: the run ends as if nobody had."""

import contextlib
import hashlib
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from eas.local import Finished, NothingToDoError, rerun, resume, run
from eas.recording import Recording
from eas_provenance.database import Database
from eas_provenance.errors import BusyError
from eas_provenance.follow import catch_up
from eas_provenance.queries import RunFilter, TaskFilter, find_run, runs, tasks
from eas_provenance.states import Task
from eas_provenance.store import Store
from eas_provenance.tables import Cursor
from eas_provenance.tables import Task as TaskRow
from tests.eas.harness import ROOT, Laptop, eventually, states

Json = dict[str, Any]
FILE: Json = {"outputs": {"file": {"type": "data"}}}
READS: Json = {"inputs": {"file": {"type": "data"}}, **FILE}
NUMBER: Json = {"metadata": {"n": {"type": "int"}}}
ENGINE = """
import sys
from pathlib import Path
from tests.eas.harness import work
work(Path(sys.argv[1]), *sys.argv[2:] or [None])
"""


def name(letter: str, variable: str) -> str:
    """Write the name of a file that holds an index."""
    return f"'{letter}-{{{variable}}}'.format(**metadata)"


LOOP: Json = {
    "task": "execution_for_loop",
    "parameter": "i",
    "values": list(range(5)),
    "task_list": [
        {
            "task": "make",
            "name": "made",
            "n": "(metadata['i'])",
            "outputs": {"file": name("m", "i_index")},
        },
        {
            "task": "read",
            "inputs": {"file": name("m", "i_index")},
            "outputs": {"file": name("r", "i_index")},
        },
        {
            "task": "execution_conditional",
            "criterion": "(requested_metadata['made']['n'] > 2)",
            "requires_metadata_from": ["made"],
            "task_list": [
                {
                    "task": "read",
                    "inputs": {"file": name("r", "i_index")},
                    "outputs": {"file": name("t", "i_index")},
                }
            ],
            "else_task_list": [{"task": "fails"}],
        },
    ],
}
REPEAT: Json = {
    "task": "execution_do_while_loop",
    "iteration_name": "again",
    "repeat_criterion": "(requested_metadata['counted']['n'] < 3)",
    "requires_metadata_from_child": ["counted"],
    "task_list": [
        {
            "task": "make",
            "name": "counted",
            "n": "(metadata['again_index'])",
            "outputs": {"file": name("c", "again_index")},
        }
    ],
}


@pytest.fixture
def laptop(laptop: Laptop) -> Laptop:
    """Return a machine with programs that make files, read them, and fail quality control."""
    write = "ctx.outputs.file.path.write_text"
    laptop.program(
        "make",
        f"n = ctx.settings['n']; {write}(str(n) * 1000); ctx.emit(n=n); time.sleep(0.02)",
        settings={"n": {"type": "int"}},
        **NUMBER,
        **FILE,
    )
    laptop.program("read", f"{write}(ctx.inputs.file.path.read_text() + '!')", **READS)
    laptop.program("fails", "ctx.emit(n=1)", judge="ctx.check('n', 1, minimum=2)", **NUMBER)
    return laptop


def products(finished: Finished) -> dict[str, str]:
    """Return the checksums of the files that a run made, without its records."""
    folder = finished.store.files.folder / finished.prefix
    files = [path for path in folder.glob("[!.]*/**/*") if path.is_file()]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(finished: Finished) -> dict[str, Any]:
    """Return what the database knows of the tasks of a run."""
    with Database.open(finished.store.database) as database, database.session() as session:
        run = find_run(session, finished.name)
        page = tasks(session, run.id, TaskFilter(), limit=1000)
        return {one.path: (one.state, one.verdict) for one in page.rows}


class Engine:
    """An engine in a process of its own."""

    def __init__(self, laptop: Laptop, resumed: str | None = None) -> None:
        arguments = [str(laptop.folder), *([resumed] if resumed else [])]
        self.process = subprocess.Popen([sys.executable, "-c", ENGINE, *arguments], cwd=ROOT, stderr=subprocess.PIPE)

    def has_ended(self, seconds: float) -> bool:
        """Wait for it to end of itself for some time."""
        try:
            _, said = self.process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        assert self.process.returncode == 0, said.decode()
        return True

    def kill(self) -> None:
        """Kill it."""
        self.process.kill()
        self.process.communicate()


def newest(laptop: Laptop) -> str:
    """Return the name of the only run."""
    (folder,) = eventually(lambda: list(Store(laptop.store).runs()))
    return str(folder.name)


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moment(laptop: Laptop, seed: int) -> None:
    """States, verdicts, rows and files are those of a run that nobody disturbed."""
    undisturbed = laptop.run(LOOP, REPEAT, store=laptop.folder / "undisturbed")
    laptop.compiled(LOOP, REPEAT)
    chance = random.Random(seed)
    engine = Engine(laptop)
    newest(laptop)
    for _ in range(8):
        if engine.has_ended(chance.uniform(0.0, 1.2)):
            break
        engine.kill()
        engine = Engine(laptop, newest(laptop))
    assert engine.has_ended(120)
    with laptop.place() as place:
        finished = resume(place.store.run(newest(laptop)), place)
    assert states(finished) == states(undisturbed)
    assert products(finished) == products(undisturbed)
    assert rows(finished) == rows(undisturbed)
    assert not finished.store.work(finished.name).exists()
    assert not list(finished.store.files.folder.glob(".part/*"))


def test_what_ended_is_not_done_again(laptop: Laptop) -> None:
    """Every program that had passed when the engine died ran once."""
    note = laptop.folder / "ran"
    laptop.program("notes", f"open({str(note)!r}, 'a').write('x')")
    laptop.program("hangs", f"time.sleep(0 if os.path.exists({str(note)!r} + '.go') else 60)")
    laptop.compiled({"task": "notes", "name": "a"}, {"task": "hangs", "requires_metadata_from": ["a"]})
    engine = Engine(laptop)
    eventually(lambda: any("t1" in name for name in Store(laptop.store).run(newest(laptop)).journal.nodes()))
    engine.kill()
    Path(f"{note}.go").touch()
    with laptop.place() as place:
        finished = resume(place.store.run(newest(laptop)), place)
    assert states(finished) == {"/t0": "succeeded", "/t1": "succeeded"}
    assert note.read_text(encoding="utf-8") == "x"


def test_a_dead_engine_shows_as_interrupted(laptop: Laptop) -> None:
    """As soon as somebody looks; what the database lacked is taken from the journal."""
    laptop.program("hangs", "time.sleep(60)")
    laptop.compiled({"task": "make", "n": 1, "outputs": {"file": "f"}}, {"task": "hangs"})
    engine = Engine(laptop)
    store = Store(laptop.store)
    eventually(lambda: any(node["phase"] == "Succeeded" for node in store.run(newest(laptop)).journal.nodes().values()))
    with laptop.place() as place, pytest.raises(BusyError):
        resume(place.store.run(newest(laptop)), place)
    engine.kill()
    with Database.open(store.database) as database:
        eventually(lambda: not store.run(newest(laptop)).has_engine())
        catch_up(database, store)
        with database.session() as session:
            (run,) = runs(session, RunFilter()).rows
            assert run.state == "interrupted"
            assert {one.path for one in tasks(session, run.id, TaskFilter()).rows} == {"/t0", "/t1"}


def failing(laptop: Laptop) -> tuple[Path, Finished]:
    """Run a chain with a task that fails unless a file is there, and one that waits for it."""
    mended = laptop.folder / "mended"
    judge = "ctx.check('n', ctx.metadata['n'], minimum=1)"
    laptop.program("fragile", f"ctx.emit(n=int(os.path.exists({str(mended)!r})))", judge=judge, **NUMBER)
    laptop.program("copy", "ctx.emit(n=1)", **NUMBER)
    wait = {"requires_metadata_from": ["a"]}
    return mended, laptop.run({"task": "fragile", "name": "a"}, {"task": "copy", **wait}, {"task": "copy"})


def again(laptop: Laptop, finished: Finished, *paths: str) -> Finished:
    """Do some tasks again."""

    def chosen(task: Task) -> bool:
        return task.path in paths

    with laptop.place() as place:
        return rerun(place.store.run(finished.name), place, chosen)


def test_failed_tasks_are_done_again(laptop: Laptop) -> None:
    """With what they blocked, and nothing else; earlier tries are kept."""
    mended, finished = failing(laptop)
    assert states(finished) == {"/t0": "failed", "/t1": "blocked", "/t2": "succeeded"}
    mended.touch()
    done = again(laptop, finished, "/t0")
    assert states(done) == {"/t0": "succeeded", "/t1": "succeeded", "/t2": "succeeded"}
    assert not done.is_failed
    assert {path: len(done.states.tasks[path].tries) for path in ("/t0", "/t2")} == {"/t0": 4, "/t2": 2}
    assert laptop.record(done, "t0/attempt-0/run.json")["metadata"] == {"n": 0}
    assert laptop.record(done, "t0/attempt-1/run.json")["metadata"] == {"n": 1}


def test_what_depends_on_it_is_done_again(laptop: Laptop) -> None:
    """As with make."""
    mended, finished = failing(laptop)
    mended.touch()
    done = again(laptop, again(laptop, finished, "/t0"), "/t0")
    tries = {path: sum(verb == "run" for verb, _ in task.tries) for path, task in done.states.tasks.items()}
    assert tries == {"/t0": 3, "/t1": 2, "/t2": 1}


def test_nothing_to_do_again(laptop: Laptop) -> None:
    """No task is chosen: nothing is begun."""
    _, finished = failing(laptop)
    with pytest.raises(NothingToDoError):
        again(laptop, finished)


def test_a_loop_that_shrinks(laptop: Laptop) -> None:
    """Iterations that are no part of the run any more are none of the database either."""
    many = laptop.folder / "many"
    many.touch()
    laptop.program("count", f"ctx.emit(n=3 if os.path.exists({str(many)!r}) else 1)", **NUMBER)
    laptop.program("null", "pass")
    loop = {"task": "execution_for_loop", "parameter": "i", "linear_range": [0, 1, "(requested_metadata['c']['n'])"]}
    finished = laptop.run(
        {"task": "count", "name": "c"},
        {**loop, "requires_metadata_from": ["c"], "task_list": [{"task": "null"}]},
    )
    assert len(states(finished)) == 4
    many.unlink()
    done = again(laptop, finished, "/t0")
    assert states(done) == {"/t0": "succeeded", "/t1[i=0]/t0": "succeeded"}
    assert rows(done).keys() == states(done).keys()
    assert json.loads(json.dumps(rows(done)))


# ---- Others on the same store, and disks


def test_two_runs_at_once(laptop: Laptop) -> None:
    """Both end, and the database has both."""
    alone = laptop.run(LOOP, REPEAT, store=laptop.folder / "alone")
    laptop.compiled(LOOP, REPEAT)
    both = [Engine(laptop), Engine(laptop)]
    assert all(engine.has_ended(120) for engine in both)
    with Database.open(Store(laptop.store).database) as database, database.session() as session:
        listed = runs(session, RunFilter()).rows
        assert [run.state for run in listed] == ["failed", "failed"]
        for run in listed:
            found = tasks(session, run.id, TaskFilter(), limit=1000).rows
            assert {one.path: one.state for one in found} == states(alone)


def test_a_database_that_is_locked(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run does not wait for it; what the database lacks is told, and there after the next look."""
    store = Store(laptop.store)
    begin = Recording.__enter__
    request = laptop.compiled(LOOP)
    with Database.open(store.database) as other, laptop.place() as place, contextlib.ExitStack() as locked:

        def begin_locked(self: Recording) -> Recording:
            locked.enter_context(other.writing())
            return begin(self)

        monkeypatch.setattr(Recording, "__enter__", begin_locked)
        with Database.open(store.database, timeout_s=0.05) as impatient:
            finished = run(request, place._replace(database=impatient), laptop.warnings.append)
        assert states(finished)["/t0[i=4]/t2?then/t0"] == "succeeded"
        assert laptop.warnings[0].startswith("the database lacks the end of this run: ")
        assert rows(finished) == {}
        locked.close()
        catch_up(other, store)
    assert {path: state for path, (state, _) in rows(finished).items()} == states(finished)


@pytest.mark.parametrize("file", ["about.json", "workflow.json", "nodes.jsonl"])
def test_a_damaged_run_hides_no_other(laptop: Laptop, file: str) -> None:
    """It is named, and the others are shown."""
    finished = laptop.run({"task": "fails"})
    damaged = laptop.store / "runs" / "damaged"
    shutil.copytree(laptop.store / "runs" / finished.name, damaged)
    (damaged / file).write_bytes(b"[]\n")
    with Database.open(finished.store.database) as database:
        (problem,) = catch_up(database, finished.store)
        assert str(damaged / file) in problem
        with database.session() as session:
            assert finished.name in {run.name for run in runs(session, RunFilter()).rows}


def test_nobody_writes_what_an_engine_has_left_behind(laptop: Laptop) -> None:
    """As long as an engine works on a run, the run is its to keep; and none begins while somebody catches up."""
    finished = laptop.run({"task": "fails"})
    folder = finished.store.run(finished.name)
    with Database.open(finished.store.database) as database:
        with database.writing() as batch:
            batch.delete(TaskRow)
            batch.delete(Cursor)
        with folder.engine():
            assert catch_up(database, finished.store) == []
        assert rows(finished) == {}
        catch_up(database, finished.store)
        assert rows(finished) == {"/t0": ("failed", "fail")}


def test_a_task_that_comes_back_is_judged_by_its_newest_try(laptop: Laptop) -> None:
    """What an older life left of it under another number does not count."""
    number = laptop.folder / "number"
    number.write_text("1", encoding="utf-8")
    laptop.program("reads", f"ctx.emit(n=int(open({str(number)!r}).read()))", **NUMBER)
    laptop.program(
        "fragile",
        f"ctx.emit(n=int(open({str(number)!r}).read()))",
        judge="ctx.check('n', ctx.metadata['n'], minimum=0)",
        **NUMBER,
    )
    finished = laptop.run({"task": "fragile", "name": "a"}, {"task": "reads", "requires_metadata_from": ["a"]})
    for said, path in (("2", "/t1"), ("-1", "/t0"), ("3", "/t0")):
        number.write_text(said, encoding="utf-8")
        finished = again(laptop, finished, path)
        assert states(finished)["/t1"] == ("blocked" if said == "-1" else "succeeded")
    assert laptop.record(finished, "t1/qc.json")["metadata"] == {"n": 3}


def test_a_try_that_was_shut_down_is_one_of_its_own(laptop: Laptop) -> None:
    """The program ran twice, and two tries are known."""
    note = laptop.folder / "note"
    laptop.program("waits", f"time.sleep(0 if os.path.exists({str(note)!r}) else 60)")
    laptop.compiled({"task": "waits"})
    engine = Engine(laptop)
    folder = Store(laptop.store).run(newest(laptop))
    eventually(
        lambda: any(node["phase"] == "Running" and "(0)" in name for name, node in folder.journal.nodes().items())
    )
    folder.cancel(at_once=True)
    engine.process.communicate(timeout=60)
    note.touch()
    with laptop.place() as place:
        finished = resume(folder, place)
    assert states(finished) == {"/t0": "succeeded"}
    assert sorted(key for key in finished.states.tasks["/t0"].tries if key[0] == "run") == [("run", 0), ("run", 1)]
