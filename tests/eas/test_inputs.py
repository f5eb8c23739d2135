"""Files from outside a chain: found among the products of runs, or given by the user, and copied into the run."""

import json
from pathlib import Path
from typing import Any

import pytest

from eas import inputs
from eas.cli import main
from eas.local import Finished, run
from eas_compiler.compile import Checked, Options, check
from eas_compiler.diagnostics import Diagnostics
from eas_provenance.queries import find_run, newest_passed
from eas_provenance.queries import inputs as read_by
from eas_provenance.repository import Directory
from eas_worker.records import sha256
from tests.compiler.compiling import told
from tests.eas.harness import Laptop, states

READ = {"task": "read", "inputs": {"file": "f"}}


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    """Write a program that makes a file, which passes below 2, and one that reads one."""
    laptop = Laptop(tmp_path)
    laptop.program(
        "make",
        'ctx.emit(n=ctx.settings.n)\nctx.output("file").write_text(f"<{ctx.settings.n}>")',
        judge='ctx.check("small", ctx.metadata["n"], maximum=2)',
        outputs={"file": {"type": "data"}},
        settings={"n": {"type": "int"}},
    )
    laptop.program(
        "read",
        'one = ctx.input("file")\nctx.emit(text=one.path.read_text(), n=one.metadata.get("n"))',
        inputs={"file": {"type": "data"}},
    )
    return laptop


def find(laptop: Laptop, **given: str) -> tuple[list[inputs.Given], list[str]]:
    """Return the files of the chain that was compiled last, and what was said of those that are nowhere."""
    diagnostics = Diagnostics()
    found = inputs.find(_checked(laptop), inputs.Places(laptop.store), given, diagnostics)
    folder = laptop.folder / f"fetched-{len(list(laptop.folder.iterdir()))}"
    folder.mkdir()
    return inputs.fetch(found, folder), told(diagnostics)


def _checked(laptop: Laptop) -> Checked:
    text = (laptop.folder / "chain.json").read_bytes()
    return check("chain.json", text, Options(registry=laptop.folder / "registry.json"))


def read(laptop: Laptop, /, chain: Any = READ, **given: str) -> tuple[Finished, dict[str, Any]]:
    """Run a chain that reads a file from outside; return what its task emitted as well."""
    request = laptop.compiled(chain)
    files, problems = find(laptop, **given)
    assert problems == []
    with laptop.place() as place:
        finished = run(request._replace(files=tuple(files)), place)
    assert states(finished) == {"/t0": "succeeded"}
    return finished, laptop.record(finished, "t0/qc.json")["metadata"]


def test_the_newest_that_passed_is_taken(laptop: Laptop) -> None:
    """Of all runs, the newest version that has passed is read, with its metadata; the record tells which it was."""
    runs = [laptop.run({"task": "make", "outputs": {"file": "f"}, "n": n}) for n in (1, 2, 3)]
    finished, emitted = read(laptop)
    assert emitted == {"text": "<2>", "n": 2}
    with laptop.place() as place, place.database.session() as session:
        (used,) = read_by(session, find_run(session, finished.name).id, "/t0")
    product = runs[1].store.files.path(f"{runs[1].prefix}/test/f")
    assert used.sha256 == sha256(product)


def test_a_file_or_a_run_may_be_named(laptop: Laptop, tmp_path: Path) -> None:
    """What the user names is taken instead."""
    first = laptop.run({"task": "make", "outputs": {"file": "f"}, "n": 1})
    laptop.run({"task": "make", "outputs": {"file": "f"}, "n": 2})
    (tmp_path / "mine").write_text("mine")
    assert read(laptop, f=str(tmp_path / "mine"))[1] == {"text": "mine", "n": None}
    assert read(laptop, **{"test/f": f"run:{first.name}/test/f"})[1] == {"text": "<1>", "n": 1}
    assert (tmp_path / "mine").read_text() == "mine"


def test_a_name_leads_to_another_run(laptop: Laptop) -> None:
    """`repo://RUN/DIRECTORY/FILE` is a file of a run; the reader knows which one it was."""
    first = laptop.run({"task": "make", "outputs": {"file": "f"}, "n": 1})
    laptop.run({"task": "make", "outputs": {"file": "f"}, "n": 2})
    finished, emitted = read(laptop, chain={"task": "read", "inputs": {"file": f"repo://{first.name}/test/f"}})
    assert emitted == {"text": "<1>", "n": 1}
    product = finished.store.files.read(f"{finished.prefix}/.products/repo%3A/{first.name}/test/f.json")
    assert product is not None
    assert json.loads(product)["producer"] == {"run": first.name, "path": "/t0", "attempt": 0}


def test_a_name_leads_to_s3(laptop: Laptop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`s3://BUCKET/KEY` is an object of S3, in a loop one for each iteration; those that are not there are told."""
    bucket = Directory(tmp_path / "bucket")
    for number in (0, 2):
        (tmp_path / "part").write_text(f"part {number}", "utf-8")
        bucket.put(f"raw/f-{number}", tmp_path / "part")
    monkeypatch.setattr(inputs._Catalogue, "_bucket", lambda *_: bucket)
    name = "'s3://bucket/raw/f-{i_index}'.format(**metadata)"
    each = {"task": "execution_for_loop", "parameter": "i", "values": [1, 2, 3]}
    laptop.compiled({**each, "task_list": [{"task": "read", "inputs": {"file": name}}]})
    assert find(laptop)[1] == ["missing-file: there is no s3://bucket/raw/f-1"]
    one = {"task": "read", "inputs": {"file": "s3://bucket/raw/f-0"}}
    assert read(laptop, chain=one)[1]["text"] == "part 0"


def test_what_is_nowhere_is_told_by_check_and_plan(
    laptop: Laptop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All files that are nowhere are shown, each at its place, before anything runs; `--input` says where one is."""
    laptop.compiled(READ, {"task": "read", "inputs": {"file": "repo://none/test/g"}})
    monkeypatch.chdir(laptop.folder)
    options = ["chain.json", "--registry", "registry.json"]
    for verb in ("check", "plan"):
        assert main([verb, *options]) == 1
        said = capsys.readouterr().err
        assert said.count("[missing-file]") == 2
        assert "hint: `--input f=FILE` says which file to take" in said
    laptop.compiled(READ)
    assert main(["plan", *options, "--input", "f=chain.json"]) == 0
    assert "  test/f from chain.json  (" in capsys.readouterr().out
    assert main(["check", *options, "--input", "f=nowhere"]) == 2
    assert "--input f: there is no file nowhere" in capsys.readouterr().err


def test_what_is_nowhere_is_told_before_anything_begins(laptop: Laptop) -> None:
    """A file that no run has made is an error at its place."""
    laptop.compiled(READ)
    missing = "missing-file: no task of the chain makes test/f, and none that passed in a run here did"
    assert find(laptop) == ([], [missing])
    assert not laptop.store.exists()


@pytest.mark.parametrize(
    ("name", "where", "message"),
    [
        ("g", "x", "the chain takes no file 'g' from outside; it takes f, test/f"),
        ("f", "/nowhere", "there is no file /nowhere"),
        ("f", "run:none/test/f", "nothing has been run here yet"),
    ],
)
def test_what_is_of_no_use_is_told(laptop: Laptop, name: str, where: str, message: str) -> None:
    """A name that the chain does not have, and a place where nothing is."""
    laptop.compiled(READ)
    with pytest.raises(inputs.UnknownInputError, match=message):
        find(laptop, **{name: where})


def test_what_has_not_passed_is_refused(laptop: Laptop) -> None:
    """A product of a run that failed its quality control is not taken, by name neither."""
    failed = laptop.run({"task": "make", "outputs": {"file": "f"}, "n": 3})
    laptop.compiled(READ)
    with pytest.raises(inputs.UnknownInputError, match="has not passed quality control"):
        find(laptop, f=f"run:{failed.name}/test/f")


def test_each_needs_a_name_and_a_place() -> None:
    """`--input` is NAME=WHERE."""
    assert inputs.parse(["a=b=c"]) == {"a": "b=c"}
    with pytest.raises(inputs.UnknownInputError, match="--input takes NAME=FILE"):
        inputs.parse(["a"])


def splitting(laptop: Laptop) -> tuple[dict[str, Any], dict[str, Any]]:
    """Write a program that makes a file of each that is found, and one that gathers; return a chain of both."""
    laptop.program(
        "split",
        """
        for one in ctx.files("files"):
            ctx.add("parts", one.name, {"n": len(one.name)}).write_bytes(one.path.read_bytes())
        """,
        judge='ctx.check("few", len(ctx.outputs.parts), maximum=2)',
        inputs={"files": {"type": "data", "many": True, "found_by": "path"}},
        outputs={"parts": {"type": "data", "many": True}},
        settings={"path": {"type": "text"}},
    )
    laptop.program(
        "join",
        """
        files = ctx.files("files")
        ctx.emit(text=[one.path.read_text() for one in files], n=[one.metadata["n"] for one in files])
        """,
        inputs={"files": {"type": "data", "many": True}},
    )
    each = {"task": "split", "path": "raw/l?", "outputs": {"parts": "of_*"}}
    return each, {"task": "join", "inputs": {"files": "of_*"}}


@pytest.mark.parametrize("how", [{}, {"qc": "inline"}], ids=["gate", "inline"])
def test_a_pattern_finds_files_of_the_input_folder(laptop: Laptop, tmp_path: Path, how: dict[str, str]) -> None:
    """All that match are copied into the run, each with its sum; what is made of them is known one by one, and read."""
    split, join = splitting(laptop)
    chain = (split | how, join)
    (tmp_path / "site" / "raw").mkdir(parents=True)
    for name in ("l2", "l1", "other", "l33"):
        (tmp_path / "site" / "raw" / name).write_text(f"<{name}>")
    request = laptop.compiled(*chain)
    diagnostics = Diagnostics()
    found = inputs.find(_checked(laptop), inputs.Places(laptop.store, inputs=str(tmp_path / "site")), {}, diagnostics)
    assert [one.where for one in found] == [f"{tmp_path}/site/raw/l1", f"{tmp_path}/site/raw/l2"]
    with laptop.place() as place:
        finished = run(request._replace(files=tuple(inputs.fetch(found, tmp_path))), place)
        assert states(finished) == {"/t0": "succeeded", "/t1": "succeeded"}
        with place.database.session() as session:
            number = find_run(session, finished.name).id
            assert [(one.name, one.position) for one in read_by(session, number, "/t0")] == [("l1", 0), ("l2", 1)]
            made = newest_passed(session, "test", "of_l1")
            assert made is not None
            assert finished.store.files.read(made.key) == b"<l1>"
    assert laptop.record(finished, "t1/qc.json")["metadata"] == {"text": ["<l1>", "<l2>"], "n": [2, 2]}
    (tmp_path / "site" / "raw" / "l1").write_text("another")
    again = {"task": "read", "inputs": {"file": f"repo://{finished.name}/test/of_l1"}}
    assert read(laptop, chain=again)[1] == {"text": "<l1>", "n": 2}


def test_many_files_that_do_not_pass_are_not_gathered(laptop: Laptop, tmp_path: Path) -> None:
    """The gate of many files is one: where it is closed, nobody reads any of them."""
    chain = splitting(laptop)
    for name in ("l1", "l2", "l3"):
        (tmp_path / name).write_text(name)
    request = laptop.compiled(*chain)
    files, _ = find(laptop, **{"l?": str(tmp_path)})
    with laptop.place() as place:
        finished = run(request._replace(files=tuple(files)), place)
    assert states(finished)["/t0"] == "failed"
    assert "gathered 0 files" in next(one.message for one in finished.tasks() if one.path == "/t1")


def test_a_pattern_is_looked_for_in_s3(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    """An input folder may be a prefix of a bucket."""

    class Listed:
        def names(self, prefix: str) -> list[str]:
            return ["l2", "l1", "x"] if prefix == "in/raw" else []

    monkeypatch.setattr(inputs._Catalogue, "_bucket", lambda *_: Listed())
    laptop.compiled(*splitting(laptop))
    places = inputs.Places(laptop.store, inputs="s3://bucket/in/")
    found = inputs.find(_checked(laptop), places, {}, Diagnostics())
    assert [(one.where, one.key) for one in found] == [
        (f"s3://bucket/in/raw/{name}", f"in/raw/{name}") for name in ("l1", "l2")
    ]


def test_patterns_that_find_nothing_are_told(laptop: Laptop, tmp_path: Path) -> None:
    """A site without an input folder, a folder that is not there, and one where nothing matches."""
    laptop.compiled(*splitting(laptop))
    for folder, said in (
        (None, "the site names no input folder: `inputs` in the file of sites does, or EAS_INPUTS"),
        (tmp_path / "none", f"no file in {tmp_path}/none/raw matches l?"),
    ):
        diagnostics = Diagnostics()
        places = inputs.Places(laptop.store, inputs=str(folder) if folder else None)
        assert inputs.find(_checked(laptop), places, {}, diagnostics) == []
        assert told(diagnostics) == [f"missing-file: {said}"]
        assert next(iter(diagnostics)).hint == "`--input 'l?=FOLDER'` says where to look"
