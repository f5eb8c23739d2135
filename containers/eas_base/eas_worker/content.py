"""What a task gives follows from its content: what it is told, and what it reads. Equal contents give equal results.

Whoever knows the content of a task before it runs can look whether its result is there already. The code of its
program is not in it: on a cluster that is an image, on a laptop a folder, and who runs the program knows which.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from eas_worker.assignment import ALONE
from eas_worker.records import read_product, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eas_worker.attempt import Attempt
    from eas_worker.records import References


def content_of(attempt: Attempt, references: Mapping[str, References]) -> str:
    """Return the SHA-256 of what the result of a task depends on, but for its code.

    That are its type as the registry declares it, settings, loop variables, which shard it is, the files that it reads,
    each with its name and metadata, and the names of those that it makes: programs see all of these. Where it stands in
    the chain, and the seed of the run, are no part: a record tells when a program has asked for random numbers.
    `references` are what `Attempt.input_references` gives.
    """
    assignment = attempt.assignment
    told: dict[str, Any] = {
        "task": assignment.task,
        "declared": _declared(attempt.description),
        "settings": assignment.settings,
        "loop_variables": assignment.metadata,
        "inputs": {port: _read(attempt, port, references.get(port)) for port in sorted(assignment.inputs)},
        "gathered": {
            port: [_facts(one.product, one.loop_variables) for one in attempt.gathered[port]]
            for port in sorted(assignment.gathers)
        },
        "outputs": {port: [one.directory, one.name] for port, one in sorted(assignment.outputs.items())},
    }
    if assignment.shard != ALONE:
        told["shard"] = assignment.shard._asdict()
    text = json.dumps(to_json(told), sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _declared(description: dict[str, Any]) -> dict[str, Any]:
    """Return what of a type's entry in the registry its program is held to."""
    ports = {
        side: {port: file["type"] for port, file in sorted(description.get(side, {}).items())}
        for side in ("inputs", "outputs")
    }
    return ports | {"metadata": description.get("metadata", {})}


def _read(attempt: Attempt, port: str, reference: References | None) -> dict[str, Any] | None:
    """Return what is known of a file; None for one that is not there, as an optional one may be."""
    if not isinstance(reference, dict):
        return None
    record = attempt.folder / "in" / ".products" / port
    metadata = read_product(record).metadata if record.exists() else {}
    return {**reference, "metadata": metadata}


def _facts(product: dict[str, Any], loop_variables: dict[str, Any]) -> dict[str, Any]:
    facts = {key: product.get(key) for key in ("directory", "name", "sha256", "metadata")}
    return facts | {"loop_variables": loop_variables}
