"""Files that are gathered: which, in which order, and how a program gets them."""

import json
from typing import Any

import pytest

from eas_worker import runtime
from eas_worker.assignment import FileRef
from eas_worker.gathering import chosen, is_seen
from tests.worker.harness import Site, Try, bring, described, worth

GATHER = {"names": [{"name": "f_*"}], "min": 1}


def names(*wanted: str, path: str = "/t9", known: list[dict[str, Any]]) -> list[str]:
    """Return the names of what is chosen."""
    return [one["product"]["name"] for one in chosen(known, [FileRef("job", one, "data") for one in wanted], path)]


def test_the_order_is_that_of_names_and_then_of_iterations() -> None:
    """Numbers count by their size; a file that two names match comes once."""
    known = [worth(f"f_{at}", f"/t0[i={at}]/t0") for at in (10, 2, 0)] + [worth("g", "/t1")]
    assert names("f_*", known=known) == ["f_0", "f_2", "f_10"]
    assert names("g", "*", known=known) == ["g", "f_0", "f_2", "f_10"]


def test_only_what_passed_is_gathered() -> None:
    """The verdict counts, not that the file is there."""
    known = [worth(verdict, f"/t{at}", verdict) for at, verdict in enumerate(("pass", "warn", "fail", "error"))]
    assert names("*", known=[*known, {**worth("lost", "/t7"), "product": None}]) == ["pass", "warn"]


@pytest.mark.parametrize(
    ("maker", "reader", "is_there"),
    [
        ("/t0#1/t0", "/t0#2/t1", True),
        ("/t0#3/t0", "/t0#2/t1", False),
        ("/t0[i=1]/t0", "/t0[i=0]/t1", False),
        ("/t0?then/t0", "/t0?else/t1", False),
        ("/t0[i=1]/t0", "/t1[i=0]/t1", True),
        ("/t10/t0", "/t1", True),
    ],
)
def test_leftovers_are_passed_over(maker: str, reader: str, is_there: bool) -> None:  # noqa: FBT001 - a table
    """Of the loops and branches around both, only what can be there already is seen."""
    assert is_seen(maker, reader) is is_there


def brought(site: Site, *known: dict[str, Any], gather: dict[str, Any] = GATHER, verb: str = "run") -> Try:
    """Run a program that emits what it gathered from a family that was brought."""
    site.write("""
        files = ctx.files("files")
        ctx.emit(names=[one.name for one in files], text=[one.path.read_text() for one in files])
        ctx.emit(n=[one.metadata["n"] for one in files], i=[one.loop_variables.get("i_index") for one in files])
    """)
    folder = site.new()
    bring(folder, "files", *known)
    description = described(path="/t9", inputs={"files": gather})
    return Try(folder, runtime.execute(verb, site.environment(folder, description)))


def test_a_program_gets_its_files_with_their_metadata(site: Site) -> None:
    """Each file has its own name, metadata and loop variables, and the record tells which were read."""
    known = [worth(f"f_{at}", f"/t0[i={at}]/t0", i_index=at) for at in (1, 0)]
    ended = brought(site, *known, worth("f_2", "/t0[i=2]/t0", "fail"))
    assert ended.exit_status == 0, ended.last_words
    assert ended.run["metadata"] == {
        "names": ["f_0", "f_1"],
        "text": ["content of f_0", "content of f_1"],
        "n": ["f_0", "f_1"],
        "i": [0, 1],
    }
    reference = {"directory": "job", "sha256": "0"}
    assert ended.run["inputs"] == {"files": [{**reference, "name": "f_0"}, {**reference, "name": "f_1"}]}


def test_too_few_files_are_a_failure_that_is_not_tried_again(site: Site) -> None:
    """The message says how many there are and how many are needed."""
    ended = brought(site, worth("f_0", "/t0[i=0]/t0"), gather={**GATHER, "min": 2})
    assert ended.exit_status == 10
    assert ended.last_words == "input 'files' gathered 1 file that passed, and needs at least 2"


def test_too_many_files_are_a_failure(site: Site) -> None:
    """A port may have a most."""
    known = [worth(f"f_{at}", f"/t0[i={at}]/t0") for at in range(3)]
    ended = brought(site, *known, gather={**GATHER, "max": 2})
    assert ended.last_words == "input 'files' gathered 3 files, and takes at most 2"


def test_a_file_from_outside_is_among_them(site: Site) -> None:
    """A name that nothing in the chain makes is a file of its own, at the place that its name has in the list."""
    site.write('ctx.emit(names=[one.name for one in ctx.files("files")])')
    folder = site.new()
    (folder / "in" / "files").mkdir(parents=True)
    (folder / "in" / "files" / "0").write_text("outside")
    description = described(inputs={"files": {"names": [{"name": "o.gz", "from": 0}], "min": 1}})
    assert runtime.execute("run", site.environment(folder, description)) == 0
    ended = Try(folder, 0)
    assert ended.run["metadata"] == {"names": ["o.gz"]}
    (reference,) = ended.run["inputs"]["files"]
    assert (reference["name"], len(reference["sha256"])) == ("o.gz", 64)


def test_a_port_for_several_takes_one_as_well(site: Site) -> None:
    """One name is a list of one; asking for it as a single file says how to ask."""
    site.write("""
        assert [one.name for one in ctx.files("files")] == ["a"]
        ctx.input("files")
    """)
    ended = site.run(described(inputs={"files": {"name": "a", "many": True}}), {"files": b"x"})
    assert "ask for them by ctx.files('files')" in ended.last_words


def test_what_is_gathered_is_told_what_it_is_worth(site: Site) -> None:
    """A gate says of every file that somebody gathers what it is worth, also when it was not made."""
    description = described(outputs={"file": {"name": "f_0", "family": "f_{i}/"}})
    site.write('ctx.output("file").write_text("x")')
    judged = site.judge(description, site.run(description))
    told = json.loads((judged.folder / "verdicts" / "file").read_text())
    assert (told["verdict"], told["path"], told["product"]["name"]) == ("pass", "/t0", "f_0")
    site.write('raise Failed("no")')
    broken = site.judge(description, site.run(description))
    told = json.loads((broken.folder / "verdicts" / "file").read_text())
    assert (told["verdict"], told["product"]) == ("error", None)
