"""What the tests of all transit searches share: light curves, and quality control of what was found."""

from __future__ import annotations

from typing import Any

import numpy as np

from eas_worker import lightcurve
from eas_worker.lightcurve import LightCurve
from eas_worker.records import read_product, sha256, write_json
from tests.containers.site import Containers
from tests.worker.harness import Site, Try, described

COMMON = {"integrated_transit_power", "pixels_in_transit", "mes", "outcome", "target_period", "harmonic"}


def box(  # noqa: PLR0913 - a transit has that many sides
    duration: float, period: float, depth: float, *, t0: float, noise: float, width: float = 0.25, cadence: float = 900
) -> LightCurve:
    """Return a light curve with box-shaped transits and white noise; the cadence is in seconds."""
    time = lightcurve.fixed_times(duration, cadence)
    phase = (time - t0 + period / 2) % period - period / 2
    rng = np.random.default_rng(11)
    flux = 1 - depth * (np.abs(phase) < width / 2) + rng.normal(0, noise, len(time))
    return lightcurve.lightcurve(time, flux, 0, noise)


def reference() -> LightCurve:
    """Return the light curve that every search has to find."""
    return box(240, 50, 1340e-6, t0=13.5, noise=73e-6)


def stored(site: Site, curve: LightCurve, **metadata: Any) -> Try:
    """Make a product of a light curve."""
    lightcurve.write(site.folder / "curve", curve)
    site.write(f"""
        import shutil
        shutil.copy(ctx.inputs.file.path, ctx.outputs.lightcurve.path)
        ctx.emit(**{metadata!r})
    """)
    description = described(inputs={"file": "curve"}, outputs={"lightcurve": "curve.gz"})
    return site.run(description, {"file": (site.folder / "curve").read_bytes()})


def results(containers: Containers, tried: Try, **metadata: Any) -> dict[str, str]:
    """Return the result of every criterion when the program had emitted other metadata, or taken other times."""
    record = tried.run
    usage = {key: metadata.pop(key) for key in list(metadata) if key in record["usage"]}
    changed = record | {"metadata": record["metadata"] | metadata, "usage": record["usage"] | usage}
    write_json(tried.folder / "records" / "run.json", changed)
    judged = containers.judge(tried).qc
    write_json(tried.folder / "records" / "run.json", record)
    assert judged["criteria"], judged["reason"]
    return {criterion["name"]: criterion["result"] for criterion in judged["criteria"]}


def spoil(tried: Try, port: str, content: bytes) -> None:
    """Put another file in the place of one that was made."""
    file = tried.folder / "out" / port
    file.write_bytes(content)
    product = read_product(tried.folder / "products" / port)
    product = product._replace(size=file.stat().st_size, sha256=sha256(file))
    outputs = tried.run["outputs"] | {port: product._asdict()}
    write_json(tried.folder / "records" / "run.json", tried.run | {"outputs": outputs})
