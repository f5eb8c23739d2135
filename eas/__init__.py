"""The front door: the command line ``eas`` and the Python API.

It puts the other packages together and has no logic of its own; nothing imports it.
"""

from eas.__about__ import __version__

__all__ = ["__version__"]
