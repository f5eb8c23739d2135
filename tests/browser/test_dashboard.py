"""A run is followed in a browser from start to end, and all that it left is found by clicking."""

import contextlib
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Error, Locator, Page, expect

from eas_provenance.database import Database
from tests.browser.conftest import ROOT, Start
from tests.provenance import filled

pytestmark = pytest.mark.browser
Picture = Callable[[Page, str], None]
NAME = re.compile(r"[a-z-]+-[0-9a-f]{6}")


Run = Callable[[str, Path], "subprocess.Popen[bytes]"]


@pytest.fixture
def run() -> Iterator[Run]:
    """Return what starts a run, on one core, so that there is something to follow."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(chain: str, store: Path) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            "eas",
            "run",
            f"chains/{chain}",
            "--store",
            str(store),
            "--jobs",
            "1",
            "--quiet",
        ]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL))
        return started[-1]

    yield begin
    for process in started:
        process.terminate()
        process.wait(timeout=60)


def heading(page: Page, name: str | re.Pattern[str]) -> Locator:
    """Return the title of a page."""
    return page.get_by_role("heading", level=1, name=name)


def ready(page: Page) -> None:
    """Wait until all of a page is drawn."""
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    for one in page.get_by_test_id("stDataFrame").all():
        expect(one.locator("canvas").first).to_be_visible()
    expect(page.get_by_test_id("stSkeleton")).to_have_count(0)
    expect(page.locator("[data-stale=true]")).to_have_count(0)


def open_row(page: Page, text: str, target: Locator) -> None:
    """Click the row of a table that has a text in a cell until it has led to its target.

    Tables are drawn, but also described for those who cannot see. While they are drawn anew, a click may be lost, or
    meet another row.
    """
    before = page.url
    grid = page.locator("canvas", has=page.locator("td", has_text=text)).first
    cell = grid.locator("td", has_text=text).first
    for patience_ms in (20_000, 20_000, 30_000):  # a second click while a slow page comes would lead elsewhere
        if page.url != before:
            page.goto(before)
        ready(page)
        expect(cell).to_be_attached()
        row = int(cell.evaluate("one => one.closest('tr').getAttribute('aria-rowindex')"))
        grid.scroll_into_view_if_needed()
        box = grid.bounding_box()
        assert box is not None
        height = box["height"] / grid.locator("tr").count()
        page.mouse.click(box["x"] + 60, box["y"] + (row - 0.5) * height)
        with contextlib.suppress(Error):
            target.wait_for(timeout=patience_ms)
            return
    expect(target).to_be_visible()


def test_a_run_from_start_to_end(page: Page, start: Start, run: Run, picture: Picture, tmp_path: Path) -> None:
    """Pages follow a run by themselves; rows, boxes and links lead to what they are about."""
    store = tmp_path / "store"
    page.goto(start(store))
    expect(heading(page, "No database to show")).to_be_visible()
    name = follow(page, picture, run("demo.json", store))
    look_at_tasks(page, picture)
    look_at_a_file(page, picture, store)
    page.get_by_role("link", name="Made by /t0[size=3]/t2").click()
    expect(heading(page, "/t0[size=3]/t2")).to_be_visible()
    page.get_by_role("link", name=f"Run {name}").click()
    expect(heading(page, f"Run {name}")).to_be_visible()
    page.get_by_role("link", name="Outcomes").click()
    expect(heading(page, f"Outcomes of {name}")).to_be_visible()
    expect(page.locator(".js-plotly-plot .point").first).to_be_visible()
    ready(page)
    picture(page, "outcomes")
    page.go_back()
    expect(heading(page, f"Run {name}")).to_be_visible()


def follow(page: Page, picture: Picture, process: "subprocess.Popen[bytes]") -> str:
    """See a run from its first tasks to its end; return its name."""
    expect(heading(page, "Now")).to_be_visible()
    expect(page.get_by_text("about to go")).to_be_visible()
    ready(page)
    picture(page, "now")
    page.get_by_role("link", name="Open the run").click()
    expect(heading(page, re.compile("^Run demo-"))).to_be_visible()
    expect(page.get_by_text("succeeded", exact=True).first).to_be_visible()
    assert process.wait(timeout=60) == 0
    found = NAME.search(heading(page, re.compile("^Run demo-")).inner_text())
    assert found is not None
    expect(page).to_have_title(f"Run {found[0]} · EAS")
    assert f"run={found[0]}" in page.url
    expect(page.locator("svg a", has_text="search")).to_be_visible()
    ready(page)
    picture(page, "run")
    return found[0]


def look_at_tasks(page: Page, picture: Picture) -> None:
    """See when tasks ran, find one by filters, and open it."""
    page.get_by_role("tab", name="Timeline").click()
    expect(page.locator(".js-plotly-plot .bars path").first).to_be_visible()
    ready(page)
    picture(page, "timeline")
    page.get_by_role("tab", name="Tasks").click()
    expect(page).to_have_url(re.compile("tab=Tasks"))
    page.get_by_placeholder("path, message").fill("size=3")
    page.get_by_placeholder("path, message").press("Enter")
    expect(page.get_by_text("4 tasks", exact=True)).to_be_visible()
    assert "search=size" in page.url
    ready(page)
    open_row(page, "transit_search_bls_reference", heading(page, "/t0[size=3]/t2"))
    ready(page)
    picture(page, "task")


def look_at_a_file(page: Page, picture: Picture, store: Path) -> None:
    """Open a file that a task made, see what is in it, and download it."""
    open_row(page, "periodogram_3.tar.gz", heading(page, "demo/periodogram_3.tar.gz"))
    expect(page.locator(".js-plotly-plot .scatterlayer path").first).to_be_visible()
    ready(page)
    picture(page, "file")
    with page.expect_download() as given:
        page.get_by_role("button", name="Download", exact=True).click()
    assert given.value.suggested_filename == "periodogram_3.tar.gz"
    (kept,) = (store / "files").glob("demo-*/demo/periodogram_3.tar.gz")
    assert given.value.path().read_bytes() == kept.read_bytes()


def test_the_graph_leads_to_tasks(page: Page, start: Start, tmp_path: Path) -> None:
    """A box of the graph opens the tasks that it stands for."""
    with Database.open(tmp_path / "eas.db") as database:
        filled.fill(database)
    page.goto(f"{start(tmp_path)}/run?run={filled.NAME}")
    page.locator("svg a", has_text="binning").click()
    expect(page.get_by_text("tasks from survey.json:65:5")).to_be_visible()
    expect(page.get_by_text("1 task", exact=True)).to_be_visible()


def test_what_failed(page: Page, start: Start, run: Run, picture: Picture, tmp_path: Path) -> None:
    """A failure is seen at once, with its reason, and a click away from all that is known of it."""
    assert run("closed_gate.json", tmp_path).wait(timeout=120) == 1
    page.goto(start(tmp_path))
    expect(page.get_by_text("2 tasks blocked by that")).to_be_visible()
    ready(page)
    picture(page, "failed")
    open_row(page, "synthesis_batman", heading(page, "/t1"))
    expect(page.get_by_text("number of samples in transit is 0, must be at least 1").first).to_be_visible()


@pytest.mark.parametrize("context", ["light", "dark"], indirect=True)
def test_hostile_text(page: Page, start: Start, tmp_path: Path) -> None:
    """Addresses lead straight to what they name, and nothing that programs wrote runs or changes the page."""
    with Database.open(tmp_path / "eas.db") as database:
        filled.fill(database)
    address = start(tmp_path)
    for where in (
        "",
        "runs",
        "types",
        f"run?run={filled.NAME}",
        f"run?run={filled.NAME}&tab=Tasks&state=failed",
        f"run?run={filled.NAME}&tab=Timeline",
        f"task?run={filled.NAME}&path=/t3",
        f"files?run={filled.NAME}",
        f"outcomes?run={filled.NAME}&kind=transit_search_bls_reference",
        f"logs?run={filled.NAME}&severity=error",
        "run?run=<script>alert(1)</script>",
        "task?path=<img src=x onerror=alert(1)>",
    ):
        page.goto(f"{address}/{where}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        ready(page)
        assert page.locator("[data-testid=stMain] img, [data-testid=stMain] script").count() == 0
        assert page.get_by_test_id("stException").count() == 0
