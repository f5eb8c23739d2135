"""`eas dashboard` says what it needs, and finds a place to listen."""

import argparse
import importlib.util
import socket
import subprocess
import sys

import pytest

from eas import cli, dashboard


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Where Streamlit is not installed, it says how to get it."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "streamlit" else object())
    assert cli.main(["dashboard"]) == 3
    assert "streamlit is not installed; pip install 'eas[dashboard,run]'" in capsys.readouterr().err


def test_ports() -> None:
    """A port that is asked for is taken or refused; else it is the first free one."""
    with socket.socket() as taken:
        taken.bind((dashboard.HOST, 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            dashboard.free_port(dashboard.HOST, taken.getsockname()[1])
    assert dashboard.free_port(dashboard.HOST, None) >= dashboard.PORT


@pytest.mark.parametrize("arguments", [["--port", "0"], ["--port", "65536"], ["--port", "x"]])
def test_wrong_ports(arguments: list[str]) -> None:
    """What is no port is wrong use."""
    with pytest.raises(SystemExit) as ended:
        cli.main(["dashboard", *arguments])
    assert ended.value.code == 2


def test_unknown_host(capsys: pytest.CaptureFixture[str]) -> None:
    """An address that is not of this machine is refused in one line."""
    assert cli.main(["dashboard", "--host", "192.0.2.1", "--no-browser"]) == 3
    assert "cannot listen at 192.0.2.1" in capsys.readouterr().err


def test_other_verbs_stay_light() -> None:
    """The verb costs the others nothing: neither Streamlit nor a database is loaded for them."""
    heavy = "{'streamlit', 'sqlalchemy', 'plotly', 'urllib.request'} & set(sys.modules)"
    code = f"import sys; from eas import cli; cli.make_parser(); assert not {heavy}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_arguments() -> None:
    """By default it listens where this machine alone can reach it."""
    parsed: argparse.Namespace = cli.make_parser().parse_args(["dashboard"])
    assert (parsed.host, parsed.port, parsed.no_browser) == ("127.0.0.1", None, False)
