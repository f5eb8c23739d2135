"""A server that speaks as much of the API of Kubernetes as following takes, and can be as unreliable as one likes."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from eas_argo.cluster.connection import Connection, connect
from eas_argo.cluster.profile import Profile
from tests.argo.cluster.writing import Json, as_event

PATH = "/apis/argoproj.io/v1alpha1/namespaces/eas/workflows"
NAMESPACE, NAMESPACE_UID = "/api/v1/namespaces/eas", "uid-of-eas"
Trouble = Callable[[], str]
"""Says before every line of a watch and every list what goes wrong: nothing, `cut`, `half`, `410`, `500` or `twice`."""


class Server:
    """Holds Workflows and all that happened to them; `oldest` is the first version that a watch may begin at."""

    def __init__(self) -> None:
        self.objects: dict[str, Json] = {}
        self.history: list[tuple[int, str, Json]] = []
        self.version = 1
        self.oldest = 0
        self.trouble: Trouble = lambda: ""
        self.changed = threading.Condition()
        self.watches = 0
        self.is_down = False

    def put(self, one: Json, kind: str = "MODIFIED") -> None:
        """Have a Workflow be as it is given, but for its version."""
        with self.changed:
            self.version += 1
            uid = one["metadata"]["uid"]
            one = {**one, "metadata": {**one["metadata"], "resourceVersion": str(self.version)}}
            self.history.append((self.version, kind, one))
            if kind == "DELETED":
                self.objects.pop(uid, None)
            else:
                self.objects[uid] = one
            self.changed.notify_all()

    def compact(self) -> None:
        """Forget what happened until now: watches have to begin anew."""
        with self.changed:
            self.oldest = self.version

    def end(self) -> None:
        """Let all that wait go on."""
        with self.changed:
            self.is_down = True
            self.changed.notify_all()

    def later(self, version: int, timeout_s: float) -> list[tuple[int, str, Json]]:
        """Return what happened after a version, once something has."""
        with self.changed:
            self.changed.wait_for(lambda: self.is_down or self.version > version, timeout_s)
            return [one for one in self.history if one[0] > version]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: "_Http"

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """Answer a list or a watch."""
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path == NAMESPACE:
            self._send(200, {"metadata": {"name": "eas", "uid": NAMESPACE_UID}})
        elif address.path.startswith(f"{PATH}/"):
            self._one(address.path.removeprefix(f"{PATH}/"))
        elif address.path != PATH:
            self._refuse(404)
        elif "watch" in query:
            self._watch(int(query["resourceVersion"]), float(query["timeoutSeconds"]))
        else:
            self._list(query, int(query["limit"]), int(query.get("continue", 0)))

    def _refuse(self, code: int) -> None:
        reasons = {403: "Forbidden", 404: "NotFound", 410: "Expired", 500: "InternalError"}
        self._send(code, {"kind": "Status", "code": code, "reason": reasons[code], "message": "no luck"})

    def _send(self, code: int, answer: Json) -> None:
        body = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _one(self, name: str) -> None:
        found = [one for one in self.server.here.objects.values() if one["metadata"]["name"] == name]
        self._send(200, found[0]) if found else self._refuse(404)

    def _list(self, query: dict[str, str], limit: int, start: int) -> None:
        here = self.server.here
        wrong = here.trouble()
        if wrong in ("500", "410"):
            self._refuse(int(wrong))
            return
        with here.changed:
            items, version = sorted(here.objects.values(), key=lambda one: str(one["metadata"]["name"])), here.version
        label, _, value = query.get("labelSelector", "").partition("=")
        if label != "eas/managed":
            items = [one for one in items if one["metadata"].get("labels", {}).get(label) == value]
        about = {"resourceVersion": str(version)}
        if len(items) > start + limit:
            about["continue"] = str(start + limit)
        self._send(200, {"kind": "WorkflowList", "metadata": about, "items": items[start : start + limit]})

    def _watch(self, version: int, timeout_s: float) -> None:
        here = self.server.here
        here.watches += 1
        if version < here.oldest:
            self._refuse(410)
            return
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not here.is_down:
            events = here.later(version, min(timeout_s, 0.3))
            for number, kind, one in events:
                version = number
                if not self._line(as_event(one, kind)):
                    return
            if not events:
                about = {"metadata": {"resourceVersion": str(version)}}
                self._chunk(as_event(about, "BOOKMARK") + "\n")
                break
        self._chunk("")

    def _line(self, line: str) -> bool:
        """Send a line, or what is left of it; return whether the watch goes on."""
        wrong = self.server.here.trouble()
        if wrong == "410":
            self._chunk(json.dumps({"type": "ERROR", "object": {"code": 410, "message": "too old"}}) + "\n")
            self._chunk("")
            return False
        if wrong in ("cut", "500"):
            self.close_connection = True
            return False
        if wrong == "half":
            self._chunk(line[: len(line) // 2])
            self._chunk("")
            return False
        for _ in range(2 if wrong == "twice" else 1):
            self._chunk(line + "\n")
        return True

    def _chunk(self, text: str) -> None:
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    here: Server

    def handle_error(self, *_: Any) -> None:
        """Say nothing: clients go when they please."""


@contextmanager
def served(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Server, Connection]]:
    """Give a server, and a connection to it by way of a kubeconfig, which is the one in use."""
    http = _Http(("127.0.0.1", 0), _Handler)
    http.here = Server()
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(folder, http.server_port)))
    try:
        yield http.here, connect(Profile("cluster", context="fake"))
    finally:
        http.here.end()
        http.shutdown()
        http.server_close()


def kubeconfig(folder: Path, port: int) -> Path:
    """Write a kubeconfig that leads to a port of this machine."""
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "fake",
        "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "fake", "user": {}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake", "namespace": "eas"}}],
    }  # fmt: skip
    file = folder / "kubeconfig"
    file.write_text(json.dumps(config), "utf-8")
    return file
