"""Every code is explained, and the examples of the explanation are right."""

import json
import re
import shlex
from pathlib import Path

import pytest

from eas import sites
from eas.cli import main
from eas_compiler import catalogue
from eas_compiler.catalogue import Entry
from eas_compiler.cli import show_all
from eas_compiler.compile import Options, compile_chain
from eas_compiler.diagnostics import Diagnostics
from tests.eas.harness import ROOT

ENTRIES = catalogue.load()
PAGES = ROOT / "docs/diagnostics"
SAID = re.compile(r"^\S+:\d+:\d+: (?:error|warning): .* \[([a-z-]+)\]$", re.MULTILINE)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def told(entry: Entry, folder: Path, capsys: pytest.CaptureFixture[str], *, right: bool) -> str:
    """Return what the command of an entry says of one of its examples."""
    text = entry.right if right else entry.wrong
    command = entry.command.replace("eas run", "eas check") if right else entry.command
    if "REGISTRY" in command:
        entry, command = entry._replace(chain=entry.chain or '{"task_list": [{"task": "null"}]}'), text.strip()
    chain = entry.chain or text
    if entry.times > 1 and not right:
        document = json.loads(chain)
        chain = json.dumps(document | {"task_list": document["task_list"] * entry.times})
    (folder / "registry.yaml").symlink_to(ROOT / "registry.yaml")
    (folder / "chain.json").write_text(chain, encoding="utf-8" if right else entry.saved)
    if entry.file.startswith("templates"):
        (folder / "templates").mkdir()
        for template in (ROOT / "templates").iterdir():
            (folder / "templates" / template.name).symlink_to(template)
        command += " --templates templates"
    if entry.file.startswith("registry"):
        command += f" --registry {entry.file}"
    if entry.file != "chain.json":
        (folder / entry.file).unlink(missing_ok=True)
        (folder / entry.file).write_text(text, encoding="utf-8")
    if entry.code != "missing-file":
        command += outside(folder, command)
    if entry.file == "eas.yaml":
        found = Diagnostics()
        sites.read(entry.file, found)
        show_all(found)
    else:
        main(shlex.split(command)[1:])
    return capsys.readouterr().err


def outside(folder: Path, command: str) -> str:
    """Return options that say where files from outside are, which the pages take to be there."""
    data = (folder / "chain.json").read_bytes() if "eas check chain.json" in command else b""
    links = compile_chain("chain.json", data, Options(registry=ROOT / "registry.yaml"))[1].links
    return "".join(f" --input {one.file.node.value}=registry.yaml" for one in links.externals) if links else ""


@pytest.mark.parametrize("code", ENTRIES)
def test_page_shows_what_the_wrong_example_gives(
    code: str, here: Path, capsys: pytest.CaptureFixture[str], *, remake: bool
) -> None:
    """The wrong example has one mistake, of this code, and what is said of it stands on the page."""
    said = told(ENTRIES[code], here, capsys, right=False)
    assert SAID.findall(said) == [code], said
    page = catalogue.page(ENTRIES[code], re.sub(r"\n\d+ (?:error|warning)\n$", "", said))
    if remake:
        (PAGES / f"{code}.md").write_text(page, encoding="utf-8")
    assert (PAGES / f"{code}.md").read_text(encoding="utf-8") == page


@pytest.mark.parametrize("code", ENTRIES)
def test_right_example_has_no_mistake(code: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the right example nothing is said at all."""
    assert told(ENTRIES[code], here, capsys, right=True) == ""


def test_every_page_is_that_of_a_code(*, remake: bool) -> None:
    """The folder has the pages of all codes and no other, and a list of them."""
    contents = catalogue.contents(ENTRIES)
    if remake:
        (PAGES / "README.md").write_text(contents, encoding="utf-8")
    assert (PAGES / "README.md").read_text(encoding="utf-8") == contents
    assert {path.stem for path in PAGES.iterdir()} == {"README", *ENTRIES}


def test_explains_a_code(capsys: pytest.CaptureFixture[str]) -> None:
    """`eas explain CODE` tells what it means, with both examples."""
    assert main(["explain", "two-producers"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("two-producers (error): a file is made twice\n")
    assert "\nwrong:\n" in said
    assert "\nright:\n" in said


def test_lists_all_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a code all are listed, also as JSON."""
    assert main(["explain"]) == 0
    assert capsys.readouterr().out.count("\n") == len(ENTRIES)
    assert main(["explain", "--json"]) == 0
    assert [one["code"] for one in json.loads(capsys.readouterr().out)] == list(ENTRIES)


def test_unknown_code_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    """A code that does not exist leads to the one that may be meant."""
    assert main(["explain", "two-producer"]) == 2
    assert "did you mean 'two-producers'?" in capsys.readouterr().err
