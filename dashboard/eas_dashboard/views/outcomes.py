"""Outcomes: what a run found, as a table over its loop variables and as a map."""

import streamlit as st
from sqlmodel import Session

from eas_dashboard import data, figures, links, maps, parts, tables
from eas_provenance.queries import OutcomeTable, RunRow, outcomes

_LARGEST_MAP = 25_000


def draw(session: Session, run: RunRow) -> None:
    """Draw the page."""
    parts.run_header(run, "Outcomes of")
    heads = sorted(outcomes(session, run.id, limit=1), key=lambda table: -table.total)
    kinds = [table.type for table in heads]
    if not kinds:
        st.caption("No task of this run says what it found (`outcome`), or none has been reached yet.")
        return
    kind = st.selectbox("Task type", kinds, key="kind", bind="query-params") if len(kinds) > 1 else kinds[0]
    _map(session, run, kind)
    _table(session, run, kind)


def _map(session: Session, run: RunRow, kind: str) -> None:
    (found,) = data.of_run(run, ("outcomes", kind), lambda: outcomes(session, run.id, type=kind, limit=_LARGEST_MAP))
    choices = maps.axes(found)
    if len(choices) < 2:
        st.caption("A map needs two columns with different numbers.")
        return
    titles = {axis.name: axis for axis in choices}
    with st.container(horizontal=True):
        across = st.selectbox("Across", [*titles], key="across", bind="query-params")
        up = st.selectbox("Up", [*titles], index=maps.second(found, choices), key="up", bind="query-params")
    event = st.plotly_chart(
        maps.figure(found, titles[across], titles[up]),
        key=parts.fresh("map"),
        on_select="rerun",
        selection_mode="points",
        config=figures.CONFIG,
    )
    path = figures.clicked(event, {row.path for row in found.rows})
    if path is not None:
        parts.go(links.to_task(run.name, path))
    _left_out(found)


def _left_out(found: OutcomeTable) -> None:
    if found.total > len(found.rows):
        st.caption(f"The map shows the first {len(found.rows):,} of {found.total:,} tasks.")


def _table(session: Session, run: RunRow, kind: str) -> None:
    (head,) = outcomes(session, run.id, type=kind, limit=1)
    offset = parts.pager(head.total, "row_page")
    (page,) = outcomes(session, run.id, type=kind, limit=parts.PER_PAGE, offset=offset)
    parts.table(tables.outcomes(run.name, page), "outcomes", empty="No task has been reached yet.")
    parts.shown(len(page.rows), page.total, offset, "task")


parts.of_run(draw)
