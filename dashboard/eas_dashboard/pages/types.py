"""Task types: how those of all runs ended, and what they cost in one of them."""

import streamlit as st

from eas_dashboard import data, parts, tables, words
from eas_provenance.queries import runs, timings, type_history


def draw() -> None:
    """Draw the page."""
    st.title("Task types", anchor=False)
    parts.name_page("Task types")
    with data.session() as session:
        newest = runs(session, limit=1).rows
        if not newest:
            parts.no_run()
            return
        run = newest[0]
        parts.table(tables.history(run.name, type_history(session)), "history", empty="No task has been reached yet.")
        st.subheader(f"Cost in the newest run, {words.name(run.name)}", anchor=False)
        parts.table(tables.timings(run.name, timings(session, run.id)), "timings", empty="Nothing has been started.")


parts.page(draw)
