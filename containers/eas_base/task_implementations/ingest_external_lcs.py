"""Bring light curves of other formats into the run, each with the items of its header as metadata."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from eas_worker import Context, Failed, lightcurve, task

Read = Callable[[Path], tuple[lightcurve.LightCurve, dict[str, float | str]]]

FORMATS: Mapping[str, Read] = {"lcsg": lightcurve.read_lcsg}
_ENDINGS = re.compile(r"(\.csv)?(\.gz)?$", re.IGNORECASE)
_NO_KEY = re.compile(r"[^A-Za-z0-9_]")


@task
def run(ctx: Context) -> None:
    """Write a light curve for each file; those that cannot be read are counted and told, and the others kept."""
    read, files = FORMATS[ctx.settings.lc_type], ctx.files("files")
    broken = []
    for number, file in enumerate(files):
        ctx.status(file.name, number / len(files))
        try:
            curve, header = read(file.path)
        except lightcurve.LightCurveError as error:
            broken.append(str(error))
            ctx.log.error(broken[-1])  # noqa: TRY400 - the traceback would tell nobody more
            continue
        path = ctx.add("lightcurve", _ENDINGS.sub("", file.name), as_metadata(header))
        lightcurve.write(path, curve)
    if len(broken) == len(files):
        raise Failed(f"none of {len(files)} files could be read; {broken[0]}")
    ctx.emit(count=len(files) - len(broken), unreadable=len(broken))


def as_metadata(header: Mapping[str, float | str]) -> dict[str, float | str]:
    """Return the items of a header under names that metadata can have; a number that is not finite becomes text."""
    found: dict[str, float | str] = {}
    for key, value in header.items():
        name = _NO_KEY.sub("_", key)[:255]
        name = name if name and not name[0].isdigit() else f"_{name[:254]}"
        is_finite = isinstance(value, str) or abs(value) < float("inf")
        found[name] = value if is_finite else str(value)
    return found
