"""Amounts in Kubernetes' notation, as manifests have them, and as a server writes them anew: 4000 cores are `4k`."""

from __future__ import annotations

import math
import re

_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_AMOUNT = re.compile(r"(\d{1,18}\.?\d{0,18}|\.\d{1,18})(?:[eE]([+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i)?)")


def cores(quantity: str) -> float:
    """Return cores: `500m` is half a core; raise `ValueError` for another notation."""
    return _amount(quantity, "cores")


def size_bytes(quantity: str) -> int:
    """Return bytes of `2Gi`, `500M`; raise `ValueError` for another notation."""
    return round(_amount(quantity, "memory"))


def _amount(quantity: str, what: str) -> float:
    match = _AMOUNT.fullmatch(quantity)
    if match is None:
        raise ValueError(f"the amount of {what} {quantity!r} is not understood")
    number, exponent, unit = match.groups(default="")
    if unit in _BINARY:
        return math.ldexp(float(number), _BINARY[unit])
    return float(f"{number}e{int(exponent or 0) + _DECIMAL[unit]}")
