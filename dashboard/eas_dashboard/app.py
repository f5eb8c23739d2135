"""The dashboard: run by `eas dashboard` with Streamlit; `data` says where it reads."""

from pathlib import Path

import streamlit as st

from eas_dashboard.parts import file_of


def _pages() -> dict[str, list[st.Page]]:
    def one(name: str, title: str) -> st.Page:
        return st.Page(file_of(name), title=title, url_path=name)

    return {
        "All runs": [
            st.Page(file_of("now"), title="Now", default=True),
            one("runs", "Runs"),
            one("types", "Task types"),
        ],
        "One run": [
            one("run", "Run"),
            one("outcomes", "Outcomes"),
            one("files", "Files"),
            one("logs", "Logs"),
            st.Page(file_of("task"), title="Task", url_path="task", visibility="hidden"),
        ],
    }


st.set_page_config(page_icon=str(Path(__file__).with_name("icon.png")), layout="wide")
st.navigation(_pages()).run()
