"""The broken documents are broken as they say, and in no other way."""

import json
import re

import pytest

from tests.reference.broken import BROKEN, SYNTAX, Broken
from tests.reference.marking import HERE, OR_HERE


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_every_mistake_has_a_place_and_a_message(broken: Broken) -> None:
    """Places and messages come in pairs, in the order of the text."""
    assert len(broken.places) == len(broken.messages) > 0
    assert [places[0] for places in broken.places] == sorted(places[0] for places in broken.places)
    assert all(re.compile(message) for message in broken.messages)
    assert not {HERE, OR_HERE} & set(broken.source)


@pytest.mark.parametrize("broken", BROKEN, ids=lambda broken: broken.name)
def test_only_syntax_errors_are_no_json(broken: Broken) -> None:
    """All other documents can be read."""
    if broken in SYNTAX:
        with pytest.raises(json.JSONDecodeError):
            json.loads(broken.source, parse_constant=refuse)
    else:
        json.loads(broken.source)


def refuse(constant: str) -> None:
    """JSON has no such number."""
    raise json.JSONDecodeError(constant, constant, 0)


def test_places_are_counted_from_one() -> None:
    """Lines and columns are those of an editor, in characters."""
    assert Broken("x", '{\n  "ä": ▶1, ▷2 ▶3', ("", "")).places == [[(2, 8), (2, 11)], [(2, 13)]]


def test_names_are_unique() -> None:
    """A name leads to one document."""
    assert len({broken.name for broken in BROKEN}) == len(BROKEN) >= 60


def test_part_of_an_expression_is_as_good_as_the_whole() -> None:
    """Inside an expression every place is right; of all else it is the first character."""
    broken = Broken("x", '{"a": ▶"(1 + x)", "b": ▶"text", ▶"c": 1}', ("", "", ""))
    shown = [[column for column in range(40) if broken.shows(mistake, 1, column)] for mistake in range(3)]
    assert shown == [list(range(7, 16)), [23], [31]]
