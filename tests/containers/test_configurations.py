"""Every container has a test configuration, and what it says is so."""

import sys
from pathlib import Path

import pytest

from eas.configurations import configurations, data_of
from eas.local import Place, run
from eas.working import request
from eas_argo.laptop import single
from eas_compiler.compile import Options, compile_chain
from eas_compiler.diagnostics import Diagnostics
from eas_provenance.database import Database
from eas_provenance.store import Store
from tests.containers.site import CONTAINERS, ROOT

FOLDERS = sorted(path.parent for path in CONTAINERS.glob("*/Dockerfile"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Return where configurations run: in this process, as the libraries that they import take long to load."""
    store = Store(tmp_path_factory.mktemp("store"))
    return Place(store, Database.open(store.database), quiet=True)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_configurations_pass(folder: Path, place: Place) -> None:
    """All of a container's own tasks run, with their data, and pass."""
    assert configurations(folder)
    for one in configurations(folder):
        name, data = one.chain()
        workflow, checked = compile_chain(name, data, Options(registry=ROOT / "registry.yaml"))
        assert workflow is not None, list(checked.diagnostics)
        wanted = request(workflow, checked, name, data, data_of(checked, one.path.parent, Diagnostics()))
        here = single.executor(single.here(wanted.containers))
        finished = run(wanted, place._replace(programs=here))
        if one.path.stem == "synthesis_psls" and not is_psls_there():
            (task,) = finished.tasks()
            assert task.message.startswith("psls is not installed")
            continue
        assert {task.verdict for task in finished.tasks()} == {"pass"}, one.name


def is_psls_there() -> bool:
    """Tell whether psls is installed with its data, as in its image; `make psls` does it, and `make env` does not."""
    return (Path(sys.executable).with_name("psls")).exists() and (Path(sys.prefix) / "share/psls/psls.yaml").exists()
