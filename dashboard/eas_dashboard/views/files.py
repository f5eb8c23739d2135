"""Files: directories, the versions of each file, what is in them, who made and read them."""

from pathlib import Path

import streamlit as st
from sqlmodel import Session

from eas_dashboard import data, figures, links, parts, previews, tables, words
from eas_provenance.queries import FileFilter, RunRow, VersionRow, directories, files, readers, versions


def draw(session: Session, run: RunRow) -> None:
    """Draw the page: of a file, or of all."""
    directory, name = links.asked(st.query_params, "directory"), links.asked(st.query_params, "file")
    if name:
        _file(session, run, directory, name)
        return
    parts.run_header(run, "Files of")
    known = directories(session, run.id)
    if not known:
        st.caption("No file has been made yet.")
        return
    parts.table(tables.directories(run.name, known), "directories", empty="")
    names = [one.directory for one in known]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox("Directory", names, index=None, key="folder", bind="query-params", placeholder="all")
        search = st.text_input("Search", type="search", key="name", bind="query-params", placeholder="file name")
    where = FileFilter(chosen, None, search or "")
    total = files(session, run.id, where, limit=1).total
    offset = parts.pager(total, "file_page")
    page = files(session, run.id, where, limit=parts.PER_PAGE, offset=offset)
    parts.table(tables.versions(run.name, page.rows), "files", empty="No file is like that; change the filters.")
    parts.shown(len(page.rows), page.total, offset, "file")


def _file(session: Session, run: RunRow, directory: str, name: str) -> None:
    found = versions(session, run.id, directory, name)
    if not found:
        st.title("Unknown file", anchor=False)
        st.text(words.line(f"the run has no {directory}/{name}"))
        parts.lead("See the files of the run", links.to_files(run.name))
        return
    wanted = links.number(st.query_params, "version")
    one = next((version for version in found if version.version == wanted), found[-1])
    parts.name_page(f"{name} of {run.name}")
    st.title(f"File {words.code(f'{directory}/{name}')}", anchor=False)
    parts.leads(
        [
            (f"Run {words.name(run.name)}", links.to_run(run.name)),
            (f"Made by {words.code(one.path)}", links.to_task(run.name, one.path)),
        ]
    )
    parts.facts(
        [
            ("version", f"{one.version} of {one.versions}"),
            ("verdict on its task", one.verdict or ""),
            ("type", words.line(one.type)),
            ("size", words.size(one.size_bytes)),
            ("made [UTC]", words.when(one.made)),
            ("in the chain", words.line(one.source)),
        ]
    )
    path = data.kept_file(one.key)
    if any(later.key == one.key and later.sha256 != one.sha256 for later in found[one.version :]):
        st.caption("A later version has replaced the file; its checksum and its record are kept.")
    elif path is None:
        st.caption("The file itself is not on this machine.")
    else:
        _download(path, one)
        _preview(path, one)
    st.subheader("Versions", anchor=False)
    parts.table(tables.versions(run.name, found), "versions", empty="")
    st.subheader("Read by", anchor=False)
    page = readers(session, run.id, one)
    parts.table(tables.readers(run.name, page.rows), "readers", empty="No task has read it.")
    parts.shown(len(page.rows), page.total, 0, "reader")


def _download(path: Path, one: VersionRow) -> None:
    if path.stat().st_size > data.LARGEST_DOWNLOAD:
        st.caption("It is too large to be downloaded from here; it is in the store as")
        st.code(words.printable(str(path)), language=None)
        return
    st.download_button(
        "Download",
        path.read_bytes,
        words.file_name(one.name),
        "application/octet-stream",
        key="download",
        on_click="ignore",
        icon=":material/download:",
    )


@st.cache_data(show_spinner=False, max_entries=16)
def _previewed(path: str, _sha256: str) -> previews.Preview:
    return previews.preview(Path(path))


def _preview(path: Path, one: VersionRow) -> None:
    found = _previewed(str(path), one.sha256)
    if found.figure is not None:
        st.plotly_chart(found.figure, key="preview", config=figures.CONFIG)
    if found.text:
        st.code(found.text, language=None)
    if found.remark:
        st.caption(found.remark)


parts.of_run(draw)
