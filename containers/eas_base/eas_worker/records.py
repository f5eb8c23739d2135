"""The records an attempt leaves, and the rules for metadata.

The runtime writes them, the synchronisation with the database reads them. All are JSON objects; ``format`` tells a
later reader which rules they follow.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from eas_worker.usage import Usage

FORMAT = 1
METADATA_LIMIT_BYTES = 1_000_000
CLOSED = 12
"""Exit status where quality control in the process of its program closed the gate: that is never tried again."""

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}\Z")
_BLOCK_BYTES = 1 << 20

References = dict[str, str] | list[dict[str, str]]
"""What was read of a port: directory, name and SHA-256 of a file, or of several."""
Scalar = str | int | float | bool | None
Value = Scalar | list[Scalar]


class MetadataError(ValueError):
    """A piece of metadata that cannot be kept; the message names its key."""


class Product(NamedTuple):
    """A file that an attempt made: where it belongs, what it is, and where it comes from."""

    directory: str
    name: str
    type: str
    size: int
    sha256: str
    metadata: dict[str, Value]
    producer: dict[str, Any]
    format: int = FORMAT


class Status(NamedTuple):
    """A line that tells how far a program is; `fraction` is from 0 to 1, or None when it cannot tell."""

    time: str
    text: str
    fraction: float | None


class Criterion(NamedTuple):
    """One thing that was judged.

    Attributes
    ----------
    name : str
        Short name, by which a chain can override its bounds.
    quantity : str
        What was measured, in words.
    value : float, bool or None
        What came out; None when it was no number.
    bound : dict
        ``minimum`` and ``maximum``, those there are; or ``equals``.
    unit : str
        Unit of value and bounds.
    severity : str
        ``"fail"`` or ``"warn"``: what it means for the verdict when it is not met.
    result : str
        ``"pass"``, or the severity.
    """

    name: str
    quantity: str
    value: float | bool | None
    bound: dict[str, float | bool]
    unit: str
    severity: str
    result: str


class RunRecord(NamedTuple):
    """What a try of a program was: `run.json`.

    `status` is ``done``, ``raised``, ``failed`` or ``no_work``; `exit_status` is 0, 1, 10 or 11 in the same order, and
    143 when it was told to stop. `outputs` are there only when it is done. `content` is the SHA-256 of what the result
    depends on, see `eas_worker.content`; `seed` is there when the program has asked for random numbers. A try that took
    over the result of another names it in `reused`: its `run`, `path` and `attempt`.
    """

    path: str
    task: str
    attempt: int
    status: str
    exit_status: int
    message: str
    traceback: str
    usage: Usage
    metadata: dict[str, Value]
    settings: dict[str, Any]
    loop_variables: dict[str, Any]
    inputs: dict[str, References]
    outputs: dict[str, Product | list[Product]]
    statuses: list[Status]
    content: str
    seed: int | None
    format: int = FORMAT


class QcRecord(NamedTuple):
    """What quality control said of a task: `qc.json`.

    `attempt` is the number of the try that was judged, None when no try left anything. `metadata` are those of the
    program, overlaid with what quality control added. `bounds` are those that the chain moved, `seed` is there when
    quality control has asked for random numbers, and `reused` is as in `RunRecord`.
    """

    path: str
    task: str
    attempt: int | None
    verdict: str
    reason: str
    traceback: str
    usage: Usage
    metadata: dict[str, Value]
    criteria: list[Criterion]
    outputs: dict[str, Any]
    answers: dict[str, int]
    bounds: dict[str, Any]
    seed: int | None
    format: int = FORMAT


class AskRecord(NamedTuple):
    """What was answered to questions about several tasks: `ask.json`."""

    path: str
    answers: dict[str, int]
    message: str
    format: int = FORMAT


def check_metadata(metadata: Mapping[str, object]) -> dict[str, Value]:
    """Return metadata as plain JSON values, or refuse them.

    Numbers and arrays of numpy become plain numbers and lists.

    Raises
    ------
    MetadataError
        For a key that is no identifier of up to 255 characters, a value that is no number, text, bool, null or list of
        these, and for NaN and infinity.
    """
    return {_key(key): _value(key, value) for key, value in metadata.items()}


def check_size(metadata: Mapping[str, Value]) -> None:
    """Refuse metadata that are too big to be kept as metadata; they belong into a file."""
    size = len(json.dumps(metadata))
    if size > METADATA_LIMIT_BYTES:
        raise MetadataError(
            f"metadata take {size} bytes, more than {METADATA_LIMIT_BYTES}; write such things into a file"
        )


def _key(key: object) -> str:
    if not isinstance(key, str) or not _KEY.match(key):
        rule = "must be letters, digits and underscores, at most 255, and not start with a digit"
        raise MetadataError(f"metadata key {key!r} {rule}")
    return key


def _value(key: str, value: object) -> Value:
    plain = value.tolist() if hasattr(value, "tolist") else value  # numpy's scalars and arrays
    if isinstance(plain, (list, tuple)):
        return [_scalar(key, item) for item in plain]
    return _scalar(key, plain)


def _scalar(key: str, value: object) -> Scalar:
    value = value.tolist() if hasattr(value, "tolist") else value
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if not isinstance(value, float):
        raise MetadataError(
            f"metadata {key!r} must be a number, text, bool, null or a list of these, not {type(value).__name__}"
        )
    if not math.isfinite(value):
        raise MetadataError(f"metadata {key!r} is {value}; only finite numbers can be kept")
    return float(value)  # a subclass, such as numpy's, would outlive its module


def to_json(value: Any) -> Any:
    """Return records as JSON values; a number that JSON cannot hold becomes text, so that the record is not lost."""
    if hasattr(value, "_asdict"):
        return to_json(value._asdict())
    if isinstance(value, dict):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def write_json(path: Path, value: object) -> None:
    """Write a record so that a reader sees all of it or nothing."""
    write_text(path, json.dumps(to_json(value), allow_nan=False))


def write_text(path: Path, text: str) -> None:
    """Write a text so that a reader sees all of it or nothing."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """Read a record."""
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise TypeError(f"{path.name} is no JSON object")
    return value


def read_product(path: Path) -> Product:
    """Read the record of a product."""
    record = read_json(path)
    return Product(**{field: record[field] for field in Product._fields})


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
