"""The file repository in a bucket of S3: keys to files, put at once and whole, and checked."""

from __future__ import annotations

import base64
import contextlib
import errno
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from eas_provenance.errors import RepositoryError, TooLargeError
from eas_worker.records import sha256 as sha256_of

READERS = 16
"""How many files are asked for at a time where many are read."""
CONNECT_S, READ_S = 5, 30
MOST_BYTES = 16 << 20
"""How large a record may be: many are read into memory at a time, and whoever made them is not trusted."""
_TRIES = 3
_IN_MEMORY_BYTES = 1 << 24
_NO_NAME = re.compile("[\\0\\ud800-\\udfff]")
_NOTHING = ("NoSuchKey", "404", "NotFound")
_HINTS = {
    "NoSuchBucket": "there is no such bucket",
    "AccessDenied": "these credentials may not; the rights on the bucket are s3:GetObject, s3:PutObject, s3:ListBucket",
    "InvalidAccessKeyId": "the access key is unknown; see AWS_ACCESS_KEY_ID, or ~/.aws/credentials",
    "SignatureDoesNotMatch": "the secret key is wrong; see AWS_SECRET_ACCESS_KEY, or ~/.aws/credentials",
}


class Bucket:
    """A repository in a bucket; what there is to know about credentials comes from the environment or from `~/.aws`.

    A file becomes visible under its key at once and whole, or not at all. It may be used by many threads.

    Raises
    ------
    RepositoryError
        When the client cannot be made; by all methods, when the bucket cannot be used.
    """

    def __init__(self, name: str, endpoint: str | None = None, region: str | None = None) -> None:
        import boto3
        from botocore.config import Config

        self.name = name
        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            retries={"total_max_attempts": _TRIES, "mode": "standard"},
            max_pool_connections=READERS,
            s3={"addressing_style": "path"} if endpoint else {},
            # What AWS adds of itself is known to few other servers.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        with self._clear():
            # A session of its own: the usual one is shared by all threads, and not safe to be made in several.
            self._client: Any = boto3.session.Session().client(
                "s3", endpoint_url=endpoint, region_name=region or "us-east-1", config=config
            )

    def put(self, key: str, source: Path, sha256: str | None = None) -> None:
        """Move a file under a key; with `sha256`, only when its content is the expected one.

        Raises
        ------
        RepositoryError
            When the content is another, or the file cannot be written. Nothing is visible then.
        """
        found = _sum(source)
        if sha256 is not None and found != sha256:
            raise RepositoryError(f"the content of {key} changed on its way")
        with self._clear(), source.open("rb") as stream:
            self._put(key, stream, found)
        source.unlink()

    def put_bytes(self, key: str, content: bytes) -> None:
        """Keep a text under a key."""
        import hashlib

        with self._clear():
            self._put(key, content, hashlib.sha256(content).hexdigest())

    def _put(self, key: str, body: Any, sha256: str) -> None:
        """Put a body, which the server compares with its sum before it shows it."""
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        self._client.put_object(
            Bucket=self.name, Key=_checked(key), Body=body, ChecksumSHA256=checksum, Metadata={"sha256": sha256}
        )

    def put_tree(self, key: str, source: Path) -> None:
        """Keep all files of a folder under one prefix, one after the other."""
        for file in sorted(source.rglob("*")):
            if file.is_file():
                self.put(f"{key}/{file.relative_to(source).as_posix()}", file)

    def read(self, key: str) -> bytes | None:
        """Return the content of a key, None when there is none.

        Raises
        ------
        TooLargeError
            When it is larger than `MOST_BYTES`.
        """
        from botocore.exceptions import ClientError

        with self._clear():
            try:
                with contextlib.closing(self._client.get_object(Bucket=self.name, Key=_checked(key))["Body"]) as body:
                    content: bytes = body.read(MOST_BYTES + 1)
                    if len(content) <= MOST_BYTES:
                        content += body.read(1)  # there is none; only then it is compared with the length that was told
            except ClientError as error:
                if _code(error) in _NOTHING:
                    return None
                raise
        if len(content) > MOST_BYTES:
            raise TooLargeError(f"{key} is larger than {MOST_BYTES >> 20} MiB", content[:MOST_BYTES])
        return content

    def has(self, key: str) -> bool:
        """Return whether there is a file under a key."""
        from botocore.exceptions import ClientError

        with self._clear():
            try:
                self._client.head_object(Bucket=self.name, Key=_checked(key))
            except ClientError as error:
                if _code(error) in _NOTHING:
                    return False
                raise
        return True

    def names(self, prefix: str) -> Iterator[str]:
        """Yield the names of what is right below a prefix, without what looks like folders there."""
        folder = f"{_checked(prefix)}/" if prefix else ""
        with self._clear():
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=folder, Delimiter="/"
            )
            for page in pages:
                yield from (name for one in page.get("Contents", ()) if (name := one["Key"].removeprefix(folder)))

    def open(self, key: str) -> IO[bytes]:
        """Open a copy of the file of a key, which is gone when it is closed; `FileNotFoundError` when there is none."""
        from botocore.exceptions import ClientError

        copy = cast("IO[bytes]", tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES))  # noqa: SIM115 - whoever asked closes it
        try:
            with self._clear():
                self._client.download_fileobj(self.name, _checked(key), copy)
        except RepositoryError as error:
            copy.close()
            if isinstance(error.__cause__, ClientError) and _code(error.__cause__) in _NOTHING:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), key) from error
            raise
        copy.seek(0)
        return copy

    @contextlib.contextmanager
    def _clear(self) -> Iterator[None]:
        """Say what is wrong as `RepositoryError`."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            yield
        except ClientError as error:
            code = _code(error)
            said = _HINTS.get(code) or str(error.response.get("Error", {}).get("Message") or code)
            raise RepositoryError(f"the bucket {self.name}: {said}") from error
        except (BotoCoreError, OSError, ValueError) as error:
            raise RepositoryError(f"the bucket {self.name}: {' '.join(str(error).split())}") from error


def _sum(source: Path) -> str:
    try:
        return sha256_of(source)
    except OSError as error:
        raise RepositoryError(f"cannot read {source}: {error.strerror}") from error


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _checked(key: str) -> str:
    """Return a key; raise `RepositoryError` for what cannot be one."""
    if _NO_NAME.search(key) or any(part in ("", ".", "..") for part in key.split("/")):
        raise RepositoryError(f"not a key: {key!r}")
    return key
