"""The database is a function of the final states of the nodes and of the records, whatever updates came before."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eas_argo.laptop.engine import Engine, Run
from eas_argo.laptop.manifest import load
from eas_argo.laptop.stubs import Entry, Script, Stubs
from eas_argo.laptop.work import Site
from eas_provenance import journal
from eas_provenance.database import Database
from tests.property.chains import Case, cases
from tests.provenance.kept import begin, known
from tests.reference.comparing import compiled

Json = dict[str, Any]
SLOW = [
    HealthCheck.too_slow,
    HealthCheck.filter_too_much,
    HealthCheck.function_scoped_fixture,
    HealthCheck.data_too_large,
]


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Return a database for all examples: each is another run."""
    with Database.open(tmp_path_factory.mktemp("sync") / "eas.db") as opened:
        yield opened


class Simulated:
    """The updates of a simulated run, and its records."""

    def __init__(self, case: Case) -> None:
        entries = {
            key: Entry(said.get("metadata", {}), said.get("verdict", "pass")) for key, said in case.script.items()
        }
        self.workflow = compiled(case.chain)
        self.stubs = Stubs(Script(entries))
        self.updates: list[Json] = []
        Engine(load(self.workflow), Run("run", "", {}), self.stubs, Site(4.0, 2**62), self.updates.append).run()

    def read(self, key: str) -> bytes | None:
        """Return a record."""
        record = self.stubs.records.get(key.replace("run/", "run-/", 1))
        return json.dumps(record).encode() if record is not None else None


def rows(database: Database, run: Simulated, updates: list[Json], pauses: set[int], *, settle: bool) -> Any:
    """Return what the database knows after some updates, written now and then."""
    run_id, sync = begin(database, run.workflow, run.read)
    for number, update in enumerate(updates):
        sync.take(update)
        if number in pauses:
            sync.flush(str(number))
    if settle:
        sync.settle(journal.known(run.updates).nodes.values())
    sync.flush("end")
    return known(database, run_id)


@given(cases(budget=12), st.data())
@settings(max_examples=25, suppress_health_check=SLOW, deadline=None)
def test_any_stream_ends_in_the_same_rows(database: Database, case: Case, data: st.DataObject) -> None:
    """Updates that come twice, late, in another order, or not at all change nothing of what is there in the end."""
    run = Simulated(case)
    want = rows(database, run, run.updates, set(), settle=False)
    there = st.integers(0, len(run.updates) - 1)
    some = [run.updates[at] for at in data.draw(st.lists(there, max_size=2 * len(run.updates)))]
    pauses = data.draw(st.sets(there, max_size=3))
    assert rows(database, run, some, pauses, settle=True) == want


@given(cases(budget=12), st.randoms(use_true_random=False), st.data())
@settings(max_examples=25, suppress_health_check=SLOW, deadline=None)
def test_order_makes_no_difference(database: Database, case: Case, random: Any, data: st.DataObject) -> None:
    """When nothing is missing, the rows are the same even if nobody says at the end what the nodes were last."""
    run = Simulated(case)
    want = rows(database, run, run.updates, set(), settle=False)
    mixed = [*run.updates, *random.sample(run.updates, len(run.updates) // 3)]
    random.shuffle(mixed)
    pauses = data.draw(st.sets(st.integers(0, len(mixed) - 1), max_size=3))
    assert rows(database, run, mixed, pauses, settle=False) == want
