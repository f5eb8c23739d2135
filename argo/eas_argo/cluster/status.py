"""The nodes of a Workflow: hostile until checked, and reduced to what says what became of tasks.

Argo keeps them as plain JSON, compressed when they are many (base64 of gzip), or in a database of its own.
"""

from __future__ import annotations

import base64
import re
import zlib
from datetime import datetime
from typing import Any

Json = dict[str, Any]
Node = dict[str, Any]
MOST_BYTES = 256 << 20
"""How large the nodes of one Workflow may become: some hundred thousand of them."""
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
_TRY = re.compile(r".*\(\d{1,9}\)", re.DOTALL)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
_PHASES = ("Pending", "Running", "Succeeded", "Skipped", "Failed", "Error", "Omitted")


class StatusError(Exception):
    """The nodes of a Workflow cannot be had; the message says why, and what to do about it."""


def unpacked(compressed: str) -> str:
    """Return the JSON text of compressed nodes.

    Raises
    ------
    StatusError
        When they are not compressed by gzip, are damaged, or too large.
    """
    try:
        data = base64.b64decode(compressed, validate=True)
    except ValueError as error:
        raise StatusError("its compressed nodes are damaged") from error
    if not data.startswith(_GZIP):
        kind = "zstd" if data.startswith(_ZSTD) else "brotli"
        raise StatusError(
            f"its nodes are compressed by {kind}, which EAS does not read; let the workflow controller have "
            "WORKFLOW_COMPRESSION_ALGORITHM=gzip in its environment"
        )
    stream = zlib.decompressobj(wbits=31)
    try:
        text = stream.decompress(data, MOST_BYTES)
        if stream.unconsumed_tail:
            raise StatusError(f"its nodes are larger than {MOST_BYTES >> 20} MiB")
        if not stream.eof:
            raise StatusError("its compressed nodes are damaged")
        return text.decode()
    except (zlib.error, UnicodeDecodeError) as error:
        raise StatusError("its compressed nodes are damaged") from error


def offloaded(version: str) -> StatusError:
    """Return what is wrong with a Workflow whose nodes are in Argo's own database."""
    return StatusError(
        f"its nodes are not in it but in the database of the workflow controller (version {version}); EAS follows "
        "Workflows that carry their nodes: set persistence.nodeStatusOffLoad to false, and keep to runs of at most "
        "5,000 nodes in one Workflow"
    )


def checked(identifier: str, given: Any, root: str) -> Node | None:
    """Return a node with what is needed of it; None for what is none. `root` is the name of its Workflow."""
    if not isinstance(given, dict) or given.get("id") != identifier:
        return None
    texts = [given.get(key) for key in ("name", "type", "phase")]
    if not all(isinstance(text, str) for text in texts) or given["phase"] not in ("", *_PHASES):
        return None
    is_try = _mapping(given.get("nodeFlag")).get("retried") is True
    if is_try and not _TRY.fullmatch(given["name"]):
        return None
    found: Node = {"id": identifier, "name": given["name"], "type": given["type"]}
    found |= {"phase": given["phase"] or "Pending", "templateName": _text(given.get("templateName"))}
    found["inputs"] = {"parameters": _parameters(given.get("inputs"))}
    found["outputs"] = {"parameters": _parameters(given.get("outputs"))}
    exit_code = _mapping(given.get("outputs")).get("exitCode")
    if isinstance(exit_code, str) and re.fullmatch(r"-?\d{1,9}", exit_code):
        found["outputs"]["exitCode"] = exit_code
    for key in ("startedAt", "finishedAt"):
        if is_time(given.get(key)):
            found[key] = given[key]
    if message := _text(given.get("message")):
        found["message"] = message
    if identifier != root:
        found["boundaryID"] = _text(given.get("boundaryID"))
    if is_try:
        found["nodeFlag"] = {"retried": True}
    return found


def is_time(given: Any) -> bool:
    """Tell whether something is a time as Kubernetes writes them, of a day and an hour that there are."""
    if not isinstance(given, str) or not _TIME.fullmatch(given):
        return False
    try:
        datetime.fromisoformat(given)
    except ValueError:
        return False
    return True


def _parameters(given: Any) -> list[Json]:
    listed = _mapping(given).get("parameters")
    named = [one for one in map(_mapping, listed if isinstance(listed, list) else []) if _text(one.get("name"))]
    return [{"name": one["name"], "value": _text(one.get("value"))} for one in named]


def _mapping(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
