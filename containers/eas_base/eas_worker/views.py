"""A read-only view of named things that can be asked by attribute and by item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class View(Mapping[str, Any]):
    """Named things, read by ``view.name`` or ``view["name"]``; objects inside are views as well.

    A name that is also a method of mappings (``items``, ``keys``, ``values``, ``get``) can only be asked by item.

    Parameters
    ----------
    kind : str
        What one of the things is called in messages, for instance ``"setting"``.
    things : mapping
        The things by name.
    """

    __slots__ = ("_kind", "_things")

    def __init__(self, kind: str, things: Mapping[str, Any]) -> None:
        self._kind = kind
        self._things = things

    def __getitem__(self, name: str) -> Any:
        """Return the thing of that name."""
        if name not in self._things:
            raise KeyError(self._unknown(name))
        thing = self._things[name]
        return View(self._kind, thing) if isinstance(thing, dict) else thing

    def __getattr__(self, name: str) -> Any:
        """Return the thing of that name."""
        if name.startswith("__") or name not in self._things:
            raise AttributeError(self._unknown(name))
        return self[name]

    def __iter__(self) -> Iterator[str]:
        """Go over the names."""
        return iter(self._things)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._things)

    def __repr__(self) -> str:
        """Show what is inside."""
        return f"View({self._kind!r}, {self._things!r})"

    def __reduce__(self) -> tuple[type[View], tuple[str, Mapping[str, Any]]]:
        """Say how to make another one, for programs that hand their settings to other processes."""
        return View, (self._kind, self._things)

    def _unknown(self, name: str) -> str:
        return f"no {self._kind} {name!r}; there are: {', '.join(self._things) or 'none'}"
