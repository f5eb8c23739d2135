"""Phases are what a real controller makes of them, and no more runs at once than fits."""

import json
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest

from eas_argo.laptop import engine
from eas_argo.laptop.engine import Engine, Run
from eas_argo.laptop.manifest import OUT_OF_MEMORY, load
from eas_argo.laptop.past import SHUTDOWN, Past
from eas_argo.laptop.work import Ended, Site, Work
from eas_compiler.parts import memory
from eas_provenance.journal import known
from tests.argo.laptop.writing import Ran, Told, dag, ended, growing, phases, pod, ran, step, workflow

SAMPLES = Path(__file__).parents[2] / "fixtures/argo"
AFTER = "{0}.Succeeded || {0}.Failed || {0}.Errored"


def sample(name: str) -> dict[str, Any]:
    """Return the nodes that a real controller left, by what their names have behind the run's."""
    status = json.loads((SAMPLES / f"{name}.json").read_text(encoding="utf-8"))["status"]
    root = next(node["name"] for node in status["nodes"].values() if "boundaryID" not in node)
    return {node["name"].removeprefix(root).removeprefix("."): node for node in status["nodes"].values()}


def gated() -> dict[str, Any]:
    """Write a program, its gate, and one that waits for the gate."""
    return dag("main", step("x"), step("x-qc", AFTER.format("x")), step("next", "x-qc.Succeeded"))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gate-fails", {"x-qc": "Failed"}),
        ("program-fails-gate-passes", {"x": "Failed"}),
        ("deadline", {"x": "Failed"}),
        ("out-of-memory", {"x": "Failed"}),
    ],
)
def test_phases_of_gates(name: str, told: dict[str, str]) -> None:
    """The gate alone decides who goes on and whether the workflow succeeds, whatever became of the program."""
    real, here = sample(name), ran(gated(), tell=phases(**told))
    for node in ("x", "x-qc", "next"):
        assert here.phase(node) == real[node]["phase"], node
    assert here.engine.phase == real[""]["phase"]
    if real["next"]["phase"] == "Omitted":
        shown = here.nodes["run.next"]
        assert (shown["type"], shown["message"]) == (real["next"]["type"], real["next"]["message"])
        assert shown["inputs"] == real["next"].get("inputs", {}) == {}


def test_names_of_tries() -> None:
    """Tries are numbered, marked, belong to the list around, and leave how they ended to the node around them."""
    real = sample("memory-grows")
    flaky = pod("flaky", retries=1)
    here = ran(
        dag("main", step("x", template="flaky")),
        flaky,
        tell=lambda work: ended("Failed", 1) if not work.attempt else ended(),
    )
    for node in ("x", "x(0)", "x(1)"):
        shown = here.nodes[f"run.{node}"]
        for key in ("type", "phase", "displayName"):
            assert shown[key] == real[node][key], (node, key)
        assert shown.get("nodeFlag") == real[node].get("nodeFlag")
        assert shown["boundaryID"] == "run"


def test_a_fan_out_is_as_bad_as_its_worst_child() -> None:
    """Children have names, boundaries and phases as in a real loop; one failure does not stop the others."""
    real = sample("gate-loop-fails")
    body = dag("body", step("t0"), step("t0-qc", AFTER.format("t0")))
    loop = step("t3", template="body", withSequence={"count": "3"}, arguments={"index": "{{item}}"})
    here = ran(dag("main", loop, step("t5", "t3.Succeeded")), body, tell=phases(**{"t0": "Failed", "t0-qc": "Failed"}))
    for index in range(3):
        for node in (f"t3({index}:{index})", f"t3({index}:{index}).t0-qc"):
            assert here.phase(node) == real[node]["phase"] == "Failed"
        assert here.nodes[f"run.t3({index}:{index})"]["inputs"] == real[f"t3({index}:{index})"]["inputs"]
    assert here.nodes["run.t3"]["type"] == real["t3"]["type"]
    assert (here.phase("t3"), here.phase("t5"), here.engine.phase) == (
        real["t3"]["phase"], real["t5"]["phase"], real[""]["phase"])  # fmt: skip


def test_a_fan_out_of_nothing_is_skipped() -> None:
    """It says so in Argo's words, and satisfies those that count on it."""
    loop = step("l", template="pod", withSequence={"count": "0"})
    here = ran(dag("main", loop, step("a", "l.Succeeded || l.Skipped"), step("b", "l.Succeeded")))
    assert here.nodes["run.l"]["message"] == "Skipped, empty params"
    assert (here.phase("l"), here.phase("a"), here.phase("b")) == ("Skipped", "Succeeded", "Omitted")
    assert here.engine.phase == "Succeeded"


def test_a_list_is_as_bad_as_its_leaves() -> None:
    """A failure that something has answered to is none; one that nothing answers to is the list's."""
    answered = ran(dag("main", step("x"), step("y", "x.Failed")), tell=phases(x="Failed"))
    assert answered.engine.phase == "Succeeded"
    unanswered = ran(dag("main", step("x"), step("y")), tell=phases(x="Failed"))
    assert unanswered.engine.phase == "Failed"
    worst = ran(dag("main", step("x"), step("y")), tell=phases(x="Failed", y="Error"))
    assert worst.engine.phase == "Error"


def test_what_did_not_run_inherits() -> None:
    """An omitted or skipped leaf is as bad as what it waited for, over any number of others."""
    tasks = [
        step("x"),
        *(step(f"y{number}", f"{'x' if not number else f'y{number - 1}'}.Succeeded") for number in range(2000)),
    ]
    here = ran(dag("main", *tasks), tell=phases(x="Failed"))
    assert (here.phase("y1999"), here.engine.phase) == ("Omitted", "Failed")
    skipped = ran(dag("main", step("x"), step("end", "x.Failed", when="false")), tell=phases(x="Failed"))
    assert (skipped.phase("end"), skipped.engine.phase) == ("Skipped", "Failed")


def test_a_workflow_in_which_nothing_runs_succeeds() -> None:
    """That the root was skipped is no failure; neither is an empty list."""
    assert ran(dag("main", step("x", template="sub", when="false")), dag("sub", step("y"))).engine.phase == "Succeeded"
    assert ran(dag("main")).engine.phase == "Succeeded"


def test_when_is_asked_after_depends() -> None:
    """A step that is omitted does not have its condition worked out, which might need what is not there."""
    late = step("y", "x.Succeeded", when="{{=tasks['x'].outputs.parameters.a == '1'}}")
    here = ran(dag("main", step("x"), late), tell=phases(x="Failed"))
    assert here.phase("y") == "Omitted"


def test_parameters_travel() -> None:
    """Arguments are worked out where a step begins; outputs of a list come from those of its steps."""
    sub = dag("sub", step("x", template="pod"), outputs={"n": "tasks['x'].outputs.parameters.n"})
    low = step("b", "a.Succeeded", template="echo", arguments={"n": "{{=asInt(tasks['a'].outputs.parameters.n) + 1}}"})
    echo = pod("echo")
    echo["container"]["env"].append({"name": "N", "value": "{{inputs.parameters.n}} {{workflow.name}}"})
    here = ran(dag("main", step("a", template="sub"), low), sub, echo, tell=lambda _: ended(n="41"))
    assert here.executor.started[-1].environment == {"N": "42 run"}


@pytest.mark.parametrize("broken", ["{{inputs.parameters.none}}", "{{=tasks['x'].outputs.parameters.none['a']}}"])
def test_what_cannot_be_worked_out_is_an_error(broken: str) -> None:
    """A text without a value ends its step in Error with a reason; others go on."""
    here = ran(dag("main", step("x"), step("y", "x.Succeeded", arguments={"n": broken}), step("z")))
    assert (here.phase("y"), here.phase("z"), here.engine.phase) == ("Error", "Succeeded", "Error")
    assert here.nodes["run.y"]["message"]


@pytest.mark.parametrize(
    "fields",
    [
        {"withSequence": {"count": "many"}},
        {"withSequence": {"count": "2"}, "arguments": {"n": "{{inputs.parameters.none}}"}},
        {"when": "{{inputs.parameters.none}}"},
    ],
)
def test_flow_control_that_fails_is_an_error(fields: dict[str, Any]) -> None:
    """So do a number of items that is none, an argument of an iteration, and a condition."""
    assert ran(dag("main", step("x", **fields))).engine.phase == "Error"


def test_an_output_that_is_not_there_is_an_error_of_the_list() -> None:
    """A list whose outputs cannot be worked out ends in Error."""
    here = ran(
        dag("main", step("a", template="sub")), dag("sub", step("x"), outputs={"n": "tasks['x'].outputs.none['n']"})
    )
    assert (here.phase("a"), here.phase("a.x")) == ("Error", "Succeeded")


@pytest.mark.parametrize(
    ("how", "tries"),
    [
        (("Failed", 1), 3),  # as often as the type allows
        (("Failed", 10), 1),  # the program itself said so
        (("Failed", 137), 1),  # killed
        (("Error", -1), 4),  # its surroundings
        (("Succeeded", 0), 1),
    ],
)
def test_tries_by_class_of_failure(how: tuple[str, int], tries: int) -> None:
    """How often a program is started depends on how it ended."""
    here = ran(dag("main", step("x", template="flaky")), pod("flaky", retries=2), tell=lambda _: ended(*how, "why"))
    assert [work.attempt for work in here.executor.started] == list(range(tries))
    assert here.nodes["run.x"]["message"] == "why"


GROWING = pod("hungry", memory="100M", **growing(2, memory(0.1, 2, 0.4)[1]))
HUNGRY = dag("main", step("x", template="hungry"))
KILLED = ended("Failed", 137, OUT_OF_MEMORY)


def tried(here: Ran) -> list[int]:
    """Return how much memory each try got [MB]."""
    return [work.pod.memory_bytes // 10**6 for work in here.executor.started]


def test_memory_grows_after_a_kill_for_it() -> None:
    """Each try after such a death gets more, up to the cap; then it is over."""
    here = ran(HUNGRY, GROWING, tell=lambda _: KILLED)
    assert tried(here) == [100, 200, 400]
    assert (here.phase("x"), here.nodes["run.x"]["message"]) == ("Failed", OUT_OF_MEMORY)


def test_memory_does_not_grow_after_another_death() -> None:
    """A try after a lost node gets what the first one got, but counts; any other kill ends the tries."""
    deaths = [ended("Error", -1, "lost"), KILLED, ended("Failed", 137, "killed by SIGKILL")]
    here = ran(HUNGRY, GROWING, tell=lambda work: deaths[work.attempt])
    assert tried(here) == [100, 100, 400]


def test_grown_memory_is_shared_out() -> None:
    """A try that got more leaves less to others, and gives it back."""
    loop = step("l", template="hungry", withSequence={"count": "6"})
    site = Site(8.0, 450 * 10**6)
    here = Ran(workflow(dag("main", loop), GROWING), lambda work: KILLED if work.attempt < 2 else ended(), site)
    here.engine.begin_run()
    while not here.engine.is_ended:
        here.engine.turn()
        assert sum(work.pod.memory_bytes for work in here.executor.running) <= site.memory_bytes
    assert sorted(tried(here)) == [100] * 6 + [200] * 6 + [400] * 6
    assert here.engine.free == pytest.approx(site)


def test_memory_never_grows_beyond_the_site() -> None:
    """A try that would get more than there is does not come; the last one says so."""
    here = ran(HUNGRY, GROWING, tell=lambda _: KILLED, site=Site(2.0, 250 * 10**6))
    assert tried(here) == [100, 200]
    message = f"{OUT_OF_MEMORY}; the next try would get 0.4 GB of memory, but this machine has 0.25 GB"
    assert (here.nodes["run.x"]["message"], here.nodes["run.x(1)"]["message"]) == (message, OUT_OF_MEMORY)


def test_a_later_life_knows_how_far_memory_has_grown() -> None:
    """The first try of a later life follows the last one of the life before."""
    first = Ran(workflow(HUNGRY, GROWING), lambda _: KILLED)
    first.engine.begin_run()
    first.engine.turn()
    first.engine.turn()
    run = Run("run", "1", {}, Past(*known(first.updates)))
    told = Told(lambda _: ended())
    Engine(load(workflow(HUNGRY, GROWING)), run, told, Site(2.0, 10**9), lambda _: None).run()
    assert [(work.attempt, work.pod.memory_bytes) for work in told.started] == [(2, 400 * 10**6)]


def test_outputs_are_those_of_the_last_try() -> None:
    """A node around tries has what its last child has."""

    def tell(work: Work) -> Ended:
        return ended("Failed" if not work.attempt else "Succeeded", 1 - work.attempt, n=str(work.attempt))

    here = ran(dag("main", step("x", template="flaky")), pod("flaky", retries=1), tell=tell)
    assert here.nodes["run.x"]["outputs"] == {"parameters": [{"name": "n", "value": "1"}], "exitCode": "0"}


@pytest.mark.parametrize(
    ("cpu", "memory", "most"), [("1", "1M", 2), ("100m", "1M", 10), ("100m", "600M", 1), ("64", "1M", 1)]
)
def test_no_more_runs_than_fits(cpu: str, memory: str, most: int) -> None:
    """Cores and memory are shared out; who asks for more cores than there are gets all of them."""
    loop = step("l", template="sized", withSequence={"count": "10"})
    here = ran(dag("main", loop), pod("sized", cpu=cpu, memory=memory), site=Site(2.0, 10**9))
    assert here.executor.most == most
    assert len(here.executor.started) == 10
    assert here.engine.free == pytest.approx(Site(2.0, 10**9))


def test_a_large_task_does_not_hold_up_small_ones() -> None:
    """What does not fit now waits, and those behind it that fit run."""
    here = ran(
        dag("main", step("a", template="big"), step("b", template="big"), step("c")),
        pod("big", cpu="100m", memory="900M"),
    )
    assert [work.id for work in here.executor.started] == ["run.a(0)", "run.c(0)", "run.b(0)"]


def test_a_large_loop_is_opened_as_needed() -> None:
    """Of a million iterations only those are begun that can run soon."""
    loop = step("l", template="pod", withSequence={"count": "1000000"})
    here = Ran(workflow(dag("main", loop)))
    here.engine.begin_run()
    for _ in range(5):
        here.engine.turn()
    assert len(here.nodes) < 60


def test_inner_loops_come_first() -> None:
    """An iteration is finished before many others are begun."""
    inner = dag("inner", step("l", template="pod", withSequence={"count": "100"}))
    here = Ran(workflow(dag("main", step("l", template="inner", withSequence={"count": "100"})), inner))
    here.engine.begin_run()
    for _ in range(100):
        here.engine.turn()
    assert len({work.id.split(".")[1] for work in here.executor.started}) <= 4


def test_a_stopped_run_ends() -> None:
    """What runs is ended, what waits is not begun, and every node gets an end, the inner ones first."""
    inner = dag("inner", step("x"), step("y", "x.Succeeded"))
    here = Ran(workflow(dag("main", step("l", template="inner", withSequence={"count": "50"})), inner))
    here.engine.begin_run()
    here.engine.turn()
    started = len(here.executor.started)
    here.engine.stop()
    while not here.engine.is_ended:
        here.engine.turn()
    assert len(here.executor.started) == started
    assert here.engine.phase == "Failed"
    assert not {node["phase"] for node in here.nodes.values()} & {"Pending", "Running"}
    assert here.updates[-1]["id"] == "run"
    assert here.nodes["run"]["message"] == SHUTDOWN


def test_a_run_stopped_before_anything_ran_ends() -> None:
    """There need not be anything to stop."""
    here = Ran(workflow(dag("main", step("x"))))
    here.engine.begin_run()
    here.engine.stop(at_once=True)
    here.engine.turn()
    assert here.engine.is_ended


def test_a_stop_that_comes_too_late_changes_nothing() -> None:
    """A run whose last program ended well while it was told to stop has succeeded."""
    here = Ran(workflow(dag("main", step("x"))))
    here.engine.begin_run()
    here.engine.turn()
    here.engine.stop()
    assert (here.engine.phase, here.engine.is_ended) == ("Succeeded", True)


def test_a_clock_that_jumps_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """No node ends before it began: time stands still until the clock has caught up."""
    times = iter([datetime(2026, 1, 2, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)] * 50)

    class Clock:
        """A clock that somebody sets forth and back."""

        @staticmethod
        def now(_zone: tzinfo) -> datetime:
            """Return some time."""
            return next(times)

    monkeypatch.setattr(engine, "datetime", Clock)
    here = ran(gated())
    assert all(node["startedAt"] <= node["finishedAt"] for node in here.nodes.values())
    assert {node["finishedAt"] for node in here.nodes.values()} == {"2026-01-02T00:00:00.000Z"}
