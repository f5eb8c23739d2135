"""Pages without a browser: Streamlit's own test runner, on databases made for tests."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit import config
from streamlit.testing.v1 import AppTest

import eas_dashboard
from eas_dashboard import data
from eas_provenance.database import Database
from tests.provenance import filled

APP = Path(eas_dashboard.__file__).with_name("app.py")
Show = Callable[..., AppTest]


@pytest.fixture(scope="session")
def over(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with a run that is over, and its names and texts hostile."""
    return _filled(tmp_path_factory.mktemp("over"))


@pytest.fixture(scope="session")
def going(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with a run that goes on, elsewhere."""
    return _filled(tmp_path_factory.mktemp("going"), is_over=False)


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with a database without any run."""
    folder = tmp_path_factory.mktemp("bare")
    Database.open(folder / "eas.db").close()
    return folder


def _filled(folder: Path, **how: Any) -> Path:
    with Database.open(folder / "eas.db") as database:
        filled.fill(database, **how)
    return folder


@pytest.fixture(autouse=True, scope="session")
def _no_magic() -> None:
    """Configure Streamlit as the file beside the app does, which its test runner does not read."""
    config.set_option("runner.magicEnabled", False)


@pytest.fixture
def show(monkeypatch: pytest.MonkeyPatch) -> Iterator[Show]:
    """Return what shows a page of a store, with what its address asks for."""

    def shown(store: Path, page: str, /, **query: str) -> AppTest:
        monkeypatch.setenv(data.STORE, str(store))
        monkeypatch.delenv(data.DATABASE, raising=False)
        app = AppTest.from_file(str(APP), default_timeout=60).run()
        for name, text in query.items():
            app.query_params[name] = text
        return app.switch_page(f"views/{page}.py").run()

    yield shown
    st.cache_resource.clear()
    st.cache_data.clear()
