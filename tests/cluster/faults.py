"""What may happen to a cluster while it works on a run."""

import contextlib
import os
import subprocess
import time
from collections.abc import Iterator

CONTROLLER = ["--namespace", os.environ.get("EAS_TEST_ARGO_NAMESPACE", "argo")]
DEFAULTS = {
    "kill-controller": [
        *CONTROLLER,
        "delete",
        "pod",
        "--selector",
        "app=workflow-controller",
        "--grace-period=0",
        "--force",
    ],
    "start-controller": [*CONTROLLER, "rollout", "status", "deployment/workflow-controller"],
    "stop-s3": ["scale", "deployment/s3", "--replicas=0"],
    "start-s3": ["scale", "deployment/s3", "--replicas=1"],
}
"""What kubectl is asked to do, unless `EAS_TEST_FAULT` names a program that is told the fault."""


@contextlib.contextmanager
def without(part: str, seconds: float) -> Iterator[None]:
    """Take a part of the cluster away, for so long at least, and give it back whatever happens meanwhile."""
    do("kill-controller" if part == "controller" else "stop-s3")
    begun = time.monotonic()
    try:
        yield
        time.sleep(max(0.0, seconds - (time.monotonic() - begun)))
    finally:
        do(f"start-{part}")


def do(fault: str) -> None:
    """Disturb the cluster, or mend it."""
    program = os.environ.get("EAS_TEST_FAULT")
    command = [program, fault] if program else ["kubectl", *DEFAULTS[fault]]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
