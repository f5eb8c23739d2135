"""The verb `doctor`: whether all is in place for runs, here or on a cluster, and what to do about what is not."""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import os
import platform
import shutil
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eas import text
from eas.terminal import OK, OUTSIDE, WRONG_INPUT, add_json, add_store, add_verb, write
from eas_argo.cluster import checks
from eas_argo.cluster.checks import ERROR, WARNING, Finding
from eas_argo.cluster.checks import OK as WELL

if TYPE_CHECKING:
    from eas_argo.cluster.connection import Connection
    from eas_argo.cluster.profile import Bucket, Profile
    from eas_compiler.registry import Container, Registry

_OLDEST_PYTHON = (3, 11)
_LEAST_DISK_GB = 5.0
_LATE_S, _SILENT_S = 60.0, 300.0
"""How late the rows of a sync may be, and how long it may be silent, before somebody should look [s]."""
_WIDE = max(len(one) for one in (WELL, WARNING, ERROR))
_COLOURS = {WELL: "32", WARNING: "33", ERROR: "31"}
_INSTALLED = "pip install 'eas[{extra}]' brings it"


def register(verbs: Any) -> None:
    """Add the verb."""
    one = add_verb(verbs, "doctor", _doctor, "look whether all is in place for runs, and say what to do")
    add_store(one)
    one.add_argument(
        "--registry", metavar="FILE", help="the registry (default: ./registry.yaml, else the packaged one)"
    )
    add_json(one)


def _doctor(arguments: argparse.Namespace) -> int:
    from eas.sites import Laptop
    from eas_compiler import cli as compiler
    from eas_compiler.compile import read_registry
    from eas_compiler.diagnostics import Diagnostics

    diagnostics = Diagnostics()
    registry = read_registry(arguments.registry, diagnostics)
    if registry is None or diagnostics.errors:
        compiler.show_all(diagnostics)
        return WRONG_INPUT
    is_here = isinstance(arguments.site, Laptop)
    found = []
    for one in _machine(arguments, registry) if is_here else _cluster(arguments, registry):
        found.append(one)
        if not arguments.json:
            write(_line(one))
    if arguments.json:
        write(json.dumps([one._asdict() for one in found], indent=2))
    return OUTSIDE if any(one.level == ERROR for one in found) else OK


def _line(one: Finding) -> str:
    """Return a line for people: how it is, of what, and what to do."""
    level = one.level.ljust(_WIDE)
    if sys.stdout.isatty() and "NO_COLOR" not in os.environ:
        level = f"\x1b[{_COLOURS[one.level]}m{level}\x1b[0m"
    line = f"{level}  {one.subject}: {text.safe(one.message)}"
    return f"{line}\n{' ' * _WIDE}  → {text.safe(one.hint)}" if one.hint and one.level != WELL else line


# ---------------------------------------------------------------------------------------------------------------------
# This machine


def _machine(arguments: argparse.Namespace, registry: Registry) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    good = sys.version_info >= _OLDEST_PYTHON
    yield Finding("Python", WELL if good else ERROR, f"{version}, {platform.system()} {platform.machine()}")
    yield from _size(registry)
    yield _disk(arguments.store)
    yield from _programs(registry)
    yield from _database(arguments.db, arguments.store)


def _size(registry: Registry) -> Iterator[Finding]:
    from eas_argo.laptop import site

    machine = site.this_machine()
    memory_gb = machine.memory_bytes / 1e9
    yield Finding("cores", WELL, f"{machine.cpu:g}")
    containers = list(_containers(registry))
    greedy = sorted(one.name for one in containers if one.memory_gb > memory_gb)
    if greedy:
        hint = "chains of these need less memory in the registry or in `resources`, or a larger machine"
        yield Finding("memory", WARNING, f"{memory_gb:.0f} GB, too little for {', '.join(greedy)}", hint)
    else:
        yield Finding("memory", WELL, f"{memory_gb:.0f} GB")


def _disk(store: Path) -> Finding:
    there = next(folder for folder in (store.absolute(), *store.absolute().parents) if folder.is_dir())
    free_gb = shutil.disk_usage(there).free / 1e9
    if not os.access(there, os.W_OK):
        return Finding("disk", ERROR, f"{there} cannot be written", "`--store DIR` names another folder")
    if free_gb < _LEAST_DISK_GB:
        return Finding("disk", WARNING, f"{free_gb:.1f} GB free in {there}", "make room, or use another --store")
    return Finding("disk", WELL, f"{free_gb:.0f} GB free in {there}")


def _programs(registry: Registry) -> Iterator[Finding]:
    """Look whether what the programs import is installed here; nothing of it is loaded."""
    from eas.local import containers_beside
    from eas_argo.laptop.programs import folder_of

    for one in _containers(registry):
        folder = folder_of(containers_beside(registry.source.name), one.name)
        modules = {name for file in folder.glob("task*_implementations/*.py") for name in _imported(file)}
        missing = sorted(name for name in modules if importlib.util.find_spec(name) is None)
        subject = f"programs of {one.name}"
        if missing:
            yield Finding(subject, WARNING, f"lack {', '.join(missing)}", _INSTALLED.format(extra="science"))
        else:
            yield Finding(subject, WELL, "all that they import is installed")


def _imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _containers(registry: Registry) -> Iterator[Container]:
    """Yield the containers that have programs."""
    from eas.local import containers_beside
    from eas_argo.laptop.programs import folder_of
    from eas_compiler.diagnostics import Diagnostics

    places = containers_beside(registry.source.name)
    for name in registry.containers:
        container = registry.container(name, Diagnostics())
        if container is not None and (folder_of(places, name).is_dir() or container.source is not None):
            yield container


def _database(url: str | None, store: Path | None) -> Iterator[Finding]:
    """Look at a database: that of a URL, or else that of a store, which need not be there yet."""
    if importlib.util.find_spec("sqlmodel") is None:
        yield Finding("database", ERROR, "sqlmodel is not installed", _INSTALLED.format(extra="run"))
        return
    from eas_provenance import migrations
    from eas_provenance.database import Database
    from eas_provenance.errors import DatabaseError
    from eas_provenance.store import Store

    if url is None and (store is None or not store.is_dir()):
        yield Finding("database", WELL, f"{store} is not there yet; `eas run` makes it")
        return
    where: str | Path = url or Store(store or Path()).database
    try:
        with Database(where, timeout_s=10) as database:
            found, newest = database.revision(), migrations.newest()
            if found is None:
                yield Finding("database", WARNING, f"{database}: empty", "it is made by whoever writes to it first")
            elif found != newest:
                yield Finding(
                    "database", ERROR, f"{database}: schema {found}, this EAS has {newest}", "`eas db upgrade`"
                )
            else:
                yield Finding("database", WELL, f"{database}: schema {found}")
    except DatabaseError as error:
        yield Finding("database", ERROR, str(error), "`database` of the site, EAS_DATABASE and PGPASSWORD lead to it")
    except ModuleNotFoundError as error:
        yield Finding("database", ERROR, f"{error.name} is not installed", _INSTALLED.format(extra="postgres"))


# ---------------------------------------------------------------------------------------------------------------------
# A cluster


def _cluster(arguments: argparse.Namespace, registry: Registry) -> Iterator[Finding]:
    if importlib.util.find_spec("kubernetes") is None:
        yield Finding("API", ERROR, "kubernetes is not installed", _INSTALLED.format(extra="cluster"))
        return
    from eas_argo.cluster.connection import connect
    from eas_argo.cluster.errors import ClusterError
    from eas_argo.cluster.place import image

    profile: Profile = arguments.site
    containers = list(_containers(registry))
    try:
        connection = connect(profile)
    except ClusterError as error:
        yield Finding("API", ERROR, error.message, error.hint)
        return
    sizes = tuple(checks.Size(one.name, one.cpu, one.memory_gb, one.gpu) for one in containers)
    images = tuple(image(one.reference, profile.images) for one in containers)
    yield from checks.Checks(connection, sizes, images).all()
    yield from _bucket(profile.bucket)
    if arguments.db is None:
        yield Finding("database", WARNING, "the site has none", "`database` of the site, or EAS_DATABASE")
    else:
        yield from _database(arguments.db, None)
        yield from _following(arguments.db, connection)


def _bucket(bucket: Bucket | None) -> Iterator[Finding]:
    """Put, read and delete a small object, and look at the clock."""
    if bucket is None:
        yield Finding("bucket", WARNING, "the site names none", "`s3` of the site, or EAS_S3_BUCKET")
        return
    if importlib.util.find_spec("boto3") is None:
        yield Finding("bucket", ERROR, "boto3 is not installed", _INSTALLED.format(extra="cluster"))
        return
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    config = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2})
    key, body, step = f".eas-doctor/{uuid.uuid4()}", b"eas", "written"
    where = f"{bucket.name} at {bucket.endpoint or 'Amazon'}"
    try:
        client = boto3.client(
            "s3", endpoint_url=bucket.endpoint, region_name=bucket.region or "us-east-1", config=config
        )
        put = client.put_object(Bucket=bucket.name, Key=key, Body=body)
        step = "read"
        same = client.get_object(Bucket=bucket.name, Key=key)["Body"].read() == body
        step = "deleted"
        client.delete_object(Bucket=bucket.name, Key=key)
    except ClientError as error:
        said = error.response.get("Error", {})
        message = f"{where}: nothing can be {step}: {said.get('Message') or said.get('Code') or error}"
        yield Finding("bucket", ERROR, message, "make the bucket, or give your key these rights")
    except BotoCoreError as error:
        hint = "the endpoint is `s3` of the site or EAS_S3_ENDPOINT; keys come from AWS_… or ~/.aws"
        yield Finding("bucket", ERROR, f"{where}: {error}", hint)
    else:
        if same:
            yield Finding("bucket", WELL, f"{where}: written, read and deleted")
        else:
            yield Finding("bucket", ERROR, f"{where}: what is read is not what was written")
        yield checks.clock("clock of S3", put["ResponseMetadata"]["HTTPHeaders"].get("date"))


def _following(url: str, connection: Connection) -> Iterator[Finding]:
    """Look whether somebody follows the site, and how late the rows are."""
    from eas_argo.cluster.errors import ClusterError
    from eas_provenance.database import Database
    from eas_provenance.errors import DatabaseError
    from eas_provenance.lease import freshness
    from eas_provenance.mirror import ASIDE

    site = connection.profile.name
    try:
        place = connection.place()
        with Database(url, timeout_s=10) as database, database.session() as session:
            found = freshness(session, place)
    except ClusterError as error:
        yield Finding("sync", WARNING, error.message, error.hint)
        return
    except DatabaseError:
        return  # which the look at the database has told
    hint = f"`eas sync --site {site}` follows it; argo/install has a Deployment of it"
    if found is None:
        yield Finding("sync", WARNING, "nobody has followed this site yet", hint)
        return
    heard = f"last heard {found.seen or 'never'}"
    silent_s = _age_s(found.seen)
    if not found.owner:
        yield Finding("sync", WARNING, f"nobody follows this site now; {heard}", hint)
    elif found.message.startswith(ASIDE):
        remedy = "the log of `eas sync` says why; delete them, or take the label eas/managed from them"
        yield Finding("sync", WARNING, f"{found.owner}: {found.message}", remedy)
    elif found.message:
        yield Finding("sync", ERROR, f"{found.owner}: {found.message}", hint)
    elif silent_s is None or silent_s > _SILENT_S:
        yield Finding("sync", WARNING, f"{found.owner} is silent; {heard}", hint)
    elif found.lag_s is not None and found.lag_s > _LATE_S:
        yield Finding("sync", WARNING, f"{found.owner} is {found.lag_s:.0f} s late; {heard}", hint)
    else:
        late = f"{found.lag_s:.1f} s late, " if found.lag_s is not None else ""
        yield Finding("sync", WELL, f"{found.owner}, {late}{heard}")


def _age_s(time: str | None) -> float | None:
    """Return how long ago a time was [s]."""
    from datetime import UTC, datetime

    if time is None:
        return None
    then = datetime.fromisoformat(time)
    return (datetime.now(UTC) - (then if then.tzinfo else then.replace(tzinfo=UTC))).total_seconds()
