"""A plan tells how much would run, and which files go in and out."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from eas import plan
from eas.cli import main
from eas.local import run
from eas_compiler.compile import Options, check
from eas_compiler.fit import Limits
from eas_compiler.shape import Count
from eas_provenance.queries.costs import CostRow, costs
from tests.eas.harness import Laptop
from tests.reference.comparing import REGISTRY


def planned(*task_list: dict[str, Any]) -> plan.Plan:
    """Plan a chain."""
    checked = check(
        "c.json", json.dumps({"job_name": "j", "task_list": task_list}).encode(), Options(registry=REGISTRY)
    )
    assert checked.is_good
    return plan.make(checked)


MAKE = {"task": "make", "name": "a", "outputs": {"file": "'f_{i_index}'.format(**metadata)"}}


def test_counts_and_files() -> None:
    """Tasks are counted by type; each family of files is shown once, with its place in the chain."""
    loop = {"task": "execution_for_loop", "parameter": "i", "values": [1, 2, 3], "task_list": [MAKE]}
    found = planned(loop, {"task": "use", "inputs": {"one": "from_outside"}})
    assert {one.name: one.tasks for one in found.types} == {"make": Count(3, 3), "use": Count(1, 1)}
    assert {one.name: one.pods for one in found.types} == {"make": Count(6, 6), "use": Count(2, 2)}
    assert [one.name for one in found.inputs] == ["j/from_outside"]
    assert [one.place for one in found.outputs] == [
        one.place for one in found.outputs if one.place.startswith("c.json:1:")
    ]
    shown = plan.as_text(found)
    assert "files from outside:\n  j/from_outside  (c.json:1:" in shown
    assert plan.as_data(found)["types"]["make"]["tasks"] == {"least": 3, "most": 3}


def test_workflows() -> None:
    """What is cut into several Workflows is told with their numbers and sizes; of a late loop the run tells."""
    options = Options(registry=REGISTRY, limits=Limits(nodes=50))
    many = {"task": "execution_for_loop", "parameter": "i", "values": [*range(20)], "task_list": [{"task": "null"}]}
    late = many | {"values": "(requested_metadata['a']['items'])", "requires_metadata_from": ["a"]}
    chain = {"task_list": [{"task": "make", "name": "a", "outputs": {"file": "f"}}, many, late]}
    found = plan.make(check("c.json", json.dumps(chain).encode(), options))
    workflows = plan.as_data(found)["workflows"]
    assert [(one["path"], one["number"], one["nodes"]) for one in workflows] == [
        ("/", 1, 41),
        ("/t1[i]", 3, 37),
        ("/t2[i]", None, 47),
    ]
    shown = plan.as_text(found)
    assert "iterations of /t1[i]" in shown
    assert "the run tells" in shown


def test_counts_that_the_run_decides() -> None:
    """A loop over metadata has no most."""
    late: dict[str, Any] = {
        "task": "execution_for_loop",
        "parameter": "i",
        "values": "(requested_metadata['a']['items'])",
    }
    late |= {"requires_metadata_from": ["a"], "task_list": [{"task": "null"}]}
    found = planned({"task": "make", "name": "a", "outputs": {"file": "f"}}, late)
    assert plan.as_data(found)["types"]["null"]["tasks"] == {"least": 0, "most": None}
    assert "at least 0" in plan.as_text(found)


@pytest.mark.parametrize(
    ("count", "text"),
    [(Count(1, 1), "1"), (Count(0, 8), "0 to 8"), (Count(3, None), "at least 3"), (Count(1234, 1234), "1,234")],
)
def test_numbers(count: Count, text: str) -> None:
    """Counts are written as people say them."""
    assert plan.number(count) == text


def test_costs_are_those_of_earlier_tasks_or_limits() -> None:
    """What was run before costs what it did, all else what it may; that is said."""
    inline = {"task": "use", "inputs": {"one": "f"}, "qc": "inline", "resources": {"time_s": 7200, "cpu": 2}}
    chain = {"task_list": [{"task": "make", "name": "a", "outputs": {"file": "f"}}, inline]}
    checked = check("c.json", json.dumps(chain).encode(), Options(registry=REGISTRY))
    known = CostRow("make", 4, 1800.0, 2.0, 900.0, 5 * 10**8, 2e9)
    found = plan.make(checked, (), {"make": known})
    data = plan.as_data(found)
    assert data["total"]["cpu_h"] == {"least": 4.5, "most": 4.5}
    assert data["total"]["files_gb"] == {"least": 2.0, "most": 2.0}
    assert data["critical_path"]["wall_s"] == 1802 + 7201
    assert [one["path"] for one in data["critical_path"]["tasks"]] == ["/t0", "/t1"]
    assert (data["types"]["make"]["tries"], data["types"]["use"]["tries"]) == (4, 0)
    assert data["types"]["use"]["pods"] == {"least": 1, "most": 1}
    shown = plan.as_text(found)
    assert "in all        4.5 cpu·h, 0 gpu·h, 2 GB of files" in shown
    assert "longest way   2:30:03: make /t0 → use /t1" in shown
    assert "(limits stand for what was never run here: use)" in shown


def test_history_is_that_of_the_newest_runs(tmp_path: Path) -> None:
    """Tries that ended well are averaged by type; what was taken over cost nothing, and does not count."""
    laptop = Laptop(tmp_path)
    laptop.program("make", "ctx.output('file').write_text('x' * 1000)", outputs={"file": {"type": "data"}})
    task = {"task": "make", "outputs": {"file": "f"}}
    laptop.run(task)
    request = laptop.compiled(task)
    with laptop.place() as place:
        run(request._replace(reuse=True), place)
        with place.database.session() as session:
            found = costs(session, ["make", "other"])
    assert list(found) == ["make"]
    assert (found["make"].tries, found["make"].files_bytes) == (1, 1000)
    assert found["make"].wall_s > 0


@pytest.mark.parametrize(("form", "begin"), [("dot", "digraph chain {"), ("mermaid", "flowchart TD"), ("svg", "<?xml")])
def test_pictures(form: str, begin: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """A chain is drawn with each loop once; where Graphviz is not installed, that is said."""
    monkeypatch.chdir(tmp_path)
    Path("c.json").write_text('{"task_list": [{"task": "null"}]}', "utf-8")
    if form == "svg":
        Path("dot").write_text("#!/bin/sh\necho '<?xml'\n", "utf-8")
        Path("dot").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert main(["plan", "c.json", "--format", form]) == 0
    assert capsys.readouterr().out.startswith(begin)
    monkeypatch.setenv("PATH", "/nowhere")
    assert main(["plan", "c.json", "--format", form]) == (3 if form == "svg" else 0)
    assert ("Graphviz, which is not installed" in capsys.readouterr().err) == (form == "svg")
