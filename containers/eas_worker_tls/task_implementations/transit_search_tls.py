"""Search for transits by transit least squares (Hippke & Heller 2019, A&A 623, A39) with the package of its authors."""

from __future__ import annotations

import functools
import os
import warnings
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from eas_worker import Context, Failed, compiled, detection, search, task

if TYPE_CHECKING:
    from eas_worker.lightcurve import LightCurve

# Its processes would stay for another search of the same process, which there is none of.
os.environ["TLS_PERSISTENT_POOL"] = "0"

HEADER = "period [d], power (signal detection efficiency), chi squared"
NOTHING = {"period": 0.0, "transit_count": 0, "depth": 0.0, "duration": 0.0, "sde": 0.0, "epoch": None}


@functools.cache
def package() -> Any:
    """Return the package, compiled."""

    def load() -> Any:
        import transitleastsquares  # type: ignore[import-untyped]

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of the light curve that it searches meanwhile
            transitleastsquares.warmup(verbose=False)
        return transitleastsquares

    return compiled.kept(f"transitleastsquares-{version('transitleastsquares')}", load)


@task
def run(ctx: Context) -> None:
    """Search the light curve; emit the strongest signal, and write the periodogram when it is asked for."""
    curve = search.curve_to_search(ctx)
    result = power(curve, ctx.threads, **periods_of(ctx))
    found = signal(result)
    if "debugging" in ctx.outputs:
        search.write_archive(ctx.outputs.debugging.path, HEADER, result.periods, result.power, result.chi2)
    ctx.emit(**found, **detection.common(found["period"], ctx.inputs.lightcurve.metadata))


def periods_of(ctx: Context) -> dict[str, float]:
    """Return the ends of the range of periods that are given, in the words of the package."""
    settings, wanted = ctx.settings, ctx.settings.search_settings
    ends = {key: settings[key] if wanted[key] is None else wanted[key] for key in ("period_min", "period_max")}
    given = {key: float(end) for key, end in ends.items() if end is not None}
    search.check_range(given.get("period_min", 1e-9), given.get("period_max", np.inf))
    return given


def power(curve: LightCurve, threads: int, **parameters: float) -> Any:
    """Return what the package finds.

    Parameters
    ----------
    curve : LightCurve
        Usable samples.
    threads : int
        How many to use; the result does not depend on it.
    **parameters : float
        As for its `power`.
    """
    level = float(np.median(curve.flux))
    if level <= 0 or curve.flux.min() < 0:
        raise Failed(f"TLS takes no flux below 0, but the lowest is {curve.flux.min():g}, and the median {level:g}")
    uncertainty = curve.uncertainty / level if (curve.uncertainty > 0).all() else None
    if uncertainty is None and np.ptp(curve.flux) == 0:
        uncertainty = np.ones_like(curve.flux)  # it would take the scatter, which is none
    try:
        with warnings.catch_warnings():
            # That a range of periods is narrow, or nothing is found, is no cause to worry.
            warnings.filterwarnings("ignore", message="period_grid defaults|No transit were fit", category=UserWarning)
            model = package().transitleastsquares(curve.time, curve.flux / level, uncertainty, verbose=False)
            return model.power(use_threads=threads, show_progress_bar=False, verbose=False, **parameters)
    except ValueError as error:
        raise Failed(f"TLS: {error}") from error


def signal(result: Any) -> dict[str, Any]:
    """Return the strongest signal in our words: depths are what is lost, not what is left."""
    if not np.isfinite(result.period) or result.period <= 0:
        return NOTHING
    return {
        "period": float(result.period),
        "transit_count": int(result.distinct_transit_count),
        "depth": 1 - float(result.depth),
        "duration": float(result.duration),
        "sde": float(result.SDE),
        "epoch": float(result.T0),
    }
