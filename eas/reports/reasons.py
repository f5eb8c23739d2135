"""Why a task was done, and not taken over from an earlier run, or where its result was taken from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from sqlmodel import Session

    from eas_provenance.queries import AttemptRow, RunRow, TaskDetails


class Reason(NamedTuple):
    """Where a result was taken from, or what made it another one than that of an earlier run, or of an earlier try.

    `against` is what it is compared with; nothing when the task had not been done before.
    """

    taken_from: dict[str, Any] | None
    against: str
    changes: tuple[str, ...]

    def __str__(self) -> str:
        """Say it in one line."""
        if self.taken_from is not None:
            source = self.taken_from
            return f"taken over from {source.get('run')}{source.get('path')}, try {source.get('attempt')}"
        if not self.against:
            return "done because it never was before"
        if not self.changes:
            return f"done, though nothing that is noted differs from {self.against}"
        return f"done because, against {self.against}: {'; '.join(self.changes)}"


def reason(session: Session, run: RunRow, details: TaskDetails) -> Reason | None:
    """Return why a task was done; None for one that was not."""
    from eas_provenance.queries.reuse import before, facts, why

    tries = [one for one in details.attempts if one.step == "run"]
    if not tries:
        return None
    if tries[-1].reused:
        return Reason(tries[-1].reused, "", ())
    if len(tries) > 1 and tries[-2].phase == "Succeeded":
        return Reason(None, f"try {tries[-2].number}", _again(details, tries))
    now = facts(session, run.id, details.task.path)
    earlier = before(session, run.source, details.task.path, details.task.type, run.started)
    if now is None or earlier is None:
        return Reason(None, "", ())
    return Reason(None, earlier.run, why(now, earlier.facts))


def _again(details: TaskDetails, tries: list[AttemptRow]) -> tuple[str, ...]:
    """Return why a task was done again in its own run."""
    read: list[dict[tuple[str, int], str]] = [
        {(one.port, one.position): one.sha256 for one in details.inputs if one.number == tried.number}
        for tried in tries[-2:]
    ]
    ports = dict.fromkeys(port for port, _ in [*read[1], *read[0]])
    same = read[0].items() & read[1].items()
    others = {
        port for files in read for (port, position), sum_ in files.items() if ((port, position), sum_) not in same
    }
    changed = [f"input {port} differs" for port in ports if port in others]
    return tuple(changed) or ("that was asked for, or something that it waits for was done again",)
