"""Files from outside a chain: which it takes, where they are found, and how they come into a run.

They are copied to where the chain's own files are, each with its record, before anything begins: whoever reads one need
not know where it is from, and what a run has read stays as it was.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from eas_compiler import names
from eas_compiler.compile import Checked
from eas_compiler.diagnostics import Diagnostics, did_you_mean
from eas_compiler.link import External, shown
from eas_worker.records import sha256

if TYPE_CHECKING:
    from sqlmodel import Session

    from eas_provenance.queries import VersionRow
    from eas_provenance.repository import Directory
    from eas_provenance.store import Store

MOST = 10_000
"""How many files one name with loop indices may stand for."""


class UnknownInputError(LookupError):
    """What `--input` says is of no use; the message says why."""


class Needed(NamedTuple):
    """A file that a chain takes from outside."""

    directory: str
    name: str
    external: External


class Given(NamedTuple):
    """A file from outside: where it is, and its record as a product."""

    needed: Needed
    path: Path
    product: dict[str, Any]


def needed(checked: Checked, diagnostics: Diagnostics) -> list[Needed]:
    """Return the files that a chain takes from outside; names that only the run can tell are reported."""
    assert checked.links is not None
    found: dict[tuple[str, str], Needed] = {}
    for one in checked.links.externals:
        domains = one.task.common.scope.domains
        ids = names.variables(one.pattern)
        count = names.size(ids, domains)
        if count is None or count > MOST:
            name = shown(one.pattern, one.task.common.scope)
            why = "how many there are is only known in the run" if count is None else f"these are {count:,} files"
            diagnostics.error("missing-file", one.file.node, f"{name} cannot be looked for before the run: {why}")
            continue
        for at in names.combinations(sorted(ids), domains):
            directory, _, name = names.text(one.pattern, at).rpartition("/")
            found.setdefault((directory, name), Needed(directory, name, one))
    return list(found.values())


def parse(texts: Iterable[str]) -> dict[str, str]:
    """Return what is said by `NAME=WHERE`."""
    given = {}
    for text in texts:
        name, equals, where = text.partition("=")
        if not (name and equals and where):
            kinds = "NAME=FILE, NAME=s3://BUCKET/KEY or NAME=run:RUN/DIRECTORY/NAME"
            raise UnknownInputError(f"--input takes {kinds}, not {text!r}")
        given[name] = where
    return given


class Catalogue:
    """Finds files from outside, in the products of runs that are kept and where the user says they are."""

    def __init__(self, store: Store | None, session: Session | None, folder: Path) -> None:
        self._store, self._session, self._folder = store, session, folder

    def find(self, wanted: list[Needed], given: dict[str, str], diagnostics: Diagnostics) -> list[Given]:
        """Return where the files are; report those that are nowhere.

        Raises
        ------
        UnknownInputError
            When what is given is of no use.
        """
        known = {text for one in wanted for text in (one.name, f"{one.directory}/{one.name}")}
        for name in given:
            if name not in known:
                all_of_them = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
                hint = did_you_mean(name, known) or all_of_them
                raise UnknownInputError(f"the chain takes no file {name!r} from outside; {hint}")
        found = []
        for one in wanted:
            where = given.get(f"{one.directory}/{one.name}", given.get(one.name))
            file = self._given(one, where) if where is not None else self._newest(one)
            if file is not None:
                found.append(file)
            else:
                hint = f"`--input {one.name}=FILE` says which file to take"
                name = f"{one.directory}/{one.name}"
                message = f"no task of the chain makes {name}, and none that passed in a run here did"
                diagnostics.error("missing-file", one.external.file.node, message, hint)
        return found

    def _given(self, one: Needed, where: str) -> Given:
        if where.startswith("run:"):
            return self._of_run(one, where.removeprefix("run:"))
        path = self._fetched(where) if where.startswith("s3://") else Path(where)
        if not path.is_file():
            raise UnknownInputError(f"--input {one.name}: there is no file {where}")
        return Given(one, path, _product(one, path, {"file": where if "://" in where else str(path.absolute())}))

    def _of_run(self, one: Needed, where: str) -> Given:
        from eas.get import UnknownFileError, only
        from eas_provenance.errors import UnknownRunError
        from eas_provenance.queries import find_run

        run, _, name = where.partition("/")
        if self._session is None:
            raise UnknownInputError(f"--input {one.name}: there is no run {run!r}, as nothing has been run here yet")
        try:
            version = only(self._session, find_run(self._session, run), name)
        except (UnknownRunError, UnknownFileError) as error:
            raise UnknownInputError(f"--input {one.name}: {error}") from error
        if version.verdict not in ("pass", "warn"):
            raise UnknownInputError(f"--input {one.name}: {where} has not passed quality control ({version.verdict})")
        return self._kept(one, version)

    def _newest(self, one: Needed) -> Given | None:
        if self._session is None:
            return None
        from eas_provenance.queries import newest_passed

        version = newest_passed(self._session, one.directory, one.name)
        return self._kept(one, version) if version is not None else None

    def _kept(self, one: Needed, version: VersionRow) -> Given:
        assert self._store is not None
        path = self._store.files.path(version.key)
        prefix = version.key.partition("/")[0]
        record = self._store.files.read(_record_key(prefix, version.directory, version.name))
        product = json.loads(record) if record is not None else _product(one, path, {})
        producer = {"run": version.run, "path": version.path, "attempt": version.number}
        return Given(one, path, product | {"directory": one.directory, "name": one.name, "producer": producer})

    def _fetched(self, where: str) -> Path:
        """Bring an object of S3 into the folder."""
        try:
            import boto3
        except ImportError as error:
            raise UnknownInputError(f"{where}: files of S3 need the package boto3, which is not installed") from error
        bucket, _, key = where.removeprefix("s3://").partition("/")
        path = self._folder / quote(where, "")
        client = boto3.client("s3", endpoint_url=os.environ.get("EAS_S3_ENDPOINT"))
        try:
            client.download_file(bucket, key, str(path))
        except Exception as error:  # whatever the library and what is below it say
            raise UnknownInputError(f"cannot fetch {where}: {error}") from error
        return path


def _product(one: Needed, path: Path, producer: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a file that no task made."""
    file, task = one.external.file, one.external.task
    types = {port.type for port in (variant.type.inputs.get(file.port) for variant in task.variants) if port}
    return {
        "directory": one.directory,
        "name": one.name,
        "type": min(types, default="any"),
        "size": path.stat().st_size,
        "sha256": sha256(path),
        "metadata": {},
        "producer": producer,
        "format": 1,
    }


def bring(files: Directory, prefix: str, given: Iterable[Given]) -> None:
    """Copy files from outside to where a run has its own.

    Raises
    ------
    RepositoryError
        When one cannot be kept, or has changed since it was found.
    """
    for one in given:
        with tempfile.TemporaryDirectory() as folder:
            link, record = Path(folder, "file"), Path(folder, "record")
            link.symlink_to(one.path.absolute())  # which is copied, not moved
            record.write_text(json.dumps(one.product), encoding="utf-8")
            directory, name = quote(one.needed.directory, "/~"), quote(one.needed.name, "~")
            files.put(f"{prefix}/{directory}/{name}", link, one.product["sha256"])
            files.put(_record_key(prefix, one.needed.directory, one.needed.name), record)


def _record_key(prefix: str, directory: str, name: str) -> str:
    return f"{prefix}/.products/{quote(directory, '/~')}/{quote(name, '~')}.json"


class Places(NamedTuple):
    """Where runs are kept, and where to put what has to be fetched until it was brought into the run.

    The store need not be there yet; without `database` its own is meant.
    """

    store: Path
    database: str | None
    fetched: Path


def find(checked: Checked, places: Places, given: dict[str, str], diagnostics: Diagnostics) -> list[Given]:
    """Return where the files are that a chain takes from outside; report those that are nowhere.

    `given` is what `--input` says, by the names of files.

    Raises
    ------
    UnknownInputError
        When what is given is of no use.
    """
    wanted = needed(checked, diagnostics)
    if not wanted or not places.store.is_dir():
        return Catalogue(None, None, places.fetched).find(wanted, given, diagnostics)
    from eas_provenance.database import Database
    from eas_provenance.store import Store

    kept = Store(places.store)
    if not places.database and not kept.database.exists():
        return Catalogue(kept, None, places.fetched).find(wanted, given, diagnostics)
    with Database.open(places.database or kept.database) as opened, opened.session() as session:
        return Catalogue(kept, session, places.fetched).find(wanted, given, diagnostics)
