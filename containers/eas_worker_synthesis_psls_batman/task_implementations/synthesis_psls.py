"""Make a light curve of PLATO with psls (Samadi et al. 2019, A&A 624, A117): a star that oscillates, seen with noise.

psls makes the star and the noise. Its own transits are always central, and the first sits at a quarter of the period;
so the planet is put in here, by the same model as in `synthesis_batman`, with mid-transits at t0 + k P. psls, too,
multiplies the flux by that of the transits.

psls runs as a program of its own. Its models and tables are not part of what pip installs: the image, and
``make psls``, unpack them to ``share/psls`` of the Python that runs.
"""

from __future__ import annotations

import json
import math
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eas_worker import Context, Failed, lightcurve, task, transits

if TYPE_CHECKING:
    from eas_worker.lightcurve import LightCurve
    from eas_worker.views import View

DATA = Path(sys.prefix) / "share" / "psls"
STAR = 12069449  # the number of the star of its example, by which the output is named
STEP = 25  # samples are whole multiples of that [s]
QUARTER = 90.0  # [d]
SEEDS = 2**32
HOUR = 3600.0
PPM = 1e-6

TABLES = {False: "PLATO_systematics_BOL_FixedMask_V2.npy", True: "PLATO_systematics_BOL_V2.npy"}  # by mask updates
MODELS = {"main_sequence": {"ModelType": "single", "ES": "ms"}, "red_giant": {"ModelType": "UP", "ES": "rg"}}


@task
def run(ctx: Context) -> None:
    """Write the light curve, and emit what went into it."""
    specs = ctx.settings.specs
    check(specs)
    seed = ctx.seed % SEEDS if specs.master_seed is None else specs.master_seed
    curve = simulate(ctx, configuration(json.loads(base()), specs, seed))
    wanted = lightcurve.fixed_times(specs.duration, specs.sampling_cadence)
    if len(curve.time) < len(wanted) or np.abs(curve.time[: len(wanted)] - wanted).max() > 1e-6:
        raise RuntimeError(f"psls made {len(curve.time)} samples, which are not those asked for, {len(wanted)}")
    curve = lightcurve.select(curve, np.arange(len(curve.time)) < len(wanted))
    model = transits.transits(specs, wanted) if specs.enable_transits else np.ones_like(wanted)
    sigma = noise_of_sample(specs)
    flux, known = curve.flux * model, sigma if specs.enable_random_noise else 0.0
    lightcurve.write(ctx.outputs.lightcurve.path, lightcurve.lightcurve(wanted, flux, curve.flag, known))
    angle = {"orbital_angle": transits.orbital_angle(specs), "master_seed": seed}
    ctx.emit(**{**specs, **angle, **transits.signal(model, known)._asdict()})


def check(specs: View) -> None:
    """Refuse what makes no light curve, or what psls would make something else of."""
    transits.check(specs)
    if specs.sampling_cadence % STEP:
        raise Failed(f"specs.sampling_cadence is {specs.sampling_cadence:g}; psls takes multiples of {STEP} s")
    if specs.master_seed is not None and specs.master_seed >= SEEDS:
        raise Failed(f"specs.master_seed is {specs.master_seed}; psls takes less than {SEEDS}")


def base() -> str:
    """Return the configuration that psls brings, as JSON."""
    import yaml

    file = DATA / "psls.yaml"
    if not file.is_file() or command() is None:
        raise Failed(f"psls is not installed, or its data are not in {DATA}: `make psls` installs both")
    return json.dumps(yaml.safe_load(file.read_text(encoding="utf-8")))


def command() -> str | None:
    """Return the program psls of the Python that runs; None when it is not there."""
    return shutil.which("psls", path=str(Path(sys.executable).parent))


def configuration(given: dict[str, Any], specs: View, seed: int) -> dict[str, Any]:
    """Return a configuration of psls: what it brings, with what was asked for.

    Parameters
    ----------
    given : dict
        The configuration that psls brings.
    seed : int
        From which psls draws all others.
    """
    whole, rest = divmod(specs.duration, QUARTER)
    quarters = [QUARTER] * int(whole) + ([rest] if rest > 0 else [])
    given["Observation"].update({"QuarterDuration": quarters, "MasterSeed": seed})
    given["Observation"]["Gaps"]["Enable"] = 0
    # Samples are at 0, cadence, …, for all groups.
    instrument = given["Instrument"]
    instrument.update({"Sampling": specs.sampling_cadence, "IntegrationTime": 0.0, "TimeShift": 0.0})
    instrument["GroupID"] = list(range(1, specs.number_camera_groups + 1))
    instrument["NCamera"] = specs.number_cameras_per_group
    noise = {"Enable": int(specs.enable_random_noise), "Type": "User", "NSR": specs.nsr}
    instrument["RandomNoise"].update(noise)
    table = str(DATA / "systematics" / TABLES[specs.mask_updates])
    instrument["Systematics"].update({"Enable": int(specs.enable_systematics), "Table": table})
    given["Star"].update({"ID": STAR, "ModelDir": str(DATA / "models"), **MODELS[specs.mode]})
    given["Transit"]["Enable"] = 0
    return given


def simulate(ctx: Context, wanted: dict[str, Any]) -> LightCurve:
    """Run psls, and return the mean light curve of all cameras."""
    file = ctx.tmp / "psls.yaml"
    file.write_text(json.dumps(wanted), encoding="utf-8")  # JSON is YAML
    program = command()
    assert program is not None
    ctx.run([program, file.name], environment={"MPLBACKEND": "agg"})
    return read(ctx.tmp / f"{STAR:010d}.dat")


def read(path: Path) -> LightCurve:
    """Read what psls writes: time [s], change of the flux [ppm], flag."""
    time, change, flag = np.loadtxt(path, ndmin=2).T
    return lightcurve.lightcurve(time / lightcurve.SECONDS_PER_DAY, 1 + PPM * change, flag.astype(np.int64))


def noise_of_sample(specs: View) -> float:
    """Return the standard deviation of the random noise of one sample of the mean of all cameras."""
    cameras = specs.number_camera_groups * specs.number_cameras_per_group
    return float(PPM * specs.nsr * math.sqrt(HOUR / specs.sampling_cadence / cameras))
