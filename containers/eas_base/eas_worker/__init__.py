"""The worker: what runs inside every image, and what the authors of programs import.

Programs need four names of it, ``task``, ``qc``, ``Failed`` and ``NoWork``. They are loaded when they are first asked
for, because the compiler imports parts of this package as well and has to start fast.
"""

from __future__ import annotations

__version__ = "0.1.0"

__all__ = ["Context", "Failed", "NoWork", "QualityContext", "qc", "task"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from eas_worker.api import Failed, NoWork, qc, task
    from eas_worker.context import Context
    from eas_worker.quality import QualityContext

_HOMES = {
    "Context": "eas_worker.context",
    "Failed": "eas_worker.api",
    "NoWork": "eas_worker.api",
    "QualityContext": "eas_worker.quality",
    "qc": "eas_worker.api",
    "task": "eas_worker.api",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'eas_worker' has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value
