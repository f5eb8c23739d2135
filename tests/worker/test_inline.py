"""`inline`: a program and its quality control in one process; and `rescue`, for what ended without a verdict."""

from typing import Any

import pytest

from eas_worker.records import CLOSED
from tests.worker.harness import Json, Site, Try, described, read
from tests.worker.test_qc import RECORD_KEYS, question


def tried(site: Site, program: str, judge: str = "pass", **fields: Any) -> Try:
    """Run and judge a program in one."""
    site.write(program)
    site.write(judge, kind="qc")
    return site.inline(described(**fields))


def verdict(ended: Try) -> Json:
    """Return the record of quality control."""
    return read(ended.folder / "qc" / "qc.json")


def said(ended: Try, parameter: str) -> str | None:
    """Return an output parameter."""
    file = ended.folder / parameter
    return file.read_text() if file.exists() else None


@pytest.mark.parametrize(
    ("check", "status", "word"),
    [
        ("ctx.check('a', True)", 0, "pass"),
        ("ctx.check('a', False, severity='warn')", 0, "warn"),
        ("ctx.check('a', False)", CLOSED, "fail"),
        ("1 / 0", CLOSED, "error"),
    ],
)
def test_the_verdict_is_the_end(site: Site, check: str, status: int, word: str) -> None:
    """It exits 0 for pass and warn; what quality control closes says so, and says why."""
    ended = tried(site, "ctx.emit(a=1)", check)
    assert ended.exit_status == status
    assert said(ended, "closed") == ("true" if status else None)
    assert (verdict(ended)["verdict"], verdict(ended)["metadata"]) == (word, {"a": 1})
    assert set(verdict(ended)) == RECORD_KEYS
    assert ended.last_words.startswith(f"{word}: ")


def test_quality_control_sees_what_the_program_did(site: Site) -> None:
    """Inputs, outputs and metadata reach it as they reach a gate of its own; each has its own log."""
    site.write("ctx.output('file').write_text('abc'); ctx.emit(depth=1); ctx.log.info('program')")
    site.write(
        "ctx.log.info('judge'); ctx.emit(text=ctx.inputs.a.path.read_text() + ctx.outputs.file.path.read_text())",
        kind="qc",
    )
    ended = site.inline(described(inputs={"a": "a"}, outputs={"file": "f"}), {"a": b"xyz"}, EAS_ATTEMPT="2")
    assert verdict(ended)["metadata"] == {"depth": 1, "text": "xyzabc"}
    assert verdict(ended)["attempt"] == 2
    assert [line["message"] for line in ended.log] == ["program"]
    assert '"judge"' in (ended.folder / "qc" / "log.jsonl").read_text()
    assert (ended.folder / "out" / "file").read_text() == "abc"
    assert not (ended.folder / "tmp").exists()


def test_it_answers(site: Site) -> None:
    """What the chain asks is answered from the metadata after quality control."""
    questions = {"t1": question("(requested_metadata['me']['n'] == 3)")}
    ended = tried(site, "ctx.emit(n=2)", "ctx.emit(n=ctx.metadata['n'] + 1)", questions=questions)
    assert said(ended, "answers") == '{"t1": 1}'


@pytest.mark.parametrize(
    ("program", "status", "message"), [("1 / 0", 1, "division by zero"), ("raise Failed('faint')", 10, "faint")]
)
def test_a_program_that_broke_is_left_to_the_rescue(site: Site, program: str, status: int, message: str) -> None:
    """It may be tried again, and is judged after the last try: that is an error, and the way stays closed."""
    ended = tried(site, program)
    assert ended.exit_status == status
    assert (said(ended, "closed"), (ended.folder / "qc").exists()) == (None, False)
    rescued = site.judge(described(), ended, verb="rescue")
    assert (rescued.exit_status, rescued.qc["verdict"]) == (1, "error")
    assert message in rescued.last_words
    assert not (rescued.folder / "answers").exists()


def test_the_rescue_of_what_left_nothing(site: Site) -> None:
    """A program that was killed has a verdict, and the reason is as much as is known."""
    rescued = site.judge(described(), verb="rescue")
    assert (rescued.exit_status, rescued.qc["verdict"], rescued.qc["attempt"]) == (1, "error", None)
    assert "was killed" in rescued.last_words


def test_whatever_has_ended_well_is_an_error_when_its_step_is_not(site: Site) -> None:
    """A pod can be lost after its program: the rescue never opens."""
    rescued = site.judge(described(), tried(site, "pass"), status="Error", verb="rescue")
    assert (rescued.exit_status, rescued.qc["verdict"]) == (1, "error")


def test_no_work(site: Site) -> None:
    """Without work there is nothing to judge, no record, and no answer to any question; but only where it may be."""
    ended = tried(site, "raise NoWork('all done')", no_work=True)
    assert ended.exit_status == 0
    assert (said(ended, "no_work"), said(ended, "answers"), said(ended, "closed")) == ("true", "{}", None)
    assert not (ended.folder / "qc").exists()
    ended = tried(site, "raise NoWork('all done')")
    assert (ended.exit_status, verdict(ended)["verdict"]) == (CLOSED, "error")
    assert "does not declare no_work" in ended.last_words
