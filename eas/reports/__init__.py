"""Reports: verbs that show what the database knows. Each module asks the queries and writes text, or JSON."""

from __future__ import annotations

from typing import Any

from eas.reports.hooks import Hooks

from . import errors, logs, outcomes, show, timings, tree

__all__ = ["Hooks", "register"]


def register(verbs: Any, hooks: Hooks = Hooks()) -> None:  # noqa: B008 - it never changes
    """Add the verbs; `hooks` tell them what the database does not know."""
    show.register(verbs, hooks)
    tree.register(verbs)
    logs.register(verbs, hooks)
    errors.register(verbs)
    outcomes.register(verbs)
    timings.register(verbs)
