"""`eas fmt` and `eas schema`."""

import io
import json
import os
import sys
from pathlib import Path

import pytest

from eas.cli import main

UGLY = b'{"task_list":[{"task":"null"}]}'
NICE = b'{\n  "task_list": [\n    {"task": "null"}\n  ]\n}\n'


@pytest.fixture
def chain(tmp_path: Path) -> Path:
    """Write a chain that is not laid out."""
    path = tmp_path / "chain.json"
    path.write_bytes(UGLY)
    return path


def test_lays_out_in_place(chain: Path) -> None:
    """The file is written anew, whole, and not touched when it need not be."""
    assert main(["fmt", str(chain)]) == 0
    assert chain.read_bytes() == NICE
    before = chain.stat().st_mtime_ns
    os.chmod(chain, 0o400)  # noqa: PTH101 - the file must not even be opened for writing
    assert main(["fmt", str(chain)]) == 0
    assert chain.stat().st_mtime_ns == before
    assert [path.name for path in chain.parent.iterdir()] == ["chain.json"]


def test_check_changes_nothing(chain: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--check` the status tells, and every file that would change is named."""
    assert main(["fmt", "--check", str(chain)]) == 1
    assert "would change" in capsys.readouterr().err
    assert chain.read_bytes() == UGLY
    chain.write_bytes(NICE)
    assert main(["fmt", "--check", str(chain)]) == 0


def test_standard_input_goes_to_standard_output(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """`-` is for editors."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(UGLY)))
    assert main(["fmt", "-"]) == 0
    assert capfd.readouterr().out.encode() == NICE


@pytest.mark.parametrize("text", [b"{", b"\xff", b'{"a": 1, "a": 2}', b""])
def test_what_is_no_json_is_left_alone(chain: Path, text: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    """A file that cannot be read for certain is not changed, and the reason is shown."""
    chain.write_bytes(text)
    assert main(["fmt", str(chain)]) == 1
    assert chain.read_bytes() == text
    assert "chain.json:1:" in capsys.readouterr().err


def test_schema_is_json(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """`eas schema` writes what editors read, to a file as well."""
    assert main(["schema"]) == 0
    made = json.loads(capfd.readouterr().out)
    assert made["title"] == "EAS chain"
    assert main(["schema", "-o", str(tmp_path / "s.json")]) == 0
    assert json.loads((tmp_path / "s.json").read_text(encoding="utf-8")) == made
    assert main(["schema", "--registry", str(tmp_path / "no.yaml")]) == 1
