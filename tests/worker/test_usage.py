"""What an attempt cost is right even when the machine's clock is not."""

import time

import pytest

from eas_worker.usage import Meter, utc


@pytest.mark.parametrize("jump_s", [-86_400.0, -0.5, 0.0, 86_400.0])
def test_a_clock_that_jumps(monkeypatch: pytest.MonkeyPatch, jump_s: float) -> None:
    """The end is the start and the time that passed, however far the clock was set back or forward."""
    clock, passed = 1_800_000_000.0, 100.0
    monkeypatch.setattr(time, "time", lambda: clock)
    monkeypatch.setattr(time, "perf_counter", lambda: passed)
    meter = Meter()
    clock, passed = clock + jump_s, passed + 2.5
    usage = meter.usage(1)
    assert (usage.started, usage.ended, usage.wall_s) == (utc(1_800_000_000), utc(1_800_000_002.5), 2.5)
