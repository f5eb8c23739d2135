"""`eas db` saves, restores and upgrades the database of the store, or the one that is named."""

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from eas import db
from eas.terminal import settle
from eas_provenance import migrations
from eas_provenance.database import Database
from eas_provenance.errors import DatabaseError
from eas_provenance.store import Store
from tests.provenance.databases import begin, runs


def eas_db(*arguments: str) -> int:
    """Run a verb."""
    parser = argparse.ArgumentParser()
    db.register(parser.add_subparsers())
    parsed = parser.parse_args(["db", *arguments])
    verb: Callable[[argparse.Namespace], int] = parsed.verb
    return settle(parsed) or verb(parsed)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a store in the working directory, with a run in its database."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EAS_DATABASE", raising=False)
    store = Store(Path("eas-store"))
    with Database.open(store.database) as database:
        begin(database)
    return store.database


def test_there_and_back(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A backup makes another store, or takes the place of what one holds."""
    assert eas_db("save", "backup.gz") == 0
    assert eas_db("restore", "backup.gz", "--store", "other") == 0
    assert capsys.readouterr() == ("", "saved 2 rows\nrestored 2 rows\n")
    with Database.open(Path("other/eas.db"), create=False) as database:
        assert runs(database) == ["one"]
        begin(database, "two")
    with pytest.raises(DatabaseError, match="it is not empty"):
        eas_db("restore", "backup.gz", "--db", "other/eas.db")
    assert eas_db("restore", "backup.gz", "--db", "other/eas.db", "--replace") == 0
    with Database.open(Path("other/eas.db")) as database:
        assert runs(database) == ["one"]


def test_upgrading(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is said what the schema is, and whether it was another."""
    assert eas_db("upgrade") == 0
    assert capsys.readouterr().out == f"schema {migrations.newest()}, as it was\n"
    assert eas_db("upgrade", "--db", "absent.db") == 3
    assert capsys.readouterr().err == "eas: database absent.db: there is no database\n"
    assert not Path("absent.db").exists()


@pytest.mark.parametrize("verb", [("save", "backup.gz"), ("upgrade",)])
def test_no_store(verb: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is none, none is made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EAS_DATABASE", raising=False)
    with pytest.raises(SystemExit, match="3"):
        eas_db(*verb)
    assert not list(tmp_path.iterdir())
