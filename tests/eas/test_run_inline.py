"""Runs on this machine of tasks that are judged in the process of their program."""

import json

import pytest

from eas_argo.laptop import programs
from tests.eas.harness import Laptop, only, states
from tests.eas.test_run import FILE, Json, count

N: Json = {"metadata": {"n": {"type": "int"}}}


def inline(task: str, name: str | None = None, *needed: str, **fields: object) -> Json:
    """Write a task that is judged where it runs."""
    after = {"requires_metadata_from": list(needed)} if needed else {}
    return {"task": task, "qc": "inline", **({"name": name} if name else {}), **after, **fields}


def test_files_metadata_and_answers_go_on(laptop: Laptop) -> None:
    """What a task made and emitted, and what its quality control added, reach those who need it: one pod does all."""
    laptop.program("make", 'ctx.outputs.file.path.write_text("42"); ctx.emit(n=1)', judge="ctx.emit(n=2)", **FILE, **N)
    laptop.program("read", "ctx.emit(n=int(ctx.inputs.one.path.read_text()))", inputs={"one": {"type": "data"}})
    range_ = "(requested_metadata['a']['n'])"
    finished = laptop.run(
        inline("make", "a", outputs={"file": "f.txt"}),
        {
            "task": "execution_for_loop",
            "requires_metadata_from": ["a"],
            "parameter": "i",
            "linear_range": [0, 1, range_],
            "task_list": [inline("read", inputs={"one": "f.txt"})],
        },
    )
    assert states(finished) == dict.fromkeys(("/t0", "/t1[i=0]/t0", "/t1[i=1]/t0"), "succeeded")
    assert laptop.record(finished, "t1[i]/t0/1/qc.json")["metadata"] == {"n": 42}
    assert laptop.record(finished, "t0/attempt-0/run.json")["metadata"] == {"n": 1}


def test_a_loop_goes_on_as_the_task_says(laptop: Laptop) -> None:
    """A do-while asks the task in its body."""
    laptop.program("count", 'ctx.emit(n=ctx.loop_variables["i_index"])', **N)
    finished = laptop.run(
        {
            "task": "execution_do_while_loop",
            "iteration_name": "i",
            "requires_metadata_from_child": ["a"],
            "repeat_criterion": "(requested_metadata['a']['n'] < 3)",
            "task_list": [inline("count", "a")],
        }
    )
    assert states(finished) == {f"/t0#{number}/t0": "succeeded" for number in (1, 2, 3)}


def test_verdicts_and_other_ends(laptop: Laptop) -> None:
    """Each end has the state, the words and the exit status that it has with a gate of its own."""
    laptop.program("null", "pass")
    laptop.program("bad", "pass", judge='ctx.check("n", 1, minimum=2)')
    laptop.program("raises", 'raise ValueError("no such star")')
    laptop.program("fails", 'raise Failed("too faint")')
    laptop.program("broken", "pass", judge='raise ValueError("no such check")')
    laptop.program("idles", 'raise NoWork("all done")', no_work=True)
    laptop.program("undeclared", 'raise NoWork("all done")')
    kinds = ("bad", "raises", "fails", "broken", "idles", "undeclared")
    tasks = [one for kind in kinds for one in (inline(kind, kind), inline("null", None, kind))]
    finished = laptop.run(*tasks)
    assert [states(finished)[f"/t{number}"] for number in range(0, 12, 2)] == [
        "failed", "error", "error", "error", "skipped", "error",
    ]  # fmt: skip
    assert {states(finished)[f"/t{number}"] for number in range(1, 12, 2)} == {"blocked"}
    assert [(task.exit_code, task.message) for task in finished.problems()] == [
        (0, "fail: n: n is 1, must be at least 2"),
        (1, "ValueError: no such star"),
        (10, "too faint"),
        (0, "error: quality control: ValueError: no such check"),
        (0, "error: NoWork was raised, but the task type does not declare no_work: all done"),
    ]
    verdicts = [laptop.record(finished, f"t{number}/qc.json")["verdict"] for number in (0, 2, 4, 6, 10)]
    assert verdicts == ["fail", "error", "error", "error", "error"]
    assert not finished.store.files.read(f"{finished.prefix}/.records/t8/qc.json")


def test_no_verdict_is_tried_again(laptop: Laptop) -> None:
    """A program that raised is, as often as the chain says; the verdict is that of the last try."""
    laptop.program("make", f"if {count(laptop)} < 1: raise OSError('not yet')", judge="ctx.check('a', False)")
    finished = laptop.run(inline("make", retry={"limit": 3}))
    assert (only(finished).state, only(finished).verdict) == ("failed", "fail")
    assert laptop.record(finished, "t0/qc.json")["attempt"] == 1
    assert finished.store.files.read(f"{finished.prefix}/.records/t0/attempt-2/run.json") is None


def test_a_program_that_always_raises(laptop: Laptop) -> None:
    """After the last try there is a verdict, and every try has its record."""
    laptop.program("make", f"raise OSError({count(laptop)})")
    finished = laptop.run(inline("make", retry={"limit": 2}))
    assert [laptop.record(finished, f"t0/attempt-{number}/run.json")["message"] for number in range(3)] == [
        "OSError: 0", "OSError: 1", "OSError: 2",
    ]  # fmt: skip
    assert (laptop.record(finished, "t0/qc.json")["attempt"], only(finished).message) == (2, "OSError: 2")


@pytest.mark.parametrize("where", ["program", "judge"])
def test_a_killed_pod_is_reported_by_the_rescue(laptop: Laptop, where: str) -> None:
    """Whether the program or its quality control was killed: there is a verdict with a reason, and nobody goes on."""
    killed = {where: "os.kill(os.getpid(), signal.SIGKILL)"}
    laptop.program("make", killed.get("program", "pass"), judge=killed.get("judge", ""))
    laptop.program("null", "pass")
    finished = laptop.run(inline("make", "a"), inline("null", None, "a"))
    assert states(finished) == {"/t0": "error", "/t1": "blocked"}
    (problem,) = finished.problems()
    assert (problem.exit_code, problem.message) == (137, "killed by SIGKILL")
    record = laptop.record(finished, "t0/qc.json")
    assert (record["verdict"], record["path"], record["task"]) == ("error", "/t0", "make")
    assert ("killed" if where == "program" else "its step is Failed") in record["reason"]


@pytest.mark.parametrize("where", ["program", "judge"])
def test_the_time_limit_is_for_both(laptop: Laptop, where: str) -> None:
    """A pod over its time is an error with Argo's message, and with a verdict."""
    slow = {where: "time.sleep(60)"}
    laptop.program("make", slow.get("program", "pass"), judge=slow.get("judge", ""), time_limit_s=1)
    finished = laptop.run(inline("make"))
    assert (only(finished).state, only(finished).message) == ("error", programs.DEADLINE)
    record = laptop.record(
        finished, "t0/qc.json"
    )  # it may have had no time to begin: then all that is known is its end
    assert record["verdict"] == "error"
    assert "told to stop" in record["reason"] or "killed or never started" in record["reason"]


def test_metadata_and_outputs_of_a_failed_verdict_are_kept(laptop: Laptop) -> None:
    """What quality control refused can still be looked at."""
    laptop.program("make", 'ctx.outputs.file.path.write_text("x")', judge='ctx.check("a", False)', **FILE)
    finished = laptop.run(inline("make", outputs={"file": "f"}))
    assert finished.store.files.read(f"{finished.prefix}/test/f") == b"x"
    product = json.loads(finished.store.files.read(f"{finished.prefix}/.products/test/f.json") or b"{}")
    assert product["producer"]["path"] == "/t0"
