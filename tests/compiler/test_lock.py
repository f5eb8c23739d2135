"""The lock file: digests of images beside the registry."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eas_compiler import lock
from eas_compiler.compile import Options, compile_chain
from eas_compiler.diagnostics import Diagnostics
from tests.compiler.compiling import REGISTRY, make, text_of, told

DIGEST = f"sha256:{'ab' * 32}"


@given(st.dictionaries(st.from_regex(r"[a-z]+/[a-z]+:[0-9]", fullmatch=True), st.just(DIGEST)))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, digests: dict[str, str]) -> None:
    """A lock file holds what was written, in lines that are sorted."""
    file = tmp_path_factory.mktemp("lock") / "registry.lock"
    file.write_text(lock.as_text(digests), "utf-8")
    found = Diagnostics()
    assert lock.read(str(file), found) == digests
    lines = file.read_text("utf-8").splitlines()[1:]
    assert lines == sorted(lines)
    assert not len(found)


def test_no_lock_file() -> None:
    """Without a lock file nothing is locked."""
    found = Diagnostics()
    assert lock.read("/nowhere/registry.lock", found) == {}
    assert not len(found)


def test_wrong_lines_are_reported(tmp_path: Path) -> None:
    """A line without a good digest, and a second line for an image, are mistakes at their places."""
    file = tmp_path / "registry.lock"
    file.write_text(f"# x\na:1 {DIGEST}\nb:1 sha256:12\na:1 {DIGEST}\n", "utf-8")
    found = Diagnostics()
    lock.read(str(file), found)
    assert told(found) == ["registry: must be an image and its digest, sha256:…", "registry: a:1 has two lines"]
    assert [one.source.location(one.start) for one in found] == [(3, 1), (4, 1)]


def test_unreadable_lock_file_is_reported(tmp_path: Path) -> None:
    """A lock file that cannot be read is a mistake: images might be others than the reviewed ones."""
    file = tmp_path / "registry.lock"
    file.write_bytes(b"\xff")
    found = Diagnostics()
    lock.read(str(file), found)
    lock.read(str(tmp_path), found)
    assert told(found) == [
        "unreadable: cannot read the lock file: Is a directory",
        "unreadable: cannot read the lock file: not UTF-8",
    ]


def test_lock_lies_beside_the_file_itself(tmp_path: Path) -> None:
    """The lock file lies beside the registry, not beside a link to it."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a/registry.yaml").write_text("x", "utf-8")
    (tmp_path / "link.yaml").symlink_to("a/registry.yaml")
    assert lock.path_of(tmp_path / "link.yaml") == str(tmp_path / "a/registry.lock")


def test_manifest_has_the_digest(tmp_path: Path) -> None:
    """An image that the lock file knows stands in the manifest by its digest."""
    registry = tmp_path / "registry.yaml"
    registry.write_text(REGISTRY.read_text("utf-8"), "utf-8")
    (tmp_path / "registry.lock").write_text(lock.as_text({"eas/eas_base:0.1": DIGEST}), "utf-8")
    workflow, _ = compile_chain("x.json", text_of({"task_list": [make("f")]}), Options(registry=registry))
    assert workflow is not None
    images = {one["container"]["image"] for one in workflow["spec"]["templates"] if "container" in one}
    assert images == {f"eas/eas_base@{DIGEST}"}
