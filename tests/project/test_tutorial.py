"""Whoever follows the tutorial to the letter gets what it shows."""

import re
import shlex
from pathlib import Path

import pytest

from eas.cli import main

PARTS = re.split(
    r"^```(.*)\n", (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text("utf-8"), flags=re.MULTILINE
)
BLOCKS = list(zip(PARTS[::4], PARTS[1::4], PARTS[2::4], strict=False))
"""The text before each block, its language, and what is in it."""


def follow(commands: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Carry out the commands of a block; each prints the lines that are shown, with anything for dots."""
    for command, shown in re.findall(r"^\$ eas (.*)\n((?:(?!\$ ).*\n)*)", commands, re.MULTILINE):
        assert main(shlex.split(command)) == 0, command
        words = re.escape(" ".join(shown.split())).replace("…", ".*")
        printed = " ".join(capsys.readouterr().out.split())
        assert re.fullmatch(words.removesuffix("\\ .*") + ".*", printed), f"{command}: {printed}"


def test_the_tutorial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Commands are carried out, files are written, the entry in the registry is put in the place of the one made."""
    monkeypatch.chdir(tmp_path)
    assert {language for _, language, _ in BLOCKS} == {"", "yaml", "python", "ini", "json"}
    for before, language, content in BLOCKS:
        if not language:
            follow(content, capsys)
        elif language == "yaml":
            registry = Path("registry.yaml").read_text()
            Path("registry.yaml").write_text(registry.partition("  find_flares:\n")[0] + content)
        else:
            path = re.findall(r"`([\w/]+\.(?:py|ini|json))`", before)[-1]
            Path(path).write_text(content)
    assert (tmp_path / "results/chain/flares.csv").read_text() == "time_d,height\n"
