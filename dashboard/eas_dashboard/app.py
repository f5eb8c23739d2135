"""The dashboard: run by `eas dashboard` with Streamlit; `data` says where it reads."""

from pathlib import Path

import streamlit as st

from eas_dashboard.parts import PAGE, file_of

_FIRST = "now"
_IN_MENU = {_FIRST: "Now", "runs": "Runs", "types": "Task types"}
_OF_RUN = {"run": "Run", "outcomes": "Outcomes", "files": "Files", "logs": "Logs", "task": "Task"}
"""Pages about one run: links lead there that say which one."""

st.set_page_config(page_icon=str(Path(__file__).with_name("icon.png")), layout="wide")
pages = [st.Page(file_of(name), title=title, default=name == _FIRST) for name, title in _IN_MENU.items()]
pages += [st.Page(file_of(name), title=title, visibility="hidden") for name, title in _OF_RUN.items()]
chosen = st.navigation(pages)
st.session_state[PAGE] = chosen.url_path or _FIRST
chosen.run()
