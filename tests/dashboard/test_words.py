"""What strangers wrote is shown as text; amounts come with their units."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_dashboard import words
from eas_provenance.lease import Freshness

TEXTS = st.text(max_size=200)


@given(TEXTS)
def test_lines_are_lines(text: str) -> None:
    """A line has one line, and nothing in it that is no character to look at."""
    assert words.line(text).isprintable()
    assert len(words.line(text, 10)) <= 10 + 10 * len("\\U0001f600")


@given(TEXTS)
def test_blocks_keep_lines(text: str) -> None:
    """A text of several lines keeps them."""
    shown = words.block(text)
    assert shown.count("\n") == text.count("\n")
    assert all(line.replace("\t", "").isprintable() for line in shown.split("\n"))


@given(TEXTS)
def test_code_cannot_be_left(text: str) -> None:
    """Text in Markdown stands between more backticks than it has in a row."""
    shown = words.code(text)
    (fence,) = re.findall("^`+", shown)
    inside = shown[len(fence) : -len(fence)]
    assert shown.endswith(fence)
    assert fence not in inside or inside.strip(" ").strip("`") != inside.strip(" ")
    assert max((len(run) for run in re.findall("`+", inside)), default=0) < len(fence)


@pytest.mark.parametrize("text", ["demo-13fdb6", "a_b c.d/e", "Survey 7"])
def test_harmless_names_stay(text: str) -> None:
    """A name of letters, digits and single signs between them is shown as it is."""
    assert words.name(text) == text


@pytest.mark.parametrize(
    "text", ["*a*", ":smile:", "www.a.de", "a--b", "_a_", "<b>", "a\nb", "$x$", "", "[a](b)", "a" * 99]
)
def test_other_names_are_code(text: str) -> None:
    """All other names are shown as code."""
    assert words.name(text).startswith("`")


@given(TEXTS)
def test_file_names_are_safe(text: str) -> None:
    """The name of a download has no folder, no option, no dot at its beginning, and is never empty."""
    assert re.fullmatch(r"[A-Za-z0-9_+=][A-Za-z0-9_.+=-]{0,119}", words.file_name(text))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("lightcurve_3.gz", "lightcurve_3.gz"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\a.exe", "a.exe"),
        ("-rf *", "rf_"),
        (".bashrc", "bashrc"),
        ("", "file"),
    ],
)
def test_file_names(text: str, name: str) -> None:
    """Names are kept as far as they are harmless."""
    assert words.file_name(text) == name


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(None, "·"), (0.25, "0.2 s"), (59.4, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (200_000, "2 d 7 h")],
)
def test_durations(seconds: float | None, shown: str) -> None:
    """A duration has its two greatest units."""
    assert words.duration(seconds) == shown


@pytest.mark.parametrize(
    ("size", "shown"), [(None, "·"), (0, "0 B"), (999, "999 B"), (97_488, "97.5 kB"), (3e9, "3 GB"), (1e20, "1e+05 PB")]
)
def test_sizes(size: float | None, shown: str) -> None:
    """A size has three digits and a unit."""
    assert words.size(size) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(None, "·"), (True, "true"), (0.1 + 0.2, "0.3"), (12, "12"), ("a\x1bb", "a\\x1bb"), ([1, None], "[1, null]")],
)
def test_values(value: object, shown: str) -> None:
    """A value is one line."""
    assert words.value(value) == shown


def test_bounds() -> None:
    """A bound says on which side of it a value has to be."""
    assert words.bound({"minimum": 0.0, "maximum": 0.0005}) == "≥ 0, ≤ 0.0005"
    assert words.bound({"equals": True}) == "= true"
    assert words.bound({}) == "·"


def test_times() -> None:
    """Times are UTC, to the second."""
    assert words.when("2026-03-01T12:00:05.250000Z") == "2026-03-01 12:00:05"
    assert words.when(None) == "·"
    assert words.took("2026-03-01T12:00:00Z", "2026-03-01T12:03:20Z") == "3 min 20 s"
    assert words.took(None, None) == "·"


def test_counts() -> None:
    """One is not several."""
    assert words.counted(1, "try", "tries") == "1 try"
    assert words.counted(1200, "try", "tries") == "1,200 tries"
    assert words.counted(0, "file") == "0 files"


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, "hpc is followed by `me:1`, last heard 5.0 s ago, rows 0.5 s late."),
        ({"lag_s": None}, "hpc is followed by `me:1`, last heard 5.0 s ago."),
        ({"message": "a *b*"}, "hpc is followed by `me:1`, last heard 5.0 s ago, rows 0.5 s late: `a *b*`"),
        ({"owner": ""}, "Nobody follows hpc now, last heard 5.0 s ago: what is shown of its runs is as old."),
        ({"owner": "", "seen": None}, "Nobody follows hpc now, never heard: what is shown of its runs is as old."),
    ],
)
def test_who_follows(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], shown: str) -> None:
    """It is said how old what is shown can be."""
    monkeypatch.setattr(words, "now", lambda: "2026-11-21T12:00:05Z")
    fresh = Freshness("hpc", "me:1", "2026-11-21T12:00:00Z", 0.5, "")._replace(**changes)
    assert words.followed(fresh) == shown
