"""Logs: what programs and gates said, by severity."""

import streamlit as st
from sqlmodel import Session

from eas_dashboard import parts, tables, words
from eas_provenance.queries import MessageFilter, RunRow, last_messages, severity_counts

_PER_PAGE = 100
_STEPS = {"programs": "run", "quality control": "qc"}


def draw(session: Session, run: RunRow) -> None:
    """Draw the page."""
    parts.run_header(run, "Logs of")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input("Search", type="search", key="text", bind="query-params", placeholder="text")
        beneath = st.text_input("At or beneath", key="at", bind="query-params", placeholder="as /t0[size=3]")
        step = st.segmented_control("Of", [*_STEPS], key="of", bind="query-params")
    path = (beneath or "").rstrip("/")
    counts = severity_counts(session, run.id, path)
    chosen = st.pills("Severity", [*counts][::-1], selection_mode="multi", key="severity", bind="query-params")
    if counts:
        st.caption(", ".join(f"{lines:,} {words.name(severity)}" for severity, lines in [*counts.items()][::-1]))
    where = MessageFilter(path, tuple(chosen), _STEPS.get(step or ""), search or "")
    total = last_messages(session, run.id, where, limit=1).total
    offset = parts.pager(total, "line_page", _PER_PAGE)
    page = last_messages(session, run.id, where, limit=_PER_PAGE, offset=offset)
    empty = "Nothing was said that is like that; change the filters." if counts else "Nothing has been said yet."
    parts.table(tables.messages(run.name, page.rows[::-1]), "messages", empty=empty)
    parts.shown(len(page.rows), page.total, offset, "line")


parts.of_run(draw)
