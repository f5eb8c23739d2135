"""Limits are found in both versions of control groups, as containers and batch systems set them."""

import math
from pathlib import Path

import pytest

from eas_argo.laptop import cgroups


def limits(folder: Path, own: str, files: dict[str, str]) -> tuple[float, float]:
    """Return the limits of memory and cores in a tree of groups."""
    (folder / "own").write_text(own)
    for name, text in files.items():
        file = folder / "tree" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return (
        cgroups.memory_bytes(folder / "own", folder / "tree"),
        cgroups.cores(folder / "own", folder / "tree"),
    )


@pytest.mark.parametrize(
    ("own", "files", "expected"),
    [
        # Version 2: the group's own limit, or one around it; a container sees its group as the root.
        ("0::/a/b\n", {"a/b/memory.max": "1000\n", "a/b/cpu.max": "150000 100000\n"}, (1000, 1.5)),
        ("0::/a/b\n", {"a/b/memory.max": "max\n", "a/memory.max": "500\n"}, (500, math.inf)),
        ("0::/a\n", {"a/memory.max": "1000\n", "memory.max": "800\n", "cpu.max": "max 100000\n"}, (800, math.inf)),
        ("0::/\n", {"memory.max": "7\n", "cpu.max": "50000 100000\n"}, (7, 0.5)),
        # Version 1: a tree for each controller; several may share one.
        (
            "4:memory:/job\n2:cpu,cpuacct:/job\n1:name=systemd:/\n",
            {
                "memory/job/memory.limit_in_bytes": "1000\n",
                "cpu,cpuacct/job/cpu.cfs_quota_us": "250000\n",
                "cpu,cpuacct/job/cpu.cfs_period_us": "100000\n",
            },
            (1000, 2.5),
        ),
        # A container of version 1 sees its group as the root of the tree, but is told its name outside.
        ("4:memory:/docker/123\n", {"memory/memory.limit_in_bytes": "1000\n"}, (1000, math.inf)),
        ("2:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, (math.inf, math.inf)),
        # Nothing, or nothing that can be understood.
        ("", {}, (math.inf, math.inf)),
        ("0::/a\n", {"a/memory.max": "much\n", "a/cpu.max": ""}, (math.inf, math.inf)),
    ],
)
def test_limits(tmp_path: Path, own: str, files: dict[str, str], expected: tuple[float, float]) -> None:
    """The tightest limit of all groups around this process counts."""
    assert limits(tmp_path, own, files) == expected


def test_no_control_groups(tmp_path: Path) -> None:
    """Where there are none, as on macOS, there are no limits."""
    assert cgroups.memory_bytes(tmp_path / "none", tmp_path) == math.inf
    assert cgroups.cores(tmp_path / "none", tmp_path) == math.inf
