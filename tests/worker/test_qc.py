"""`qc`: how the last try of a program is judged, and what the gate says."""

from typing import Any

import pytest

from tests.worker.harness import Site, Try, described

RECORD_KEYS = {
    "format", "path", "task", "attempt", "verdict", "reason", "traceback", "usage", "metadata", "criteria", "outputs",
    "answers", "bounds", "seed",
}  # fmt: skip


def judged(site: Site, judge: str, program: str = "pass", **fields: Any) -> Try:
    """Run a program and judge it."""
    site.write(program)
    site.write(judge, kind="qc")
    description = described(**fields)
    return site.judge(description, site.run(description))


def test_plain_verdict(site: Site) -> None:
    """A task type without quality control passes when its program is done."""
    site.write("ctx.emit(a=1)")
    gate = site.judge(described(), site.run(described()))
    assert gate.exit_status == 0
    assert set(gate.qc) == RECORD_KEYS
    assert (gate.qc["verdict"], gate.qc["attempt"], gate.qc["metadata"]) == ("pass", 0, {"a": 1})
    assert not (gate.folder / "answers").exists()  # nothing was asked


def test_sees_outputs_and_metadata(site: Site) -> None:
    """Quality control reads the outputs under their real names, and sees and adds to what the program emitted."""
    gate = judged(
        site,
        """
        file = ctx.outputs.file.path
        ctx.emit(text=file.read_text(), name=file.name, depth=2 * ctx.metadata['depth'])
        """,
        "ctx.output('file').write_text('abc'); ctx.emit(depth=1, other=5)",
        outputs={"file": "real name.txt"},
    )
    assert gate.qc["metadata"] == {"depth": 2, "other": 5, "text": "abc", "name": "real name.txt"}
    assert gate.qc["outputs"]["file"]["name"] == "real name.txt"
    assert not (gate.folder / "tmp").exists()


def test_sees_inputs(site: Site) -> None:
    """Quality control can compare with what the program read, as far as it is there."""
    site.write("pass")
    site.write("ctx.emit(text=ctx.inputs.a.path.read_text(), there='b' in ctx.inputs)", kind="qc")
    description = described(inputs={"a": "a.txt", "b": "b.txt"})
    tried = site.run(description, {"a": b"abc", "b": b"def"})
    (tried.folder / "in" / "b").unlink()
    assert site.judge(description, tried).qc["metadata"] == {"text": "abc", "there": False}


@pytest.mark.parametrize(
    ("checks", "verdict", "status"),
    [
        ("ctx.check('a', 1, maximum=1)", "pass", 0),
        ("ctx.check('a', 1, maximum=1); ctx.check('b', 2, maximum=1, severity='warn')", "warn", 0),
        ("ctx.check('a', 2, maximum=1, severity='warn'); ctx.check('b', 0, minimum=1)", "fail", 1),
        ("ctx.check('a', False)", "fail", 1),
    ],
)
def test_verdict(site: Site, checks: str, verdict: str, status: int) -> None:
    """The worst criterion decides; pass and warn leave the gate open."""
    gate = judged(site, checks, questions={"c1": question("(True)")})
    assert (gate.qc["verdict"], gate.exit_status) == (verdict, status)
    assert (gate.folder / "answers").exists() is (status == 0)


def test_criteria_are_counted(site: Site) -> None:
    """Every criterion is recorded by name, with what came out of it; the failed ones are the reason, worst first."""
    gate = judged(
        site,
        """
        ctx.check('noise', 80.0, maximum=75, unit='ppm', severity='warn', quantity='noise of a sample')
        ctx.check('depth', 0.5, minimum=1, maximum=2)
        ctx.check('finite', True)
        """,
    )
    assert gate.qc["criteria"][0] == {
        "name": "noise",
        "quantity": "noise of a sample",
        "value": 80.0,
        "bound": {"maximum": 75},
        "unit": "ppm",
        "severity": "warn",
        "result": "warn",
    }
    assert [criterion["result"] for criterion in gate.qc["criteria"]] == ["warn", "fail", "pass"]
    assert gate.qc["reason"].splitlines() == [
        "fail: depth: depth is 0.5, must be at least 1 and at most 2",
        "warn: noise: noise of a sample is 80 ppm, must be at most 75 ppm",
    ]
    assert gate.last_words == gate.qc["reason"]


@pytest.mark.parametrize("value", ["float('nan')", "float('inf')", "None", "'text'"])
def test_no_number(site: Site, value: str) -> None:
    """What is no finite number is never within bounds, and stands as null in the record."""
    gate = judged(site, f"ctx.check('a', {value}, minimum=0)")
    assert (gate.qc["verdict"], gate.qc["criteria"][0]["value"]) == ("fail", None)
    assert gate.qc["reason"] == "fail: a: a is no finite number"


@pytest.mark.parametrize(
    ("override", "verdict"),
    [
        ({"a": 10}, "pass"),
        ({"a": {"maximum": 10}}, "pass"),
        ({"a": {"maximum": None, "minimum": 6}}, "fail"),
        ({"a": {"maximum": None}}, "pass"),
        ({"a": 4}, "fail"),
        ("inline", "fail"),
        ({"a": True}, "error"),
        ({"a": {"most": 10}}, "error"),
        ({"a": 10, "b": 1}, "warn"),
    ],
)
def test_override(site: Site, override: object, verdict: str) -> None:
    """A chain can set the bounds of a criterion; an override that fits none of them is told."""
    gate = judged(site, "ctx.check('a', 5, maximum=3)", qc=override)
    assert gate.qc["verdict"] == verdict


def test_override_of_two_bounds(site: Site) -> None:
    """A mere number is no bound for a criterion that has two, or none."""
    assert "is no bound for 'a'" in judged(site, "ctx.check('a', 5, minimum=1, maximum=9)", qc={"a": 3}).qc["reason"]
    assert "is no bound for 'b'" in judged(site, "ctx.check('b', True)", qc={"b": 3}).qc["reason"]


@pytest.mark.parametrize("body", ["ctx.check('a', 1, severity='bad')", "ctx.check('a', 1); ctx.check('a', 2)"])
def test_mistakes_of_the_author(site: Site, body: str) -> None:
    """A criterion has a known severity and a name of its own."""
    assert "severity must be one of" in judged(site, body).qc["reason"]


def test_broken_judge(site: Site) -> None:
    """An exception in quality control is the verdict error, with its traceback; what was checked before is kept."""
    gate = judged(site, "ctx.check('a', True); ctx.metadata['missing']")
    assert (gate.qc["verdict"], gate.exit_status) == ("error", 1)
    assert gate.qc["reason"] == "error: quality control: KeyError: 'missing'"
    assert "thing.py" in gate.qc["traceback"]
    assert len(gate.qc["criteria"]) == 1


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("raise ValueError('bad')", "error: ValueError: bad"),
        ("raise Failed('no star here')", "error: no star here"),
        ("raise NoWork('nothing')", "error: NoWork was raised, but the task type does not declare no_work: nothing"),
    ],
)
def test_program_did_not_end_well(site: Site, program: str, reason: str) -> None:
    """A program that is not done can never pass; its message is the reason, and its metadata are kept."""
    gate = judged(site, "ctx.emit(never=1)", f"ctx.emit(a=1); {program}")
    assert (gate.qc["verdict"], gate.exit_status, gate.qc["reason"]) == ("error", 1, reason)
    assert gate.qc["metadata"] == {"a": 1}


def test_killed(site: Site) -> None:
    """A program that left no record was killed, or never started."""
    site.write("pass")
    killed = site.run(described())
    (killed.folder / "records" / "run.json").unlink()
    for gate in (site.judge(described(), killed, status="Failed"), site.judge(described(), status="Error")):
        assert gate.qc["verdict"] == "error"
        assert "killed or never started" in gate.qc["reason"]
    assert gate.qc["attempt"] is None


def test_step_failed_after_the_program(site: Site) -> None:
    """A step that failed although its program was done is an error all the same."""
    site.write("pass")
    gate = site.judge(described(), site.run(described()), status="Error")
    assert gate.qc["reason"] == "error: the program ended well, but its step is Error"


def test_last_try_is_judged(site: Site) -> None:
    """Of several tries the last one is judged, also when there are more than ten."""
    site.write("raise ValueError('bad')")
    bad = [site.run(described())] * 10
    site.write("ctx.emit(good=True, and_longer_than_before=True)")
    gate = site.judge(described(), *bad, site.run(described()))
    assert (gate.qc["verdict"], gate.qc["attempt"], gate.qc["metadata"]["good"]) == ("pass", 10, True)


def test_damaged_output(site: Site) -> None:
    """What arrives must be what was committed, by size and hash."""
    site.write("ctx.output('file').write_text('abc')")
    description = described(outputs={"file": "a"})
    tried = site.run(description)
    (tried.folder / "out" / "file").write_text("abd")
    assert "is not what the program committed" in site.judge(description, tried).qc["reason"]
    (tried.folder / "out" / "file").unlink()
    assert "did not arrive" in site.judge(description, tried).qc["reason"]


def question(expression: str, kind: str = "criterion", **more: Any) -> dict[str, Any]:
    """Return a question about the task itself, under the name `me`."""
    return {
        "kind": kind,
        "expression": expression,
        "at": "/t1",
        "request": {"me": "self"},
        "place": "chain.json:9:9",
    } | more


def test_answers(site: Site) -> None:
    """The gate answers what the chain asks of the metadata, as they are after quality control; -1 is no answer."""
    questions = {
        "c1": question("(requested_metadata['me']['depth'] == 2)"),
        "c2": question("(requested_metadata['me']['missing'] == 2)"),
    }
    gate = judged(site, "ctx.emit(depth=2)", "ctx.emit(depth=1)", questions=questions)
    assert gate.exit_status == 0
    assert gate.qc["answers"] == {"c1": 1, "c2": -1}
    assert (gate.folder / "answers").read_text() == '{"c1": 1, "c2": -1}'
    assert any("chain.json:9:9" in line["message"] for line in gate.log)


def test_closed_gate_does_not_answer(site: Site) -> None:
    """A gate that is closed answers nothing."""
    gate = judged(site, "ctx.check('a', False)", questions={"c1": question("(True)")})
    assert gate.qc["answers"] == {}
    assert not (gate.folder / "answers").exists()
