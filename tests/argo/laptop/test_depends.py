"""`depends` means what it means to Argo."""

import pytest

from eas_argo.laptop.depends import parse
from eas_argo.laptop.forms import UnsupportedError

PHASES = {"a": "Succeeded", "b-qc": "Failed", "c": "Error", "d": "Skipped", "e": "Omitted"}


@pytest.mark.parametrize(
    ("form", "is_met"),
    [
        ("a.Succeeded", True),
        ("a.Failed", False),
        ("b-qc.Failed", True),
        ("c.Errored", True),
        ("d.Skipped", True),
        ("e.Omitted", True),
        ("e.Succeeded || e.Skipped", False),
        ("a.Succeeded && b-qc.Succeeded", False),
        ("b-qc.Succeeded && c.Errored || a.Succeeded", True),  # and binds more strongly
        ("b-qc.Succeeded && (c.Errored || a.Succeeded)", False),
        ("(a.Succeeded||d.Skipped)&&(b-qc.Failed)", True),
    ],
)
def test_dependences(form: str, is_met: bool) -> None:  # noqa: FBT001 - what is expected
    """Results are tests of phases, joined by and, or and brackets."""
    assert parse(form).test(PHASES) is is_met


def test_steps_that_are_waited_for() -> None:
    """All steps that are named have to be there, whether they decide or not."""
    assert parse("a.Succeeded || (b-qc.Failed && a.Failed)").steps == {"a", "b-qc"}


@pytest.mark.parametrize(
    "form",
    [
        "",
        "a",
        "a.Daemoned",
        "a.AnySucceeded",
        "!a.Failed",
        "a.Succeeded &&",
        "(a.Succeeded",
        "a.Failed b.Failed",
        "&& a.Failed",
    ],
)
def test_what_is_not_known(form: str) -> None:
    """Anything else is refused: a bare name, which also counts Skipped, among it."""
    with pytest.raises(UnsupportedError, match="is not known to the embedded engine"):
        parse(form)
