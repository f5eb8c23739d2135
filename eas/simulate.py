"""Simulate a chain: its compiled manifest runs in the embedded engine, with every program replaced by a stub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eas_argo.laptop.engine import Engine, Run
from eas_argo.laptop.manifest import load
from eas_argo.laptop.stubs import VERDICTS, Entry, Script, Stubs
from eas_argo.laptop.work import Site
from eas_compiler.diagnostics import Diagnostics, did_you_mean
from eas_compiler.document import kind
from eas_compiler.read import read
from eas_compiler.source import Node as Json
from eas_compiler.source import read_bytes
from eas_provenance.lines import Line, Lines
from eas_provenance.states import States
from eas_worker.records import MetadataError, check_metadata, check_size

_FIELDS = ("metadata", "verdict")
_RUN = Run("simulated", "0", {})
_SITE = Site(4.0, 2**62)
"""How much runs at the same time changes nothing but how far large loops are opened."""


def read_script(path: Path, diagnostics: Diagnostics) -> Script:
    """Return the script in a file; everything that is wrong with it is reported at its place."""
    root = read(str(path), read_bytes(path), diagnostics)
    entries: dict[str, Entry] = {}
    if root is not None and not isinstance(root.value, dict):
        diagnostics.error("type", root, f"a script must be an object, not {kind(root)}")
    elif root is not None:
        for key, node in root.value.items():
            entries[key] = _entry(node, diagnostics)
    return Script(entries)


def _entry(node: Json, diagnostics: Diagnostics) -> Entry:
    if not isinstance(node.value, dict):
        diagnostics.error("type", node, f"an entry must be an object, not {kind(node)}")
        return Entry({}, "pass")
    for name, member in node.value.items():
        if name not in _FIELDS:
            hint = did_you_mean(name, _FIELDS) or f"fields: {', '.join(_FIELDS)}"
            diagnostics.error_at_key("unknown-key", member, f"unknown field {name!r}", hint)
    verdict = node.value.get("verdict")
    if verdict is not None and verdict.value not in VERDICTS:
        hint = did_you_mean(str(verdict.value), VERDICTS) or f"verdicts: {', '.join(VERDICTS)}"
        diagnostics.error("type", verdict, f"{verdict.plain()!r} is no verdict", hint)
        verdict = None
    return Entry(_metadata(node.value.get("metadata"), diagnostics), verdict.value if verdict is not None else "pass")


def _metadata(node: Json | None, diagnostics: Diagnostics) -> dict[str, Any] | list[dict[str, Any]]:
    if node is None:
        return {}
    items = node.value if isinstance(node.value, list) else [node]
    for item in items:
        if not isinstance(item.value, dict):
            diagnostics.error("type", item, f"metadata must be an object, or a list of them, not {kind(item)}")
            return {}
        _check(item, diagnostics)
    plain: dict[str, Any] | list[dict[str, Any]] = node.plain()
    return plain


def _check(metadata: Json, diagnostics: Diagnostics) -> None:
    """Report what no program could emit."""
    for key, member in metadata.value.items():
        try:
            check_size(check_metadata({key: member.plain()}))
        except MetadataError as error:
            diagnostics.error_at_key("metadata", member, str(error))


class Simulation:
    """A simulated run that has ended."""

    def __init__(self, workflow: dict[str, Any], script: Script) -> None:
        self.states = States(workflow)
        manifest = load(workflow)
        self._stubs = Stubs(script)
        self._seed = manifest.parameters["seed"]
        self.phase = Engine(manifest, _RUN, self._stubs, _SITE, self.states.update).run()

    @property
    def is_failed(self) -> bool:
        """Whether the run failed."""
        return self.states.is_failed

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """What was recorded, by its key."""
        return self._stubs.records

    def lines(self) -> list[Line]:
        """Return a line for each task, in the order of their paths."""
        return Lines(f"{_RUN.name}-{_RUN.uid}", self.states, self._seed, self._read).all()

    def _read(self, key: str) -> bytes | None:
        record = self._stubs.records.get(key)
        return json.dumps(record).encode() if record is not None else None
