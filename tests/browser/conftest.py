"""A real browser in front of a real dashboard."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "pictures"
CHROMIUM = os.environ.get("CHROMIUM", "chromium")
_ARGUMENTS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
_PATIENCE_MS = 60_000
# Streamlit looks for itself at the address of a page before it does so where it is.
_HARMLESS = re.compile(r"/_stcore/(health|host-config)$")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a browser."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=shutil.which(CHROMIUM) or CHROMIUM, args=_ARGUMENTS)
        yield launched
        launched.close()


@pytest.fixture
def errors() -> list[str]:
    """Return what a browser complained about."""
    return []


@pytest.fixture(params=["light"])
def context(browser: Browser, request: pytest.FixtureRequest) -> Iterator[BrowserContext]:
    """Return a window that nobody used before, in light or in dark."""
    opened = browser.new_context(
        viewport={"width": 1360, "height": 900}, color_scheme=request.param, accept_downloads=True, timezone_id="UTC"
    )
    opened.set_default_timeout(_PATIENCE_MS)
    expect.set_options(timeout=_PATIENCE_MS)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, errors: list[str]) -> Iterator[Page]:
    """Return a page; there must be no error in its console, and nothing may open a dialog."""

    def listen(message: ConsoleMessage) -> None:
        if message.type == "error" and not _HARMLESS.search(message.location.get("url", "")):
            errors.append(f"{message.text} ({message.location.get('url')})")

    opened = context.new_page()
    opened.on("console", listen)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    opened.on("dialog", lambda dialog: errors.append(f"dialog: {dialog.message}"))
    yield opened
    assert errors == []


Start = Callable[[Path], str]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return what starts a dashboard on a store, and returns its address; it has to end well when interrupted."""
    started: list[subprocess.Popen[str]] = []

    def begin(store: Path) -> str:
        command = [sys.executable, "-m", "eas", "dashboard", "--store", str(store), "--no-browser"]
        process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stderr is not None
        said = ""
        for line in process.stderr:  # ends when the program does
            said += line
            if found := re.search(r"http://127\.0\.0\.1:\d+", line):
                return found[0]
        raise AssertionError(said)

    yield begin
    for process in started:
        process.send_signal(signal.SIGINT)
        _, complaint = process.communicate(timeout=30)
        assert (process.returncode, complaint) == (0, "")


@pytest.fixture
def picture(tmp_path: Path, *, remake: bool) -> Callable[[Page, str], None]:
    """Return what takes the pictures that the documents show: to look at, or, with `--remake`, to keep."""
    folder = PICTURES if remake else tmp_path
    folder.mkdir(exist_ok=True)

    def take(page: Page, name: str) -> None:
        inside = page.get_by_test_id("stMainBlockContainer")
        height = inside.evaluate("one => Math.ceil(one.lastElementChild.getBoundingClientRect().bottom + 24)")
        page.set_viewport_size({"width": 1360, "height": max(420, min(height, 1750))})
        page.mouse.move(0, 0)
        expect(page.locator("[data-stale=true]")).to_have_count(0)
        page.screenshot(path=folder / f"{name}.png", animations="disabled")
        page.set_viewport_size({"width": 1360, "height": 900})

    return take
