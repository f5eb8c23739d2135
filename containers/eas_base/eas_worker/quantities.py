"""Amounts in Kubernetes' notation, as manifests have them."""

from __future__ import annotations

import re

_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
_BYTES = re.compile(r"([\d.]+)(|k|[MGT]|[KMGT]i)")


def cores(quantity: str) -> float:
    """Return cores: `500m` is half a core; raise `ValueError` for what is no number."""
    return float(quantity[:-1]) / 1000 if quantity.endswith("m") else float(quantity)


def size_bytes(quantity: str) -> int:
    """Return bytes of `2Gi`, `500M`; raise `ValueError` for another notation."""
    match = _BYTES.fullmatch(quantity)
    if match is None:
        raise ValueError(f"the amount of memory {quantity!r} is not understood")
    return round(float(match[1]) * _UNITS[match[2]])
