"""A Kubernetes API that answers what it is told to: a real HTTP server, and the kubeconfig that leads to it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest


class Asked(NamedTuple):
    """A request: the path with its query."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Answer(NamedTuple):
    """What comes back: an object, or the text of something that is none."""

    status: int
    body: Any = ""


class Fake:
    """The server: `answer` says what comes back for a request; `asked` are the requests so far."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Answer] = lambda _: Answer(404, "404 page not found\n")


def status(code: int, reason: str, message: str, **details: str) -> Answer:
    """Return an answer as Kubernetes gives it when something is wrong."""
    told = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "message": message}
    return Answer(code, told | {"code": code, "details": details})


@contextmanager
def serving() -> Iterator[Fake]:
    """Give a server on a free port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            asked = Asked(self.command, self.path, {key.lower(): text for key, text in self.headers.items()}, body)
            fake.asked.append(asked)
            found = fake.answer(asked)
            data = (found.body if isinstance(found.body, str) else json.dumps(found.body)).encode()
            self.send_response(found.status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 - the names that http.server looks for

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake = Fake(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def kubeconfig(path: Path, server: str, monkeypatch: pytest.MonkeyPatch, *, namespace: str | None = "eas") -> None:
    """Have KUBECONFIG lead to a server."""
    context = {"cluster": "one", "user": "me"} | ({"namespace": namespace} if namespace else {})
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "one", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": "abc"}}],
        "contexts": [{"name": "here", "context": context}, {"name": "there", "context": {**context, "namespace": "x"}}],
        "current-context": "here",
    }
    path.write_text(json.dumps(document), "utf-8")
    monkeypatch.setenv("KUBECONFIG", str(path))
