"""A database is opened at the newest schema, takes rows as they are, and says in one line what is wrong with it."""

import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, inspect
from sqlmodel import col, select, update

from eas_provenance import migrations
from eas_provenance.batch import storable
from eas_provenance.database import Database
from eas_provenance.errors import DatabaseError
from eas_provenance.tables import Document, Emitted, Problem, Run, Tag, Task, TaskType
from tests.provenance.databases import GIB, begin, content, fill, run_row, runs, task_row


def problems(database: Database) -> dict[str, str]:
    """Return the messages of all problems, by path."""
    with database.session() as session:
        return {one.path: one.message for one in session.exec(select(Problem))}


# ---------------------------------------------------------------------------------------------------------------------
# Opening


def test_it_is_made_and_kept(database_url: str) -> None:
    """What is not there is made; what is there stays, and opens without being made."""
    with Database.open(database_url) as database:
        assert database.revision() == migrations.newest()
        fill(database)
        before = content(database)
    for create in (True, False):
        with Database.open(database_url, create=create) as database:
            assert content(database) == before


def test_a_path_is_a_file_of_sqlite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name without `://` is a file; in it, readers and a writer go on beside each other."""
    monkeypatch.chdir(tmp_path)
    for name in ("a.db", Path("ü %.db")):
        with Database.open(name) as database:
            begin(database)
            with database.engine.connect() as connection:
                pragmas = [
                    connection.exec_driver_sql(f"PRAGMA {one}").scalar() for one in ("journal_mode", "foreign_keys")
                ]
            assert pragmas == ["wal", 1]
        assert Path(name).is_file()


def test_without_create_nothing_is_made(database_url: str) -> None:
    """A report does not make a database only to say that it is empty."""
    with pytest.raises(DatabaseError, match=r"there is no database$"):
        Database.open(database_url, create=False)
    with Database(database_url) as database:
        assert database.revision() is None
        assert database.engine.dialect.name == "postgresql" or not Path(str(database.url.database)).exists()


def test_many_open_at_once(database_url: str) -> None:
    """Of many that all find no database, one makes it, and none fails."""
    start = threading.Barrier(6)

    def make(_: int) -> None:
        start.wait()
        Database.open(database_url).close()

    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(make, range(6))) == [None] * 6
    Database.open(database_url, create=False).close()


def test_alembic_is_loaded_only_to_migrate(tmp_path: Path) -> None:
    """Alembic takes a third of a second to load, which a report does not have."""
    Database.open(tmp_path / "eas.db").close()
    program = (
        "import sys; from eas_provenance.database import Database; Database.open(sys.argv[1]); print(*sys.modules)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "eas.db")]
    loaded = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert "sqlmodel" in loaded
    assert "alembic" not in loaded


# ---------------------------------------------------------------------------------------------------------------------
# Writing


def test_rows_take_the_place_of_those_with_their_keys(database: Database) -> None:
    """To write rows again changes nothing; to write others with their keys changes them."""
    run_id = fill(database)
    before = content(database)
    assert fill(database) == run_id
    assert content(database) == before
    with database.writing() as batch:
        batch.put(Task, [task_row(run_id, "/7", state="succeeded", settings={"n": 2})])
        assert batch.put_run(run_row(state="failed")) == run_id
    with database.session() as session:
        task, run = session.get_one(Task, (run_id, "/7")), session.get_one(Run, run_id)
        assert (task.state, task.settings, run.state) == ("succeeded", {"n": 2}, "failed")
    assert [len(rows) for rows in content(database).values()] == [len(rows) for rows in before.values()]


def test_the_last_row_of_a_key_counts(database: Database) -> None:
    """However many rows there are, and whether they are written together or one by one."""
    run_id = begin(database)
    rows = [task_row(run_id, f"/{number % 150}", message=str(number)) for number in range(401)]
    with database.writing() as batch:
        batch.put(Task, rows)
    with database.session() as session:
        found = {one.path: one.message for one in session.exec(select(Task))}
    assert found == {row["path"]: row["message"] for row in rows}


def test_what_a_row_lacks_is_the_default(database: Database) -> None:
    """Rows may differ in what they name; what has a default need not be named."""
    run_id = begin(database)
    with database.writing() as batch:
        batch.put(Task, (task_row(run_id, f"/{one}", **more) for one, more in enumerate(({}, {"message": "m"}))))
        batch.put(Task, [])
    with database.session() as session:
        found = [(one.message, one.verdict) for one in session.exec(select(Task).order_by(col(Task.path)))]
    assert found == [("", None), ("m", None)]


@pytest.mark.parametrize("wrong", [{"state": None}, {"colour": "red"}])
def test_rows_name_columns(database: Database, wrong: dict[str, Any]) -> None:
    """To forget a column that has no default, or to name one that is none, is a mistake of the program."""
    run_id = begin(database)
    row = {key: value for key, value in (task_row(run_id) | wrong).items() if value is not None}
    row.pop("message", None)
    with pytest.raises(KeyError, match=next(iter(wrong))), database.writing() as batch:
        batch.put(Task, [row])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=5,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(value=JSON, text=st.text(st.characters(codec="utf-8", exclude_characters="\0")))
def test_values_come_back(database: Database, value: Any, text: str) -> None:
    """Any JSON and any text are read as they were written."""
    run_id = begin(database)
    with database.writing() as batch:
        batch.put(Emitted, [{"run_id": run_id, "path": "/a", "name": "x", "value": value, "unit": text}])
    with database.session() as session:
        found = session.get_one(Emitted, (run_id, "/a", "x"))
        assert (found.value, found.unit) == (value, text)
        assert repr(found.value) == repr(value)


def test_what_no_database_holds_is_replaced(database: Database) -> None:
    """A hostile log does not end a run: what is no text is replaced, wherever it stands, and other rows stay."""
    run_id = begin(database)
    value = {"\ud800": ["\udfff", float("nan"), float("inf")]}
    with database.writing() as batch:
        rows = {"/a": "fine", "/b": "a\udc80b", "/c": "a\0b"}
        batch.put(Problem, [{"run_id": run_id, "path": path, "message": text} for path, text in rows.items()])
        batch.put(Emitted, [{"run_id": run_id, "path": "/a", "name": "x", "value": value}])
    assert problems(database) == {"/a": "fine", "/b": "a\ufffdb", "/c": "a\ufffdb"}
    with database.session() as session:
        assert session.get_one(Emitted, (run_id, "/a", "x")).value == {"\ufffd": ["\ufffd", None, None]}
    assert storable("\U0001f4ab") == "\U0001f4ab"


def test_a_batch_is_written_whole_or_not_at_all(database: Database) -> None:
    """After an error, nothing of the batch is there; others never see a part of it."""
    run_id = begin(database)
    with pytest.raises(KeyError), database.writing() as batch:  # noqa: PT012 - the second is the wrong one
        batch.put(Problem, [{"run_id": run_id, "path": "/a", "message": ""}])
        batch.put(Problem, [{"run_id": run_id, "path": "/b"}])
    assert problems(database) == {}


def test_deleting(database: Database) -> None:
    """Rows go by equal values, or because their keys are not among those to keep; with a run goes what is of it."""
    first, second = begin(database, "one"), begin(database, "two")
    rows = [{"run_id": run, "path": path, "message": ""} for run in (first, second) for path in ("/a", "/b", "/c")]
    with database.writing() as batch:
        batch.put(Problem, rows)
        batch.delete(Problem, run_id=first, path="/a")
        batch.keep_only(Problem, second, [("/c",), ("/d",)])
    with database.session() as session:
        found = {(one.run_id, one.path) for one in session.exec(select(Problem))}
    assert found == {(first, "/b"), (first, "/c"), (second, "/c")}
    with database.writing() as batch:
        batch.delete(Run, id=second)
        batch.execute(update(Run).values(state="failed"))
    assert set(problems(database)) == {"/b", "/c"}
    assert runs(database) == ["one"]


def test_amounts_are_large(database: Database) -> None:
    """A program may ask for more than 2 GiB, and a chain may have more tasks than there are numbers of 32 bits."""
    run_id = begin(database)
    row = {"run_id": run_id, "type": "t", "image": "", "cpu": 1, "gpu": 0, "memory_bytes": 64 * GIB, "at_least": 2**40}
    with database.writing() as batch:
        batch.put(TaskType, [row])
    with pytest.raises(DatabaseError, match=r"too large|out of range"), database.writing() as batch:
        batch.put(TaskType, [row | {"at_most": 2**70}])


def test_finding_a_run(database: Database) -> None:
    """Runs are found by name; a name that no run can have is none's."""
    assert begin(database, "one") != begin(database, "two")
    assert database.run_id("two") == begin(database, "two")
    assert [database.run_id(name) for name in ("three", "\udc80", "\0", "")] == [None] * 4


def test_order_is_that_of_characters(database: Database) -> None:
    """Tasks are sorted alike on both databases, and not as a language would."""
    run_id = begin(database)
    with database.writing() as batch:
        batch.put(Task, [task_row(run_id, path) for path in ("/ä", "/b", "/B", "/a", "/_", "/[1]")])
    with database.session() as session:
        assert list(session.exec(select(Task.path).order_by(Task.position))) == ["/B", "/[1]", "/_", "/a", "/b", "/ä"]
        if database.engine.dialect.name == "postgresql":
            kinds = {one["name"]: one["type"] for one in inspect(session.connection()).get_columns("task")}
            assert vars(kinds["position"])["collation"] == "C"


# ---------------------------------------------------------------------------------------------------------------------
# Others who use it


def test_reading_while_others_write(database: Database) -> None:
    """Who reads is not kept waiting, sees nothing before it is committed, and all of it at the next look."""
    run_id = begin(database)
    with Database.open(str(database.url.render_as_string(hide_password=False)), timeout_s=5) as other:
        with database.writing() as batch:
            batch.put(Problem, [{"run_id": run_id, "path": "/a", "message": ""}])
            assert problems(other) == {}
        assert problems(other) == {"/a": ""}
        with other.session() as session:
            assert session.exec(select(Problem)).all()
            begin(database, "two")  # a reader does not keep a writer waiting, either


def test_writers_wait_for_each_other(database: Database) -> None:
    """Of those that write at the same moment, none fails."""
    run_id = begin(database)

    def write(number: int) -> None:
        for _ in range(10):
            with database.writing() as batch:
                batch.execute(select(Run))  # a reader that becomes a writer
                batch.put(Problem, [{"run_id": run_id, "path": "/a", "message": str(number)}])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(write, range(4))) == [None] * 4


def test_waiting_ends(database: Database) -> None:
    """Whoever waits too long for others is told so, and can try again."""
    run_id = begin(database)
    row = {"run_id": run_id, "path": "/a", "message": ""}
    with Database(str(database.url.render_as_string(hide_password=False)), timeout_s=0.1) as hasty:
        with database.writing() as batch:
            batch.put(Problem, [row])
            said = r"^database .*: (another process keeps it locked|.*lock timeout)[^\n]*$"
            with pytest.raises(DatabaseError, match=said), hasty.writing() as other:
                other.put(Problem, [row])
        with hasty.writing() as other:
            other.put(Problem, [row | {"message": "second"}])
    assert problems(database) == {"/a": "second"}


# ---------------------------------------------------------------------------------------------------------------------
# What cannot be used


def not_a_database(folder: Path) -> str:
    """Write a text."""
    (folder / "eas.db").write_text("A text of more than a hundred bytes, as SQLite reads so many first. " * 3)
    return "the file is no database"


def of_others(folder: Path) -> str:
    """Write a database of another program."""
    with sqlite3.connect(folder / "eas.db") as connection:
        connection.execute("CREATE TABLE bookmark (url TEXT)")
    connection.close()
    return "it belongs to another program"


def of_others_with_alembic(folder: Path) -> str:
    """Write a database of another program that uses Alembic."""
    of_others(folder)
    with sqlite3.connect(folder / "eas.db") as connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
    connection.close()
    return "it belongs to another program"


def newer(folder: Path) -> str:
    """Write a database of a newer EAS."""
    Database.open(folder / "eas.db").close()
    with sqlite3.connect(folder / "eas.db") as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    return r"a newer EAS made it \(schema 9999; known are those up to \d{4}\)"


def damaged(folder: Path) -> str:
    """Write over the middle of a database."""
    with Database.open(folder / "eas.db") as database:
        fill(database)
    data = bytearray((folder / "eas.db").read_bytes())
    data[100:] = b"\xaa" * (len(data) - 100)
    (folder / "eas.db").write_bytes(data)
    return "the file is damaged"


def a_folder(folder: Path) -> str:
    """Make a folder."""
    (folder / "eas.db").mkdir()
    return "the file cannot be opened"


@pytest.mark.parametrize("make", [not_a_database, of_others, of_others_with_alembic, newer, damaged, a_folder])
def test_what_is_no_database_of_this_eas(tmp_path: Path, make: Callable[[Path], str]) -> None:
    """It is refused in one line, and left as it is."""
    said = f"^database {re.escape(str(tmp_path))}/eas.db: {make(tmp_path)}$"
    before = (tmp_path / "eas.db").read_bytes() if (tmp_path / "eas.db").is_file() else b""
    for create in (True, False):
        with pytest.raises(DatabaseError, match=said):
            Database.open(tmp_path / "eas.db", create=create)
    assert not before or (tmp_path / "eas.db").read_bytes() == before


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://me:secret@127.0.0.1:1/eas", r"^database postgresql://me:\*\*\*@127\.0\.0\.1:1/eas: .*refused"),
        ("postgresql://me@no.such.host.invalid/eas", "no.such.host.invalid"),
        ("/no/such/folder/eas.db", "^database /no/such/folder/eas.db: the file cannot be opened$"),
        ("mysql://me:secret@host/eas", r"^mysql://me:\*\*\*@host/eas names neither"),
        ("sqlite://", "names neither a file"),
        ("sqlite:///:memory:", "names neither a file"),
        ("postgresql://host:port/eas", "^the URL of the database is not well formed$"),
        ("://", "^the URL of the database is not well formed$"),
    ],
)
def test_what_cannot_be_reached(url: str, said: str) -> None:
    """It is said in one line, without a password."""
    with pytest.raises(DatabaseError, match=said) as raised:
        Database.open(url, timeout_s=2)
    assert "\n" not in str(raised.value)
    assert "secret" not in str(raised.value)


def test_a_database_that_the_server_has_not(new_postgres: Callable[[], str]) -> None:
    """What the server says is told."""
    url = Database(new_postgres()).url.set(database="absent").render_as_string()
    with pytest.raises(DatabaseError, match=r'^database postgresql://.*/absent.*database "absent" does not exist$'):
        Database.open(url)


def test_a_driver_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said how to get it."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(DatabaseError, match=r"needs a driver; pip install 'eas\[postgres\]' brings it$"):
        Database("postgresql://host/eas")


def test_what_can_only_be_read(tmp_path: Path) -> None:
    """It can be read; to write says why not."""
    with Database.open(tmp_path / "eas.db") as database:
        begin(database)
        with Database.open(f"sqlite:///file:{tmp_path}/eas.db?mode=ro&uri=true") as other:
            assert runs(other) == ["one"]
            with pytest.raises(DatabaseError, match=r"it cannot be written$"):
                begin(other, "two")


def test_a_full_disk(tmp_path: Path) -> None:
    """Nothing of the batch is there, and when there is room again it can be written."""
    with Database.open(tmp_path / "eas.db") as database:
        begin(database)
        database.close()

        @event.listens_for(database.engine, "connect")
        def limit(connection: Any, _: object) -> None:
            connection.execute("PRAGMA max_page_count = 100")

        with pytest.raises(DatabaseError, match=r"the disk is full$"), database.writing() as batch:
            batch.put(Document, [{"sha256": str(one), "kind": "chain", "content": bytes(5000)} for one in range(200)])
        assert len(content(database)["document"]) == 1
        begin(database, "two")


def test_rows_of_no_run(database: Database) -> None:
    """What belongs to nothing is not taken."""
    with pytest.raises(DatabaseError, match=r"(?i)foreign key"), database.writing() as batch:
        batch.put(Tag, [{"run_id": 7, "tag": "x"}])


@pytest.fixture
def cut_off(new_postgres: Callable[[], str]) -> Iterator[Database]:
    """Return a database whose server ends all connections."""
    url = new_postgres()
    with Database.open(url) as database, Database(url) as other:
        begin(database)
        with other.engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid != pg_backend_pid() AND datname = current_database()"
            )
        yield database


def test_a_server_that_went_away(cut_off: Database) -> None:
    """It is said in one line; the next use connects again."""
    with pytest.raises(DatabaseError, match=r"^database postgresql://[^\n]*terminat[^\n]*$"):
        runs(cut_off)
    assert runs(cut_off) == ["one"]
