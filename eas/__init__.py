"""The front door: the command line ``eas`` and the Python API.

It puts the other packages together and has no logic of its own; nothing imports it. What the API needs is loaded when
it is asked for.
"""

from typing import TYPE_CHECKING, Any

from eas.__about__ import __version__

if TYPE_CHECKING:
    from eas.api import ChainError, Compiled, compile, open, run  # noqa: A004 - as in `eas.open`
    from eas.archive import Archive, Outcomes, Run

__all__ = ["Archive", "ChainError", "Compiled", "Outcomes", "Run", "__version__", "compile", "open", "run"]
_OF_ARCHIVE = ("Archive", "Outcomes", "Run")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'eas' has no attribute {name!r}")
    from eas import api, archive

    return getattr(archive if name in _OF_ARCHIVE else api, name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
