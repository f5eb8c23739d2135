"""Argo templates with holes."""

from pathlib import Path

from eas_compiler import templates
from eas_compiler.diagnostics import Diagnostics
from tests.compiler.compiling import codes, told


def folder(path: Path, **given: str) -> Path:
    """Write a folder of templates."""
    for name in templates.NAMES:
        (path / f"{name}.yaml").write_text(given.get(name, "name: ${name}\n"), encoding="utf-8")
    return path


def test_holes_take_any_value(tmp_path: Path) -> None:
    """A text that is one hole takes any value, a hole in a text takes a text."""
    found = templates.load(folder(tmp_path, task='a: ${x}\nb: "1-${y}"\nc: ["${x}", k]\n'), Diagnostics())
    assert found.fill("task", x={"k": 1}, y=2) == {"a": {"k": 1}, "b": "1-2", "c": [{"k": 1}, "k"]}


def test_empty_holes_leave_nothing(tmp_path: Path) -> None:
    """A member that is empty only once filled is left out; one that was written so stays."""
    found = templates.load(folder(tmp_path, task='a: {b: "${x}"}\nc: {}\nd: ${x}\n'), Diagnostics())
    assert found.fill("task", x=None) == {"c": {}}


def test_what_authors_write_is_no_hole(tmp_path: Path) -> None:
    """Values are not looked through for holes."""
    found = templates.load(folder(tmp_path, task="a: ${x}\nb: x${y}\n"), Diagnostics())
    assert found.fill("task", x="${y}", y="${x}") == {"a": "${y}", "b": "x${x}"}


def test_missing_and_broken_templates_are_reported(tmp_path: Path) -> None:
    """An operator's folder is read with all its mistakes at once."""
    folder(tmp_path, qc="a: [", ask="- a\n")
    (tmp_path / "list.yaml").unlink()
    (tmp_path / "open.yaml").write_bytes(b"\xff")
    diagnostics = Diagnostics()
    templates.load(tmp_path, diagnostics)
    assert sorted(codes(diagnostics)) == ["templates", "templates", "templates", "yaml"]
    assert "templates: cannot read the template list: No such file or directory" in told(diagnostics)


def test_missing_folder_is_one_mistake(tmp_path: Path) -> None:
    """Of a folder that is not there not every template is missed."""
    (tmp_path / "file").touch()
    for name, reason in (("nope", "No such file or directory"), ("file", "Not a directory")):
        diagnostics = Diagnostics()
        templates.load(tmp_path / name, diagnostics)
        assert told(diagnostics) == [f"templates: cannot read the folder of templates: {reason}"]
