"""The folder of a try is laid out for its program, and emptied into the repository."""

import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eas_argo.laptop import folders
from eas_argo.laptop.manifest import Pod, Result, Retry
from eas_argo.laptop.server import OUTPUT
from eas_argo.laptop.work import Work
from eas_provenance.repository import Directory


class Kept:
    """A repository that notes what it is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[str, tuple[bytes, str | None]] = {}

    def path(self, key: str) -> Path:
        """Return where a file would be."""
        return self.folder / key

    def put(self, key: str, source: Path, sha256: str | None = None) -> None:
        """Note a file."""
        self.files[key] = (source.read_bytes(), sha256)

    def put_tree(self, key: str, source: Path) -> None:
        """Note the files of a folder."""
        for file in source.iterdir():
            self.put(f"{key}/{file.name}", file)


def work(**fields: Any) -> Work:
    """Write a try."""
    pod = Pod("p", "run", "image", "{}", {}, (), (), (), fields.pop("results", ()), Retry(0, 0), 1, 0, 1, 1)
    return Work("id", pod, 0, {}, fields.pop("inputs", ()), fields.pop("outputs", ()))


def test_inputs_are_links(tmp_path: Path) -> None:
    """An input stands where the manifest says, whether it is a file or a folder; an optional one may be missing."""
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept/f").write_text("content", encoding="utf-8")
    inputs = (("in/f", "f", False), ("in/all", "", False), ("in/.none", "none", True))
    environment = folders.lay_out(work(inputs=inputs), tmp_path / "try", Kept(tmp_path / "kept"))
    assert (tmp_path / "try/in/f").read_text(encoding="utf-8") == "content"
    assert (tmp_path / "try/in/all/f").is_file()
    assert not (tmp_path / "try/in/.none").exists()
    assert environment["EAS_FOLDER"] == str(tmp_path / "try")


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    """Without an input that is not optional there is no try."""
    with pytest.raises(FileNotFoundError, match="the input run/d/f is missing"):
        folders.lay_out(work(inputs=(("in/f", "run/d/f", False),)), tmp_path / "try", Kept(tmp_path))


def test_a_place_where_somebody_still_works(tmp_path: Path) -> None:
    """The folder of a try is fresh, even when what stood in its place cannot be removed."""
    (tmp_path / "try").mkdir()
    stray = os.open(tmp_path / "try", os.O_RDONLY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "rmdir", lambda *_, **__: os.close(os.open("stray", os.O_CREAT, dir_fd=stray)))
        folders.lay_out(work(), tmp_path / "try", Kept(tmp_path))
    os.close(stray)
    assert not any((tmp_path / "try").iterdir())
    assert len(list(tmp_path.glob(".try.*/stray"))) == 1
    folders.sweep(tmp_path / "try")
    assert [path.name for path in tmp_path.iterdir()] == ["try"]


def test_what_is_kept(tmp_path: Path) -> None:
    """Outputs go with the checksum that the worker noted; what was not made is not missed."""
    (tmp_path / "out").mkdir()
    (tmp_path / "products").mkdir()
    (tmp_path / "records").mkdir()
    (tmp_path / "out/file").write_bytes(b"x")
    (tmp_path / "products/file").write_text(json.dumps({"sha256": "abc"}), encoding="utf-8")
    (tmp_path / "records/run.json").write_bytes(b"{}")
    (tmp_path / OUTPUT).write_bytes(b"printed")
    kept = Kept(tmp_path)
    outputs = (("out/file", "d/f", True), ("records", "r", True), ("out/other", "d/o", True))
    folders.keep(work(outputs=outputs), tmp_path, kept)
    assert kept.files == {"d/f": (b"x", "abc"), "r/run.json": (b"{}", None), "r/output.txt": (b"printed", None)}


def test_parameters(tmp_path: Path) -> None:
    """What a program wrote, without the space around it, counts before the default."""
    (tmp_path / "a").write_bytes(b" 1\n")
    (tmp_path / "b").write_bytes(b"\xff")
    results = (Result("a", "a", "0"), Result("b", "b", None), Result("c", "c", "2"), Result("d", "d", None))
    found = folders.parameters(work(results=results), tmp_path)
    assert found == {"a": "1", "b": "\N{REPLACEMENT CHARACTER}", "c": "2"}


def test_last_words(tmp_path: Path) -> None:
    """They come from the termination log, else there are none; the last line printed is a clue."""
    assert folders.message(tmp_path) == folders.clue(tmp_path) == ""
    (tmp_path / OUTPUT).write_bytes(b"one\ntwo\n\n")
    (tmp_path / "termination-log").write_bytes(b"done\n")
    assert (folders.message(tmp_path), folders.clue(tmp_path)) == ("done", "two")


# ---- What else a program may leave


@pytest.fixture
def _in_time() -> Iterator[None]:
    """Break off what waits for ever."""

    def give_up(*_: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(10)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def _listen(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one, contextlib.chdir(path.parent):
        one.bind(path.name)  # the path of a socket must be short


def _link_out(path: Path) -> None:
    secret = path.parent.parent / "secret"
    secret.write_text('{"sha256": "abc"}', encoding="utf-8")
    path.symlink_to(secret)


def _link_to_zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


NO_FILES = [
    pytest.param(os.mkfifo, "a pipe", id="pipe"),
    pytest.param(_listen, "a socket", id="socket"),
    pytest.param(_link_out, "a link", id="link"),
    pytest.param(_link_to_zeros, "a link", id="device"),
]


@pytest.mark.usefixtures("_in_time")
@pytest.mark.parametrize(("make", "kind"), NO_FILES)
def test_only_files_are_read(tmp_path: Path, make: Callable[[Path], None], kind: str) -> None:
    """Whatever a program puts in the place of a file that the engine reads, is as if it were not there."""
    place = tmp_path / "try"
    place.mkdir()
    for name in ("termination-log", OUTPUT, "result"):
        make(place / name)
    assert folders.message(place) == folders.clue(place) == ""
    results = (Result("a", "result", "0"), Result("b", "result", None))
    assert folders.parameters(work(results=results), place) == {"a": "0"}


@pytest.mark.usefixtures("_in_time")
@pytest.mark.parametrize(("make", "kind"), NO_FILES)
@pytest.mark.parametrize("name", ["out/file", "records", "products/file"])
def test_only_files_are_kept(tmp_path: Path, make: Callable[[Path], None], kind: str, name: str) -> None:
    """An output that is something else is refused, and so is the record of one."""
    place = tmp_path / "try"
    for folder in ("out", "products"):
        (place / folder).mkdir(parents=True)
    (place / OUTPUT).write_bytes(b"printed")
    make(place / name)
    kept = Kept(tmp_path)
    outputs = (("records", "r", True), ("out/file", "d/f", True))
    with pytest.raises(OSError, match=f"{name} is {kind}, not a file"):
        folders.keep(work(outputs=outputs), place, kept)
    assert "d/f" not in kept.files


@pytest.mark.parametrize("name", ["out", "records", "products"])
def test_folders_elsewhere_are_left_alone(tmp_path: Path, name: str) -> None:
    """Nothing is moved from, read or written behind a link to a folder."""
    elsewhere, place = tmp_path / "elsewhere", tmp_path / "try"
    elsewhere.mkdir()
    place.mkdir()
    (elsewhere / "file").write_text('{"sha256": "abc"}', encoding="utf-8")
    (place / OUTPUT).write_bytes(b"printed")
    (place / name).symlink_to(elsewhere)
    kept = Kept(tmp_path)
    with pytest.raises(OSError, match="is a link, not a file"):
        folders.keep(work(outputs=(("records", "r", True), ("out/file", "d/f", True))), place, kept)
    assert [path.name for path in elsewhere.iterdir()] == ["file"]
    assert not kept.files.keys() & {"d/f", "r/file"}


@pytest.mark.usefixtures("_in_time")
def test_links_among_records(tmp_path: Path) -> None:
    """They are left out, whatever they lead to; what was printed takes the place of what has its name."""
    place = tmp_path / "try"
    (place / "records/deep").mkdir(parents=True)
    (tmp_path / "secret").write_bytes(b"secret")
    for name in ("link", "deep/link"):
        (place / "records" / name).symlink_to(tmp_path / "secret")
    (place / "records/all").symlink_to(tmp_path)
    os.mkfifo(place / "records/output.txt")
    (place / OUTPUT).write_bytes(b"begin" + bytes(1 << 20))
    (place / "records/run.json").write_bytes(b"{}")
    kept = Directory(tmp_path / "files")
    folders.keep(work(outputs=(("records", "r", True),)), place, kept)
    assert sorted(path.name for path in kept.path("r").rglob("*")) == ["output.txt", "run.json"]
    assert kept.read("r/output.txt") == bytes(1 << 20)
    assert (tmp_path / "secret").read_bytes() == b"secret"


def test_records_of_products_are_checked(tmp_path: Path) -> None:
    """A record that the worker did not write is named."""
    (tmp_path / "products").mkdir()
    (tmp_path / "products/file").write_bytes(b"[]")
    with pytest.raises(ValueError, match="products/file is no record of an output"):
        folders.keep(work(outputs=(("out/file", "d/f", True),)), tmp_path, Kept(tmp_path))


def test_no_more_is_read_than_is_needed(tmp_path: Path) -> None:
    """Last words are cut; an output parameter is not: one that Argo would not take is refused."""
    for name in ("termination-log", OUTPUT, "result"):
        with (tmp_path / name).open("wb") as file:
            file.write(b"a")
            file.truncate(1 << 40)
    assert len(folders.message(tmp_path)) == len(folders.clue(tmp_path)) == 4096
    with pytest.raises(OSError, match="the output parameter a is larger than 256 KiB"):
        folders.parameters(work(results=(Result("a", "result", None),)), tmp_path)
