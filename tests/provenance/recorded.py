"""Runs as real controllers told of them, event for event, with the records that they left."""

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eas_argo.cluster.reading import Reader, Update
from eas_provenance.mirror import Seen

Json = dict[str, Any]
FOLDER = Path(__file__).parents[1] / "fixtures/argo"
RUNS = ("open", "closed", "lost", "stop")
"""One in which all goes well; one in which nothing does, tried again; one of lost pods; one that was ended early."""


class Recorded:
    """A run: the Workflow as it was at each event, and its records by key."""

    def __init__(self, name: str) -> None:
        told = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))
        self.records: dict[str, bytes] = {key: text.encode() for key, text in told["records"].items()}
        head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow"}
        self.objects: list[Json] = [
            {**head, "metadata": one["metadata"], "spec": told["spec"], "status": one["status"]}
            for one in told["events"]
        ]

    @property
    def name(self) -> str:
        """The name of the run."""
        return str(self.objects[0]["metadata"]["name"])


def seen(update: Update) -> Seen:
    """Return what a mirror is told of an update."""
    return Seen(update.version, update.status, update.changed, update.gone, update.nodes, update.problem)


def updates(objects: Sequence[Json], reader: Reader) -> list[Update]:
    """Return what a reader makes of objects, one after the other."""
    texts = (json.dumps(one, separators=(",", ":")) for one in objects)
    return [update for update in map(reader.read, texts) if update is not None]
