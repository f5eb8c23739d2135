"""Files from outside a chain: which it takes, where they are found, and how they come into a run.

They are copied to where the chain's own files are, each with its record, before anything begins: whoever reads one need
not know where it is from, and what a run has read stays as it was.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote

from eas import input_folder
from eas.terminal import THIS_MACHINE
from eas_compiler import elsewhere, names
from eas_compiler.compile import Checked
from eas_compiler.diagnostics import Diagnostics, did_you_mean
from eas_compiler.link import External, shown
from eas_compiler.tree import Task, walk
from eas_worker.context import FILE_NAME
from eas_worker.gathering import WORTHS, Worth, key_of
from eas_worker.records import sha256

if TYPE_CHECKING:
    from sqlmodel import Session

    from eas_argo.cluster.profile import Profile
    from eas_provenance.queries import VersionRow
    from eas_provenance.repository import Directory
    from eas_provenance.s3 import Bucket

MOST = 10_000
"""How many files one name with loop indices may stand for."""
OPEN = ("pass", "warn")
_S3 = "s3://"
_RUN = "run:"
_REPOSITORY = "repo://"


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """Add the option that says where files from outside a chain are."""
    parser.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=WHERE",
        help="take a file from outside the chain from FILE, s3://BUCKET/KEY or run:RUN/DIRECTORY/NAME "
        "(default: the newest of that name that has passed in a run here); for a pattern, the FOLDER to look in",
    )


class UnknownInputError(LookupError):
    """What `--input` says is of no use; the message says why."""


class _NowhereError(LookupError):
    """A file is not where it should be; the message says why."""


class Needed(NamedTuple):
    """A file that a chain takes from outside, or a pattern of names in a folder; `by` is what it was found by."""

    directory: str
    name: str
    external: External
    by: str | None = None

    @property
    def path(self) -> str:
        """Where it is in the run."""
        return f"{self.directory}/{self.name}"

    @property
    def is_pattern(self) -> bool:
        """Whether it stands for all files of a folder that it matches."""
        gathers = self.external.file.port in self.external.task.gathers
        return gathers and elsewhere.is_of_site((self.directory,)) and names.has_wildcards((self.name,))


class Found(NamedTuple):
    """A file from outside that is there: where, what is known of it, and who gives its content under its key."""

    needed: Needed
    where: str
    key: str
    source: Source
    product: dict[str, Any]


class Given(NamedTuple):
    """A file from outside: where it is on this machine, and its record as a product."""

    needed: Needed
    path: Path
    product: dict[str, Any]


class Source(Protocol):
    """What gives the content of files."""

    def open(self, key: str) -> IO[bytes]:
        """Open the file of a key."""


class Keeps(Protocol):
    """A repository that files are put into."""

    def put(self, key: str, source: Path, sha256: str | None = None) -> None:
        """Move a file under a key; with `sha256`, only when its content is the expected one."""

    def put_bytes(self, key: str, content: bytes) -> None:
        """Keep a text under a key."""


class _Files:
    """The files of this machine, by their paths."""

    def open(self, key: str) -> IO[bytes]:
        """Open a file."""
        return Path(key).open("rb")


# ---------------------------------------------------------------------------------------------------------------------
# Which files


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


def _check_names(wanted: list[Needed], given: Iterable[str]) -> None:
    """Refuse names that mean no file of the chain."""
    known = {text for one in wanted for text in (one.name, one.path)}
    for name in given:
        if name not in known:
            all_of_them = f"it takes {', '.join(sorted(known))}" if known else "it takes none"
            hint = did_you_mean(name, known) or all_of_them
            raise UnknownInputError(f"the chain takes no file {name!r} from outside; {hint}")


# ---------------------------------------------------------------------------------------------------------------------
# Where they are


class Places(NamedTuple):
    """Where to look: the store and the database of runs, and the site whose runs they are, None for this machine.

    The store need not be there yet; without `database` its own is meant. `sites` is the file of sites, `inputs` the
    input folder of the site.
    """

    store: Path
    database: str | None = None
    site: Profile | None = None
    sites: str | None = None
    inputs: str | None = None


def find(checked: Checked, places: Places, given: dict[str, str], diagnostics: Diagnostics) -> list[Found]:
    """Return where the files are that a chain takes from outside; report those that are nowhere.

    `given` is what `--input` says, by the names of files.

    Raises
    ------
    UnknownInputError
        When what is given is of no use.
    """
    wanted = needed(checked, diagnostics)
    _check_names(wanted, given)
    if not wanted:
        return []
    found = []
    with _session(places) as session:
        catalogue = _Catalogue(places, session)
        for one in wanted:
            where = given.get(one.path, given.get(one.name))
            try:
                found += catalogue.matching(one, where) if one.is_pattern else [catalogue.find(one, where)]
            except _NowhereError as error:
                if where is not None:
                    raise UnknownInputError(f"--input {one.name}: {error}") from error
                diagnostics.error("missing-file", one.external.file.node, str(error), _hint(one, checked))
    return found


def _hint(one: Needed, checked: Checked) -> str:
    """Return what may have been meant instead of a file that is nowhere."""
    assert checked.chain is not None
    made = [
        shown(file.name, item.common.scope)[1:-1]
        for item in walk(checked.chain.body)
        if isinstance(item, Task)
        for file in item.outputs.values()
    ]
    if one.is_pattern:
        return f"`--input '{one.name}=FOLDER'` says where to look"
    return did_you_mean(one.name, made) or f"`--input {one.name}=FILE` says which file to take"


@contextlib.contextmanager
def _session(places: Places) -> Iterator[Session | None]:
    """Give a session of the database of runs, None when there is none yet."""
    if not places.database and not (places.store / "eas.db").exists():
        yield None
        return
    from eas_provenance.database import Database

    with Database.open(places.database or places.store / "eas.db") as opened, opened.session() as session:
        yield session


class _Catalogue:
    """Finds files from outside: among the products of runs that are kept, and where names say they are."""

    def __init__(self, places: Places, session: Session | None) -> None:
        self._places, self._session = places, session
        self._repositories: dict[str, Bucket | Directory] = {}

    def find(self, one: Needed, where: str | None) -> Found:
        """Return where a file is; raise `_NowhereError` when it is nowhere."""
        where = where or elsewhere.outside(one.path)
        if where is None:
            return self._newest(one)
        if where.startswith(elsewhere.INPUT):
            where = input_folder.below(self._inputs, where.removeprefix(elsewhere.INPUT))
        if where.startswith((_RUN, _REPOSITORY)):
            return self._of_run(one, where.removeprefix(_RUN).removeprefix(_REPOSITORY))
        if where.startswith(_S3):
            return self._of_bucket(one, where)
        if not Path(where).is_file():
            raise _NowhereError(f"there is no file {where}")
        return self._of_machine(one, where)

    def matching(self, one: Needed, where: str | None) -> list[Found]:
        """Return the files that a pattern matches; raise `_NowhereError` when there are none, or too many."""
        from eas_provenance.errors import RepositoryError

        folder = where or input_folder.below(self._inputs, one.directory.partition("/")[2])
        try:
            found = input_folder.matching(folder, one.name, self._bucket)
        except (OSError, ImportError, RepositoryError) as error:
            raise _NowhereError(f"cannot look into {folder}: {error}") from error
        if not found or len(found) > MOST:
            how = f"{len(found):,} files in {folder} match" if found else f"no file in {folder} matches"
            raise _NowhereError(f"{how} {one.name}" + (f", more than {MOST:,}" if found else ""))
        if strange := next((name for name in found if not FILE_NAME.fullmatch(name)), None):
            raise _NowhereError(f"{strange!a} in {folder} is no name that a file of a run can have")
        places = [(one._replace(name=name, by=one.name), f"{folder.rstrip('/')}/{name}") for name in found]
        if not folder.startswith(_S3):
            return [self._of_machine(each, path) for each, path in places]
        bucket = self._bucket(input_folder.split(folder)[0])
        return [
            Found(each, path, input_folder.split(path)[1], bucket, {"producer": {"file": path}})
            for each, path in places
        ]

    @property
    def _inputs(self) -> str:
        if not self._places.inputs:
            raise _NowhereError(input_folder.UNKNOWN)
        return self._places.inputs

    def _of_machine(self, one: Needed, where: str) -> Found:
        path = str(Path(where).absolute())
        return Found(one, where, path, _Files(), {"producer": {"file": path}})

    def _newest(self, one: Needed) -> Found:
        from eas_provenance.queries import newest_passed

        version = newest_passed(self._session, one.directory, one.name) if self._session is not None else None
        if version is None:
            raise _NowhereError(f"no task of the chain makes {one.path}, and none that passed in a run here did")
        return self._kept(one, version)

    def _of_run(self, one: Needed, where: str) -> Found:
        from eas.get import UnknownFileError, only
        from eas_provenance.errors import UnknownRunError
        from eas_provenance.queries import find_run

        run, _, name = where.partition("/")
        if self._session is None:
            raise _NowhereError(f"there is no run {run!r}, as nothing has been run here yet")
        try:
            version = only(self._session, find_run(self._session, run), name)
        except (UnknownRunError, UnknownFileError) as error:
            raise _NowhereError(str(error)) from error
        if version.verdict not in OPEN:
            raise _NowhereError(f"{where} has not passed quality control ({version.verdict})")
        return self._kept(one, version)

    def _kept(self, one: Needed, version: VersionRow) -> Found:
        """Return a version of a run, with what is known of it."""
        from eas_provenance.errors import RepositoryError
        from eas_provenance.queries import find_run

        assert self._session is not None
        where = f"run:{version.run}/{version.directory}/{version.name}"
        site = find_run(self._session, version.run).site
        try:
            files = self._repository(site)
            if not files.has(version.key):
                raise _NowhereError(f"{where} is not there any more")
            record = files.read(_record_key(version.key.partition("/")[0], version.directory, version.name))
        except RepositoryError as error:
            raise _NowhereError(f"cannot look for {where}: {error}") from error
        product = json.loads(record) if record is not None else {"sha256": version.sha256}
        producer = {"run": version.run, "path": version.path, "attempt": version.number}
        return Found(one, where, version.key, files, product | {"producer": producer})

    def _repository(self, site: str) -> Bucket | Directory:
        """Return the repository with the files of a site's runs."""
        if site not in self._repositories:
            self._repositories[site] = self._opened(site)
        return self._repositories[site]

    def _opened(self, site: str) -> Bucket | Directory:
        if site == THIS_MACHINE:
            from eas_provenance.store import Store

            return Store(self._places.store).files
        from eas import sites, syncing

        if self._places.site is not None and self._places.site.name == site:
            return syncing.bucket(self._places.site)
        try:
            profile = sites.find(site, self._places.sites)
        except (sites.UnknownSiteError, sites.BrokenSitesError) as error:
            raise _NowhereError(f"it was made on {site}, and {error}") from error
        if isinstance(profile, sites.Laptop):
            raise _NowhereError(f"it was made on {site}, which is this machine here")
        return syncing.bucket(profile)

    def _of_bucket(self, one: Needed, where: str) -> Found:
        """Return an object of S3, which need be in no repository."""
        from eas_provenance.errors import RepositoryError

        name, key = input_folder.split(where)
        try:
            bucket = self._bucket(name)
            if not bucket.has(key):
                raise _NowhereError(f"there is no {where}")
        except ImportError as error:
            raise _NowhereError(f"{where}: files of S3 need the package boto3, which is not installed") from error
        except RepositoryError as error:
            raise _NowhereError(f"cannot look for {where}: {error}") from error
        return Found(one, where, key, bucket, {"producer": {"file": where}})

    def _bucket(self, name: str) -> Bucket:
        from eas_provenance.s3 import Bucket

        site = self._places.site
        if site is not None and site.bucket is not None and site.bucket.name == name:
            return Bucket(*site.bucket)
        region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        return Bucket(name, os.environ.get("EAS_S3_ENDPOINT"), region)


# ---------------------------------------------------------------------------------------------------------------------
# How they come into a run


def fetch(found: Iterable[Found], folder: Path) -> list[Given]:
    """Return the files on this machine, those from elsewhere in a folder.

    Raises
    ------
    UnknownInputError
        When one is not there any more.
    RepositoryError
        When one cannot be had.
    """
    return [_fetched(one, folder / str(number)) for number, one in enumerate(found)]


def _fetched(one: Found, copy: Path) -> Given:
    try:
        with one.source.open(one.key) as stream:
            name = getattr(stream, "name", None)
            path = Path(name) if isinstance(name, str) else copy  # what is here already is not copied twice
            if path is copy:
                with copy.open("xb") as written:
                    shutil.copyfileobj(stream, written)
    except OSError as error:
        raise UnknownInputError(f"cannot read {one.where}: {error.strerror}") from error
    return Given(one.needed, path, _product(one.needed, path) | one.product | _named(one.needed))


def _named(one: Needed) -> dict[str, Any]:
    return {"directory": one.directory, "name": one.name}


def _product(one: Needed, path: Path) -> dict[str, Any]:
    """Return the record of a file that no task made."""
    file, task = one.external.file, one.external.task
    types = {port.type for port in (variant.type.inputs.get(file.port) for variant in task.variants) if port}
    return {
        **_named(one),
        "type": min(types, default="any"),
        "size": path.stat().st_size,
        "sha256": sha256(path),
        "metadata": {},
        "producer": {},
        "format": 1,
    }


def bring(files: Keeps, prefix: str, given: Iterable[Given]) -> None:
    """Copy files from outside to where a run has its own.

    Raises
    ------
    RepositoryError
        When one cannot be kept, or has changed since it was found.
    """
    found: dict[str, list[Given]] = {}
    for one in given:
        with tempfile.TemporaryDirectory() as folder:
            link, record = Path(folder, "file"), Path(folder, "record")
            link.symlink_to(one.path.absolute())  # which is copied, not moved
            record.write_text(json.dumps(one.product), encoding="utf-8")
            directory, name = quote(one.needed.directory, "/~"), key_of(one.needed.name)
            where = f"{prefix}/{directory}"
            if one.needed.by is not None:
                by = key_of(one.needed.by)
                found.setdefault(f"{where}/{elsewhere.FOUND}/{by}/{WORTHS}/{by}", []).append(one)
                where = f"{where}/{elsewhere.FOUND}/{by}/{by}"
            files.put(f"{where}/{name}", link, one.product["sha256"])
            files.put(_record_key(prefix, one.needed.directory, one.needed.name), record)
    for key, some in found.items():  # the last, as files count by it
        worth = Worth("", "pass", {}, [one.product for one in some])
        files.put_bytes(key, json.dumps(worth._asdict()).encode())


def _record_key(prefix: str, directory: str, name: str) -> str:
    return f"{prefix}/.products/{quote(directory, '/~')}/{quote(name, '~')}.json"
