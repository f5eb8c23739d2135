"""Documents with mistakes: each is told where it is, and in words that lead to it."""

import re

import pytest

from eas_compiler.compile import check
from tests.compiler.compiling import OPTIONS
from tests.reference.broken import BROKEN, Broken


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_each_mistake_is_told_once_where_it_is(broken: Broken) -> None:
    """A document gives one error for each mistake, at its place, and with a message or hint that says what is wrong."""
    data = broken.source.encode("utf-8", "surrogatepass")
    found = [one for one in check("x.json", data, OPTIONS).diagnostics if one.severity == "error"]
    assert len(found) == len(broken.messages), [one.message for one in found]
    left = list(range(len(broken.messages)))
    for one in found:
        line, column = one.source.location(one.start)
        text = f"{one.message}\n{one.hint or ''}"
        right = [
            mistake
            for mistake in left
            if broken.shows(mistake, line, column) and re.search(broken.messages[mistake], text, re.IGNORECASE)
        ]
        assert right, f"{line}:{column}: {text}"
        left.remove(right[0])
