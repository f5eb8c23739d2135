"""`eas get` copies what a run made, whole and checked, and never elsewhere than it was told."""

import errno
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from eas import get
from eas.cli import main
from eas_provenance.database import Database
from eas_provenance.queries import VersionRow, files, find_run
from eas_provenance.store import Store
from eas_provenance.tables import Version
from tests.provenance import filled

NAMES = ["lightcurve_0.gz", "lightcurve_1.gz", "lightcurve_2.gz", "möbius 'n' $HOME.gz"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a store with a run, all of whose files are there."""
    store = Store(tmp_path_factory.mktemp("kept"))
    with Database.open(store.database) as database:
        run_id = filled.fill(database)
        with database.writing() as batch:
            content = [{"directory": "survey/deep", "name": NAMES[3], "key": f"{filled.NAME}/odd", "position": 9}]
            batch.put(Version, [{**row(run_id, f"{NAMES[3]}0"), **one} for one in content])
        with database.session() as session:
            for one in files(session, run_id, limit=None).rows:
                path = store.files.path(one.key)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content_of(one))
    return store.folder


def row(run_id: int, content: str) -> dict[str, Any]:
    """Return the row of a version that the first task made."""
    sha256 = hashlib.sha256(content.encode()).hexdigest()
    facts = {"type": "data", "size_bytes": len(content), "sha256": sha256, "made": None, "verdict": None}
    return {"run_id": run_id, "path": "/t0[size=0]/t0", "number": 0, "port": "more", **facts}


def content_of(version: VersionRow) -> bytes:
    """Return what is in a file of the run, as its hash was made of it."""
    return f"{version.name}{version.number}".encode()


@pytest.fixture
def store(kept: Path, tmp_path: Path) -> Path:
    """Return a store of one's own, and stand where files may be copied to."""
    return Path(shutil.copytree(kept, tmp_path / "store"))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return a folder that is not there yet."""
    return tmp_path / "a" / "out"


def got(store: Path, out: Path, *arguments: str) -> int:
    """Run the verb."""
    try:
        return main(["get", *arguments, "-o", str(out), "--store", str(store)])
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else -1


def names(folder: Path) -> list[str]:
    """Return the files in a folder, and all that was left behind."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir())


@contextmanager
def one(store: Path, **changes: Any) -> Iterator[VersionRow]:
    """Give a version that the database might hold."""
    with Database.open(Store(store).database) as database, database.session() as session:
        run = find_run(session)
        yield files(session, run.id, limit=1).rows[0]._replace(**changes)


def test_all_files(store: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every file is there under its directory and name, with its newest content; it can be changed."""
    assert got(store, out, "survey") == 0
    captured = capsys.readouterr()
    assert (captured.out.startswith("8 of 8 files ("), captured.err) == (True, "")
    assert [name for name in names(out) if "lightcurve" in name] == [f"survey/{name}" for name in NAMES[:3]]
    assert (out / "survey/periodogram_1.tar.gz").read_bytes() == b"periodogram_1.tar.gz1"
    assert os.access(out / "survey" / NAMES[0], os.W_OK)


@pytest.mark.parametrize(
    ("file", "found"),
    [
        ("survey/lightcurve_1.gz", ["survey/lightcurve_1.gz"]),
        ("survey/deep", [f"survey/deep/{NAMES[3]}"]),
        ("survey/deep/", [f"survey/deep/{NAMES[3]}"]),
        (f"survey/deep/{NAMES[3]}", [f"survey/deep/{NAMES[3]}"]),
    ],
)
def test_some_files(store: Path, out: Path, capsys: pytest.CaptureFixture[str], file: str, found: list[str]) -> None:
    """One file, or a directory with what is in it; for programs with its hash."""
    assert got(store, out, "survey", file, "--json") == 0
    assert names(out) == found
    data = json.loads(capsys.readouterr().out)
    assert (data["run"], data["problems"]) == (filled.NAME, [])
    for one in data["files"]:
        assert hashlib.sha256(Path(one["file"]).read_bytes()).hexdigest() == one["sha256"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nope",), "unknown run 'nope'"),
        (
            ("survey", "survey/lightcurv_1.gz"),
            "has no file 'survey/lightcurv_1.gz'; did you mean 'survey/lightcurve_1.gz'?",
        ),
        (("survey", "xyz"), "has no file 'xyz'; it has files in survey, survey/deep"),
        (("survey", "surveys"), "did you mean 'survey'?"),
    ],
)
def test_mistakes(
    store: Path, out: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], said: str
) -> None:
    """What is not there is said in one line, with what may have been meant; nothing is made."""
    assert got(store, out, *arguments) == 1
    assert said in capsys.readouterr().err
    assert not out.exists()


def test_nothing_is_replaced(store: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Not without --force, and then not a single file; a link that leads nowhere is something, too."""
    (out / "survey").mkdir(parents=True)
    (out / "survey/lightcurve_1.gz").symlink_to("nowhere")
    assert got(store, out, "survey") == 1
    assert "lightcurve_1.gz is there already; --force replaces" in capsys.readouterr().err
    assert names(out) == ["survey/lightcurve_1.gz"]
    assert got(store, out, "survey", "--force") == 0
    assert (out / "survey/lightcurve_1.gz").read_bytes() == b"lightcurve_1.gz0"
    assert not (out / "survey/lightcurve_1.gz").is_symlink()


def test_what_is_wrong_with_one_file(store: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that is gone or was changed is named, and the others are copied."""
    folder = store / "files" / filled.NAME / "survey"
    (folder / NAMES[0]).unlink()
    (folder / NAMES[1]).write_bytes(b"changed")
    assert got(store, out, "survey") == 3
    captured = capsys.readouterr()
    assert captured.out.startswith("6 of 8 files")
    assert f"{NAMES[0]}: it is not there any more" in captured.err
    assert f"{NAMES[1]}: its content is not what the run made" in captured.err
    assert len(names(out)) == 6


@pytest.mark.parametrize(
    "changes",
    [
        {"directory": ".."},
        {"directory": "../../etc"},
        {"directory": "/etc"},
        {"directory": ""},
        {"directory": "a/../.."},
        {"name": ".."},
        {"name": "../x"},
        {"name": "a/b"},
        {"name": ""},
        {"name": "a\0b"},
        {"key": "../../etc/passwd"},
        {"key": "/etc/passwd"},
    ],
)
def test_hostile_names(store: Path, out: Path, changes: dict[str, str]) -> None:
    """Whatever the database holds, nothing is read outside of the store or written outside of the folder."""
    with one(store, **changes) as version:
        copied = get.copy(Store(store).files, [version], out)
    assert (copied.files, len(copied.problems), names(out)) == ((), 1, [])


def test_a_link_that_leads_out(store: Path, out: Path, tmp_path: Path) -> None:
    """A folder that is really elsewhere is not written to."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    out.mkdir(parents=True)
    (out / "survey").symlink_to(elsewhere)
    assert got(store, out, "survey") == 3
    assert list(elsewhere.iterdir()) == []


def test_a_full_disk(
    store: Path, out: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files before are there, and nothing that is half written."""
    write = get._copy_bytes

    def full(store: Any, version: VersionRow, part: Any) -> str:
        if version.name == NAMES[1]:
            part.write(b"some")
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(store, version, part)

    monkeypatch.setattr(get, "_copy_bytes", full)
    assert got(store, out, "survey", "survey") == 3
    assert f"cannot write {out}: No space left on device" in capsys.readouterr().err
    assert [path for path in names(out) if "lightcurve_1" in path or ".eas-get" in path] == []


def test_a_folder_that_is_a_file(store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said so."""
    (tmp_path / "file").touch()
    assert got(store, tmp_path / "file", "survey") == 3
    assert f"cannot write {tmp_path / 'file'}: File exists" in capsys.readouterr().err


def test_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal shows how many files are done, when that takes more than two seconds."""
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stderr", terminal)
    times = iter([0.0, 1.0, 3.0, 4.0])
    monkeypatch.setattr(get, "time", SimpleNamespace(monotonic=lambda: next(times)))
    show = get._progress()
    for done in (1, 2, 3):
        show(done, 3)
    assert terminal.getvalue() == "\r2 of 3 files\r3 of 3 files\n"
