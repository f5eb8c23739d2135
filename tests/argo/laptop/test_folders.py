"""The folder of a try is laid out for its program, and emptied into the repository."""

import json
from pathlib import Path
from typing import Any

import pytest

from eas_argo.laptop import folders
from eas_argo.laptop.engine import Work
from eas_argo.laptop.manifest import Pod, Result, Retry
from eas_argo.laptop.server import OUTPUT


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
