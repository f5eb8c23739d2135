"""A run that is broken off anywhere, however often, ends as one that nobody disturbed."""

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eas_argo.laptop.engine import Engine, Run
from eas_argo.laptop.manifest import load
from eas_argo.laptop.past import Past
from eas_argo.laptop.stubs import Entry, Script, Stubs
from eas_argo.laptop.work import Site, Work
from eas_provenance.journal import Needed, above_it, known
from eas_provenance.states import States
from tests.property.chains import Case, cases
from tests.reference.comparing import compiled

Json = dict[str, Any]
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
SITE = Site(4.0, 2**62)


class BrokenError(Exception):
    """The engine dies here."""


class Counting(Stubs):
    """Stubs that note which tries were begun."""

    def __init__(self, script: Script) -> None:
        super().__init__(script)
        self.begun: list[str] = []

    def start(self, work: Work) -> None:
        """Note a try, and run it."""
        self.begun.append(work.id)
        super().start(work)


class Lives:
    """A run with its journal and its records, which several engines work on."""

    def __init__(self, case: Case) -> None:
        entries = {
            key: Entry(said.get("metadata", {}), said.get("verdict", "pass")) for key, said in case.script.items()
        }
        self.workflow = compiled(case.chain)
        self.manifest = load(self.workflow)
        self.stubs = Counting(Script(entries))
        self.journal: list[Json] = []

    def live(self, left: int | None = None, *, again: tuple[str, ...] = (), stop: bool = False) -> None:
        """Work on the run: to the end, or for so many updates more, and then die or be stopped."""
        there = known(self.journal).nodes
        around = {other for name in again for other in above_it(name) if other in there}
        self.journal.append({"life": len(self.journal) + 1, "again": [*again, *around]})
        end = None if left is None else len(self.journal) + left

        def observe(update: Json) -> None:
            self.journal.append(update)
            if len(self.journal) == end:
                if not stop:
                    raise BrokenError
                engine.stop()

        engine = Engine(
            self.manifest, Run("run", "", {}, Past(*known(self.journal, Needed()))), self.stubs, SITE, observe
        )
        try:
            engine.run()
        except BrokenError:
            self.stubs.wait(0)  # what it had started is lost

    def end(self) -> dict[str, Any]:
        """Return what there is to know of every node in the end; tries that were shut down count for nothing."""
        found = known(self.journal).nodes
        nodes = {
            name: (node["type"], node["phase"], parameters(node)) for name, node in found.items() if not is_try(node)
        }
        tries: dict[str, list[Any]] = {}
        for name in sorted(found, key=len):
            if is_try(found[name]) and "shutdown" not in found[name].get("message", ""):
                tries.setdefault(name.rpartition("(")[0], []).append((found[name]["phase"], parameters(found[name])))
        return nodes | {f"{name} tries": tried for name, tried in tries.items()}

    def states(self) -> dict[str, Any]:
        """Return what became of the tasks."""
        states = States(self.workflow)
        for update in self.journal:
            states.update(update)
        return {path: (task.state, task.verdict) for path, task in states.tasks.items()}


def differing(got: dict[str, Any], want: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return in what two mappings differ."""
    keys = [key for key in got.keys() | want.keys() if got.get(key) != want.get(key)]
    return {key: (got.get(key), want.get(key)) for key in keys}


def is_try(node: Json) -> bool:
    """Tell whether a node is one of several tries."""
    return "nodeFlag" in node


def parameters(node: Json) -> Any:
    """Return inputs and outputs of a node."""
    return [node.get(side, {}).get("parameters") for side in ("inputs", "outputs")]


@given(cases(budget=12), st.lists(st.tuples(st.integers(1, 60), st.booleans()), min_size=1, max_size=4))
@settings(max_examples=40, suppress_health_check=SLOW, deadline=None)
def test_broken_off_anywhere(case: Case, ends: list[tuple[int, bool]]) -> None:
    """Killed or stopped: the same nodes with the same outputs, and nothing that had ended is begun again."""
    undisturbed = Lives(case)
    undisturbed.live()
    run = Lives(case)
    for left, stop in ends:
        ended = {name for name, node in known(run.journal).nodes.items() if node["phase"] in ("Succeeded", "Failed")}
        run.stubs.begun.clear()
        run.live(left, stop=stop)
        shut_down = {node["name"] for node in run.journal if "shutdown" in node.get("message", "")}
        assert not set(run.stubs.begun) & (ended - shut_down)
    run.live()
    assert differing(run.end(), undisturbed.end()) == {}
    assert differing(run.states(), undisturbed.states()) == {}


@given(cases(budget=12), st.data())
@settings(max_examples=40, suppress_health_check=SLOW, deadline=None)
def test_parts_done_again(case: Case, data: st.DataObject) -> None:
    """Whatever is done again with the same programs ends as before; so it does when that is broken off in turn."""
    run = Lives(case)
    run.live()
    states, before = run.states(), run.end()
    pods = sorted(name.removesuffix(" tries") for name in before if name.endswith(" tries"))
    again = tuple(data.draw(st.lists(st.sampled_from(pods), max_size=3, unique=True))) if pods else ()
    run.stubs.begun.clear()
    run.live(data.draw(st.none() | st.integers(1, 40)), again=again)
    run.live()
    assert {name.rpartition("(")[0] for name in run.stubs.begun} >= set(again)
    assert differing(run.states(), states) == {}
    changes = differing(run.end(), before)
    assert {name for name in changes if name.removesuffix(" tries") not in pods} == set()
    assert all(name.endswith(" tries") and len(got) > len(had or []) for name, (got, had) in changes.items())
