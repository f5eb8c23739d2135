"""A bucket is a repository as a folder is: whole files or none, and every failure is one line."""

import base64
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from eas_provenance import s3
from eas_provenance.errors import RepositoryError, TooLargeError
from eas_provenance.s3 import Bucket


class _Handler(BaseHTTPRequestHandler):
    """As much of S3 as a repository takes; `wrong` is the code that it answers instead."""

    protocol_version = "HTTP/1.1"
    objects: dict[str, bytes]
    wrong = ""

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _refuse(self, status: int, code: str) -> None:
        self._answer(status, f"<Error><Code>{code}</Code><Message>no luck</Message></Error>".encode())

    def do_GET(self) -> None:
        """Give an object."""
        if self.wrong:
            self._refuse(403, self.wrong)
        elif "list-type=2" in self.path:
            self._list(parse_qs(urlsplit(self.path).query))
        elif self.path in self.objects:
            self._answer(200, self.objects[self.path])
        else:
            self._refuse(404, "NoSuchKey")

    def _list(self, query: dict[str, list[str]]) -> None:
        """Tell the keys right below a prefix, two at a time."""
        folder = f"{urlsplit(self.path).path}/{query['prefix'][0]}"
        keys = sorted(key for key in self.objects if key.startswith(folder) and "/" not in key.removeprefix(folder))
        first = int(query.get("continuation-token", ["0"])[0])
        listed = "".join(f"<Contents><Key>{key.split('/', 2)[2]}</Key></Contents>" for key in keys[first : first + 2])
        more = f"<IsTruncated>true</IsTruncated><NextContinuationToken>{first + 2}</NextContinuationToken>"
        listed += more if first + 2 < len(keys) else "<IsTruncated>false</IsTruncated>"
        self._answer(200, f"<ListBucketResult>{listed}</ListBucketResult>".encode())

    def do_HEAD(self) -> None:
        """Tell whether there is an object."""
        self._answer(403 if self.wrong else 200 if self.path in self.objects else 404)

    def do_PUT(self) -> None:
        """Keep an object when it is what its checksum says."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        told = base64.b64decode(self.headers["x-amz-checksum-sha256"])
        if told != hashlib.sha256(body).digest():
            self._refuse(400, "BadDigest")
            return
        self.objects[self.path] = body
        self._answer(200)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[_Handler]]:
    """Return the handler of a server, whose address is that of the port in `server.port`."""
    handler = type("Handler", (_Handler,), {"objects": {}, "wrong": ""})
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    handler.port = http.server_port  # type: ignore[attr-defined]
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield handler
    http.shutdown()
    http.server_close()


@pytest.fixture
def bucket(server: Any) -> Bucket:
    """Return an empty bucket."""
    return Bucket("eas", f"http://127.0.0.1:{server.port}")


def test_put_and_read(bucket: Bucket, tmp_path: Path) -> None:
    """A file moves under its key, names with `%` and blanks too; a key that is not there has nothing."""
    file = tmp_path / "file"
    file.write_bytes(b"text")
    bucket.put("run-1/d/a%20b c", file, hashlib.sha256(b"text").hexdigest())
    assert not file.exists()
    assert bucket.read("run-1/d/a%20b c") == b"text"
    assert bucket.read("run-1/d") is None
    bucket.put_bytes(".sources/x", b"{}")
    assert bucket.read(".sources/x") == b"{}"


def test_trees(bucket: Bucket, tmp_path: Path) -> None:
    """All files of a folder get its key as prefix."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_bytes(b"1")
    (tmp_path / "a/d").write_bytes(b"2")
    bucket.put_tree("k", tmp_path / "a")
    assert (bucket.read("k/b/c"), bucket.read("k/d")) == (b"1", b"2")


def test_names_right_below_a_prefix(bucket: Bucket, server: Any) -> None:
    """They are told without the prefix, in as many pages as the server likes; what is deeper is left out."""
    server.objects |= {f"/eas/in/{name}": b"" for name in ("c", "a", "b", "deep/d")} | {"/eas/inner": b""}
    assert list(bucket.names("in")) == ["a", "b", "c"]
    server.wrong = "AccessDenied"
    with pytest.raises(RepositoryError):
        list(bucket.names("in"))


def test_another_content(bucket: Bucket, tmp_path: Path) -> None:
    """A file that is not what it should be stays where it is."""
    file = tmp_path / "file"
    file.write_bytes(b"text")
    with pytest.raises(RepositoryError, match="changed on its way"):
        bucket.put("k", file, "0" * 64)
    assert file.exists()
    assert bucket.read("k") is None


@pytest.mark.parametrize("key", ["", "/a", "a//b", "a/../b", "a\0b", "a/"])
def test_what_is_no_key(bucket: Bucket, key: str) -> None:
    """What could lead out of the bucket's folders is refused."""
    with pytest.raises(RepositoryError, match="not a key"):
        bucket.read(key)


@pytest.mark.parametrize(
    ("code", "said"),
    [("AccessDenied", "s3:GetObject"), ("NoSuchBucket", "no such bucket"), ("InvalidAccessKeyId", "AWS_ACCESS_KEY_ID"),
     ("SomethingElse", "no luck")],
)  # fmt: skip
def test_refusals(bucket: Bucket, server: Any, code: str, said: str) -> None:
    """The reason is told in one line, with what to do."""
    server.wrong = code
    with pytest.raises(RepositoryError, match=f"the bucket eas: .*{said}"):
        bucket.read("k")


def test_no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is a server that is not there a traceback."""
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setattr("eas_provenance.s3._TRIES", 1)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    with pytest.raises(RepositoryError, match="the bucket eas: Could not connect"):
        Bucket("eas", "http://127.0.0.1:1").read("k")


def test_no_credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """They are looked for where others look for them, and asked for."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(RepositoryError, match="credentials"):
        Bucket("eas", "http://127.0.0.1:1").read("k")


def test_whether_a_file_is_there(bucket: Bucket, server: Any, tmp_path: Path) -> None:
    """It is told without reading the file; what may not be told is an error."""
    (tmp_path / "file").write_text("x", "utf-8")
    bucket.put("a/b", tmp_path / "file")
    assert (bucket.has("a/b"), bucket.has("a/c")) == (True, False)
    server.wrong = "AccessDenied"
    with pytest.raises(RepositoryError, match="the bucket"):
        bucket.has("a/b")


def test_records_that_are_too_large(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """No more is read into memory than anybody needs, whatever lies there; its beginning is given."""
    monkeypatch.setattr(s3, "MOST_BYTES", 10)
    bucket.put_bytes("most", b"0123456789")
    assert bucket.read("most") == b"0123456789"
    bucket.put_bytes("more", b"0123456789a")
    with pytest.raises(TooLargeError, match="more is larger than") as raised:
        bucket.read("more")
    assert raised.value.beginning == b"0123456789"
