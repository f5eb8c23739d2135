"""Now: what goes on, how far it is, and what fails and why."""

import streamlit as st
from sqlmodel import Session

from eas_dashboard import data, links, parts, tables, words
from eas_provenance.lease import all_freshness
from eas_provenance.queries import RunFilter, RunRow, failures, left_s, now, runs, type_rows

_MOST = 5


def draw(session: Session) -> None:
    """Draw what goes on; when nothing does, the newest run."""
    st.title("Now", anchor=False)
    parts.name_page("Now")
    active = [run for run in runs(session, RunFilter(("running",)), limit=_MOST).rows if data.is_alive(run)]
    newest = runs(session, limit=1).rows
    if not newest:
        parts.no_run()
        return
    for fresh in all_freshness(session):
        st.caption(words.followed(fresh))
    if not active:
        st.markdown("Nothing runs. This is the newest run:")
    for run in active or newest:
        _one(session, run)


def _one(session: Session, run: RunRow) -> None:
    types = type_rows(session, run.id)
    elapsed = run.duration_s(now())
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.subheader(words.name(run.name), anchor=False, width="content")
            parts.badge(run.state)
        if not run.is_over:
            st.progress(min(1.0, tables.share(run.done, run)))
        pairs = [
            ("tasks done", tables.done(run)),
            ("running", f"{run.states.get('running', 0):,}"),
            ("failed", f"{run.failed:,}"),
            ("started [UTC]", words.when(run.started)),
            ("elapsed" if not run.is_over else "took", words.duration(elapsed)),
        ]
        left = left_s(types, elapsed) if not run.is_over else None
        if left is not None:
            pairs.append(("about to go", words.duration(left)))
        parts.facts(pairs)
        ways = [("Open the run", links.to_run(run.name)), ("Tasks", links.to_run(run.name, "Tasks"))]
        parts.leads([*ways, ("Outcomes", links.to_outcomes(run.name)), ("Logs", links.to_logs(run.name))])
        found = failures(session, run.id, examples=1)
        if found.total or found.problems:
            st.markdown("**What fails, and why**")
            parts.table(tables.failures(run.name, found), f"failures-{run.id}", empty="No task failed.")
            parts.table(tables.problems(found), f"problems-{run.id}", empty="")
            if found.blocked:
                st.caption(f"{words.counted(found.blocked, 'task')} blocked by that")
        parts.table(tables.types(run.name, types), f"types-{run.id}", empty="No task has been reached yet.")


parts.of_all(draw, is_live=True)
