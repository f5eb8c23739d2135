"""What the documents show is right."""

import contextlib
import io
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eas.cli import make_parser

ROOT = Path(__file__).parents[2]
DOCUMENTS = [path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if path.is_file()]


def name(document: Path) -> str:
    """Return the name of a document for the list of tests."""
    return document.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_json_is_json(document: Path) -> None:
    """What is shown as JSON can be copied."""
    for block in re.findall(r"^```json\n(.*?)^```", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        json.loads(block)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_links_lead_somewhere(document: Path) -> None:
    """A link to a file of the repository, or to a heading of the same document, has a target."""
    text = document.read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    headings = {
        "#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", prose, re.MULTILINE)
    }
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if target.startswith("#"):
            assert target in headings
        elif "://" not in target:
            assert (document.parent / target.partition("#")[0]).exists(), target


def commands(document: Path) -> Iterator[str]:
    """Yield the commands of EAS that a document shows: in blocks, at the beginning of a line; in its text, as code."""
    text = document.read_text(encoding="utf-8")
    for block in re.findall(r"^```\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
        yield from re.findall(r"^(?:\$ )?(?:\.venv/bin/)?eas (.*?)(?: [|#>].*)?$", block, re.MULTILINE)
    yield from re.findall(r"`eas ([a-z][^`\n]*)`", text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_commands_exist(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every verb and option that a document shows is there; one that is only named needs no arguments."""
    for command in commands(document):
        with contextlib.suppress(SystemExit):
            make_parser().parse_args(shlex.split(re.sub(r"\bPATH\b", "/t0", command)))
        said = capsys.readouterr().err
        assert not said or "the following arguments are required" in said or "is required" in said, said


def test_the_session_of_the_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of its page run one after the other, and print what stands behind each."""
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```)?", text, re.DOTALL | re.MULTILINE)
    assert len(blocks) >= 5
    monkeypatch.chdir(tmp_path)
    session: dict[str, Any] = {}
    for code, expected in blocks:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(compile(code, "docs/api.md", "exec"), session)  # noqa: S102 - it is ours
        assert re.sub(" +$", "", printed.getvalue(), flags=re.MULTILINE) == expected
