"""Whoever follows a run bears that the cluster does not answer, and says what hinders the run."""

from types import SimpleNamespace
from typing import Any

import pytest

from eas.following import Patience
from eas.reports.common import Hindrances
from eas_argo.cluster.errors import ClusterError


class Clock:
    """A clock that is set by hand [s]."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        """Tell the time."""
        return self.now_s


def raising(status: int | None) -> Any:
    """Return a question that is not answered."""

    def ask() -> None:
        raise ClusterError("no route to host", "is it on?", status)

    return ask


def test_a_cluster_that_does_not_answer() -> None:
    """It is asked again for minutes, and anew after any answer; then it is said how to go on."""
    clock = Clock()
    patience = Patience("demo-1", "hpc", clock)
    for clock.now_s in (0.0, 299.0):
        assert patience.ask(raising(None)) is None
        assert "no route to host" in patience.problem
    assert patience.ask(lambda: True)
    assert not patience.problem
    for clock.now_s in (400.0, 700.0):
        assert patience.ask(raising(503)) is None
    clock.now_s = 701.0
    with pytest.raises(ClusterError, match="no route to host; the run goes on: `eas show --wait demo-1 --site hpc`"):
        patience.ask(raising(503))


@pytest.mark.parametrize("status", [401, 403, 404])
def test_an_answer_that_stays(status: int) -> None:
    """Who may not ask, or asks for what was deleted, need not ask again."""
    with pytest.raises(ClusterError, match="is it on"):
        Patience("demo-1", "hpc").ask(raising(status))


def test_hindrances(capsys: pytest.CaptureFixture[str]) -> None:
    """They are looked for every ten seconds; each is said once as long as it stays."""
    clock, found = Clock(), [["no room"], ["no room", "no image"], [], ["no room"]]
    hindrances = Hindrances(lambda _: found.pop(0), clock)
    run: Any = SimpleNamespace()
    for clock.now_s in (1.0, 10.0, 11.0, 20.0, 30.0, 40.0):
        hindrances.tell(run)
    assert capsys.readouterr().err.count("no room") == 2
    assert not found
