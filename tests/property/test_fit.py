"""How a chain is divided and packed changes nothing but the manifest: what runs, and what is kept, stays the same."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eas_compiler.fit import Limits
from eas_compiler.pods import Pods
from tests.property.chains import REGISTRY, Case, cases
from tests.reference.comparing import compiled, differences, simulate
from tests.reference.interpreter import interpret

SMALL = st.builds(Limits, nodes=st.integers(8, 60), templates=st.integers(1, 12), steps=st.integers(1, 8))
SLOW = [HealthCheck.too_slow, HealthCheck.filter_too_much]


@given(cases(), SMALL)
@settings(max_examples=40, suppress_health_check=SLOW)
def test_small_limits_change_nothing(case: Case, limits: Limits) -> None:
    """Cut and packed: the lines, states, verdicts and the end of the uncut run, and the same records."""
    want = interpret(case.chain, case.script, REGISTRY)
    small = simulate(case.chain, case.script, limits)
    assert list(differences(want, small)) == []
    large = simulate(case.chain, case.script)
    assert small.lines() == large.lines()
    assert small.records == large.records


@given(cases())
@settings(max_examples=20, suppress_health_check=SLOW)
def test_a_known_form_changes_nothing(case: Case) -> None:
    """Templates that are not made again, because their form is known, are what they would be."""
    known = compiled(case.chain, Limits(templates=1))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Pods, "_form", lambda *_: None)
        assert known == compiled(case.chain, Limits(templates=1))
