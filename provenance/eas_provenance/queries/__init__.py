"""Questions about runs: plain functions on a session that return tuples, for the terminal and for web pages alike.

Each module asks about one subject. Whatever can be long comes as a page, and is counted and cut by the database, so
that a run of a hundred thousand tasks is looked at as quickly as a small one.
"""

from eas_provenance.errors import UnknownRunError
from eas_provenance.queries.base import Page
from eas_provenance.queries.failures import Failure, Failures, failures, problems
from eas_provenance.queries.files import (
    DirectoryRow,
    FileFilter,
    InputRow,
    VersionRow,
    directories,
    files,
    inputs,
    newest_passed,
    outputs,
    readers,
    versions,
)
from eas_provenance.queries.manifest import Condition, Described, conditions, described
from eas_provenance.queries.messages import (
    SEVERITIES,
    MessageFilter,
    MessageRow,
    at_least,
    last_messages,
    messages,
    oldest_running,
    severity_counts,
)
from eas_provenance.queries.outcomes import OutcomeRow, OutcomeTable, outcomes
from eas_provenance.queries.runs import (
    RunFilter,
    RunRow,
    RunTexts,
    find_run,
    interrupted,
    run_by_id,
    runs,
    texts,
)
from eas_provenance.queries.tasks import (
    AttemptRow,
    CriterionRow,
    EmittedRow,
    TaskDetails,
    TaskFilter,
    TaskRow,
    attempts,
    explain_unknown,
    longest_attempts,
    task,
    tasks,
)
from eas_provenance.queries.timings import TimingRow, timings
from eas_provenance.queries.tree import Branch, Place, Tree, places, tree
from eas_provenance.queries.types import TypeHistory, TypeRow, left_s, type_history, type_rows
from eas_worker.usage import now

__all__ = [
    "SEVERITIES",
    "AttemptRow",
    "Branch",
    "Condition",
    "CriterionRow",
    "Described",
    "DirectoryRow",
    "EmittedRow",
    "Failure",
    "Failures",
    "FileFilter",
    "InputRow",
    "MessageFilter",
    "MessageRow",
    "OutcomeRow",
    "OutcomeTable",
    "Page",
    "Place",
    "RunFilter",
    "RunRow",
    "RunTexts",
    "TaskDetails",
    "TaskFilter",
    "TaskRow",
    "TimingRow",
    "Tree",
    "TypeHistory",
    "TypeRow",
    "UnknownRunError",
    "VersionRow",
    "at_least",
    "attempts",
    "conditions",
    "described",
    "directories",
    "explain_unknown",
    "failures",
    "files",
    "find_run",
    "inputs",
    "interrupted",
    "last_messages",
    "left_s",
    "longest_attempts",
    "messages",
    "newest_passed",
    "now",
    "oldest_running",
    "outcomes",
    "outputs",
    "places",
    "problems",
    "readers",
    "run_by_id",
    "runs",
    "severity_counts",
    "task",
    "tasks",
    "texts",
    "timings",
    "tree",
    "type_history",
    "type_rows",
    "versions",
]
