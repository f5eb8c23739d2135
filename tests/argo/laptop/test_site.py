"""What is missing for a manifest to run here is told beforehand."""

from pathlib import Path
from typing import Any

import pytest

from eas_argo.laptop import cgroups
from eas_argo.laptop.manifest import load
from eas_argo.laptop.programs import image_name
from eas_argo.laptop.site import clamped, refusals, this_machine
from eas_argo.laptop.work import Site
from tests.argo.laptop.writing import dag, pod, workflow

SITE = Site(2.0, 10**9)


def with_program(folder: Path) -> Path:
    """Write a program of the type `null`."""
    path = folder / "eas_base/task_implementations/null.py"
    path.parent.mkdir(parents=True)
    path.touch()
    return folder


def reasons(folder: Path, *templates: dict[str, Any]) -> list[tuple[str, bool]]:
    """Return why templates are refused."""
    found = refusals(load(workflow(dag("main"), *templates)), SITE, (folder,))
    return [(one.reason, one.is_machine) for one in found]


def test_this_machine() -> None:
    """There is at least one core and some memory; fewer or more cores can be asked for."""
    assert this_machine().cpu >= 1
    assert this_machine().memory_bytes > 10**8
    assert this_machine(7).cpu == 7.0


def test_limits_of_control_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container, or a batch system, may leave less than the machine has; what is asked for counts all the same."""
    monkeypatch.setattr(cgroups, "memory_bytes", lambda: 5e8)
    monkeypatch.setattr(cgroups, "cores", lambda: 0.5)
    assert this_machine() == Site(0.5, 5 * 10**8)
    assert this_machine(7) == Site(7.0, 5 * 10**8)


def test_nothing_is_missing(tmp_path: Path) -> None:
    """What fits is not refused; gates need no program of their own."""
    assert reasons(with_program(tmp_path), pod("x"), pod("x-qc", verb="qc", memory="2G")) == []


def test_no_program(tmp_path: Path) -> None:
    """A type without a program is told once, and is not the machine's affair."""
    assert reasons(tmp_path, pod("x")) == [(f"null has no program in {tmp_path / 'eas_base'}", False)]


def test_what_is_missing(tmp_path: Path) -> None:
    """Memory and devices are the machine's affair, each named with what there is."""
    template = pod("x", memory="2G")
    template["container"]["resources"]["limits"]["nvidia.com/gpu"] = 1
    assert reasons(with_program(tmp_path), template) == [
        ("null asks for 2 GB of memory; this machine has 1 GB", True),
        ("null asks for 1 gpu; the engine of this machine offers none", True),
    ]


def test_programs_that_are_judged_where_they_run(tmp_path: Path) -> None:
    """They are programs as any other."""
    assert reasons(tmp_path, pod("x", verb="inline")) == [(f"null has no program in {tmp_path / 'eas_base'}", False)]


def test_fewer_cores(tmp_path: Path) -> None:
    """Each size of a type is told once."""
    manifest = load(workflow(dag("main"), pod("x", cpu="4"), pod("y", cpu="4"), pod("z", cpu="2")))
    assert list(clamped(manifest, SITE)) == ["null asks for 4 cores and gets 2"]


@pytest.mark.parametrize("image", ["eas_base", "eas/eas_base:0.1", "host:5000/eas/eas_base", "eas/eas_base@sha256:12"])
def test_images_lead_to_folders(image: str) -> None:
    """The last part of an image's name is that of its folder."""
    assert image_name(image) == "eas_base"
