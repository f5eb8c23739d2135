"""Run: the chain as a graph, expected against actual counts, its tasks, and when they ran."""

import streamlit as st
from sqlmodel import Session

from eas_dashboard import data, figures, graph, links, look, parts, tables, timeline, words
from eas_provenance.queries import (
    RunRow,
    TaskFilter,
    conditions,
    failures,
    left_s,
    longest_attempts,
    now,
    places,
    tasks,
    texts,
    timings,
    type_rows,
)

_TABS = ["Overview", "Tasks", "Timeline", "Cost", "Chain"]


def draw(session: Session, run: RunRow) -> None:
    """Draw the page."""
    parts.run_header(run, "Run")
    _facts(session, run)
    tabs = st.tabs(_TABS, key="tab", bind="query-params")
    drawers = (_overview, _tasks, _timeline, _cost, _chain)
    for tab, drawer in zip(tabs, drawers, strict=True):
        if tab.open:
            with tab:
                drawer(session, run)


def _facts(session: Session, run: RunRow) -> None:
    elapsed = run.duration_s(now())
    pairs = [
        ("tasks done", tables.done(run)),
        ("failed", f"{run.failed:,}"),
        ("started [UTC]", words.when(run.started)),
        ("elapsed" if not run.is_over else "took", words.duration(elapsed)),
    ]
    if not run.is_over:
        pairs.append(("about to go", words.duration(left_s(type_rows(session, run.id), elapsed))))
    pairs += [
        ("chain", words.line(run.source)),
        ("on", words.line(f"{run.site} ({run.user}@{run.host})")),
        ("EAS", words.line(run.version)),
        *([("tags", words.line(", ".join(run.tags)))] if run.tags else []),
    ]
    parts.facts(pairs)
    if not run.is_over:
        st.progress(min(1.0, tables.share(run.done, run)))
    if run.message:
        st.text(words.block(run.message))


def _overview(session: Session, run: RunRow) -> None:
    found = failures(session, run.id, examples=1)
    if found.total or found.problems:
        st.subheader("What failed, and why", anchor=False)
        parts.table(tables.failures(run.name, found), "failures", empty="No task failed.")
        parts.table(tables.problems(found), "problems", empty="")
        if found.blocked:
            st.caption(f"{words.counted(found.blocked, 'task')} blocked by that")
    st.subheader("Chain", anchor=False)
    known = data.of_run(run, ("places",), lambda: places(session, run.id))
    if len(known) > graph.MOST:
        st.caption(f"The chain has {len(known):,} tasks, too many for a picture; the table has them all.")
    elif known:
        asked = data.of_run(run, ("conditions",), lambda: conditions(session, run.id))
        st.graphviz_chart(graph.dot(run.name, known, asked), width="content")
        st.caption(
            "A box stands for a task of the chain in all iterations of the loops around it; it leads to them."
            " Arrows lead to what reads its files, dashed ones to what its metadata decide about."
        )
    st.subheader("Expected and actual", anchor=False)
    parts.table(tables.types(run.name, type_rows(session, run.id)), "types", empty="No task has been reached yet.")


def _tasks(session: Session, run: RunRow) -> None:
    where = _filters(session, run)
    total = tasks(session, run.id, where, limit=1).total
    offset = parts.pager(total, "page")
    page = tasks(session, run.id, where, limit=parts.PER_PAGE, offset=offset)
    empty = "No task is like that; change the filters." if run.states else "No task has been reached yet."
    parts.table(tables.tasks(run.name, page.rows), "tasks", empty=empty)
    parts.shown(len(page.rows), page.total, offset, "task")


def _filters(session: Session, run: RunRow) -> TaskFilter:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        search = st.text_input("Search", type="search", key="search", bind="query-params", placeholder="path, message")
        kinds = [one.type for one in type_rows(session, run.id)]
        kind = st.selectbox("Type", kinds, index=None, key="type", bind="query-params", placeholder="all")
        beneath = st.text_input("Beneath", key="beneath", bind="query-params", placeholder="as /t0[size=3]")
    states = list(look.in_order(run.states))
    chosen = st.pills("State", states, selection_mode="multi", key="state", bind="query-params")
    source = links.asked(st.query_params, "source")
    if source:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.text(f"tasks from {words.line(source)}")
            parts.lead("Show all", links.to_run(run.name, "Tasks"))
    return TaskFilter((beneath or "").rstrip("/"), kind, tuple(chosen), source or None, search or "")


def _timeline(session: Session, run: RunRow) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        lanes = st.segmented_control("Lanes", ["host", "type"], default="host", required=True, key="lanes")
        kinds = [one.type for one in type_rows(session, run.id)]
        kind = st.selectbox("Type", kinds, index=None, key="of_type", placeholder="all", width=320)
    page = longest_attempts(session, run.id, TaskFilter(type=kind), limit=timeline.MOST)
    found = timeline.bars(page.rows, now(), by_type=lanes == "type")
    if not found:
        st.caption("Nothing has been started yet.")
        return
    event = st.plotly_chart(
        timeline.figure(found),
        key=parts.fresh("timeline"),
        on_select="rerun",
        selection_mode="points",
        config=figures.CONFIG,
    )
    path = figures.clicked(event, {bar.path for bar in found})
    if path is not None:
        parts.go(links.to_task(run.name, path))
    if page.left:
        st.caption(f"The {len(page.rows):,} longest of {page.total:,} tries, with those that are not measured.")
    else:
        parts.shown(len(page.rows), page.total, 0, "try", "tries")


def _cost(session: Session, run: RunRow) -> None:
    step = st.segmented_control("Of", ["programs", "quality control"], default="programs", required=True, key="step")
    rows = data.of_run(
        run, ("timings", step), lambda: timings(session, run.id, step="run" if step == "programs" else "qc")
    )
    parts.table(tables.timings(run.name, rows), "timings", empty="Nothing has been started yet.")


def _chain(session: Session, run: RunRow) -> None:
    found = texts(session, run.id)
    if found.parameters:
        parts.table(tables.settings(found.parameters), "parameters", empty="")
    if found.subject:
        parts.table(tables.settings(found.subject), "subject", empty="")
    st.caption(words.code(run.source))
    st.code(words.printable(found.chain.decode("utf-8", "replace"), lines=True), language="json", line_numbers=True)


parts.of_run(draw)
