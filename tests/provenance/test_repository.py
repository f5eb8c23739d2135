"""The repository keeps files at once and whole, and only what it should."""

import errno
import hashlib
import os
import shutil
import threading
from pathlib import Path

import pytest

from eas_provenance.errors import RepositoryError
from eas_provenance.repository import Directory


@pytest.fixture
def files(tmp_path: Path) -> Directory:
    """Return an empty repository."""
    return Directory(tmp_path / "files")


def written(folder: Path, content: bytes, name: str = "source") -> Path:
    """Write a file."""
    (folder / name).write_bytes(content)
    return folder / name


def visible(files: Directory) -> set[str]:
    """Return everything that is in the folder of a repository, parts of files too."""
    return {path.relative_to(files.folder).as_posix() for path in files.folder.rglob("*") if path.is_file()}


def test_a_file_comes_and_is_there(files: Directory, tmp_path: Path) -> None:
    """What was put is read under its key, by everybody, and cannot be written."""
    source = written(tmp_path, b"content")
    files.put("run/d/f.gz", source, hashlib.sha256(b"content").hexdigest())
    assert files.read("run/d/f.gz") == b"content"
    assert files.path("run/d/f.gz").stat().st_mode & 0o777 == 0o444
    assert not source.exists()
    assert visible(files) == {"run/d/f.gz"}


def test_what_is_not_there(files: Directory, tmp_path: Path) -> None:
    """A key without a file has no content; neither has a prefix, nor what is below a file."""
    files.put("a/b", written(tmp_path, b""))
    assert [files.read(key) for key in ("a", "a/b/c", "x")] == [None, None, None]
    assert files.read("a/b") == b""


def test_the_last_put_counts(files: Directory, tmp_path: Path) -> None:
    """A second file under a key takes the place of the first, which whoever has it open still reads."""
    files.put("k", written(tmp_path, b"one"))
    with files.path("k").open("rb") as stream:
        files.put("k", written(tmp_path, b"two"))
        assert stream.read() == b"one"
    assert files.read("k") == b"two"


def test_another_content_is_refused(files: Directory, tmp_path: Path) -> None:
    """A file that is not what it should be does not become visible, and what was there before stays."""
    files.put("k", written(tmp_path, b"good"))
    with pytest.raises(RepositoryError, match="the content of k changed on its way"):
        files.put("k", written(tmp_path, b"bad"), hashlib.sha256(b"good").hexdigest())
    assert files.read("k") == b"good"
    assert visible(files) == {"k"}


@pytest.mark.parametrize("key", ["", "/a", "a/", "a//b", "..", "a/../b", "./a", "a\0b", ".part/x", ".part", "a/\ud800"])
def test_hostile_keys(files: Directory, tmp_path: Path, key: str) -> None:
    """No key leads out of the repository, or to what is only being written."""
    with pytest.raises(RepositoryError, match="not a key"):
        files.put(key, written(tmp_path, b""))
    with pytest.raises(RepositoryError, match="not a key"):
        files.read(key)


def test_a_key_that_no_file_can_have(files: Directory, tmp_path: Path) -> None:
    """A name that the file system refuses is a message, not a traceback."""
    with pytest.raises(RepositoryError, match="File name too long"):
        files.put("x" * 300, written(tmp_path, b""))
    with pytest.raises(RepositoryError, match="File name too long"):
        files.read("x" * 300)


def test_a_link_is_followed(files: Directory, tmp_path: Path) -> None:
    """Of a link the content is kept, and what it leads to stays."""
    target = written(tmp_path, b"content", "target")
    (tmp_path / "link").symlink_to(target)
    files.put("k", tmp_path / "link")
    assert not files.path("k").is_symlink()
    assert (files.read("k"), target.read_bytes()) == (b"content", b"content")


def test_another_file_system(files: Directory, tmp_path: Path) -> None:
    """A file of another file system is copied whole before it becomes visible."""
    elsewhere = Path("/dev/shm")
    if not elsewhere.is_dir() or elsewhere.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is one file system only")
    source = written(elsewhere, b"content", f"eas-test-{os.getpid()}")
    files.put("k", source, hashlib.sha256(b"content").hexdigest())
    assert files.read("k") == b"content"
    assert not source.exists()
    assert visible(files) == {"k"}


def test_a_copy_that_fails_leaves_nothing(files: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full half way through, no part of the file is left."""

    def copyfile(source: Path, target: Path) -> None:
        target.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "copyfile", copyfile)
    (tmp_path / "link").symlink_to(written(tmp_path, b"content"))
    with pytest.raises(RepositoryError, match="cannot keep k: No space left on device"):
        files.put("k", tmp_path / "link")
    assert visible(files) == set()


def test_many_at_once(files: Directory, tmp_path: Path) -> None:
    """Several may put under one key, and others read: each sees one of the files, whole."""
    contents = [bytes([number]) * 100_000 for number in range(8)]
    seen: set[bytes | None] = set()

    def put(number: int) -> None:
        for turn in range(20):
            files.put("a/k", written(tmp_path, contents[number], f"{number}-{turn}"))
            seen.add(files.read("a/k"))

    threads = [threading.Thread(target=put, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen <= set(contents)
    assert visible(files) == {"a/k"}


def test_a_tree(files: Directory, tmp_path: Path) -> None:
    """All files of a folder come under one prefix, with their folders."""
    (tmp_path / "tree/sub").mkdir(parents=True)
    for name in ("a", "sub/b"):
        written(tmp_path / "tree", name.encode(), name)
    files.put_tree("p", tmp_path / "tree")
    assert visible(files) == {"p/a", "p/sub/b"}


def test_a_repository_below_a_file(tmp_path: Path) -> None:
    """Where no folder can be, there is no repository."""
    with pytest.raises(RepositoryError, match=r"cannot make .*: Not a directory"):
        Directory(written(tmp_path, b"") / "files")


def test_what_cannot_be_read(files: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is there but cannot be read is no missing file."""

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(RepositoryError, match="cannot read k: Permission denied"):
        files.read("k")
