"""The verb `dashboard`: pages about runs, in a browser."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eas.terminal import OK, OUTSIDE, add_store, add_verb, fail, say

if TYPE_CHECKING:
    import threading

HOST, PORT = "127.0.0.1", 8501
_TRIED_PORTS = 50
_LOOK_S = 0.1
_NEEDED = ("streamlit", "plotly", "sqlmodel")
_HEAVY = ("pandas", "pyarrow", "plotly.graph_objects")
"""What Streamlit would load for the first table and the first figure, while somebody waits for them."""


def register(verbs: Any) -> None:
    """Add the verb."""
    one = add_verb(verbs, "dashboard", _dashboard, "show runs in a browser, as they go on")
    add_store(one)
    one.add_argument("--host", default=HOST, help="the address to listen at (default: %(default)s, this machine alone)")
    one.add_argument("--port", type=_port, metavar="N", help=f"the port (default: the first free one from {PORT} on)")
    one.add_argument("--no-browser", action="store_true", help="open no browser")


def _port(text: str) -> int:
    if not text.isdigit() or not 0 < int(text) < 1 << 16:
        raise argparse.ArgumentTypeError(f"must be a port, from 1 to 65535, not {text!r}")
    return int(text)


def _dashboard(arguments: argparse.Namespace) -> int:
    import importlib.util

    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        return fail(
            f"{missing[0]} is not installed; pip install 'eas[dashboard,run]' brings what this verb needs", OUTSIDE
        )
    if importlib.util.find_spec("eas_dashboard") is None:
        return fail("this installation has no dashboard", OUTSIDE)
    try:
        port = free_port(arguments.host, arguments.port)
    except OSError as error:
        return fail(f"cannot listen at {arguments.host}: {error.strerror or error}", OUTSIDE)
    say("starting the dashboard …")
    _catch_up(arguments)
    _serve(arguments, port)
    return OK


def free_port(host: str, wanted: int | None) -> int:
    """Return the port that is wanted, or else a free one.

    Raises
    ------
    OSError
        When it is in use, or the host is not of this machine.
    """
    import errno
    import socket

    ports = range(PORT, PORT + _TRIED_PORTS) if wanted is None else [wanted]
    for port in ports:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE or port == ports[-1]:
                    raise
            else:
                return port
    raise AssertionError("unreachable")


def _catch_up(arguments: argparse.Namespace) -> None:
    """Let runs whose engines died show as interrupted; the pages themselves never write."""
    from eas.terminal import kept

    if arguments.db is None and (arguments.store / "eas.db").exists():
        with kept(arguments):
            pass


def _serve(arguments: argparse.Namespace, port: int) -> None:
    """Serve the pages until somebody ends it."""
    import threading

    from streamlit.web import cli

    import eas_dashboard
    from eas_dashboard import data

    os.environ[data.STORE] = str(arguments.store.absolute())
    os.environ[data.DATABASE] = arguments.db or ""
    app = Path(eas_dashboard.__file__).with_name("app.py")
    host = f"[{arguments.host}]" if ":" in arguments.host else arguments.host
    over = threading.Event()
    announcer = threading.Thread(
        target=_announce, args=(f"http://{host}:{port}", over), kwargs={"open_browser": not arguments.no_browser}
    )
    announcer.start()
    try:
        where = [f"--server.address={arguments.host}", f"--server.port={port}", "--server.headless=true"]
        cli.main(["run", str(app), *where], prog_name="eas dashboard", standalone_mode=False)
    finally:
        over.set()
        announcer.join()


def _announce(url: str, over: threading.Event, *, open_browser: bool) -> None:
    """Say where the pages are, as soon as they are there."""
    import importlib
    import webbrowser
    from urllib.request import urlopen

    for name in _HEAVY:
        importlib.import_module(name)
    while not over.wait(_LOOK_S):
        try:
            with urlopen(f"{url}/_stcore/health", timeout=1):  # noqa: S310 - it is our own
                break
        except OSError:
            continue
    else:
        return
    say(f"the dashboard is at {url}; Ctrl-C ends it")
    if open_browser:
        webbrowser.open(url)
