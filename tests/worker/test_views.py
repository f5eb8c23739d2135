"""Views: named things by attribute and by item."""

import pickle

import pytest

from eas_worker.views import View

VIEW = View("setting", {"period": 3, "specs": {"size": 2}, "items": 1})


def test_access() -> None:
    """A view is a mapping whose names are attributes as well, at any depth."""
    assert VIEW.period == VIEW["period"] == 3
    assert VIEW.specs.size == VIEW["specs"]["size"] == 2
    assert list(VIEW) == ["period", "specs", "items"]
    assert len(VIEW) == 3
    assert {**VIEW.specs} == {"size": 2}


def test_names_of_methods() -> None:
    """A name that is also a method of mappings is asked by item."""
    assert VIEW["items"] == 1
    assert dict(VIEW.items())["period"] == 3


def test_unknown_names() -> None:
    """An unknown name is an error that tells the known ones; `get` and `in` are not."""
    with pytest.raises(AttributeError, match="no setting 'perid'; there are: period, specs, items"):
        _ = VIEW.perid
    with pytest.raises(KeyError, match="no setting 'x'; there are: none"):
        _ = View("setting", {})["x"]
    assert VIEW.get("perid") is None
    assert "perid" not in VIEW


def test_looks_and_travels() -> None:
    """A view shows what it holds, and can be handed to another process."""
    assert repr(VIEW) == "View('setting', {'period': 3, 'specs': {'size': 2}, 'items': 1})"
    assert dict(pickle.loads(pickle.dumps(VIEW))) == dict(VIEW)  # noqa: S301 - it is our own
