"""Reports: verbs that show what the database knows. Each module asks the queries and writes text, or JSON."""

from __future__ import annotations

from typing import Any

from . import errors, logs, outcomes, show, timings, tree


def register(verbs: Any) -> None:
    """Add the verbs."""
    for module in (show, tree, logs, errors, outcomes, timings):
        module.register(verbs)
