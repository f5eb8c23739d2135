"""Measure how long each page of the dashboard takes with a run of a hundred thousand tasks.

Pages are drawn as for a browser, in Streamlit's test runner: with empty caches, as for the first visitor, and again.
Times are those of the processor, also as a multiple of reading path and state of all tasks by `sqlite3`.
"""

import argparse
import logging
import os
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

sys.path.insert(0, str(Path(__file__).parents[1]))

import eas_dashboard
from eas_dashboard import data
from eas_provenance.database import Database
from tests.provenance import filled

APP = Path(eas_dashboard.__file__).with_name("app.py")
TASK = "/t0[size=3]/t0[period=3]/t2"
PAGES: list[tuple[str, dict[str, str]]] = [
    ("now", {}),
    ("runs", {}),
    ("types", {}),
    *(("run", {"tab": tab}) for tab in ("Overview", "Tasks", "Timeline", "Cost", "Chain")),
    ("run", {"tab": "Tasks", "state": "failed", "search": "depth"}),
    ("task", {"path": TASK}),
    ("files", {}),
    ("files", {"directory": "survey", "file": "lightcurve_3_3.gz"}),
    ("outcomes", {}),
    ("logs", {}),
    ("logs", {"at": "/t0[size=3]"}),
]


def render(page: str, query: dict[str, str], *, is_cold: bool) -> float:
    """Return the processor time that a page takes [s]."""
    app = AppTest.from_file(str(APP), default_timeout=120).run()
    app.query_params.clear()
    for name, text in query.items():
        app.query_params[name] = text
    app.switch_page(f"views/{page}.py")
    if is_cold:
        st.cache_resource.clear()
        st.cache_data.clear()
    start = time.process_time()
    app.run()
    taken = time.process_time() - start
    assert not app.exception, app.exception
    return taken


def reading(file: Path) -> float:
    """Return the processor time that it takes to read path and state of all tasks [s]."""
    with sqlite3.connect(file) as connection:
        start = time.process_time()
        connection.execute("SELECT path, state FROM task").fetchall()
        return time.process_time() - start


def main() -> None:
    """Print how long each page takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=100_000, help="tasks of the run (default: %(default)s)")
    given = parser.parse_args()
    logging.disable()
    config.set_option("runner.magicEnabled", value=False)
    with tempfile.TemporaryDirectory() as folder:
        with Database.open(Path(folder, "eas.db")) as database:
            filled.fill_big(database, given.tasks)
        os.environ[data.STORE] = folder
        render("runs", {}, is_cold=True)  # loads what all of them need
        print("    first    again, and as multiples of reading all tasks")
        for page, query in PAGES:
            of_run = {"run": filled.BIG} | query if page not in {"now", "runs", "types"} else query
            first, again = (render(page, of_run, is_cold=is_cold) for is_cold in (True, False))
            unit = reading(Path(folder, "eas.db"))
            said = f"{first:7.2f} s {again:6.2f} s {first / unit:6.1f} {again / unit:6.1f}  {page}"
            print(" ".join([said, *query.values()]), flush=True)
        st.cache_resource.clear()


if __name__ == "__main__":
    main()
