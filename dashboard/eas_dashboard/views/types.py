"""Task types: how those of all runs ended, and what they cost in one of them."""

import streamlit as st
from sqlmodel import Session

from eas_dashboard import data, parts, tables, words
from eas_provenance.queries import runs, timings, type_history


def draw(session: Session) -> None:
    """Draw the page."""
    st.title("Task types", anchor=False)
    parts.name_page("Task types")
    newest = runs(session, limit=1).rows
    if not newest:
        parts.no_run()
        return
    run = newest[0]
    parts.table(tables.history(run.name, type_history(session)), "history", empty="No task has been reached yet.")
    st.subheader(f"Cost in the newest run, {words.name(run.name)}", anchor=False)
    rows = data.of_run(run, ("timings", "programs"), lambda: timings(session, run.id))
    parts.table(tables.timings(run.name, rows), "timings", empty="Nothing has been started.")


parts.of_all(draw)
