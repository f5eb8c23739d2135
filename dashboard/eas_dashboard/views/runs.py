"""Runs: all of them, the newest first."""

import streamlit as st
from sqlmodel import Session

from eas_dashboard import parts, tables
from eas_provenance.queries import RunFilter, now, runs

_STATES = ["running", "succeeded", "failed", "cancelled", "interrupted"]


def draw(session: Session) -> None:
    """Draw filters, and the runs that they leave."""
    st.title("Runs", anchor=False)
    parts.name_page("Runs")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input(
            "Search", type="search", key="run_text", bind="query-params", placeholder="name or chain"
        )
        states = st.pills("State", _STATES, selection_mode="multi", key="run_state", bind="query-params")
        tag = st.text_input("Tag", key="tag", bind="query-params", placeholder="exactly", width=180)
    where = RunFilter(tuple(states), tag or None, search or "")
    total = runs(session, where, limit=1).total
    offset = parts.pager(total, "run_page")
    page = runs(session, where, limit=parts.PER_PAGE, offset=offset)
    if not page.total and where == RunFilter():
        parts.no_run()
        return
    parts.table(tables.runs(page.rows, now()), "runs", empty="No run is like that; change the filters.")
    parts.shown(len(page.rows), page.total, offset, "run")


parts.of_all(draw)
