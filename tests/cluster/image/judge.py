"""Quality control that gives the verdict of the script."""

import os
import signal

from scripts import entry_of  # type: ignore[import-not-found]  # beside it in the image

from eas_worker import QualityContext, qc


@qc
def judge(ctx: QualityContext) -> None:
    """Pass, warn or fail as the script says."""
    entry = entry_of(ctx)
    if entry.get("killed") == "qc":
        os.kill(os.getpid(), signal.SIGKILL)
    verdict = entry.get("verdict", "pass")
    ctx.check("scripted", verdict == "pass", severity="warn" if verdict == "warn" else "fail")
