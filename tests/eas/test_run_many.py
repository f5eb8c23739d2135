"""Outputs that are many files, run on this machine with programs that a test writes."""

import os
from pathlib import Path
from typing import Any

import pytest

from eas import get, inputs
from eas.local import rerun
from eas.simulate import Simulation
from eas_argo.laptop.stubs import Script
from eas_compiler.compile import Options, check
from eas_compiler.diagnostics import Diagnostics
from eas_provenance.queries import find_run
from tests.compiler.compiling import told
from tests.eas.harness import Laptop, states

MANY = {"type": "data", "many": True}
SPLIT: dict[str, Any] = {"task": "split", "outputs": {"parts": "p_*"}}
JOIN: dict[str, Any] = {"task": "join", "inputs": {"files": "p_*"}}


def laptop_with_programs(folder: Path, texts: str) -> Laptop:
    """Write a program that makes a file for each text of an expression, and one that takes at least two."""
    laptop = Laptop(folder)
    laptop.program(
        "split",
        f"for text in {texts}: ctx.add('parts', text).write_text(text)",
        outputs={"parts": MANY},
    )
    laptop.program(
        "join", "ctx.emit(names=[one.name for one in ctx.files('files')])", inputs={"files": MANY | {"min": 2}}
    )
    return laptop


def test_what_is_not_made_again_is_not_copied(tmp_path: Path) -> None:
    """After a rerun, the files of a run are those that its newest tries have made."""
    laptop = laptop_with_programs(tmp_path, f"['c'] if os.path.exists({str(tmp_path / 'later')!r}) else ['a', 'b']")
    finished = laptop.run(SPLIT)
    (tmp_path / "later").touch()
    with laptop.place() as place:
        again = rerun(place.store.run(finished.name), place, lambda task: task.path == "/t0")
        assert states(again) == {"/t0": "succeeded"}
        with place.database.session() as session:
            run = find_run(session, finished.name)
            assert [one.name for one in get.wanted(session, run, None)] == ["p_c"]
            assert [one.name for one in get.wanted(session, run, "test")] == ["p_c"]


def test_a_file_that_two_iterations_make(tmp_path: Path) -> None:
    """Who gathers it is told of both: one has overwritten the other."""
    laptop = laptop_with_programs(tmp_path, "['b_c'] if ctx.loop_variables.i == 'a' else ['c', 'd']")
    split = SPLIT | {"outputs": {"parts": "'p_{i}_*'.format(**metadata)"}}
    loop = {"task": "execution_for_loop", "parameter": "i", "values": ["a", "a_b"], "task_list": [split]}
    finished = laptop.run(loop, JOIN)
    (last,) = [task for task in finished.tasks() if task.path == "/t1"]
    assert last.state == "error"
    assert "p_a_b_c was made by /t0[i=0]/t0 and again by /t0[i=1]/t0; their names must differ" in last.message


def test_a_simulation_does_not_count_them(tmp_path: Path) -> None:
    """How many there will be, and whether a narrow pattern matches one, only a real run knows."""
    laptop = laptop_with_programs(tmp_path, "['a', 'b']")
    request = laptop.compiled(SPLIT, JOIN, JOIN | {"inputs": {"files": "p_a*"}})
    simulation = Simulation(request.sources.workflow, Script({}))
    assert {path: task.state for path, task in simulation.states.tasks.items()} == {
        f"/t{number}": "succeeded" for number in range(3)
    }


@pytest.mark.parametrize("name", [b"l_\xff", b"l_a\nb", b"l_\\"])
def test_names_that_no_file_of_a_run_can_have(name: bytes, tmp_path: Path) -> None:
    """A pattern of the input folder that finds one is told so before anything runs."""
    laptop = laptop_with_programs(tmp_path, "[]")
    (tmp_path / "site").mkdir()
    with open(os.path.join(os.fsencode(tmp_path / "site"), name), "wb"):  # noqa: PTH118, PTH123 - no text
        pass
    diagnostics = Diagnostics()
    laptop.compiled({"task": "join", "inputs": {"files": "input://l_*"}})
    checked = check("chain.json", (tmp_path / "chain.json").read_bytes(), Options(registry=tmp_path / "registry.json"))
    assert inputs.find(checked, inputs.Places(laptop.store, inputs=str(tmp_path / "site")), {}, diagnostics) == []
    assert "is no name that a file of a run can have" in told(diagnostics)[0]
