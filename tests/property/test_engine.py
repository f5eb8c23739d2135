"""The compiler and the engine together agree with the reference interpreter on generated chains."""

from hypothesis import HealthCheck, given, settings

from tests.property.chains import REGISTRY, Case, cases
from tests.reference.comparing import differences, simulate
from tests.reference.interpreter import interpret


@given(cases())
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_engine_agrees_with_the_reference(case: Case) -> None:
    """Whatever a chain says and its tasks do, every line, the end of the run and the workflow's phase agree."""
    want = interpret(case.chain, case.script, REGISTRY)
    assert list(differences(want, simulate(case.chain, case.script))) == []
