"""Every page shows what is there, and says what to do where nothing is."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select
from streamlit.testing.v1 import AppTest

from eas_dashboard import links
from eas_provenance import migrations
from eas_provenance.database import Database
from eas_provenance.tables import Message, Version
from tests.dashboard.conftest import Show
from tests.provenance import filled

PAGES = ("now", "runs", "run", "task", "files", "outcomes", "logs", "types")
OF_RUN = ("run", "task", "files", "outcomes", "logs")
TABS = ("Overview", "Tasks", "Timeline", "Cost", "Chain")


def texts(app: AppTest) -> str:
    """Return all that a page says outside of its tables."""
    kinds = (app.title, app.subheader, app.markdown, app.text, app.caption, app.code)
    return "\n".join(str(one.value) for kind in kinds for one in kind)


def cells(app: AppTest) -> dict[str, list[Any]]:
    """Return the columns of all tables of a page, by their heads."""
    found: dict[str, list[Any]] = {}
    for table in app.dataframe:
        for head, column in table.value.to_dict("list").items():
            found.setdefault(str(head), []).extend(column)
    return found


@pytest.mark.parametrize("page", PAGES)
def test_without_a_database(show: Show, tmp_path: Path, page: str) -> None:
    """Where there is no database, a page says so, and makes none."""
    app = show(tmp_path / "none", page)
    assert not app.exception
    assert app.title[0].value == "No database to show"
    assert "there is no database" in app.text[0].value
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("page", PAGES)
def test_without_runs(show: Show, bare: Path, page: str) -> None:
    """Where nothing has been run, a page says how to begin."""
    app = show(bare, page)
    assert not app.exception
    assert "eas run chains/demo.json" in texts(app)


@pytest.mark.parametrize("page", PAGES)
def test_of_an_older_schema(show: Show, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    """An older database is not upgraded by whoever only looks."""
    Database.open(tmp_path / "eas.db").close()
    monkeypatch.setattr(migrations, "newest", lambda: "9999")
    app = show(tmp_path, page)
    assert not app.exception
    assert app.title[0].value == "No database to show"
    assert "an older EAS made it; eas db upgrade brings it up to date" in texts(app)


@pytest.mark.parametrize("page", PAGES)
def test_of_a_run_that_is_over(show: Show, over: Path, page: str) -> None:
    """Every page can be shown without saying which run or task is meant."""
    assert not show(over, page).exception


@pytest.mark.parametrize("page", PAGES)
def test_of_a_run_that_goes_on(show: Show, going: Path, page: str) -> None:
    """Every page can be shown while tasks run."""
    assert not show(going, page).exception


@pytest.mark.parametrize(
    ("page", "name"),
    [*((page, "<script>") for page in OF_RUN), *(("run", name) for name in ("*" * 5000, "a\0b", "' OR 1=1 --", "%"))],
)
def test_of_an_unknown_run(show: Show, over: Path, page: str, name: str) -> None:
    """An address that names no run is answered, not believed."""
    app = show(over, page, run=name)
    assert not app.exception
    assert app.title[0].value in {"Unknown run", "Which task?"} or filled.NAME in app.title[0].value


@pytest.mark.parametrize("path", ["/t99", "<script>alert(1)</script>", "/t0[size=99]/t0", "../../etc", "x" * 3000])
def test_of_an_unknown_task(show: Show, over: Path, path: str) -> None:
    """A path that names no task is answered with what there is."""
    app = show(over, "task", run=filled.NAME, path=path)
    assert not app.exception
    assert app.title[0].value in {"Unknown task", "Which task?"}


@pytest.mark.parametrize("name", ["../../../etc/passwd", "none.gz", "<b>", "a\nb"])
def test_of_an_unknown_file(show: Show, over: Path, name: str) -> None:
    """A name that no version has leads to no file."""
    app = show(over, "files", run=filled.NAME, directory="survey", file=name)
    assert not app.exception
    assert app.title[0].value == "Unknown file"
    assert not app.get("download_button")


@pytest.mark.parametrize("tab", [*TABS, "<b>none</b>"])
def test_tabs_of_a_run(show: Show, over: Path, tab: str) -> None:
    """An address may name a tab; one that is not there is the first."""
    app = show(over, "run", run=filled.NAME, tab=tab)
    assert not app.exception


def test_overview(show: Show, over: Path) -> None:
    """A run says what failed and why, and how many tasks there are of how many."""
    app = show(over, "run", run=filled.NAME)
    found = cells(app)
    assert "fail: in_transit: number of samples in transit is …, must be at least …" in found["reason"]
    assert found["path"] == ["/t5"]
    assert found["expected"][found["type"].index("null", len(found["reason"])) - len(found["reason"])] == "1 or more"
    (graph,) = app.get("graphviz_chart")
    assert "digraph" in graph.proto.spec


def test_filters_of_tasks(show: Show, over: Path) -> None:
    """What an address asks for is what the filters show, and the rows that are there."""
    app = show(over, "run", run=filled.NAME, tab="Tasks", state="failed")
    assert cells(app)["path"] == ["/t1"]
    app = show(over, "run", run=filled.NAME, tab="Tasks", type="verify", search="size=1")
    assert cells(app)["path"] == ["/t0[size=1]/t1"]
    app = show(over, "run", run=filled.NAME, tab="Tasks", source="survey.json:60:5")
    assert cells(app)["path"] == ["/t2"]
    assert "tasks from survey.json:60:5" in texts(app)
    where = links.to_run(filled.NAME, "Tasks", type="verify")
    app = show(over, where.page, **where.query)
    assert len(cells(app)["path"]) == 4
    assert not app.exception
    where = links.to_run(filled.NAME, "<b>none</b>", type="<b>none</b>")
    assert not show(over, where.page, **where.query).exception
    app = show(over, "run", run=filled.NAME, tab="Tasks", type="<b>none</b>", source="survey.json:60:5")
    app.text_input(key="search").set_value("nothing like it").run()
    assert "No task is like that; change the filters." in texts(app)


def test_pages_of_rows(show: Show, tmp_path: Path) -> None:
    """Many tasks come a page at a time."""
    with Database.open(tmp_path / "eas.db") as database:
        filled.fill_big(database, 400)
    app = show(tmp_path, "run", run=filled.BIG, tab="Tasks", page="8")
    assert len(cells(app)["path"]) == 50
    assert "351 to 400 of 400 tasks; filters search all of them" in texts(app)
    app = show(tmp_path, "run", run=filled.BIG, tab="Tasks", page="999999")
    assert not app.exception
    assert len(cells(app)["path"]) == 50


def test_task(show: Show, over: Path) -> None:
    """A task shows its tries, what they used of what they asked for, and the place in the chain."""
    app = show(over, "task", run=filled.NAME, path="/t0[size=1]/t2")
    found = cells(app)
    assert found["phase"] == [["failed"], ["succeeded"]]
    assert found["memory [GB]"] == pytest.approx([8.59, 17.18], rel=1e-3)
    assert found["peak [GB]"] == pytest.approx([8.59, 11.81], rel=1e-3)
    assert found["exit"] == [137, 0]
    assert "survey.json:25:9" in texts(app)
    assert found["made by"] == ["/t0[size=1]/t0"]
    app = show(over, "task", run=filled.NAME, path="/t0[size=1]/t0")
    found = cells(app)
    assert found["bound"] == ["≥ 0, ≤ 0.0005", "≥ 1"]
    assert found["result"] == [["warn"], ["pass"]]
    assert "specs.planet_radius" in found["name"]


def test_hostile_text_is_text(show: Show, over: Path) -> None:
    """What programs write is nowhere read as Markdown or HTML, and has no character that changes others."""
    app = show(over, "task", run=filled.NAME, path="/t3")
    assert not app.exception
    said = texts(app)
    assert "<script>alert('x')</script>" in said
    assert "\x1b" not in said
    assert "\u202e" not in said
    assert not [one for kind in (app.markdown, app.caption) for one in kind if one.proto.allow_html]
    assert not [
        one for kind in (app.title, app.subheader, app.markdown, app.caption) for one in kind if "<" in one.value
    ]
    assert filled.MARKUP in said
    assert filled.MARKUP in cells(app)["text"]


def test_outcomes(show: Show, over: Path) -> None:
    """What was found comes as a table with units and as a map."""
    app = show(over, "outcomes", run=filled.NAME)
    found = cells(app)
    assert found["outcome"] == [["FAIL"], ["UNDEFINED"], ["PASS"]]
    assert found["period [d]"][0] == 1.105
    (chart,) = app.get("plotly_chart")
    layout = json.loads(chart.proto.spec)["layout"]
    assert layout["xaxis"]["type"] == "log"
    assert layout["yaxis"]["title"]["text"] == "period [d]"


def test_logs(show: Show, over: Path) -> None:
    """Lines come the newest first, of the severities and tasks that are asked for."""
    app = show(over, "logs", run=filled.NAME)
    assert cells(app)["text"][-1] == "batman 2.4"
    app = show(over, "logs", run=filled.NAME, severity="warning")
    assert cells(app)["text"] == ["two lines…"]
    app = show(over, "logs", run=filled.NAME, at="/t0[size=0]", of="quality control")
    assert cells(app)["text"] == ["judged 10 criteria"]


def test_now(show: Show, going: Path) -> None:
    """What goes on comes with how far it is, and what fails in it."""
    app = show(going, "now")
    said = texts(app)
    assert filled.NAME in said
    assert "about to go" in said
    assert "1 task blocked by that" in said
    assert cells(app)["first"] == ["/t1", "/t3"]


def test_run_without_an_engine(show: Show, tmp_path: Path) -> None:
    """A run that nobody works on any more says so, and how to finish it."""
    with Database.open(tmp_path / "eas.db") as database:
        filled.fill(database, is_over=False)
    (tmp_path / "runs" / filled.NAME).mkdir(parents=True)
    app = show(tmp_path, "run", run=filled.NAME)
    assert f"`eas run --resume {filled.NAME}`" in texts(app)
    assert "Nothing runs" in texts(show(tmp_path, "now"))


def test_live_lines(show: Show, going: Path) -> None:
    """The page of a running task has the lines that its try has written so far."""
    with Database.open(going / "eas.db") as database, database.writing() as batch:
        run_id = database.run_id(filled.NAME)
        key = {"run_id": run_id, "path": "/t4#2/t0", "step": "run", "number": 0, "position": 0}
        said = {"time": "2026-03-01T12:01:45Z", "severity": "info", "source": "x", "text": "it goes on"}
        batch.put(Message, [key | said])
    app = show(going, "task", run=filled.NAME, path="/t4#2/t0")
    assert cells(app)["text"] == ["it goes on"]


def test_file(show: Show, tmp_path: Path) -> None:
    """A file has its versions, who made and read it, a preview and a download."""
    with Database.open(tmp_path / "eas.db") as database:
        filled.fill(database)
    key = tmp_path / "files" / filled.NAME / "survey" / "lightcurve_0.gz"
    key.parent.mkdir(parents=True)
    key.write_bytes(b"# time [s], relative flux, flag, uncertainty\n0 1 0 0\n900 0.5 0 0\n")
    app = show(tmp_path, "files", run=filled.NAME, directory="survey", file="lightcurve_0.gz")
    assert not app.exception
    assert cells(app)["read by"] == ["/t0[size=0]/t1", "/t0[size=0]/t2"]
    assert len(app.get("plotly_chart")) == 1
    assert len(app.get("download_button")) == 1
    app = show(tmp_path, "files", run=filled.NAME, directory="survey", file="lightcurve_1.gz")
    assert "The file itself is not on this machine." in texts(app)


def test_a_replaced_file(show: Show, tmp_path: Path) -> None:
    """What stands in the place of an older version is not offered as it."""
    with Database.open(tmp_path / "eas.db") as database:
        filled.fill(database)
        with database.session() as session:
            old = session.exec(select(Version).where(Version.name == "lightcurve_0.gz")).one().model_dump()
        with database.writing() as batch:
            batch.put(Version, [old | {"number": 1, "sha256": "1" * 64, "made": filled.moment(99)}])
    key = tmp_path / "files" / old["key"]
    key.parent.mkdir(parents=True)
    key.write_bytes(b"# time [s], relative flux, flag, uncertainty\n0 1 0 0\n")
    where = {"run": filled.NAME, "directory": "survey", "file": "lightcurve_0.gz"}
    for version, downloads in ("1", 0), ("2", 1):
        app = show(tmp_path, "files", version=version, **where)
        assert not app.exception
        assert len(app.get("download_button")) == downloads


def test_a_row_leads_to_its_page(show: Show, over: Path) -> None:
    """A click on a row opens what it is about."""
    app = show(over, "runs")
    app.session_state["runs-0"] = {"selection": {"rows": [], "columns": [], "cells": [(0, "run")]}}
    app.run()
    assert not app.exception
    assert app.title[0].value == f"Run {filled.NAME}"


def test_a_row_leads_to_another_part_of_its_page(show: Show, over: Path) -> None:
    """A click may also lead to other filters of the very page it is on."""
    app = show(over, "run", run=filled.NAME)
    app.session_state["types-0"] = {"selection": {"rows": [], "columns": [], "cells": [(0, "type")]}}
    app.run()
    assert not app.exception
    assert cells(app)["path"] == ["/t3"]
    app = show(over, "files", run=filled.NAME, name="empty")
    app.session_state["directories-0"] = {"selection": {"rows": [], "columns": [], "cells": [(0, "directory")]}}
    app.run()
    assert not app.exception
    assert len(cells(app)["file"]) == 7


def test_types(show: Show, over: Path) -> None:
    """Task types say how their tasks ended, and what they cost."""
    found = cells(show(over, "types"))
    assert "transit_search_bls_reference" in found["type"]
    assert "median [s]" in found


def test_addresses() -> None:
    """The address of a page says what it shows, whatever that is called."""
    assert links.to_task("a", "/t0[size=1]?then").href == "task?run=a&path=%2Ft0%5Bsize%3D1%5D%3Fthen"
    assert links.to_files("a", "d").href == "files?run=a&folder=d"
    assert links.to_files("a&b").href == "files?run=a%26b"
    assert links.to_files("a", "d", "f", 2).query == {"run": "a", "directory": "d", "file": "f", "version": "2"}
    assert links.number({"version": "-1"}, "version") is None
    assert links.number({"version": "12"}, "version") == 12
    assert links.number({"version": "٣"}, "version") is None
