"""What the running pods of a run on a cluster say, as the lines of logs that the database does not have yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from eas_argo.cluster import runs
from eas_argo.cluster.connection import Connection, connect
from eas_argo.cluster.errors import ClusterError
from eas_argo.cluster.profile import Profile
from eas_argo.cluster.said import Said, Speaker, Voice, speakers
from eas_provenance.queries import MessageRow

if TYPE_CHECKING:
    from eas_provenance.queries import MessageFilter

_PODS = 1_000_000
"""Where lines of pods stand behind those of records, which are counted from 0."""


class Speech:
    """The lines of the pods of a run, each given once; `warn` is told when the cluster cannot be asked."""

    def __init__(self, site: Profile, name: str, where: MessageFilter, warn: Callable[[str], None]) -> None:
        self._site, self._name, self._where, self._warn = site, name, where, warn
        self._counts: dict[str, int] = {}
        self._voices: dict[str, Voice] = {}
        self._problem = ""

    def lines(self) -> list[MessageRow]:
        """Return what was said since the last time."""
        try:
            connection = connect(self._site)
            there = [one for one in speakers(connection, runs.find(connection, self._name)) if self._is_meant(one)]
            found = [row for one in there for row in self._new(one, self._voice(connection, one.pod).said())]
        except ClusterError as error:
            if str(error) != self._problem:
                self._problem = str(error)
                self._warn(self._problem)
            return []
        return sorted(found)

    def _voice(self, connection: Connection, pod: str) -> Voice:
        return self._voices.setdefault(pod, Voice(connection, pod))

    def _is_meant(self, one: Speaker) -> bool:
        path = self._where.path
        inside = not path or one.path == path or one.path.startswith((f"{path}/", f"{path}[", f"{path}?", f"{path}#"))
        return inside and self._where.step in (None, one.step)

    def _new(self, one: Speaker, told: list[Said]) -> list[MessageRow]:
        start = self._counts.get(one.pod, 0)
        self._counts[one.pod] = start + len(told)
        return [
            MessageRow(
                line.time, one.path, one.step, one.number, _PODS + at, line.severity, "", line.text, None, one.place
            )
            for at, line in enumerate(told, start)
            if not self._where.severities or line.severity in self._where.severities
        ]
