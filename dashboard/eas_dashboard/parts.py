"""Parts that pages have in common. Nothing of a database is ever given to Streamlit as Markdown or HTML."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from sqlmodel import Session

from eas_dashboard import data, links, look, words
from eas_dashboard.links import Where
from eas_dashboard.tables import Column, Table
from eas_provenance.errors import DatabaseError
from eas_provenance.queries import RunRow, UnknownRunError, find_run, run_by_id

PAGES = Path(__file__).parent / "views"
LOOK_S, LOOK_AT_BIG_S = 2.0, 10.0
"""How often a page looks at the database while a run goes on, and while one of many tasks does."""
_MANY = 5000
PAGE = "page that is drawn"
_LEFT, _WANTED = "times a click led away", "filters to be set"
PER_PAGE = 50
_MANY = 5000
PAGE = "page that is drawn"
_LEFT, _WANTED = "times a click led away", "filters to be set"
PER_PAGE = 50
FILTERS = ("tab", "type", "folder", "beneath", "search", "state", "severity", "of", "number")
"""The keys of filters, and what they are called in addresses."""
_MOST_ROWS_HIGH, _MOST_HEIGHT_PX = 25, 880
_COLOURS = {
    "state": look.STATES,
    "verdict": look.VERDICTS,
    "severity": look.SEVERITIES,
    "outcome": {outcome: mark.colour for outcome, mark in look.OUTCOMES.items()},
}
_WORD_PX = {"state": 112, "verdict": 84, "severity": 92, "outcome": 112}
_SMALL, _LARGE = 1e-3, 1e6
"""Beyond these, numbers are written with a power of ten."""


# --------------------------------------------------------------------------------------------------------------------
# Frames of pages


def page(draw: Callable[[], None]) -> None:
    """Draw a page, or say why there is nothing to draw."""
    try:
        draw()
    except DatabaseError as error:
        no_database(str(error))


def no_database(reason: str) -> None:
    """Say why there is no database to show, and what to do."""
    st.title("No database to show")
    st.text(words.line(reason))
    st.markdown("`eas run` makes a database in its store; `eas db upgrade` brings an older one up to date.")
    st.code("eas run chains/demo.json", language=None)
    st.caption("This page changes as soon as there is one.")
    st.fragment(_look_for_database, run_every=LOOK_S)()


def _look_for_database() -> None:
    try:
        with data.session():
            pass
    except DatabaseError:
        return
    st.rerun()


def of_all(draw: Callable[[Session], None], *, is_live: bool = False) -> None:
    """Draw a page about all runs, again and again if it is live."""

    def body() -> None:
        with data.session() as session:
            draw(session)

    live(body, is_live=is_live)


def of_run(draw: Callable[[Session, RunRow], None]) -> None:
    """Draw a page about the run that the address names, else the newest, again and again while it goes on."""
    page(lambda: _of_run(draw))


def _of_run(draw: Callable[[Session, RunRow], None]) -> None:
    with data.session() as session:
        run = current_run(session)
    if run is None:
        return
    is_live = data.is_alive(run)

    def body() -> None:
        with data.session() as session:
            known = run_by_id(session, run.id)
            if known is None or (is_live and not data.is_alive(known)):
                st.rerun()  # the run has ended or is gone: draw all once more, and then no more
            draw(session, known)

    live(body, is_live=is_live, is_big=run.done > _MANY)


def live(draw: Callable[[], None], *, is_live: bool, is_big: bool = False) -> None:
    """Draw a part of a page, again and again while something goes on; more rarely when that is much work."""
    every = LOOK_AT_BIG_S if is_big else LOOK_S
    st.fragment(lambda: page(draw), run_every=every if is_live else None)()


def current_run(session: Session) -> RunRow | None:
    """Return the run of the address, else the newest; say so when there is none."""
    asked = links.asked(st.query_params, "run")
    try:
        run = find_run(session, asked or None)
    except UnknownRunError as error:
        if asked:
            st.title("Unknown run")
            st.text(words.line(str(error)))
            lead("See all runs", Where("runs", {}))
        else:
            st.title("No run yet")
            no_run()
        return None
    _set_filters()
    return run


def _set_filters() -> None:
    """Set the filters of the page to what was clicked on it, and all others back."""
    wanted = st.session_state.pop(_WANTED, {})
    if wanted:
        st.session_state.update(links.FILTERS[st.session_state[PAGE]] | wanted)


def no_run() -> None:
    """Say how the first run is made."""
    st.markdown("Nothing has been run yet. Run a chain, and it appears here:")
    st.code("eas run chains/demo.json", language=None)


# --------------------------------------------------------------------------------------------------------------------
# Ways to other pages


def file_of(name: str) -> str:
    """Return the file of a page."""
    return str(PAGES / f"{name}.py")


def go(where: Where) -> None:
    """Leave for another page, or another part of this one."""
    st.session_state[_LEFT] = st.session_state.get(_LEFT, 0) + 1
    names = links.FILTERS.get(where.page, ())
    wanted = {name: text for name, text in where.query.items() if name in names}
    if wanted and where.page == st.session_state[PAGE]:
        st.session_state[_WANTED] = wanted
        st.rerun()
    st.switch_page(file_of(where.page), query_params=where.query)


def fresh(key: str) -> str:
    """Return a key for what can be clicked, another one after each click: no click leads somewhere twice."""
    return f"{key}-{st.session_state.get(_LEFT, 0)}"


def lead(label: str, where: Where, icon: str = "") -> None:
    """Show a link to another page; the label is Markdown."""
    st.page_link(file_of(where.page), label=f":primary[{label}]", query_params=where.query, icon=icon)


def leads(pairs: Iterable[tuple[str, Where]]) -> None:
    """Show links side by side."""
    with st.container(horizontal=True, gap="small"):
        for label, where in pairs:
            lead(label, where)


# --------------------------------------------------------------------------------------------------------------------
# Headers


def run_header(run: RunRow, title: str) -> None:
    """Show which run a page is about, its state, and the way to its other pages."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(f"{title} {words.name(run.name)}", anchor=False, width="content")
        badge(run.state if run.is_over or data.is_alive(run) else "interrupted")
    name_page(f"{title} {run.name}")
    leads(
        [
            ("Run", links.to_run(run.name)),
            ("Outcomes", links.to_outcomes(run.name)),
            ("Files", links.to_files(run.name)),
            ("Logs", links.to_logs(run.name)),
        ]
    )
    if run.state == "interrupted" or not (run.is_over or data.is_alive(run)):
        st.markdown(f"Nobody works on it any more. To finish it: {words.code(f'eas run --resume {run.name}')}")


def name_page(title: str) -> None:
    """Give the tab of the browser a title."""
    st.set_page_config(page_title=f"{words.line(title, 80)} · EAS")


def badge(state: str) -> None:
    """Show a state in its colour."""
    st.badge(words.name(state), color=look.badge(state))  # type: ignore[arg-type] # it is one of the names


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    """Show short texts beneath what they are, side by side."""
    with st.container(horizontal=True, gap="medium"):
        for label, text in pairs:
            with st.container(width="content", gap=None):
                st.caption(label)
                st.text(text or words.NOTHING)


# --------------------------------------------------------------------------------------------------------------------
# Tables


def table(found: Table, key: str, *, empty: str) -> None:
    """Show a table whose rows lead to what they are about; without rows, say something."""
    if not found.length:
        if empty:
            st.caption(empty)
        return
    is_leading = any(found.leads)
    clicks: dict[str, Any] = {"on_select": "rerun", "selection_mode": "single-cell"} if is_leading else {}
    event: Any = st.dataframe(
        found.data,
        column_config={one.head: _config(one) for one in found.columns},
        hide_index=True,
        placeholder=words.NOTHING,
        height="content" if found.length <= _MOST_ROWS_HIGH else _MOST_HEIGHT_PX,
        key=fresh(key),
        **clicks,
    )
    where = led(found, event) if is_leading else None
    if where is not None:
        go(where)


def led(found: Table, event: Any) -> Where | None:
    """Return where a click on a table leads; a browser may say that it was on a row that is not there."""
    cells = event["selection"]["cells"]
    row = cells[0][0] if cells else None
    return found.leads[row] if isinstance(row, int) and 0 <= row < len(found.leads) else None


def _config(column: Column) -> Any:
    config = st.column_config
    if column.kind in _COLOURS:
        colours = _COLOURS[column.kind]
        return config.MultiselectColumn(options=[*colours], color=[*colours.values()], width=_WORD_PX[column.kind])
    if column.kind == "number":
        return config.NumberColumn(format=number_format(column.values))
    if column.kind == "count":
        return config.NumberColumn(format="localized")
    if column.kind == "bytes":
        return config.NumberColumn(format="bytes")
    if column.kind == "share":
        return config.ProgressColumn(format="percent", min_value=0.0, max_value=1.0, width="small")
    return config.TextColumn()


def number_format(values: Iterable[float | None]) -> str:
    """Return how numbers are written so that none gets too long."""
    sizes = [abs(value) for value in values if value]
    return "%.3e" if sizes and (min(sizes) < _SMALL or max(sizes) >= _LARGE) else "%.4g"


def pager(total: int, key: str, per_page: int = PER_PAGE) -> int:
    """Show which page of rows is to be seen, and return how many rows come before it."""
    pages = max(1, -(-total // per_page))
    if pages == 1:
        return 0
    current: int = st.pagination(pages, key=key, bind="query-params")
    return (current - 1) * per_page


def shown(rows: int, total: int, offset: int, one: str, several: str = "") -> None:
    """Say which rows are seen of how many."""
    if total > rows:
        st.caption(
            f"{offset + 1:,} to {offset + rows:,} of {words.counted(total, one, several)}; filters search all of them"
        )
    elif total:
        st.caption(words.counted(total, one, several))
