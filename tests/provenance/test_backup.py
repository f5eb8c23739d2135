"""A backup holds all rows, goes into either database, and is not believed."""

import gzip
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eas_provenance import migrations
from eas_provenance.backup import restore, save
from eas_provenance.database import Database
from eas_provenance.errors import DatabaseError
from eas_provenance.tables import Tag
from tests.provenance.conftest import KINDS, NEWEST, NEXT
from tests.provenance.databases import begin, content, fill, runs

Lines = list[Any]


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Return a backup of a database of SQLite."""
    with Database.open(tmp_path / "saved.db") as database:
        fill(database)
        save(database, tmp_path / "backup.gz")
    return tmp_path / "backup.gz"


def read(file: Path) -> Lines:
    """Return the lines of a backup, but the last one."""
    return [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()[:-1]]


def write(file: Path, lines: Lines, *more: Any) -> None:
    """Write a backup with a last line that fits."""
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    end = {"sha256": hashlib.sha256(data).hexdigest()}
    file.write_bytes(gzip.compress(data + b"".join(json.dumps(line).encode() + b"\n" for line in (end, *more)), 1))


# ---------------------------------------------------------------------------------------------------------------------
# There and back


@pytest.mark.parametrize("source", KINDS)
@pytest.mark.parametrize("target", KINDS)
def test_all_rows_come_back(source: str, target: str, new_url: Callable[[str], str], tmp_path: Path) -> None:
    """From either database to either, everything is as it was; and the next run has a number of its own."""
    with Database.open(new_url(source)) as one, Database(new_url(target)) as other:
        numbers = {fill(one, name) for name in ("one", "two")}
        with one.writing() as batch:
            batch.delete(Tag, tag="b")
        save(one, tmp_path / "backup.gz")
        restore(tmp_path / "backup.gz", other)
        assert content(other) == content(one)
        assert begin(other, "three") not in numbers
        assert (other.run_id("one"), runs(other)) == (one.run_id("one"), ["one", "three", "two"])


def test_a_backup_is_of_one_moment(database: Database, tmp_path: Path) -> None:
    """What is written while it is made is in none of its tables."""
    fill(database, "one")
    before = content(database)

    def write_more(done: int, total: int) -> None:
        if 0 < done < total:
            fill(database, "two")

    save(database, tmp_path / "backup.gz", write_more)
    assert runs(database) == ["one", "two"]
    with Database(tmp_path / "restored.db") as restored:
        restore(tmp_path / "backup.gz", restored)
        assert content(restored) == before


def test_progress(database: Database, tmp_path: Path) -> None:
    """It is told how many rows are done, up to all of them."""
    fill(database)
    saved: list[tuple[int, int]] = []
    restored: list[tuple[int, int]] = []
    save(database, tmp_path / "backup.gz", lambda done, total: saved.append((done, total)))
    restore(tmp_path / "backup.gz", database, replace=True, progress=lambda done, total: restored.append((done, total)))
    total = sum(len(rows) for name, rows in content(database).items() if name != migrations.NOTE)
    assert saved == [(1000, total), (total, total)]
    assert restored[-1] == (total, total)
    assert [done for done, _ in restored] == sorted(done for done, _ in restored)


def test_equal_databases_have_equal_backups(backup: Path, tmp_path: Path) -> None:
    """A backup says nothing of when and where it was made."""
    with Database(tmp_path / "restored.db") as database:
        restore(backup, database)
        save(database, tmp_path / "other.gz")
    assert (tmp_path / "other.gz").read_bytes() == backup.read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_backup_of_an_older_eas(
    kind: str, new_url: Callable[[str], str], backup: Path, next_eas: Callable[[], None]
) -> None:
    """It is restored as it was saved, and then brought to the newest schema."""
    next_eas()
    with Database(new_url(kind)) as database:
        restore(backup, database)
        assert database.revision() == NEXT
        assert content(database)["run"][0][-1] == "red"
        again = backup.with_name("again.gz")
        save(database, again)
    with Database(new_url(kind)) as other:
        restore(again, other)
        assert other.revision() == NEXT


def test_a_backup_of_a_newer_eas(backup: Path, tmp_path: Path) -> None:
    """It is refused; which EAS takes it is not known to this one, but its schema is."""
    lines = read(backup)
    lines[0]["schema"] = "9999"
    write(backup, lines)
    with pytest.raises(DatabaseError, match=r"a newer EAS made it \(schema 9999; known are those up to \d+\)$"):
        restore(backup, Database(tmp_path / "other.db"))
    assert not (tmp_path / "other.db").exists()


# ---------------------------------------------------------------------------------------------------------------------
# What is there already


def test_a_database_that_holds_rows_is_kept(database: Database, backup: Path) -> None:
    """Only on demand, a backup takes the place of what there is, and of all of it."""
    fill(database, "other")
    before = content(database)
    with pytest.raises(DatabaseError, match=r"it is not empty$"):
        restore(backup, database)
    assert content(database) == before
    restore(backup, database, replace=True)
    assert runs(database) == ["one"]


def test_an_empty_database_takes_a_backup(database: Database, backup: Path) -> None:
    """Tables without rows are nothing to be kept."""
    restore(backup, database)
    assert runs(database) == ["one"]


def test_what_fails_leaves_the_database_as_it_was(database: Database, backup: Path) -> None:
    """Also when it was to be replaced, and the mistake is in the last line."""
    fill(database, "other")
    before = content(database)
    lines = read(backup)
    write(backup, lines, "more")
    with pytest.raises(DatabaseError, match=r"something follows its end$"):
        restore(backup, database, replace=True)
    assert content(database) == before


def test_nothing_is_saved_of_nothing(database_url: str, tmp_path: Path) -> None:
    """What is no database yet has no backup."""
    with Database(database_url) as database, pytest.raises(DatabaseError, match=r": there is nothing to save$"):
        save(database, tmp_path / "backup.gz")
    assert not list(tmp_path.iterdir())


def test_a_backup_that_cannot_be_written(database: Database, backup: Path, tmp_path: Path) -> None:
    """The one that was there stays, and nothing is left beside it."""
    fill(database)
    before = backup.read_bytes()

    def fail(_done: int, _total: int) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(DatabaseError, match=r"^cannot write .*backup\.gz: No space left on device$"):
        save(database, backup, fail)
    with pytest.raises(DatabaseError, match=r"^cannot write /no/such/folder/x: No such file or directory$"):
        save(database, Path("/no/such/folder/x"))
    assert backup.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


# ---------------------------------------------------------------------------------------------------------------------
# What is no backup


def refused(file: Path) -> str:
    """Return what is said of a file, and see that nothing of it is restored."""
    with Database(file.with_name("other.db")) as database:
        with pytest.raises(DatabaseError) as raised:
            restore(file, database)
        assert database.revision() is None
    said = str(raised.value)
    assert "\n" not in said
    return said.removeprefix(f"backup {file}: ").removeprefix(f"{database}: ")


@pytest.mark.parametrize("data", [b"", b"\x1f", b"PK\3\4", b"text\n" * 100])
def test_files_of_other_kinds(tmp_path: Path, data: bytes) -> None:
    """They are no backups."""
    (tmp_path / "file").write_bytes(data)
    assert refused(tmp_path / "file") in ("its end is missing", "it is no backup of EAS, or damaged")


@pytest.mark.parametrize(
    "first",
    [1, None, [], "format", {}, {"format": "tar"}, {"format": "eas-backup 1"}, {"format": "eas-backup 1", "schema": 1}],
)
def test_first_lines_of_others(tmp_path: Path, first: Any) -> None:
    """A first line says that it is a backup, and what is in it."""
    write(tmp_path / "file", [first])
    assert refused(tmp_path / "file") == "it is no backup of EAS"


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """It is said why."""
    assert refused(tmp_path / "absent") == f"cannot read {tmp_path}/absent: No such file or directory"
    (tmp_path / "folder").mkdir()
    assert refused(tmp_path / "folder") == f"cannot read {tmp_path}/folder: Is a directory"


def test_a_backup_that_was_cut_short(backup: Path) -> None:
    """Wherever it ends too early, nothing is restored."""
    data = backup.read_bytes()
    for end in (3, 11, 40, len(data) // 2, len(data) - 9, len(data) - 1):
        backup.write_bytes(data[:end])
        assert refused(backup) == "its end is missing"


def test_a_backup_that_was_damaged(backup: Path) -> None:
    """A changed byte is found, wherever it is."""
    data = backup.read_bytes()
    for position in (0, 2, 30, len(data) // 3, len(data) // 2, len(data) - 20, len(data) - 6, len(data) - 2):
        changed = bytearray(data)
        changed[position] ^= 0x55
        backup.write_bytes(changed)
        assert refused(backup)


def test_a_backup_whose_text_was_changed(backup: Path) -> None:
    """The last line tells."""
    text = gzip.decompress(backup.read_bytes())
    backup.write_bytes(gzip.compress(text.replace(b"line 1", b"line 7")))
    assert refused(backup) == "its content was changed"


def table_of(lines: Lines, name: str) -> Any:
    """Return what the first line says of a table."""
    return next(one for one in lines[0]["tables"] if one[0] == name)


def row_of(lines: Lines, name: str) -> Any:
    """Return the first row of a table."""
    number = 1
    for table, _, rows in lines[0]["tables"]:
        if table == name:
            return lines[number]
        number += rows
    raise KeyError(name)


def value_of(table: str, column: int, value: Any) -> Callable[[Lines], None]:
    """Return what sets a value of the first row of a table."""

    def change(lines: Lines) -> None:
        row_of(lines, table)[column] = value

    return change


def column(lines: Lines) -> None:
    """Name a column that is none."""
    table_of(lines, "tag")[1][0] = "run_id; DROP TABLE run"


def another(lines: Lines) -> None:
    """Bring a table."""
    lines[0]["tables"].append(["sqlite_master", ["name"], 0])


def without(lines: Lines) -> None:
    """Leave a table out."""
    lines[0]["tables"].pop()


def twice(lines: Lines) -> None:
    """Bring a table twice."""
    lines[0]["tables"].append(lines[0]["tables"][-1])


def short(lines: Lines) -> None:
    """Leave out a value."""
    row_of(lines, "task").pop()


def fewer(lines: Lines) -> None:
    """Leave out the last row."""
    lines.pop()


def duplicate(lines: Lines) -> None:
    """Bring a key twice."""
    lines[lines.index(row_of(lines, "task")) + 1] = row_of(lines, "task")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (column, f"its tables are not those of schema {NEWEST}"),
        (another, f"its tables are not those of schema {NEWEST}"),
        (without, f"its tables are not those of schema {NEWEST}"),
        (twice, f"its tables are not those of schema {NEWEST}"),
        (short, "it has a row of task that cannot be one"),
        (fewer, "it has fewer rows of .* than it should"),
        (duplicate, "UNIQUE constraint failed: .*"),
        (value_of("run", 0, "1"), "it has a row of run that cannot be one"),
        (value_of("run", 0, True), "it has a row of run that cannot be one"),
        (value_of("run", 0, 2**64), "it has a row of run that cannot be one"),
        (value_of("run", 0, 1.5), "it has a row of run that cannot be one"),
        (value_of("run", 1, None), "it has a row of run that cannot be one"),
        (value_of("run", 1, {"a": 1}), "it has a row of run that cannot be one"),
        (value_of("document", 2, "no base64!"), "it has a row of document that cannot be one"),
        (value_of("document", 2, 7), "it has a row of document that cannot be one"),
        (value_of("document", 0, "1"), "there are rows of which those that they refer to are missing"),
    ],
)
def test_backups_that_were_made_up(backup: Path, change: Callable[[Lines], None], said: str) -> None:
    """What a last line vouches for is not believed, either."""
    lines = read(backup)
    change(lines)
    write(backup, lines)
    assert re.fullmatch(said, refused(backup))


@pytest.mark.parametrize("rows", [-1, 1, 10**30, 1e400, "many", True])
def test_numbers_of_rows_that_are_none(backup: Path, rows: Any) -> None:
    """They are as bad as missing rows."""
    lines = read(backup)
    table_of(lines, "version")[2] = rows
    write(backup, lines)
    assert refused(backup) in ("it is no backup of EAS", "it has fewer rows of version than it should")


@pytest.mark.parametrize("line", [b"[" * 100_000 + b"\n", b"9" * 5000 + b"\n", b"\xff\n", b"{\n"])
def test_lines_that_are_not_json(backup: Path, line: bytes) -> None:
    """They are damage."""
    first, _, rest = gzip.decompress(backup.read_bytes()).partition(b"\n")
    backup.write_bytes(gzip.compress(first + b"\n" + line + rest))
    assert refused(backup) == "it is damaged"


def test_a_line_without_end(backup: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small file cannot fill the memory."""
    monkeypatch.setattr("eas_provenance.backup._MOST_BYTES", 1 << 16)
    backup.write_bytes(gzip.compress(b"[" + b" " * (1 << 20)))
    assert refused(backup) == "a line is too long"


def test_texts_that_no_database_holds(backup: Path, database: Database) -> None:
    """They are replaced, as they are when a run writes them."""
    lines = read(backup)
    position = table_of(lines, "message")[1].index("text")
    row_of(lines, "message")[position] = "a\0b\ud800"
    write(backup, lines)
    restore(backup, database)
    assert "a\ufffdb\ufffd" in {row[position] for row in content(database)["message"]}
