"""Each file has one producer."""

from typing import Any

import pytest

from tests.compiler.compiling import checked, choose, codes, loop, make

NAME = "'f_{i_index}'.format(**metadata)"


@pytest.mark.parametrize(
    "tasks",
    [
        [make("f"), make("f")],
        [loop("i", [1, 2], make("f"))],
        [make("f_1"), loop("i", [1, 2], make(NAME))],
        [choose(True, [make("f")], [make("f")]), make("f")],
        [loop("i", [1, 2], choose("(metadata['i'] > 1)", [make("f")], [make("f")]))],
    ],
)
def test_two_producers_are_an_error(tasks: list[Any]) -> None:
    """Two tasks, or two iterations of one, must not make the same file."""
    assert set(codes(checked(*tasks).diagnostics)) == {"two-producers"}


@pytest.mark.parametrize(
    "tasks",
    [
        [make("f"), make("g")],
        [loop("i", [1, 2], make(NAME))],
        [choose(True, [make("f")], [make("f")])],
        [make("f"), make("f", working_directory="elsewhere")],
    ],
)
def test_files_that_differ_may_be_made(tasks: list[Any]) -> None:
    """Names, indices and folders tell files apart; of two branches one is taken."""
    assert "two-producers" not in codes(checked(*tasks).diagnostics)
