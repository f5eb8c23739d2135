"""transit_search_qats: fast is as slow, slow is as the definition, and transits that vary are found."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from eas_worker import kernels, lightcurve
from tests.containers.searches import stored
from tests.containers.site import Containers, program
from tests.worker.harness import Site

qats = program("transit_search_qats")


def data(seed: int, size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return D and W of noise with gaps."""
    rng = np.random.default_rng(seed)
    weight = rng.random(size) * (rng.random(size) < 0.8)
    return np.where(weight > 0, rng.normal(0.2, 1, size), 0), weight


def fast(
    loss: NDArray[np.float64], weight: NDArray[np.float64], least: int, most: int, fewest: int
) -> tuple[float, int]:
    """Return ratio and number of transits as the fast search finds them."""
    ratio, duration, count = np.zeros(1), np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64)
    kernels.search_trains(loss, weight, 1, fewest, np.array([least]), np.array([most]), ratio, duration, count)
    return float(ratio[0]), int(count[0])


@given(st.integers(0, 999), st.integers(3, 60), st.integers(1, 20), st.integers(0, 5), st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_fast_is_reference(seed: int, size: int, least: int, width: int, fewest: int) -> None:
    """The fast search finds the train of the readable one."""
    loss, weight = data(seed, size)
    ratio, transits = qats.reference(loss, weight, least, least + width, fewest)
    found, number = fast(loss, weight, least, least + width, fewest)
    assert (found, number) == pytest.approx((ratio, len(transits)))
    if transits:
        assert qats.train(loss, weight, least, least + width, len(transits)).tolist() == transits


@pytest.mark.parametrize("seed", range(12))
def test_reference_is_the_definition(seed: int) -> None:
    """For each number and last place of transits the readable search has the train of the highest sum there is."""
    loss, weight = data(seed, 11)
    least, most, fewest = 2, 4, 2
    best: dict[tuple[int, int], tuple[float, float]] = {}
    for number in range(1, 7):
        for places in itertools.combinations(range(11), number):
            steps = [after - before for before, after in itertools.pairwise(places)]
            if places[0] < most and all(least <= step <= most for step in steps) and places[-1] + most > 10:
                total = sum(loss[list(places)])
                if total > best.get((number, places[-1]), (-math.inf, 0.0))[0]:
                    best[number, places[-1]] = total, sum(weight[list(places)])
    ratios = [total / math.sqrt(w) for (number, _), (total, w) in best.items() if number >= fewest and w > 0]
    assert qats.reference(loss, weight, least, most, fewest)[0] == pytest.approx(max([0.0, *ratios]))


def varying(amplitude: float) -> lightcurve.LightCurve:
    """Return 120 d with transits of 11 d whose times vary by a sine [d]."""
    time = lightcurve.fixed_times(120, 1800)
    flux = 1 + np.random.default_rng(7).normal(0, 2e-4, len(time))
    for number in range(11):
        middle = 3.3 + 11 * number + amplitude * math.sin(number)
        flux -= 8e-4 * (np.abs(time - middle) < 0.1)
    return lightcurve.lightcurve(time, flux, 0, 2e-4)


def test_transits_that_vary(containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Transit times that vary by hours are followed when that is allowed, and the signal is stronger then."""
    source = stored(Site(tmp_path_factory.mktemp("store")), varying(0.25), orbital_period=11)
    found = {}
    for variation in (0.0005, 0.05):
        wanted = {"lc_duration": 120, "period_min": 8, "max_ttv_mag": variation, "search_settings": {"period_max": 15}}
        found[variation] = containers.made("transit_search_qats", wanted, inputs={"lightcurve": source}).run["metadata"]
    best = found[0.05]
    assert (best["outcome"], best["transit_count"]) == ("PASS", 11)
    assert best["first_transit"] == pytest.approx(3.3, abs=0.03)
    assert best["last_transit"] == pytest.approx(113.3 + 0.25 * math.sin(10), abs=0.03)
    assert best["period_span"] == pytest.approx(0.479, abs=0.06)
    assert best["snr"] > 1.3 * found[0.0005]["snr"]


def test_threads_change_nothing() -> None:
    """The spectrum is the same with any number of threads."""
    sums = qats.sums_of(varying(0))
    windows = qats.windows_of(300.0, 700.0, 0.01)
    one, three = (qats.spectrum_of(sums, np.array([4, 9]), windows, 2, threads) for threads in (1, 3))
    assert all(np.array_equal(a, b) for a, b in zip(one, three, strict=True))


@given(st.floats(10, 1e4), st.floats(1.01, 5), st.floats(0, 0.1))
def test_windows(shortest: float, factor: float, variation: float) -> None:
    """Windows cover all spacings, and every period with its variation is inside one of them."""
    least, most = qats.windows_of(shortest, shortest * factor, variation)
    assert least[0] <= shortest
    assert most[-1] >= shortest * factor
    assert (least[1:] <= most[:-1]).all()
    assert ((most - least) >= np.maximum(1, variation * least) - 1e-9).all()


def test_durations() -> None:
    """Durations are whole samples, at least one, without repetition."""
    assert qats.durations_of(0.3, 4.0, 16).tolist() == [1, 2, 3, 4]


def test_excess() -> None:
    """A slope of the ratios counts for nothing; what stands out does."""
    ratio = np.linspace(20, 5, 1000)
    ratio[700] += 4
    excess = qats.excess_of(ratio)
    assert int(np.argmax(excess)) == 700
    assert np.median(np.abs(excess)) < 0.2
    assert qats.excess_of(np.array([3.0])).tolist() == [0]


def test_no_durations(containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A range without a duration is a failure with a clean message."""
    source = stored(Site(tmp_path_factory.mktemp("store")), varying(0))
    settings = {"lc_duration": 120, "duration_min": 0.3}
    tried = containers.run("transit_search_qats", settings, inputs={"lightcurve": source})
    assert (tried.run["status"], tried.run["message"]) == ("failed", "there are no durations between 0.3 d and 0.2 d")
