"""A program that does what the script in its settings says of its path or its type."""

import hashlib
import json
import os
import signal
import time
from collections.abc import Sequence

from scripts import entry_of  # type: ignore[import-not-found]  # beside it in the image

from eas_worker import Context, Failed, NoWork, task


def write(ctx: Context, files: Sequence[str]) -> None:
    """Write every output; where one is many files, those that are named."""
    for port, output in ctx.outputs.items():
        for path in [ctx.add(port, text) for text in files] if output.many else [output.path]:
            path.write_text(f"{output.directory}/{path.name}")


@task
def run(ctx: Context) -> None:
    """Check what came in, write every output, emit what the script says, and end as it says."""
    entry = entry_of(ctx)
    for file in (file for port in ctx.inputs for file in ctx.files(port)):
        if file.path.read_text() != f"{file.directory}/{file.name}":
            raise Failed(f"{file.name} has what belongs into {file.path.read_text()}")
    if "gathers" in entry and [file.name for file in ctx.files("files")] != entry["gathers"]:
        raise Failed(f"it gathered {[file.name for file in ctx.files('files')]}")
    value = json.dumps(ctx.settings.get("value"), default=dict)
    if ctx.settings.get("sha256") not in (None, hashlib.sha256(value.encode()).hexdigest()):
        raise Failed(f"the value has changed on its way: {value}")
    if ctx.attempt < entry.get("raises", 0):
        raise RuntimeError("the script lets this try raise")
    if entry.get("killed") == "run":
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(entry.get("seconds", 0))
    b"x" * (entry.get("megabytes", 0) << 20)
    write(ctx, entry.get("files", ()))
    ctx.emit(**entry.get("metadata", {}))
    if entry.get("verdict") == "no_work":
        raise NoWork("the script has no work")
    if entry.get("verdict") == "error" and entry.get("killed") != "qc":
        raise RuntimeError("the script lets it raise")
