"""The document for authors of containers shows what works."""

import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from eas_worker import lightcurve
from tests.containers.site import ROOT
from tests.worker.harness import Site, described

TEXT = (ROOT / "docs/containers.md").read_text()
ENTRY = yaml.safe_load(re.findall(r"^```yaml\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)[0])["tasks"]["scale"]
PROGRAM, JUDGE = re.findall(r"^```python\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)


@pytest.fixture
def scales(tmp_path: Path) -> Site:
    """Return a site with the programs of the document."""
    for folder, text in (("task_implementations", PROGRAM), ("task_qc_implementations", JUDGE)):
        (tmp_path / "programs" / folder).mkdir(parents=True)
        (tmp_path / "programs" / folder / "scale.py").write_text(text)
    return Site(tmp_path)


@pytest.mark.parametrize(("factor", "verdict"), [(2, "pass"), (20, "warn")])
def test_example(scales: Site, factor: float, verdict: str) -> None:
    """The example runs, and is judged as it says."""
    lightcurve.write(scales.folder / "curve", lightcurve.lightcurve([0, 1], [1, 0.5]))
    description = described(
        "scale",
        inputs={"lightcurve": "curve.gz"},
        outputs={"lightcurve": "scaled.gz"},
        settings={"factor": factor},
        setting_types=ENTRY["settings"],
        metadata=ENTRY["metadata"],
    )
    tried = scales.run(description, {"lightcurve": (scales.folder / "curve").read_bytes()})
    assert np.array_equal(lightcurve.read(tried.folder / "out" / "lightcurve").flux, [factor, factor / 2])
    assert tried.run["metadata"] == {"factor": factor, "flux_max": factor}
    assert scales.judge(description, tried).qc["verdict"] == verdict


def test_keys_of_the_records(scales: Site) -> None:
    """Every key of the records stands in the document."""
    tried = scales.run(described("scale"))
    gate = scales.judge(described("scale"), tried)
    for record in (tried.run, gate.qc, tried.run["usage"]):
        assert [key for key in record if f"`{key}`" not in TEXT] == []
