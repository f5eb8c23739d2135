"""A first try that nobody asked for: what Python makes when code first runs is there for all forks then."""

from __future__ import annotations

import contextlib
import json
import shutil
from pathlib import Path

from eas_worker import runtime

_TIMES = 10
"""How often code has to run until Python has made it as fast as it will be."""
_PROGRAM = "from eas_worker import task\n\n\n@task\ndef do_nothing(ctx):\n    pass\n"
_TASK = {
    "path": "/nothing",
    "task": "nothing",
    "job_name": "rehearsal",
    "working_directory": "rehearsal",
    "loops": [],
    "settings": {},
    "setting_types": {},
}


def rehearse(folder: Path) -> None:
    """Run a program that does nothing and judge it, in a folder that is removed afterwards."""
    program, records = folder / "task_implementations/nothing.py", folder / "in/.attempts/attempt-0"
    environment = {
        "EAS_FOLDER": str(folder),
        "EAS_PROGRAMS": str(folder),
        "EAS_STATUS": "Succeeded",
        "EAS_TASK": json.dumps(_TASK),
        "EAS_TERMINATION_LOG": str(folder / "termination-log"),
    }
    with contextlib.suppress(OSError):  # what is wrong with the disk shows when it matters
        for made in (program, records):
            made.parent.mkdir(parents=True)
        program.write_text(_PROGRAM, encoding="utf-8")
        records.symlink_to(folder / "records")
        for _ in range(_TIMES):
            runtime.execute("run", environment)
            runtime.execute("qc", environment)
    shutil.rmtree(folder, ignore_errors=True)
