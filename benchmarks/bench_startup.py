"""Measure what `eas-compile` costs from start to end, compared with starting Python alone.

Times are those of the processor, and each pair runs one after the other, so that other work on the machine slows both;
the ratios of the pairs are what counts. The chain has ten tasks, each of which waits for the one before; `--chain`
measures another one.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

TASKS = 10


def chain() -> dict[str, object]:
    """Return a chain of `TASKS` tasks in a row."""
    first = {"task": "synthesis_batman", "outputs": {"lightcurve": "lightcurve_0.gz"}, "specs": {"duration": 90}}
    others = [
        {
            "task": "multiply",
            "inputs": {"lightcurve_1": f"lightcurve_{number - 1}.gz", "lightcurve_2": "lightcurve_0.gz"},
            "outputs": {"lightcurve": f"lightcurve_{number}.gz"},
        }
        for number in range(1, TASKS)
    ]
    return {"job_name": "startup", "task_list": [first, *others]}


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Return how long the processor is at work for a command that must succeed [s]."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print the median times and the median ratio, with its quartiles."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=40, help="how many pairs to run (default: %(default)s)")
    parser.add_argument("--chain", type=Path, help="the chain to compile instead of ten tasks in a row")
    arguments = parser.parse_args()
    python = [sys.executable, "-c", "pass"]
    with tempfile.TemporaryDirectory() as folder:
        # Byte code is kept, as it is for users, even where the environment forbids it in the working copy.
        environment = os.environ | {"PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        source = arguments.chain or Path(folder, "startup.json")
        if arguments.chain is None:
            source.write_text(json.dumps(chain()), encoding="utf-8")
        compiler = [str(Path(sys.executable).with_name("eas-compile")), str(source)]
        # Once beforehand, so that byte code and disk cache are there.
        seconds(compiler, environment)
        times = [(seconds(python, environment), seconds(compiler, environment)) for _ in range(arguments.pairs)]
    low, middle, high = statistics.quantiles((compiled / bare for bare, compiled in times), n=4)
    bare, compiled = (statistics.median(column) * 1000 for column in zip(*times, strict=True))
    print(f"python -c pass   {bare:6.1f} ms")
    print(f"eas-compile      {compiled:6.1f} ms")
    print(f"ratio            {middle:6.2f}     (quartiles {low:.2f} to {high:.2f}, {arguments.pairs} pairs)")


if __name__ == "__main__":
    main()
