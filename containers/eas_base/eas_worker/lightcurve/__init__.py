"""Light curves: reading, writing, and what programs need to do with them.

In memory times are in days, on disk in seconds. Every sample stands for the mean flux of its *bin*, which reaches
half-way to its neighbours. What takes a time or a flux takes a plain number, in the unit that its docstring names, or a
Quantity of astropy.

The only parts of the worker that need more than Python are this package and its neighbours `boxes`, `kernels`,
`search` and `transits`; nothing else of the worker imports them, only programs do.
"""

from eas_worker.lightcurve.arithmetic import add, multiply, subtract
from eas_worker.lightcurve.curves import (
    SECONDS_PER_DAY,
    Flags,
    Floats,
    LightCurve,
    LightCurveError,
    Quantities,
    days,
    lightcurve,
    quantities,
)
from eas_worker.lightcurve.files import read, read_fits, read_lcsg, write, write_fits, write_lcsg
from eas_worker.lightcurve.resampling import Resampled, bins, resample, resample_to_bins, to_fixed_step
from eas_worker.lightcurve.sampling import (
    fixed_times,
    is_evenly_sampled,
    noise_level,
    sampling_interval,
    select,
    truncate,
    usable,
)

__all__ = [
    "SECONDS_PER_DAY",
    "Flags",
    "Floats",
    "LightCurve",
    "LightCurveError",
    "Quantities",
    "Resampled",
    "add",
    "bins",
    "days",
    "fixed_times",
    "is_evenly_sampled",
    "lightcurve",
    "multiply",
    "noise_level",
    "quantities",
    "read",
    "read_fits",
    "read_lcsg",
    "resample",
    "resample_to_bins",
    "sampling_interval",
    "select",
    "subtract",
    "to_fixed_step",
    "truncate",
    "usable",
    "write",
    "write_fits",
    "write_lcsg",
]
