"""Tables of text."""

import pytest

from eas import text


def test_a_table() -> None:
    """Columns are aligned, those of numbers to the right; wide and odd characters take the place that they take."""
    shown = text.table(["name", "n", "x"], [["a", "1", "1.5"], ["中\x1b", "10", "·"]])
    assert shown.splitlines() == [
        "name     n    x",
        "──────  ──  ───",
        "a        1  1.5",
        "中\\x1b  10    ·",
    ]  # fmt: skip


def test_what_a_table_takes() -> None:
    """The space that is needed is known beforehand."""
    head, rows = ["name", "n"], [["abcdef", "1"], ["b\n", "10"]]
    assert text.needed(head, rows) == max(map(len, text.table(head, rows).splitlines()))


@pytest.mark.parametrize(
    ("given", "shown"), [(None, "·"), (0.123456, "0.1235"), (1e-9, "1e-09"), (3, "3"), (True, "True"), ([1], "[1]")]
)
def test_values(given: object, shown: str) -> None:
    """Floats have four digits; nothing is a dot."""
    assert text.value(given) == shown


def test_texts_that_would_do_something() -> None:
    """Control characters are shown, not obeyed."""
    assert text.safe("a\x1b[2Jb\n\ud800é") == "a\\x1b[2Jb\\n\\ud800é"
