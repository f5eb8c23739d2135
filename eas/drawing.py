"""Pictures by Graphviz, which is drawn by its own program: no package of Python lays graphs out as well."""

from __future__ import annotations

import subprocess

_LONGEST_S = 60


class DrawingError(Exception):
    """A picture cannot be drawn; the message says why, and what else can be."""


def svg(dot: str) -> str:
    """Return the picture of a graph in the language of Graphviz.

    Raises
    ------
    DrawingError
        When Graphviz is not there, or cannot do it.
    """
    try:
        drawn = subprocess.run(
            ["dot", "-Tsvg"], input=dot, capture_output=True, text=True, check=True, timeout=_LONGEST_S
        )
    except FileNotFoundError as error:
        message = "a picture takes the program dot of Graphviz, which is not installed (Debian: apt install graphviz)"
        raise DrawingError(f"{message}; `--format mermaid` needs nothing") from error
    except subprocess.TimeoutExpired as error:
        raise DrawingError(f"Graphviz did not draw it within {_LONGEST_S} s; it is too large for a picture") from error
    except subprocess.CalledProcessError as error:
        said = " ".join(str(error.stderr).split())
        raise DrawingError(f"Graphviz cannot draw it: {said}") from error
    return drawn.stdout
