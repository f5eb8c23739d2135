"""transit_search_bls_kovacs: side by side with astropy, with the definition, and with what was published of it."""

import math

import numpy as np
import pytest
from astropy.timeseries import BoxLeastSquares  # type: ignore[import-untyped]

from eas_worker import lightcurve
from eas_worker.search import Range
from eas_worker.views import View
from tests.containers.searches import box, stored
from tests.containers.site import Containers, program
from tests.worker.harness import Site

kovacs = program("transit_search_bls_kovacs")
PHYSICS = View("setting", {"nb": None, "qmi": None, "qma": None})
PROTOTYPE = View("setting", {"nb": 10, "qmi": 0.05, "qma": 0.2})


def test_same_as_astropy() -> None:
    """On the same boxes of the same bins the power is astropy's: half the square of its signal-to-noise ratio."""
    curve = box(40, 5.2, 1e-3, t0=2.1, noise=2e-4, width=0.2)
    curve = curve._replace(uncertainty=curve.uncertainty * (1 + 0.5 * np.sin(curve.time)))
    periods = np.linspace(5.1, 5.3, 25)
    bins, least, most = 130, 4, 9
    folds = kovacs.Folds(periods, *(np.full(25, number) for number in (bins, least, most)))
    ours = kovacs.best_boxes(curve.time, curve.flux, curve.uncertainty, folds, 1)
    model = BoxLeastSquares(curve.time, curve.flux, curve.uncertainty)
    for place, period in enumerate(periods):
        durations = np.arange(least, most + 1) * (period / bins)
        theirs = model.power([period], durations, objective="snr", oversample=least)
        assert ours.power[place] == pytest.approx(theirs.power[0] ** 2 / 2, rel=1e-9)
        assert ours.depth[place] == pytest.approx(theirs.depth[0], rel=1e-9)
        assert ours.duration[place] == pytest.approx(theirs.duration[0])
        assert ours.epoch[place] == pytest.approx(theirs.transit_time[0])


def test_same_as_the_definition() -> None:
    """The power of the best box is the greatest of all that can be drawn, those over the end of the fold included."""
    curve = box(12, 3, 2e-3, t0=0.05, noise=1e-3, width=0.3)
    bins, least, most = 20, 1, 4
    folds = kovacs.Folds(np.array([3.0]), *(np.array([number]) for number in (bins, least, most)))
    ours = kovacs.best_boxes(curve.time, curve.flux, curve.uncertainty, folds, 1)
    weight = curve.uncertainty**-2
    place = ((curve.time - curve.time[0]) / 3 % 1 * bins).astype(int)
    highest = 0.0
    for first in range(bins):
        for length in range(least, most + 1):
            inside = (place - first) % bins < length
            low, high = (np.average(curve.flux[part], weights=weight[part]) for part in (inside, ~inside))
            gain = (high - low) ** 2 / (1 / weight[inside].sum() + 1 / weight[~inside].sum()) / 2
            highest = max(highest, gain if low < high else 0)
    assert ours.power[0] == pytest.approx(highest)


def test_threads_change_nothing() -> None:
    """The periodogram is the same with any number of threads."""
    curve = box(24, 5.2, 1e-3, t0=2.1, noise=1e-4, cadence=1800)
    one, three = (kovacs.periodogram_of(curve, Range(2, 10), PHYSICS, threads) for threads in (1, 3))
    assert all(np.array_equal(a, b) for a, b in zip(one, three, strict=True))


@pytest.mark.parametrize("alpha", [12.0, 3.0])
def test_significance(alpha: float) -> None:
    """A signal stands out from an effective signal-to-noise ratio of 6 on (Kovács, Zucker & Mazeh 2002, Sect. 4).

    Theirs is the depth over the noise times √(n q). Far above it the true period wins with a detection efficiency,
    (SR - mean) / deviation, above 6; far below it does not.
    """
    number, duty, found = 2400, 0.05, 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        time = np.sort(rng.uniform(0, 60, number))
        depth = alpha / math.sqrt(number * duty)
        flux = 1 - depth * ((time / 2.0) % 1 < duty) + rng.normal(0, 1, number)
        periods = 1 / np.linspace(0.4, 0.6, 400)
        folds = kovacs.Folds(periods, *(np.full(400, size) for size in (60, 2, 5)))
        residue = np.sqrt(kovacs.best_boxes(time, flux, np.ones(number), folds, 1).power)
        efficiency = (residue.max() - residue.mean()) / residue.std()
        found += efficiency > 6 and abs(periods[np.argmax(residue)] / 2 - 1) < 0.01
    assert found == (6 if alpha > 6 else 0)


def test_old_defaults_are_too_coarse() -> None:
    """A planet that is plain with bins made by physics is diluted to nothing in ten bins of phase."""
    curve = box(80, 20, 4e-4, t0=7, noise=4e-4, width=0.2)
    best, old = (kovacs.periodogram_of(curve, Range(15, 30), wanted, 1).best(0) for wanted in (PHYSICS, PROTOTYPE))
    assert best["period"] == pytest.approx(20, rel=1e-2)
    assert old["power"] < best["power"] / 3


def test_old_defaults_find_a_hot_jupiter(containers: Containers, tmp_path_factory: pytest.TempPathFactory) -> None:
    """With qmi, qma and nb of the prototype short periods are found."""
    curve = box(30, 1.7, 1e-2, t0=1, noise=1e-3, width=0.12)
    source = stored(Site(tmp_path_factory.mktemp("store")), curve, orbital_period=1.7)
    wanted = {"period_min": 1, "period_max": 3, "nb": 10, "qmi": 0.05, "qma": 0.2}
    settings = {"lc_duration": 30, "search_settings": wanted}
    found = containers.made("transit_search_bls_kovacs", settings, inputs={"lightcurve": source}).run["metadata"]
    assert found["outcome"] == "PASS"


def test_many_samples() -> None:
    """A light curve of a short cadence is binned where its transits are long; the signal stays what it was."""
    fine = box(24, 5.2, 1e-3, t0=2.1, noise=6e-4, cadence=50)
    best = kovacs.periodogram_of(fine, Range(4, 7), PHYSICS, 1).best(0)
    refined = kovacs.refine(fine, kovacs.periodogram_of(fine, Range(4, 7), PHYSICS, 1), Range(4, 7), 1)
    assert best["period"] == pytest.approx(5.2, rel=0.01)
    assert refined["period"] == pytest.approx(5.2, rel=1e-3)
    assert refined["epoch"] == pytest.approx(2.1, abs=0.02)
    assert refined["power"] >= best["power"]
    assert lightcurve.sampling_interval(fine.time) < 0.001
