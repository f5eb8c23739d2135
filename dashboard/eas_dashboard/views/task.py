"""Task: everything that is known of one."""

import streamlit as st
from sqlmodel import Session

from eas_dashboard import links, parts, tables, words
from eas_provenance.queries import (
    MessageFilter,
    RunRow,
    TaskDetails,
    TaskRow,
    explain_unknown,
    last_messages,
    task,
)

_MOST_LINES = 200


def draw(session: Session, run: RunRow) -> None:
    """Draw the page."""
    path = links.asked(st.query_params, "path")
    found = task(session, run.id, path) if path else None
    if found is None:
        st.title("Which task?" if not path else "Unknown task", anchor=False)
        if path:
            st.text(words.line(explain_unknown(session, run.id, path)))
        parts.lead("See the tasks of the run", links.to_run(run.name, "Tasks"))
        return
    _header(run, found.task)
    _tries(found)
    left, right = st.columns([3, 2], gap="medium")
    with left:
        st.subheader("Quality control", anchor=False)
        parts.table(tables.criteria(found.criteria), "criteria", empty="Nothing has been judged.")
        st.subheader("Metadata", anchor=False)
        parts.table(tables.emitted(found.emitted), "emitted", empty="It has left no metadata.")
    with right:
        st.subheader("Settings", anchor=False)
        parts.table(tables.settings(found.settings), "settings", empty="It has no settings.")
        st.subheader("Loop variables", anchor=False)
        parts.table(tables.settings(found.task.variables), "variables", empty="No loop is around it.")
    st.subheader("Inputs", anchor=False)
    parts.table(tables.inputs(run.name, found.inputs), "inputs", empty="It has read no file.")
    st.subheader("Outputs", anchor=False)
    parts.table(tables.versions(run.name, found.outputs), "outputs", empty="It has made no file.")
    _log(session, run, found)


def _header(run: RunRow, row: TaskRow) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(f"Task {words.code(row.path)}", anchor=False, width="content")
        parts.badge(row.state)
    parts.name_page(f"{row.path} of {run.name}")
    leads = [
        (f"Run {words.name(run.name)}", links.to_run(run.name)),
        ("Tasks of this type", links.to_run(run.name, "Tasks", type=row.type)),
        ("Its place in other iterations", links.to_run(run.name, "Tasks", source=row.source)),
        ("Its log", links.to_logs(run.name, row.path)),
    ]
    parts.leads(leads)
    parts.facts(
        [
            ("type", words.line(row.type)),
            ("name", words.line(row.name or "")),
            ("verdict", row.verdict or ""),
            ("job, directory", words.line(f"{row.job_name}, {row.directory}")),
            ("in the chain", words.line(row.source)),
            ("started [UTC]", words.when(row.started)),
            ("took", words.took(row.started, row.ended)),
        ]
    )
    if row.message and row.state != "succeeded":
        st.code(words.block(row.message), language=None, wrap_lines=True)
    elif row.message:
        st.text(words.block(row.message))


def _tries(found: TaskDetails) -> None:
    st.subheader("Tries", anchor=False)
    empty = (
        "It was blocked: what it needs is not there." if found.task.state == "blocked" else "It has not been started."
    )
    parts.table(tables.attempts(found.attempts), "attempts", empty=empty)
    if found.traceback:
        with st.expander("Traceback", expanded=True):
            st.code(words.block(found.traceback), language=None)


def _log(session: Session, run: RunRow, found: TaskDetails) -> None:
    st.subheader("Log", anchor=False)
    page = last_messages(session, run.id, MessageFilter(found.task.path), limit=_MOST_LINES)
    rows = list(page.rows)
    parts.table(tables.messages(run.name, rows, of_task=True), "log", empty="It has said nothing.")
    if page.total > len(page.rows):
        parts.lead(f"All {page.total:,} lines", links.to_logs(run.name, found.task.path))
    for row in rows:
        if "\n" in row.text.strip():
            with st.expander(f"{row.severity} at {row.time[11:19]}: {words.code(row.text)}"):
                st.code(words.block(row.text), language=None)


parts.of_run(draw)
