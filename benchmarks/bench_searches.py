"""Measure each transit search: seconds and memory for a light curve of two years, beside the package used plainly.

The light curve is 730 d long, at 900 s or 25 s, with transits of a period of 20.3 d in white noise. What a search does
with it is timed without reading and writing, after a short light curve has been searched, so that what has to be
compiled is. Plainly used, astropy gets the same trial periods and durations with all samples, and TLS the same range;
QATS is in no package. Every measurement is a process of its own, for its memory; search and package take turns.
"""

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from eas_worker import boxes, lightcurve
from eas_worker.lightcurve import LightCurve
from eas_worker.search import Range
from eas_worker.views import View

ROOT = Path(__file__).parents[1]
DURATION_D, PERIOD_D, WIDTH_D, DEPTH, NOISE = 730.0, 20.3, 0.2, 5e-4, 3e-4
_ALL = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
SEARCHES = ("bls_reference", "bls_kovacs", "tls", "qats")


def curve(duration_d: float, cadence_s: float) -> LightCurve:
    """Return a light curve with transits in white noise."""
    times = lightcurve.fixed_times(duration_d, cadence_s)
    phase = (times + PERIOD_D / 2) % PERIOD_D - PERIOD_D / 2
    noise = NOISE * np.sqrt(25 / cadence_s)
    flux = 1 - DEPTH * (np.abs(phase) < WIDTH_D / 2) + np.random.default_rng(1).normal(0, noise, len(times))
    return lightcurve.lightcurve(times, flux, 0, noise)


def program(search: str) -> ModuleType:
    """Load the program of a search."""
    path = ROOT / "containers" / f"eas_worker_{search}" / "task_implementations" / f"transit_search_{search}.py"
    spec = importlib.util.spec_from_file_location(search, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def ours(search: str, threads: int, periods: Range) -> Callable[[LightCurve], Any]:
    """Return what a program does with a light curve."""
    module = program(search)
    if search == "bls_reference":
        return lambda given: module.refine(given, module.periodogram_of(given, periods), periods)
    if search == "bls_kovacs":
        wanted = View("setting", {"nb": None, "qmi": None, "qma": None})
        return lambda given: module.refine(
            given, module.periodogram_of(given, periods, wanted, threads), periods, threads
        )
    if search == "tls":
        return lambda given: module.power(given, threads, period_min=periods.shortest, period_max=periods.longest)

    def qats(given: LightCurve) -> Any:
        step = max(lightcurve.sampling_interval(given.time), 0.05 / module.SAMPLES_PER_DURATION)
        sums = module.sums_of(lightcurve.to_fixed_step(given, step))
        windows = module.windows_of(periods.shortest / step, periods.longest / step, 0.0005)
        return module.spectrum_of(sums, module.durations_of(0.05 / step, 0.2 / step, 16), windows, 2, threads)

    return qats


def plainly(search: str, threads: int, periods: Range) -> Callable[[LightCurve], Any]:
    """Return what a package does with a light curve."""
    if search == "tls":
        import transitleastsquares  # type: ignore[import-untyped]

        def tls(given: LightCurve) -> Any:
            model = transitleastsquares.transitleastsquares(given.time, given.flux, given.uncertainty, verbose=False)
            ends = {"period_min": periods.shortest, "period_max": periods.longest}
            return model.power(use_threads=threads, show_progress_bar=False, verbose=False, **ends)

        return tls
    from astropy.timeseries import BoxLeastSquares  # type: ignore[import-untyped]

    def astropy(given: LightCurve) -> Any:
        interval, span = lightcurve.sampling_interval(given.time), float(np.ptp(given.time))
        model = BoxLeastSquares(given.time, given.flux, given.uncertainty)
        for octave in boxes.octaves(boxes.trial_periods(*periods, span)):
            model.power(octave, boxes.durations_of(octave, interval), objective="likelihood", oversample=4)

    return astropy


def one(kind: str, search: str, cadence_s: float, threads: int, periods: Range) -> None:
    """Measure in this process, and print seconds, elapsed and of processors, and peak memory [MB]."""
    searching = (ours if kind == "ours" else plainly)(search, threads, periods)
    searching(curve(210, 3600))
    given = curve(DURATION_D, cadence_s)
    start, before = time.perf_counter(), processor_s()
    searching(given)
    seconds, used_s = time.perf_counter() - start, processor_s() - before
    peak_mb = max(resource.getrusage(who).ru_maxrss for who in _ALL) / 1024
    print(json.dumps({"seconds": seconds, "processor_s": used_s, "peak_mb": peak_mb}))


def processor_s() -> float:
    """Return the processor time of this process and of those that it has waited for [s]."""
    return sum(used.ru_utime + used.ru_stime for used in map(resource.getrusage, _ALL))


def measured(periods: list[float], *words: object) -> dict[str, float]:
    """Measure in another process."""
    command = [sys.executable, __file__, "--periods", *map(str, periods), "--one", *map(str, words)]
    # Processes that stay for another search would not be counted.
    environment = os.environ | {"TLS_PERSISTENT_POOL": "0"}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    found: dict[str, float] = json.loads(said)
    return found


def main() -> None:
    """Measure what is asked for, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--searches", nargs="+", choices=SEARCHES, default=SEARCHES)
    parser.add_argument("--cadences", nargs="+", type=float, default=[900.0, 25.0], metavar="S", help="[s]")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--without-packages", action="store_true", help="measure the programs alone")
    parser.add_argument("--periods", nargs=2, type=float, default=[10.0, 100.0], metavar="D", help="range searched [d]")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        kind, search, cadence_s, threads = given.one
        one(kind, search, float(cadence_s), int(threads), Range(*given.periods))
        return
    for search in given.searches:
        for cadence_s in given.cadences:
            for threads in given.threads:
                report(search, cadence_s, threads, given)


def report(search: str, cadence_s: float, threads: int, given: argparse.Namespace) -> None:
    """Measure a search and its package in turns, and print a line."""
    kinds = ["ours"] if search == "qats" or given.without_packages else ["ours", "plainly"]
    rounds = [
        [measured(given.periods, kind, search, cadence_s, threads) for kind in kinds] for _ in range(given.rounds)
    ]
    seconds, used_s = (statistics.median(pair[0][key] for pair in rounds) for key in ("seconds", "processor_s"))
    peak = max(pair[0]["peak_mb"] for pair in rounds)
    line = (
        f"{search:14} {cadence_s:4g} s, threads {threads}: {seconds:.2f} s, of processors {used_s:.2f} s, {peak:.0f} MB"
    )
    if len(kinds) == 2:
        ratio = statistics.median(pair[0]["processor_s"] / pair[1]["processor_s"] for pair in rounds)
        line += f"; {ratio:.3f} of the package's, which takes {max(pair[1]['peak_mb'] for pair in rounds):.0f} MB"
    print(line, flush=True)


if __name__ == "__main__":
    main()
